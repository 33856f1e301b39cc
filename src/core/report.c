/* SPDX-License-Identifier: Apache-2.0 */
/* What a lifecycle tells: the counts, the report (JSON), the state dump (for people). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/signal_name.h"
#include "core/cause.h"
#include "core/report.h"

enum curfew_phase curfew_lifecycle_phase(const struct curfew_lifecycle *life)
{
	return atomic_load(&life->phase);
}

bool curfew_lifecycle_done(const struct curfew_lifecycle *life)
{
	return curfew_lifecycle_phase(life) == CURFEW_DONE;
}

int curfew_lifecycle_exit_code(const struct curfew_lifecycle *life)
{
	return life->exit_code;
}

size_t curfew_lifecycle_abandoned(const struct curfew_lifecycle *life)
{
	return life->abandoned;
}

struct curfew_context *curfew_lifecycle_context(struct curfew_lifecycle *life)
{
	return life->root;
}

struct curfew_drain *curfew_lifecycle_stage(struct curfew_lifecycle *life, enum curfew_stage stage)
{
	return &life->stages[stage];
}

int64_t curfew_lifecycle_work_deadline(const struct curfew_lifecycle *life)
{
	return atomic_load(&life->work_deadline);
}

int64_t curfew_lifecycle_grace_deadline(const struct curfew_lifecycle *life)
{
	return atomic_load(&life->grace_deadline);
}

void curfew_lifecycle_count(struct curfew_lifecycle *life, enum curfew_count count, uint64_t n)
{
	atomic_fetch_add_explicit(&life->counts[count], n, memory_order_relaxed);
}

void curfew_lifecycle_forced(struct curfew_lifecycle *life, const char *name, int64_t age_ms)
{
	pthread_mutex_lock(&life->lock);
	if (life->forced_count < FORCED_LISTED) {
		struct forced *forced = &life->forced[life->forced_count];

		strncpy(forced->name, name, sizeof(forced->name) - 1);
		forced->age_ms = age_ms;
	}
	life->forced_count++;
	pthread_mutex_unlock(&life->lock);
}

bool lifecycle_has_forced(struct curfew_lifecycle *life)
{
	bool has;

	pthread_mutex_lock(&life->lock);
	has = life->forced_count > 0;
	pthread_mutex_unlock(&life->lock);
	return has;
}

/*
 * Kinds are static words, of which a program has a few; those beyond the table count in the report
 * only.
 */
static void count_forced_kind(struct curfew_lifecycle *life, const char *kind)
{
	size_t i = 0;

	while (i < life->forced_kind_count && strcmp(life->forced_kinds[i].kind, kind) != 0) {
		i++;
	}
	if (i == FORCED_KINDS) {
		return;
	}
	if (i == life->forced_kind_count) {
		life->forced_kinds[life->forced_kind_count++].kind = kind;
	}
	life->forced_kinds[i].count++;
}

void lifecycle_note_forced(struct curfew_lifecycle *life, const struct curfew_holder *holder)
{
	curfew_lifecycle_forced(life, holder->name, holder->age_ms);
	pthread_mutex_lock(&life->lock);
	count_forced_kind(life, holder->kind);
	pthread_mutex_unlock(&life->lock);
	if (life->on_forced) {
		life->on_forced(holder, life->on_forced_arg);
	}
}

size_t lifecycle_forced_kinds(struct curfew_lifecycle *life, struct forced_kind kinds[FORCED_KINDS])
{
	size_t count;

	pthread_mutex_lock(&life->lock);
	count = life->forced_kind_count;
	memcpy(kinds, life->forced_kinds, count * sizeof(kinds[0]));
	pthread_mutex_unlock(&life->lock);
	return count;
}

static void append_json_text(struct buffer *buffer, const char *text)
{
	buffer_append_json(buffer, text, strlen(text));
}

static void append_cause(struct buffer *buffer, const struct curfew_cause *cause)
{
	char name[SIGNAL_NAME_BYTES];

	buffer_append_text(buffer, "\"cause\":{\"kind\":");
	append_json_text(buffer, curfew_reason_name(cause->reason));
	buffer_append_text(buffer, ",\"signal\":");
	if (cause->signal) {
		buffer_appendf(buffer, "\"SIG%s\"", signal_name(cause->signal, name));
	} else {
		buffer_append_text(buffer, "null");
	}
	buffer_appendf(buffer, ",\"sender_pid\":%d,\"text\":", (int)cause->sender);
	append_json_text(buffer, cause->text[0] ? cause->text : cause_reason_text(cause->reason));
	buffer_append_text(buffer, "}");
}

