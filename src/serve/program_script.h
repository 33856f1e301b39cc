/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a program as a plugin, tests/fixtures/serve_child.c, calls of it, and what has come of
 * them. The two functions by which runners tell of calls (serve/invocation.h) are here. Nothing may
 * be left: no descriptor, no process.
 */
#ifndef SERVE_PROGRAM_SCRIPT_H
#define SERVE_PROGRAM_SCRIPT_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "net/worker_script.h"
#include "serve/dialogue.h"
#include "serve/event.h"
#include "serve/program.h"
#include "tests/allocation.h"
#include "tests/descriptors.h"

#define CALLS_MOST 16
#define SCRIPT_MOST 1024

static struct serve serve;
static struct serve_config serve_config;
static char *command[4];
static int descriptors;
static int journal_pipe[2];
static struct buffer logged;

/* A call, and what has become of it. */
static struct called {
	struct invocation invocation;
	char text[SCRIPT_MOST];
	struct buffer items; /* whole envelopes, a line each */
	int item_count;
	int slow_after; /* items after which the client takes no more; 0: never */
	int ends;
	bool cancelled; /* by the end of all */
	enum invocation_outcome outcome;
	int status;
	struct buffer output; /* of the last envelope */
	struct buffer said;   /* its text */
	void (*then)(void);   /* called when it ends */
} called[CALLS_MOST];
static int call_count;

static inline struct called *called_of(struct invocation *invocation)
{
	return container_of(invocation, struct called, invocation);
}

bool invocation_item(struct invocation *invocation, struct envelope *envelope)
{
	struct called *call = called_of(invocation);

	assert_int_equal(call->ends, 0);
	envelope_write(&call->items, envelope);
	buffer_append_char(&call->items, '\n');
	envelope_reset(envelope);
	call->item_count++;
	return !call->slow_after || call->item_count < call->slow_after;
}

void invocation_end(
	struct invocation *invocation, enum invocation_outcome how, struct envelope *envelope)
{
	struct called *call = called_of(invocation);

	assert_int_equal(call->ends++, 0);
	call->outcome = how;
	call->status = envelope->status_code;
	buffer_append(&call->output, buffer_text(&envelope->output), envelope->output.length);
	buffer_append(&call->said, buffer_text(&envelope->text), envelope->text.length);
	envelope_fini(envelope);
	if (call->then) {
		call->then();
	}
}

/* Those that are there: each may end inside. */
void invocations_cancel(struct serve *host)
{
	for (int i = 0; i < call_count; i++) {
		if (!called[i].ends && !called[i].cancelled) {
			called[i].cancelled = true;
			host->function.runner->cancel(&called[i].invocation);
		}
	}
}

/* Returns the path of something in the build folder, which this program stands two levels below. */
static inline char *built(const char *name)
{
	char path[PATH_MAX];
	char *whole = NULL;
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(length > 0);
	path[length] = '\0';
	for (int i = 0; i < 2; i++) {
		*strrchr(path, '/') = '\0';
	}
	assert_true(asprintf(&whole, "%s/%s", path, name) > 0);
	assert_int_equal(access(whole, X_OK), 0);
	return whole;
}

/* For the group: what libraries open once and keep is not ours. */
static inline int first_of_all(void **state)
{
	(void)state;
	workers_begin(1, 20000);
	return workers_end() ? 0 : -1;
}

static inline int setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	descriptors = descriptors_count();
	workers_begin(1, 20000);
	command[0] = built("tests/fixtures/serve_child");
	command[1] = NULL;
	serve_config = (struct serve_config){
		.command = command,
		.max_line = 8388608,
		.start_timeout_ms = 30000,
		.eof_wait_ms = 10000,
		.term_wait_ms = 10000,
		.keeper = built("curfew"),
	};
	serve = (struct serve){.config = &serve_config, .worker = worker};
	serve.service.life = life;
	assert_int_equal(pipe2(journal_pipe, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(journal_init(&serve.service.journal, life, journal_pipe[1], "serve",
				 CURFEW_LEVEL_INFO, JOURNAL_TEXT),
		0);
	call_count = 0;
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	if (serve.function.runner && serve.function.runner->stop) {
		serve.function.runner->stop(&serve);
	}
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	if (serve.function.runner && serve.function.runner->fini) {
		serve.function.runner->fini(&serve);
	}
	assert_true(worker_pool_fini(&pool));
	journal_fini(&serve.service.journal, CURFEW_NEVER);
	curfew_lifecycle_free(life);
	close(journal_pipe[0]);
	close(journal_pipe[1]);
	for (int i = 0; i < call_count; i++) {
		assert_int_equal(called[i].ends, 1);
		buffer_fini(&called[i].items);
		buffer_fini(&called[i].output);
		buffer_fini(&called[i].said);
		buffer_fini(&called[i].invocation.arguments.text);
	}
	buffer_fini(&logged);
	free(command[0]);
	free((char *)serve_config.keeper);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(descriptors_count(), descriptors);
	return 0;
}

#define program_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* A call that is not begun; "do" is what the child does. */
static inline struct called *call_of(enum invocation_kind kind, const char *script)
{
	struct called *call = &called[call_count++];

	assert_true(call_count <= CALLS_MOST);
	*call = (struct called){
		.invocation = {.serve = &serve, .function = &serve.function, .kind = kind}};
	buffer_appendf(&call->invocation.arguments.text, "{\"do\":\"%s\"}", script);
	return call;
}

static inline void begin(struct called *call)
{
	assert_int_equal(serve.function.runner->begin(&call->invocation), 0);
	assert_int_equal(call->ends, 0);
}

static inline struct called *call(const char *script)
{
	struct called *one = call_of(INVOCATION_CALL, script);

	begin(one);
	return one;
}

static inline void cancel(struct called *one)
{
	serve.function.runner->cancel(&one->invocation);
}

static inline void cut(struct called *one)
{
	serve.function.runner->cut(&one->invocation);
}

static inline void resume(struct called *one)
{
	one->slow_after = 0;
	serve.function.runner->resume(&one->invocation);
}

static inline void await(struct called *one)
{
	run_until(one->ends);
}

static inline void assert_end(
	const struct called *one, enum invocation_outcome outcome, int status, const char *text)
{
	assert_string_equal(buffer_text(&one->said), text);
	assert_int_equal(one->outcome, outcome);
	assert_int_equal(one->status, status);
}

static inline void assert_done(const struct called *one, const char *output)
{
	assert_end(one, INVOCATION_DONE, 0, "");
	assert_string_equal(buffer_text(&one->output), output);
}

/* What was logged so far. */
static inline const char *log_text(void)
{
	char bytes[65536];
	ssize_t length;

	round_now();
	while ((length = read(journal_pipe[0], bytes, sizeof(bytes))) > 0) {
		buffer_append(&logged, bytes, (size_t)length);
		round_now();
	}
	return buffer_text(&logged);
}

/* Runs until this was logged. */
#define run_until_logged(part) run_until(strstr(log_text(), part))

static inline void assert_gone(pid_t pid)
{
	assert_true(pid > 1);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static inline void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part)) {
		fail_msg("no '%s' in: %s", part, text);
	}
}

#endif
