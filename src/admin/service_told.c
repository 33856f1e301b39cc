/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/service_told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/signal_name.h"
#include "core/cause.h"
#include "core/lifecycle.h"

#define TEXT_BYTES 64
#define WORDS_BYTES (SERVICE_FAILURE_MOST + 320)

static void tell(struct service *service, enum service_event event,
	const struct journal_value *values, size_t count)
{
	journal_write(&service->journal, &service_events[event], values, count);
}

#define TELL(service, event, ...)                                                                  \
	tell(service, event, (const struct journal_value[]){__VA_ARGS__},                          \
		sizeof((const struct journal_value[]){__VA_ARGS__}) /                              \
			sizeof(struct journal_value))

/* As one would write it: "25s", "500ms", "inf". */
static const char *duration_text(int64_t ms, char text[TEXT_BYTES])
{
	if (ms == CURFEW_NEVER) {
		return "inf";
	}
	(void)snprintf(text, TEXT_BYTES, ms % 1000 ? "%lldms" : "%llds",
		(long long)(ms % 1000 ? ms : ms / 1000));
	return text;
}

static const char *text_or_null(const struct buffer *buffer)
{
	return buffer->length ? buffer_text(buffer) : NULL;
}

void service_tell_started(struct service *service)
{
	const struct service_config *config = service->config;
	char grace[TEXT_BYTES], announce[TEXT_BYTES];

	TELL(service, SERVICE_STARTED, journal_text(CURFEW_VERSION), journal_number(getpid()),
		journal_text(text_or_null(&service->addresses)),
		journal_text(text_or_null(&service->admin_address)),
		journal_text(config->tls_cert ? "yes" : "no"), journal_number(service->pool.count),
		journal_number(service->front.most),
		journal_text(duration_text(config->grace_ms, grace)),
		journal_text(config->grace_reason),
		journal_text(duration_text(config->announce_ms, announce)));
}

void service_tell_ready(struct service *service)
{
	TELL(service, SERVICE_READY,
		journal_number(clock_ms_between(service->started, curfew_now())));
}

/* It was asked for: it is written whatever --log-level says. */
void service_tell_state(struct service *service)
{
	char *dump = curfew_lifecycle_dump(service->life);
	struct journal_event event = service_events[SERVICE_STATE];

	if (!journal_wants(&service->journal, event.level)) {
		event.level = service->journal.level; /* somebody has asked for it */
	}
	for (char *line = dump; line && *line;) {
		size_t length = strcspn(line, "\n");

		journal_tell(&service->journal, &event, journal_bytes(line, length));
		line += length + (line[length] == '\n');
	}
	free(dump);
}

static struct curfew_cause cause_of(const struct service *service)
{
	return curfew_token_cause(curfew_context_token(curfew_lifecycle_context(service->life)));
}

/* Whole, where the cause is a failure of ours that is longer than a cause can be. */
static const char *cause_text(const struct service *service, const struct curfew_cause *cause)
{
	size_t length = strlen(cause->text);

	if (cause->reason == CURFEW_FAILURE && atomic_load(&service->is_failure_told) &&
		!strncmp(service->failure, cause->text, length)) {
		return service->failure;
	}
	return cause->text[0] ? cause->text : cause_reason_text(cause->reason);
}

/* Whether the cause is a failure, so that the log of errors has it. */
static enum curfew_level cause_level(const struct curfew_cause *cause)
{
	return cause->reason == CURFEW_FAILURE || cause->reason == CURFEW_DEADLINE
		? CURFEW_LEVEL_ERROR
		: CURFEW_LEVEL_INFO;
}

static struct journal_value signal_value(int signal, char name[SIGNAL_NAME_BYTES + 3])
{
	char bare[SIGNAL_NAME_BYTES];

	if (!signal) {
		return journal_text(NULL);
	}
	(void)snprintf(name, SIGNAL_NAME_BYTES + 3, "SIG%s", signal_name(signal, bare));
	return journal_text(name);
}

void service_tell_stopping(struct service *service)
{
	const struct curfew_cause cause = cause_of(service);
	struct journal_event event = service_events[SERVICE_STOPPING];
	char name[SIGNAL_NAME_BYTES + 3];

	event.level = cause_level(&cause);
	journal_tell(&service->journal, &event, journal_text(curfew_reason_name(cause.reason)),
		signal_value(cause.signal, name),
		cause.sender ? journal_number(cause.sender) : journal_text(NULL),
		journal_text(cause_text(service, &cause)));
}

static size_t count_held(const struct service *service)
{
	struct census census;

	census_take(&census, service->life);
	return census.held;
}

void service_tell_phase(struct service *service, enum curfew_phase phase)
{
	int64_t deadline = curfew_lifecycle_grace_deadline(service->life);
	bool has_left = deadline != CURFEW_NEVER;

	TELL(service, SERVICE_PHASE, journal_text(curfew_phase_name(phase)),
		journal_number((int64_t)count_held(service)),
		has_left ? journal_number(clock_ms_between(curfew_now(), deadline))
			 : journal_text(NULL));
}

static uint64_t count_of(const struct service *service, enum curfew_count count)
{
	return atomic_load(&service->life->counts[count]);
}

/* "ended as asked after 1203 ms: SIGTERM from pid 1; ..." */
static void ended_words(struct service *service, const struct curfew_cause *cause, int64_t took_ms,
	char words[WORDS_BYTES])
{
	const struct curfew_lifecycle *life = service->life;
	const char *how = cause_level(cause) == CURFEW_LEVEL_ERROR ? "failed"
		: life->insisted                                   ? "was made to end"
		: life->exit_code                                  ? "ended, and not as asked,"
								   : "ended as asked";

	(void)snprintf(words, WORDS_BYTES,
		"%s after %lld ms: %s; %llu requests completed, %llu of them in the end; "
		"%zu things had to be cut",
		how, (long long)took_ms, cause_text(service, cause),
		(unsigned long long)count_of(service, CURFEW_REQUESTS_COMPLETED),
		(unsigned long long)count_of(service, CURFEW_REQUESTS_DRAINED), life->forced_count);
}

void service_tell_ended(struct service *service)
{
	const struct curfew_lifecycle *life = service->life;
	const struct curfew_cause cause = cause_of(service);
	int64_t took_ms = clock_ms_between(life->stopped_at, curfew_now());
	struct journal_event event = service_events[SERVICE_ENDED];
	char words[WORDS_BYTES];

	event.level = cause_level(&cause);
	ended_words(service, &cause, took_ms, words);
	journal_tell(&service->journal, &event, journal_number(life->exit_code),
		journal_text(curfew_reason_name(cause.reason)), journal_number(took_ms),
		journal_number((int64_t)count_of(service, CURFEW_REQUESTS_COMPLETED)),
		journal_number((int64_t)count_of(service, CURFEW_REQUESTS_DRAINED)),
		journal_number((int64_t)life->forced_count), journal_text(words));
}