/* How long each phase lasted that was entered, up to now or to the one after it. */
static void append_phases(struct buffer *buffer, const struct curfew_lifecycle *life)
{
	int64_t end = curfew_now();
	const char *separator = "";

	buffer_append_text(buffer, "\"phases\":[");
	for (int phase = 0; phase < CURFEW_DONE; phase++) {
		int next = phase + 1;

		if (!life->entered[phase]) {
			continue;
		}
		while (next < CURFEW_DONE && !life->entered[next]) {
			next++;
		}
		buffer_appendf(buffer, "%s{\"name\":\"%s\",\"ms\":%lld}", separator,
			curfew_phase_name((enum curfew_phase)phase),
			(long long)clock_ms_between(life->entered[phase],
				life->entered[next] ? life->entered[next] : end));
		separator = ",";
	}
	buffer_append_text(buffer, "]");
}

static void append_counts(struct buffer *buffer, struct curfew_lifecycle *life)
{
	buffer_append_text(buffer, "\"counts\":{");
	for (int count = 0; count < CURFEW_COUNT_KINDS; count++) {
		buffer_appendf(buffer, "%s\"%s\":%llu", count ? "," : "",
			count_name((enum curfew_count)count),
			(unsigned long long)atomic_load(&life->counts[count]));
	}
	buffer_append_text(buffer, "}");
}

static void append_forced(struct buffer *buffer, const struct curfew_lifecycle *life)
{
	buffer_appendf(buffer, "\"forced_count\":%zu,\"forced\":[", life->forced_count);
	for (size_t i = 0; i < life->forced_count && i < FORCED_LISTED; i++) {
		buffer_append_text(buffer, i ? ",{\"name\":" : "{\"name\":");
		append_json_text(buffer, life->forced[i].name);
		buffer_appendf(buffer, ",\"age_ms\":%lld}", (long long)life->forced[i].age_ms);
	}
	buffer_append_text(buffer, "]");
}

void report_facts(struct buffer *buffer, struct curfew_lifecycle *life)
{
	buffer_append_text(buffer, "\"command\":");
	append_json_text(buffer, life->options.command ? life->options.command : "program");
	buffer_append_text(buffer, ",\"version\":");
	append_json_text(buffer, life->options.version ? life->options.version : "");
	buffer_append_text(buffer, ",");
	pthread_mutex_lock(&life->lock);
	append_cause(buffer, &life->cause);
	buffer_append_text(buffer, ",");
	append_phases(buffer, life);
	buffer_append_text(buffer, ",");
	append_counts(buffer, life);
	buffer_append_text(buffer, ",");
	append_forced(buffer, life);
	pthread_mutex_unlock(&life->lock);
}

char *curfew_lifecycle_report(struct curfew_lifecycle *life)
{
	struct buffer buffer;

	buffer_init(&buffer);
	buffer_append_char(&buffer, '{');
	report_facts(&buffer, life);
	buffer_appendf(&buffer, ",\"exit_code\":%d}\n", life->exit_code);
	return buffer_take(&buffer);
}

static void dump_hold(const struct curfew_holder *holder, void *arg)
{
	buffer_appendf(arg, "  %*s%s", holder->depth * 2, "", holder->kind);
	if (strcmp(holder->kind, holder->name) != 0) {
		buffer_appendf(arg, " %s", holder->name);
	}
	buffer_appendf(arg, ", for %lld ms\n", (long long)holder->age_ms);
}

static void dump_deadline(struct buffer *buffer, const struct curfew_lifecycle *life)
{
	int64_t grace = curfew_lifecycle_grace_deadline(life);

	if (grace != CURFEW_NEVER) {
		buffer_appendf(
			buffer, ", %lld ms left", (long long)clock_ms_between(curfew_now(), grace));
	}
}

char *curfew_lifecycle_dump(struct curfew_lifecycle *life)
{
	struct curfew_cause cause = curfew_token_cause(curfew_context_token(life->root));
	struct buffer buffer;

	buffer_init(&buffer);
	buffer_appendf(&buffer, "phase %s", curfew_phase_name(curfew_lifecycle_phase(life)));
	dump_deadline(&buffer, life);
	buffer_appendf(&buffer, "\ncause: %s\n",
		cause.text[0] ? cause.text : cause_reason_text(cause.reason));
	for (int stage = 0; stage < CURFEW_STAGES; stage++) {
		buffer_appendf(&buffer, "%s: %zu held\n", stage_name((enum curfew_stage)stage),
			curfew_drain_count(&life->stages[stage]));
		curfew_drain_list(&life->stages[stage], dump_hold, &buffer);
	}
	return buffer_take(&buffer);
}
