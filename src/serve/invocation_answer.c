/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is told, and as what its call is counted. Why work was stopped is what its token
 * shows, and nothing else: the first cause stays, whatever came behind it.
 */
#include <errno.h>
#include <string.h>

#include "serve/invocation_state.h"

#define FAILURE_LEAST 400

static bool is_failure(const struct envelope *envelope)
{
	return envelope->status_code >= FAILURE_LEAST;
}

static void answer(struct invocation *invocation, int retry_after_s, bool has_line)
{
	invocation->answered = true;
	invocation->ops->answered(invocation, &invocation->last, retry_after_s, has_line);
	invocation->owner = NULL;
}

void invocation_fail(struct envelope *envelope, int error)
{
	const char *name = strerrorname_np(-error);
	struct buffer text = {0};

	buffer_appendf(&text, "[%s] %s", name ? name : "errno", strerror(-error));
	envelope_fail(envelope, 500, buffer_text(&text), text.length);
	buffer_fini(&text);
}

static void fail(struct envelope *envelope, int status, const char *text)
{
	envelope_fail(envelope, status, text, strlen(text));
}

/* Another try may go well where there was no room, or no time: nothing has been done yet. */
int invocation_refuse(struct envelope *envelope, int error)
{
	const char *text = error == -EBUSY ? INVOCATION_BUSY
		: error == -ESHUTDOWN      ? INVOCATION_STOPPED
		: error == -ENOMEM         ? INVOCATION_NO_MEMORY
					   : NULL;

	if (text) {
		fail(envelope, 503, text);
		return INVOCATION_RETRY_AFTER_S;
	}
	invocation_fail(envelope, error);
	return 0;
}

/* Fills in the answer, and returns as what it counts where nothing had to be cut. */
static uint64_t *fill_in(struct invocation *invocation, enum curfew_reason reason)
{
	struct serve_counts *counts = &invocation->serve->counts;
	struct envelope *envelope = &invocation->last;

	switch (reason) {
	case CURFEW_PARENT:
		fail(envelope, 503, INVOCATION_STOPPED);
		return &counts->calls_stopped;
	case CURFEW_DEADLINE:
		fail(envelope, 504, INVOCATION_TIMED_OUT);
		return &counts->calls_timed_out;
	case CURFEW_FAILURE:
		invocation_fail(envelope, -ENOMEM); /* an item was lost */
		return &counts->calls_failed;
	default:
		invocation_fail(envelope, -ECANCELED);
		return &counts->calls_failed;
	}
}

static enum curfew_reason reason_of(const struct invocation *invocation)
{
	return curfew_token_cause(curfew_context_token(invocation->context)).reason;
}

void invocation_answer_cause(struct invocation *invocation)
{
	enum curfew_reason reason = reason_of(invocation);
	uint64_t *count;

	if (invocation->answered) {
		return;
	}
	count = fill_in(invocation, reason);
	if (invocation->cut) {
		count = &invocation->serve->counts.calls_forced;
	}
	(*count)++;
	answer(invocation, reason == CURFEW_PARENT ? INVOCATION_RETRY_AFTER_S : 0, true);
}

void invocation_answer_error(struct invocation *invocation, int error)
{
	struct serve_counts *counts = &invocation->serve->counts;
	int retry_after_s;

	if (!invocation->answered) {
		retry_after_s = invocation_refuse(&invocation->last, error);
		*(error == -ESHUTDOWN ? &counts->calls_stopped : &counts->calls_failed) += 1;
		answer(invocation, retry_after_s, true);
	}
}

int invocation_add_file_data(const struct invocation *invocation, struct envelope *envelope)
{
	const struct arguments *arguments = &invocation->arguments;
	struct json_value value;

	if (is_failure(envelope)) {
		envelope->file_data.length = 0;
		return 0;
	}
	if (invocation->kind != INVOCATION_CALL || envelope->file_data.length ||
		!arguments_find(arguments, invocation->function->inputs, "file_data", &value)) {
		return 0;
	}
	return envelope_set_file_data(
		envelope, buffer_text(&arguments->text) + value.start, value.length);
}

/* A stream's end says only what was not said before. */
static bool is_needed(const struct invocation *invocation)
{
	bool streams = invocation->function->streams && invocation->kind == INVOCATION_CALL;

	return !streams || invocation->last.touched || is_failure(&invocation->last);
}

static void answer_result(struct invocation *invocation, bool has_crashed)
{
	struct serve_counts *counts = &invocation->serve->counts;
	struct envelope *envelope = &invocation->last;
	bool has_line = is_needed(invocation);

	if (has_crashed && !is_failure(envelope)) {
		fail(envelope, 502, "[crash] its process died");
	}
	if (invocation_add_file_data(invocation, envelope) < 0) {
		invocation_fail(envelope, -ENOMEM);
	}
	if (has_crashed) {
		counts->calls_crashed++;
	} else if (is_failure(envelope)) {
		counts->calls_failed++;
	} else {
		counts->calls_done++;
	}
	answer(invocation, 0, has_line || is_failure(envelope));
}

void invocation_answer_end(struct invocation *invocation, enum invocation_outcome how)
{
	if (invocation->answered) {
		return;
	}
	if (how == INVOCATION_CANCELLED || reason_of(invocation) == CURFEW_FAILURE) {
		invocation_answer_cause(invocation);
	} else {
		answer_result(invocation, how == INVOCATION_CRASHED);
	}
}
