/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at the run again and again, while somebody wants to know: who reads standard error
 * (load/progress.h), or who scrapes the admin face, whose values are those of the last look.
 */
#include <curfew/time.h>

#include "base/clock.h"
#include "base/list.h"
#include "load/host.h"
#include "load/metrics.h"
#include "loop/loop.h"

#define SCRAPE_MS 1000 /* as old as a scraped value may be */

static struct agenda *agenda_of(const struct load *load)
{
	return &load->service.pool.workers[0].loop->agenda;
}

static void start_timer(struct load *load)
{
	agenda_start(agenda_of(load), &load->watch_timer, curfew_after_ms(load->watch_ms));
}

static void watch_due(struct timer *timer)
{
	struct load *load = container_of(timer, struct load, watch_timer);

	director_look(load, &load->watch_look);
	start_timer(load);
}

/* Half a look earlier than the period says would do, too: that look is the nearest one. */
static int64_t next_show(const struct load *load)
{
	int64_t period_ms = progress_period_ms(&load->progress);

	return period_ms == CURFEW_NEVER
		? CURFEW_NEVER
		: clock_add_ms(curfew_now(), period_ms - load->watch_ms / 2);
}

static void seen(struct load_look *look, const struct result *result)
{
	struct load *load = container_of(look, struct load, watch_look);

	if (load->phase != LOAD_TOLD && curfew_now() >= load->watch_next) {
		load->watch_next = next_show(load);
		progress_show(&load->progress, result);
	}
}

static void clear(void *arg)
{
	progress_clear(arg);
}

int progress_watch_init(struct load *load)
{
	struct journal *journal = &load->service.journal;
	int error = progress_init(&load->progress, journal, STDERR_FILENO, load->config);
	int64_t period_ms = progress_period_ms(&load->progress);

	load->watch_timer.fired = watch_due;
	load->watch_look.seen = seen;
	load->watch_ms =
		load->config->service.admin && period_ms > SCRAPE_MS ? SCRAPE_MS : period_ms;
	load->metrics = (struct metric_table){
		.rows = load_metrics,
		.count = load_metric_count,
		.arg = &load->result,
	};
	metrics_add_table(&load->service.metrics, &load->metrics);
	journal->before = clear;
	journal->before_arg = &load->progress;
	return error;
}

void progress_watch_start(struct load *load)
{
	load->watch_next = next_show(load);
	if (load->watch_ms != CURFEW_NEVER) {
		start_timer(load);
	}
}

void progress_watch_stop(struct load *load)
{
	agenda_stop(agenda_of(load), &load->watch_timer);
	progress_clear(&load->progress);
}

void progress_watch_fini(struct load *load)
{
	load->service.journal.before = NULL;
	progress_fini(&load->progress);
}
