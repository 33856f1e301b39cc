/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/status.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/report.h"

#define EARLY_MS 100 /* a timer is not exact: so much earlier it is time for a sample too */

void status_init(struct status *status, const struct metrics *metrics)
{
	*status = (struct status){.metrics = metrics};
	list_init(&status->parts);
}

void status_add_part(struct status *status, struct status_part *part)
{
	list_append(&status->parts, &part->link);
}

/* The root is cancelled by whoever begins the end, before the phase changes. */
bool status_is_ready(struct curfew_lifecycle *life)
{
	return curfew_lifecycle_phase(life) == CURFEW_RUNNING &&
		!curfew_token_cancelled(curfew_context_token(curfew_lifecycle_context(life)));
}

/* Makes room for one more sample; the oldest gives way. */
static void begin_sample(struct status *status, int64_t now)
{
	if (status->count == STATUS_SAMPLES) {
		status->first = (status->first + 1) % STATUS_SAMPLES;
		status->count--;
	}
	status->count++;
	status->sampled = now;
}

/* Within its second the last sample is overwritten, so that it is always now. */
static void take_sample(struct status *status)
{
	int64_t now = curfew_now();
	int64_t since_ms = status->sampled ? clock_ms_between(status->sampled, now) : INT64_MAX;

	if (since_ms > 2 * STATUS_SAMPLE_MS) {
		status->count = 0;
	}
	if (since_ms >= STATUS_SAMPLE_MS - EARLY_MS) {
		begin_sample(status, now);
	}
	status->samples[(status->first + status->count - 1) % STATUS_SAMPLES] =
		(struct status_sample){
			.requests = metrics_in_flight(status->metrics),
			.work = status->census.work,
		};
}

static void append_json_text(struct buffer *out, const char *text)
{
	buffer_append_json(out, text, strlen(text));
}

static void append_ms(struct buffer *out, const char *name, int64_t ms)
{
	if (ms == CURFEW_NEVER) {
		buffer_appendf(out, ",\"%s\":null", name);
	} else {
		buffer_appendf(out, ",\"%s\":%lld", name, (long long)ms);
	}
}

static int64_t left_ms(int64_t deadline)
{
	int64_t left = deadline - curfew_now();

	if (deadline == CURFEW_NEVER) {
		return CURFEW_NEVER;
	}
	return left > 0 ? left / NS_PER_MS : 0;
}

/* When the first cause came; any thread may write it. */
static int64_t stopped_at(struct curfew_lifecycle *life)
{
	int64_t at;

	pthread_mutex_lock(&life->lock);
	at = life->stopped_at;
	pthread_mutex_unlock(&life->lock);
	return at;
}

static void append_times(struct buffer *out, struct curfew_lifecycle *life)
{
	int64_t now = curfew_now();
	int64_t stopped = stopped_at(life);

	append_ms(out, "uptime_ms", clock_ms_between(life->entered[CURFEW_STARTING], now));
	append_ms(out, "stopping_ms",
		stopped == CURFEW_NEVER ? CURFEW_NEVER : clock_ms_between(stopped, now));
	append_ms(out, "grace_ms", life->options.grace_ms);
	append_ms(out, "announce_ms", life->options.announce_ms);
	append_ms(out, "grace_left_ms", left_ms(curfew_lifecycle_grace_deadline(life)));
	append_ms(out, "work_left_ms", left_ms(curfew_lifecycle_work_deadline(life)));
}

static void append_kinds(struct buffer *out, const struct census *census)
{
	buffer_append_text(out, "\"kinds\":{");
	for (size_t i = 0; i < census->kind_count; i++) {
		buffer_append_text(out, i ? "," : "");
		append_json_text(out, census->kinds[i].kind);
		buffer_appendf(out, ":%llu", (unsigned long long)census->kinds[i].held);
	}
	buffer_append_text(out, "}");
}

static void append_oldest(struct buffer *out, const struct census *census)
{
	buffer_append_text(out, ",\"oldest\":[");
	for (size_t i = 0; i < census->oldest_count; i++) {
		const struct census_hold *hold = &census->oldest[i];

		buffer_appendf(out, "%s{\"stage\":\"%s\",\"kind\":", i ? "," : "",
			stage_name(hold->stage));
		append_json_text(out, hold->kind);
		buffer_append_text(out, ",\"name\":");
		append_json_text(out, hold->name);
		buffer_appendf(out, ",\"age_ms\":%lld}", (long long)hold->age_ms);
	}
	buffer_append_text(out, "]");
}

static void append_samples(struct buffer *out, const struct status *status)
{
	buffer_appendf(out, ",\"samples\":{\"every_ms\":%d", STATUS_SAMPLE_MS);
	for (int work = 0; work < 2; work++) {
		buffer_append_text(out, work ? "],\"work\":[" : ",\"requests\":[");
		for (size_t i = 0; i < status->count; i++) {
			const struct status_sample *sample =
				&status->samples[(status->first + i) % STATUS_SAMPLES];

			buffer_appendf(out, "%s%llu", i ? "," : "",
				(unsigned long long)(work ? sample->work : sample->requests));
		}
	}
	buffer_append_text(out, "]}");
}

static void append_parts(struct buffer *out, const struct status *status)
{
	list_each(link, &status->parts) {
		const struct status_part *part = container_of(link, struct status_part, link);

		buffer_append_char(out, ',');
		append_json_text(out, part->name);
		buffer_append_char(out, ':');
		part->write(out, part->arg);
	}
}

void status_write(struct status *status, struct buffer *out)
{
	struct curfew_lifecycle *life = status->metrics->life;

	census_take(&status->census, life);
	take_sample(status);
	buffer_append_char(out, '{');
	report_facts(out, life);
	buffer_appendf(out, ",\"pid\":%d,\"phase\":\"%s\",\"ready\":%s", (int)getpid(),
		curfew_phase_name(curfew_lifecycle_phase(life)),
		status_is_ready(life) ? "true" : "false");
	append_times(out, life);
	buffer_appendf(out, ",\"held\":{\"total\":%llu,", (unsigned long long)status->census.held);
	append_kinds(out, &status->census);
	append_oldest(out, &status->census);
	buffer_appendf(out, "},\"requests\":{\"in_flight\":%llu,\"ended\":%llu}",
		(unsigned long long)metrics_in_flight(status->metrics),
		(unsigned long long)metrics_ended(status->metrics));
	append_samples(out, status);
	append_parts(out, status);
	buffer_append_char(out, '}');
}
