/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: calls whose runner and clients do as they are told, on a lifecycle and on time that
 * pass when the test says so; what they hear is told in one text, each by its call's number:
 * "begin 1, cancel 1, answered 1: 503 retry 5".
 */
#ifndef SERVE_INVOCATION_SCRIPT_H
#define SERVE_INVOCATION_SCRIPT_H

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "serve/invocation.h" /* before the names of the script */

#include "core/lifecycle_script.h"
#include "tests/allocation.h"
#include "json/reader.h"

#define CALLS_MOST 64
#define TIMEOUT_MS 3000

struct called {
	int number;
	struct invocation *invocation; /* NULL: its client hears of nothing any more */
	struct invocation *work;       /* NULL: its runner has not got it */
	struct curfew_token *token;
	int answers;
	int status;
	int items;
};

static struct serve serve;
static struct serve_config serve_config;
static struct buffer heard;
static struct called called[CALLS_MOST];
static int called_count;
static int begin_error;    /* what the runner's begin returns */
static bool clients_pause; /* an item is one too many */
static bool shows_text;    /* of answers and items */
static void (*on_answered)(struct called *call);

/* The arguments are one JSON text; a parameter is found in it by its name. */
void arguments_fini(struct arguments *arguments)
{
	buffer_fini(&arguments->text);
}

bool arguments_find(const struct arguments *arguments, const struct schema *inputs,
	const char *name, struct json_value *value)
{
	const struct json_path path = {{name}};
	struct json_reader reader = {.paths = &path, .values = value, .count = 1};

	(void)inputs;
	return json_read(&reader, buffer_text(&arguments->text), arguments->text.length) ==
		JSON_OK &&
		value->kind != JSON_ABSENT;
}

#define hear(...)                                                                                  \
	(buffer_append_text(&heard, heard.length ? ", " : ""), buffer_appendf(&heard, __VA_ARGS__))

/* The runner. */

static inline struct called *called_of(const struct invocation *invocation)
{
	return invocation->run;
}

/* In the order of invocation_start: what waits is begun in order, too. */
static inline struct called *find_called(const struct invocation *invocation)
{
	for (int i = 0; i < called_count; i++) {
		if (called[i].invocation == invocation) {
			return &called[i];
		}
	}
	return &called[called_count]; /* it is being started */
}

static inline int script_begin(struct invocation *invocation)
{
	struct called *call = find_called(invocation);

	hear("begin %d%s", call->number, begin_error ? " fails" : "");
	if (begin_error) {
		return begin_error;
	}
	invocation->run = call;
	call->work = invocation;
	call->token = curfew_token_ref(curfew_context_token(invocation->context));
	return 0;
}

static inline void script_cancel(struct invocation *invocation)
{
	assert_true(curfew_token_cancelled(curfew_context_token(invocation->context)));
	hear("cancel %d", called_of(invocation)->number);
}

static inline void script_resume(struct invocation *invocation)
{
	hear("resume %d", called_of(invocation)->number);
}

static inline void script_cut(struct invocation *invocation)
{
	hear("cut %d", called_of(invocation)->number);
}

static const struct runner_ops script_runner = {
	.begin = script_begin,
	.cancel = script_cancel,
	.resume = script_resume,
	.cut = script_cut,
};

/* The clients. */

static inline bool script_item(struct invocation *invocation, const char *line, size_t length)
{
	struct called *call = invocation->owner;

	assert_ptr_equal(call->invocation, invocation);
	assert_int_equal(call->answers, 0);
	call->items++;
	if (shows_text) {
		hear("item %d: %.*s", call->number, (int)length, line);
	} else {
		hear("item %d", call->number);
	}
	return !clients_pause;
}

static inline void script_answered(struct invocation *invocation, const struct envelope *envelope,
	int retry_after_s, bool has_line)
{
	struct called *call = invocation->owner;

	assert_ptr_equal(call->invocation, invocation);
	call->invocation = NULL;
	call->status = envelope->status_code;
	assert_int_equal(++call->answers, 1);
	hear("answered %d: %d", call->number, envelope->status_code);
	if (retry_after_s) {
		buffer_appendf(&heard, " retry %d", retry_after_s);
	}
	if (!has_line) {
		buffer_append_text(&heard, " no line");
	}
	if (shows_text) {
		buffer_append_char(&heard, ' ');
		envelope_write(&heard, envelope);
	}
	if (on_answered) {
		on_answered(call);
	}
}

static inline void script_forced(struct invocation *invocation)
{
	hear("forced %d", ((struct called *)invocation->owner)->number);
}

static const struct invocation_ops script_ops = {
	.item = script_item, .answered = script_answered, .forced = script_forced};

static inline void forget_heard(void)
{
	buffer_consume(&heard, heard.length);
}

