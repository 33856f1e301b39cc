/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a backend whose child is tests/fixtures/mcp_child.c, calls of it, and all that it has
 * said. Nothing may be left: no descriptor, no process.
 */
#ifndef MCP_BACKEND_SCRIPT_H
#define MCP_BACKEND_SCRIPT_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "mcp/backend.h"
#include "mcp/event.h"
#include "mcp/host.h"
#include "net/worker_script.h"
#include "tests/allocation.h"
#include "tests/descriptors.h"

#define ASKED_MOST 64

static struct mcp mcp;
static struct mcp_config mcp_config;
static char *command[8];
static struct backend backend;
static bool running;    /* the backend was started, and has not ended */
static int lefts;       /* it was told that it has ended by itself */
static char reason[96]; /* for which it did, or ended */
static int rooms;
static int descriptors;
static int journal_pipe[2];
static struct buffer logged;
static struct buffer said; /* messages of the child's own: a line each */
static int said_count;
static void (*on_message)(void);

/* A call, and what has become of it. */
static struct asked {
	struct call call;
	struct buffer answer;
	struct buffer progress; /* a line each */
	int code;               /* it failed; 0: not */
	char reason[96];
	int ends;
} asked[ASKED_MOST];
static int asked_count;

static inline struct asked *asked_of(struct call *call)
{
	return container_of(call, struct asked, call);
}

static inline void note_answer(struct call *call, const char *line, size_t length)
{
	assert_null(call->backend);
	buffer_append(&asked_of(call)->answer, line, length);
	asked_of(call)->ends++;
}

static inline void note_progress(struct call *call, const char *line, size_t length)
{
	buffer_append(&asked_of(call)->progress, line, length);
	buffer_append_char(&asked_of(call)->progress, '\n');
}

static inline void note_failure(struct call *call, int code, const char *text)
{
	assert_null(call->backend);
	assert_true(call->id.length > 0);
	asked_of(call)->code = code;
	(void)snprintf(asked_of(call)->reason, sizeof(asked->reason), "%s", text);
	asked_of(call)->ends++;
}

static const struct call_ops asked_ops = {note_answer, note_progress, note_failure};

static inline void note_message(struct backend *which, const struct message *message)
{
	assert_ptr_equal(which, &backend);
	if (said.length < 65536) {
		buffer_append(&said, message->text, message->length);
		buffer_append_char(&said, '\n');
	}
	said_count++;
	if (on_message) {
		on_message();
	}
}

static inline void note_room(struct backend *which)
{
	assert_false(backend_is_full(which));
	rooms++;
}

static inline void note_left(struct backend *which, const char *text)
{
	assert_ptr_equal(which, &backend);
	assert_true(running);
	lefts++;
	(void)snprintf(reason, sizeof(reason), "%s", text);
}

static inline void note_end(struct backend *which, const char *text)
{
	assert_ptr_equal(which, &backend);
	assert_int_equal(which->call_count, 0);
	assert_true(running);
	running = false;
	if (lefts) {
		assert_string_equal(reason, text);
	}
	(void)snprintf(reason, sizeof(reason), "%s", text);
}

static const struct backend_ops noting = {
	.message = note_message,
	.room = note_room,
	.left = note_left,
	.ended = note_end,
};

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
	command[0] = built("tests/fixtures/mcp_child");
	command[1] = NULL;
	mcp_config = (struct mcp_config){
		.max_message = 8388608,
		.eof_wait_ms = 10000,
		.term_wait_ms = 10000,
		.command = command,
		.keeper = built("curfew"),
	};
	mcp = (struct mcp){.config = &mcp_config, .worker = worker};
	mcp.service.life = life;
	assert_int_equal(pipe2(journal_pipe, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(journal_init(&mcp.service.journal, life, journal_pipe[1], "mcp",
				 CURFEW_LEVEL_INFO, JOURNAL_TEXT),
		0);
	backend = (struct backend){0};
	running = false;
	reason[0] = '\0';
	lefts = rooms = said_count = asked_count = 0;
	on_message = NULL;
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	if (running) {
		backend_stop(&backend, MESSAGE_SERVER_ERROR, "the test is over");
		run_until(!running);
	}
	assert_true(curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_CHILDREN)) <= 1);
	assert_true(workers_stop());
	journal_fini(&mcp.service.journal, CURFEW_NEVER);
	curfew_lifecycle_free(life);
	close(journal_pipe[0]);
	close(journal_pipe[1]);
	for (int i = 0; i < asked_count; i++) {
		buffer_fini(&asked[i].answer);
		buffer_fini(&asked[i].progress);
	}
	buffer_fini(&logged);
	buffer_fini(&said);
	free(command[0]);
	free((char *)mcp_config.keeper);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(descriptors_count(), descriptors);
	return 0;
}

#define backend_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static inline void start(void)
{
	assert_int_equal(backend_start(&backend, &mcp, &noting, "s1", NULL), 0);
	running = true;
	lefts = 0;
}

static inline struct message read_text(const char *text)
{
	struct message message;

	assert_int_equal(message_read(&message, text, strlen(text), NULL), JSON_OK);
	return message;
}

/* Makes a call of a request that is written out. */
static inline struct asked *ask_text(const char *text)
{
	struct asked *one = &asked[asked_count++];
	const struct message message = read_text(text);

	assert_true(asked_count <= ASKED_MOST);
	*one = (struct asked){.call.ops = &asked_ops};
	assert_int_equal(backend_call(&backend, &one->call, &message), 0);
	return one;
}

static inline struct asked *ask(const char *id, const char *method)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"%s\"}", id,
		method);
	return ask_text(text);
}

static inline void await(struct asked *one)
{
	run_until(one->ends);
	assert_int_equal(one->ends, 1);
}

/* What the echo of a request must be; id: the client's. */
static inline void assert_echo(struct asked *one, const char *id, const char *method)
{
	char text[1024];

	assert_int_equal(one->code, 0);
	(void)snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"got\":"
		"{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\"}}}",
		id, (unsigned long long)one->call.number, method);
	assert_string_equal(buffer_text(&one->answer), text);
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

static inline void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part)) {
		fail_msg("no '%s' in: %s", part, text);
	}
}

#endif
