/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a run. The crews prepare, and warm up where that is asked for; when all have said so
 * (news), the clock starts: all get the same begin. It ends by its duration (timer), because all
 * requests were made (all crews are quiet), or because the process is asked to end
 * (director_phase); then the crews finish. What is in flight has the grace; a stop of the process
 * has its own, which reaches the crews by their workers' drains. When all crews are over, the
 * result is told, and only then is the hold on the log stage released: so however the end comes,
 * the summary does.
 *
 * A run that has ended by itself then waits for the flush delay, and stops the lifecycle.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <curfew/time.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/lifecycle.h"
#include "load/host.h"

#define LEAD_NS (2 * NS_PER_MS) /* of an open loop's begin: until all threads know of it */

static struct agenda *agenda_of(struct load *load)
{
	return &load->service.pool.workers[0].loop->agenda;
}

/* The one writer of its phase. */
static void enter(struct load *load, enum load_phase phase)
{
	assert(phase > load->phase);
	load->phase = phase;
}

static bool all_are(const struct load *load, enum crew_stage stage)
{
	for (int i = 0; i < load->crew_count; i++) {
		if (atomic_load(&load->crews[i].stage) < (int)stage) {
			return false;
		}
	}
	return true;
}

static int64_t clock_of(clockid_t id)
{
	struct timespec now = {0};

	(void)clock_gettime(id, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* What was counted. */

static void measure(struct load *load)
{
	struct result *result = &load->result;

	if (!load->began_ns) {
		return;
	}
	result->ended_ns = curfew_now() - load->began_ns;
	result->ended_ns = result->ended_ns > 0 ? result->ended_ns : 0;
	result->cpu_ns = clock_of(CLOCK_PROCESS_CPUTIME_ID) - load->cpu_began_ns;
	if (load->phase < LOAD_FINISHING) {
		result->ran_ns = result->ended_ns;
	}
}

/* Adds what a crew has counted, and empties that. */
static void take(struct load *load, struct tally *tally)
{
	ramp_watch_take(load, tally);
	tally_merge(&load->result.tally, tally);
	tally_reset(tally);
}

static void show(struct load *load)
{
	struct curfew_link looks;
	struct curfew_link *link;

	list_init(&looks);
	list_splice(&looks, &load->looks);
	while ((link = list_take(&looks))) {
		struct load_look *look = container_of(link, struct load_look, link);

		look->seen(look, &load->result);
	}
}

static bool all_handed(const struct load *load)
{
	for (int i = 0; i < load->crew_count; i++) {
		if (!atomic_load(&load->crews[i].handed)) {
			return false;
		}
	}
	return true;
}

static void take_parts(struct load *load)
{
	if (!load->is_looking || !all_handed(load)) {
		return;
	}
	load->is_looking = false;
	for (int i = 0; i < load->crew_count; i++) {
		take(load, load->crews[i].part);
	}
	measure(load);
	show(load);
}

void director_look(struct load *load, struct load_look *look)
{
	if (!link_linked(&look->link)) {
		list_append(&load->looks, &look->link);
	}
	if (load->phase == LOAD_TOLD) {
		agenda_post(agenda_of(load), &load->news);
	} else if (!load->is_looking) {
		load->is_looking = true;
		for (int i = 0; i < load->crew_count; i++) {
			crew_hand_over(&load->crews[i]);
		}
	}
}

/* The end. */

static void stop_process(struct load *load)
{
	enum result_ending ending = load->result.ending;
	const char *why = ending == RESULT_DURATION ? "its duration is over"
		: ending == RESULT_RAMP             ? "its ramp came to its end"
						    : "all requests were made";

	curfew_lifecycle_stop_for(load->service.life,
		ending == RESULT_DURATION ? CURFEW_DURATION : CURFEW_COMPLETED, why);
}

/* For the process's own report. */
static void report(struct load *load)
{
	const struct tally *tally = &load->result.tally;
	struct curfew_lifecycle *life = load->service.life;

	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		if (load_outcome_answered((enum load_outcome)i)) {
			curfew_lifecycle_count(life, CURFEW_REQUESTS_COMPLETED, tally->outcomes[i]);
		}
	}
	curfew_lifecycle_count(life, CURFEW_REQUESTS_FORCED, tally->in_flight);
}

static void tell(struct load *load)
{
	struct curfew_lifecycle *life = load->service.life;
	int64_t delay_ms = load->config->flush_delay_ms;

	enter(load, LOAD_TOLD);
	progress_watch_stop(load);
	agenda_stop(agenda_of(load), &load->timer);
	for (int i = 0; i < load->crew_count; i++) {
		take(load, load->crews[i].tally);
	}
	measure(load);
	report(load);
	if (life->insisted) {
		load->result.ending = RESULT_INSISTED;
		load->result.signal = life->insist_signal;
	}
	life->child = (struct outcome_child){.ended = true, .code = told_write(load)};
	show(load);
	if (curfew_lifecycle_phase(life) <= CURFEW_RUNNING && delay_ms) {
		agenda_start(agenda_of(load), &load->timer, curfew_after_ms(delay_ms));
	} else {
		stop_process(load);
	}
	curfew_hold_release(&load->hold);
}

/* No more are begun from now on. */
static void finish(struct load *load, enum result_ending ending)
{
	load->result.ending = ending;
	measure(load);
	enter(load, LOAD_FINISHING);
	ramp_watch_stop(load);
	if (ending == RESULT_DURATION) {
		load->result.ran_ns = load->plan.for_ns;
	}
}

void director_finish(struct load *load, enum result_ending ending)
{
	int64_t until = curfew_after_ms(load->config->service.grace_ms);

	finish(load, ending);
	agenda_start(agenda_of(load), &load->timer, until);
	for (int i = 0; i < load->crew_count; i++) {
		crew_finish(&load->crews[i], until);
	}
}

static void cut_crews(struct load *load)
{
	for (int i = 0; i < load->crew_count; i++) {
		crew_cut(&load->crews[i]);
	}
}

static void timer_fired(struct timer *timer)
{
	struct load *load = container_of(timer, struct load, timer);

	if (load->phase == LOAD_RUNNING) {
		director_finish(load, RESULT_DURATION);
	} else if (load->phase == LOAD_FINISHING) {
		cut_crews(load);
	} else if (load->phase == LOAD_TOLD) {
		stop_process(load);
	}
}

static bool all_exhausted(const struct load *load)
{
	for (int i = 0; i < load->crew_count; i++) {
		if (!atomic_load(&load->crews[i].exhausted)) {
			return false;
		}
	}
	return true;
}

void director_phase(struct load *load, enum curfew_phase phase)
{
	struct curfew_cause cause;

	if (phase <= CURFEW_RUNNING || !load->crews) {
		return;
	}
	if (load->phase < LOAD_FINISHING) {
		agenda_stop(agenda_of(load), &load->timer);
		cause = curfew_token_cause(
			curfew_context_token(curfew_lifecycle_context(load->service.life)));
		load->result.signal = cause.signal;
		finish(load, cause.reason == CURFEW_SIGNAL ? RESULT_SIGNAL : RESULT_FAILED);
		agenda_post(agenda_of(load), &load->news);
	} else if (load->phase == LOAD_TOLD) {
		agenda_stop(agenda_of(load), &load->timer);
	}
}

/* The begin. */

static void run(struct load *load)
{
	enter(load, LOAD_RUNNING);
	load->result.began_ms = clock_of(CLOCK_REALTIME) / NS_PER_MS;
	load->cpu_began_ns = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	load->began_ns = curfew_now() + (load->plan.is_open ? LEAD_NS : 0);
	if (load->plan.for_ns < CURFEW_NEVER - load->began_ns) {
		agenda_start(agenda_of(load), &load->timer, load->began_ns + load->plan.for_ns);
	}
	for (int i = 0; i < load->crew_count; i++) {
		crew_run(&load->crews[i], load->began_ns);
	}
	ramp_watch_start(load);
	progress_watch_start(load);
}

static const char *failure_of(const struct load *load)
{
	const char *failure = NULL;

	for (int i = 0; i < load->crew_count && !failure; i++) {
		failure = atomic_load(&load->crews[i].failure);
	}
	return failure;
}

static void warm_or_run(struct load *load)
{
	const char *failure = failure_of(load);

	if (failure) {
		service_fail(&load->service, "%s", failure);
		return;
	}
	if (!load->plan.prewarm) {
		run(load);
		return;
	}
	enter(load, LOAD_WARMING);
	for (int i = 0; i < load->crew_count; i++) {
		crew_warm(&load->crews[i]);
	}
}

static void news(struct task *task)
{
	struct load *load = container_of(task, struct load, news);

	take_parts(load);
	if (load->phase == LOAD_PREPARING && all_are(load, CREW_PREPARED)) {
		warm_or_run(load);
	} else if (load->phase == LOAD_WARMING && all_are(load, CREW_WARM)) {
		run(load);
	} else if (load->phase == LOAD_RUNNING && all_are(load, CREW_QUIET) &&
		all_exhausted(load)) {
		director_finish(load, RESULT_REQUESTS);
	} else if (load->phase == LOAD_FINISHING && all_are(load, CREW_OVER) && !load->is_looking) {
		tell(load);
	} else if (load->phase == LOAD_TOLD) {
		show(load);
	}
}

void director_start(struct load *load)
{
	if (!service_ready(&load->service)) {
		return; /* the crews hear of it by their workers' drains */
	}
	enter(load, LOAD_PREPARING);
	for (int i = 0; i < load->crew_count; i++) {
		crew_prepare(&load->crews[i]);
	}
}

void director_refuse(struct load *load)
{
	enter(load, LOAD_TOLD);
	curfew_lifecycle_stop_for(load->service.life, CURFEW_FAILURE, "the start was refused");
	curfew_hold_release(&load->hold);
}

int director_init(struct load *load)
{
	static const struct curfew_hold_ops ops = {.kind = "summary"};
	int error = result_init(&load->result, load->plan.scenario_count);
	int count = load->service.pool.count;

	error = error ? error : ramp_watch_init(load);
	list_init(&load->looks);
	load->news.run = news;
	load->timer.fired = timer_fired;
	load->crews = calloc((size_t)count, sizeof(load->crews[0]));
	if (error || !load->crews) {
		return -ENOMEM;
	}
	error = curfew_drain_hold(
		curfew_lifecycle_stage(load->service.life, CURFEW_LOG), &load->hold, &ops, NULL);
	for (int i = 0; !error && i < count; i++) {
		struct crew *crew = &load->crews[i];

		load->crew_count++;
		error = crew_init(crew, &load->plan, &load->service.pool.workers[i], i, count);
		crew->news = &load->news;
		crew->news_agenda = agenda_of(load);
	}
	return error;
}

void director_fini(struct load *load)
{
	for (int i = 0; i < load->crew_count; i++) {
		crew_fini(&load->crews[i]);
	}
	free(load->crews);
	ramp_watch_fini(load);
	result_fini(&load->result);
}