/* What was heard since it was last asked for. */
#define assert_heard(text)                                                                         \
	do {                                                                                       \
		assert_string_equal(buffer_text(&heard), text);                                    \
		forget_heard();                                                                    \
	} while (0)

/* Calls. */

static inline struct called *start_with(enum invocation_kind kind, const char *parameters)
{
	struct called *call = &called[called_count];
	struct arguments arguments = {0};
	struct envelope refusal = {0};
	int retry_after_s = -1;

	assert_true(called_count < CALLS_MOST);
	*call = (struct called){.number = called_count + 1};
	buffer_append_text(&arguments.text, parameters);
	call->invocation = invocation_start(
		&serve, kind, &arguments, &script_ops, call, &refusal, &retry_after_s);
	assert_int_equal(call->answers, 0);
	called_count++;
	if (!call->invocation) {
		assert_string_equal(buffer_text(&arguments.text), parameters);
		call->status = refusal.status_code;
		hear("refused %d: %d", call->number, refusal.status_code);
		if (retry_after_s) {
			buffer_appendf(&heard, " retry %d", retry_after_s);
		}
		if (shows_text) {
			buffer_appendf(&heard, " %s", buffer_text(&refusal.text));
		}
	} else {
		assert_null(arguments.text.data);
	}
	buffer_fini(&arguments.text);
	envelope_fini(&refusal);
	return call;
}

static inline struct called *start(void)
{
	return start_with(INVOCATION_CALL, "{}");
}

static inline void end_with(
	struct called *call, enum invocation_outcome how, struct envelope *envelope)
{
	struct invocation *work = call->work;

	call->work = NULL;
	invocation_end(work, how, envelope);
	assert_null(envelope->output.data);
}

static inline void end_as(struct called *call, enum invocation_outcome how)
{
	struct envelope envelope = {0};

	assert_int_equal(envelope_set_output(&envelope, "1", 1), 0);
	if (how == INVOCATION_CRASHED) {
		envelope_fail(&envelope, 502, "[signal SEGV]", 13);
	} else {
		envelope.status_code = 200;
	}
	end_with(call, how, &envelope);
}

static inline void leave(struct called *call)
{
	struct invocation *invocation = call->invocation;

	call->invocation = NULL;
	invocation_leave(invocation);
}

/* Returns whether more may come. */
static inline bool give_item(struct called *call, const char *output)
{
	struct envelope envelope = {0};
	bool more;

	assert_int_equal(envelope_set_output(&envelope, output, strlen(output)), 0);
	more = invocation_item(call->work, &envelope);
	assert_false(envelope.touched);
	envelope_fini(&envelope);
	return more;
}

/* As the command does when the end begins. */
static inline void stop(void)
{
	stop_by(SIGTERM);
	invocations_cancel(&serve);
}

static inline struct curfew_cause cause_of(const struct called *call)
{
	return curfew_token_cause(call->token);
}

static inline size_t held(enum curfew_stage stage)
{
	return curfew_drain_count(curfew_lifecycle_stage(&life, stage));
}

/* Each call that was begun is over, and was counted as one thing. */
static inline void assert_counted(void)
{
	const struct serve_counts *counts = &serve.counts;

	assert_int_equal(serve.running, 0);
	assert_int_equal(serve.queued, 0);
	assert_int_equal(counts->calls_begun,
		counts->calls_done + counts->calls_failed + counts->calls_crashed +
			counts->calls_stopped + counts->calls_timed_out + counts->calls_left +
			counts->calls_forced);
	assert_true(list_empty(&serve.queue));
	assert_true(list_empty(&serve.calls));
	assert_int_equal(held(CURFEW_WORK), 0);
	assert_int_equal(held(CURFEW_CHILDREN), 0);
}

static inline int calls_setup(void **state)
{
	(void)setup(state);
	options.on_phase = NULL;
	begin_running();
	serve_config = (struct serve_config){.queue = 3, .request_timeout_ms = CURFEW_NEVER};
	serve = (struct serve){
		.config = &serve_config,
		.function = {.name = (char *)(uintptr_t) "extract", .runner = &script_runner},
		.slots = 2,
	};
	serve.service.life = &life;
	serve.context = curfew_context_new(NULL, CURFEW_NEVER);
	assert_non_null(serve.context);
	invocations_init(&serve);
	called_count = 0;
	begin_error = 0;
	clients_pause = false;
	shows_text = false;
	on_answered = NULL;
	return 0;
}

static inline int calls_teardown(void **state)
{
	assert_counted();
	curfew_context_free(serve.context);
	timeline_settle();
	assert_true(lifecycle_fini(&life));
	for (int i = 0; i < called_count; i++) {
		curfew_token_unref(called[i].token);
	}
	buffer_fini(&heard);
	return timeline_teardown(state);
}

#define call_test(test) cmocka_unit_test_setup_teardown(test, calls_setup, calls_teardown)

#endif
