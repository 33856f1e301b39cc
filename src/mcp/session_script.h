/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: sessions with real children (tests/fixtures/mcp_child.c) and clients with real
 * connections (mcp/channel_script.h), on time that passes when the test says so. Nothing may be
 * left: no descriptor, no process, no session.
 */
#ifndef MCP_SESSION_SCRIPT_H
#define MCP_SESSION_SCRIPT_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#include "mcp/session_state.h" /* before the names of the scripts */

#include "mcp/channel_script.h"
#include "tests/descriptors.h"

#define GET_REQUEST "GET /mcp HTTP/1.1\r\nHost: a\r\n\r\n"
#define VERSION "2025-06-18"
#define ENDED "the client has ended the session"

static struct mcp mcp;
static struct mcp_config mcp_config;
static char *command[8];
static int descriptors;
static int journal_pipe[2];
static struct buffer logged;

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

static inline void sessions_begin(void **state, bool shared)
{
	(void)signal(SIGPIPE, SIG_IGN);
	descriptors = descriptors_count();
	(void)channels_setup(state);
	command[0] = built("tests/fixtures/mcp_child");
	command[1] = NULL;
	mcp_config = (struct mcp_config){
		.shared = shared,
		.max_sessions = 1000,
		.spawn_most = 8,
		.start_timeout_ms = 60000,
		.session_idle_ms = 1800000,
		.session_max_ms = 86400000,
		.max_message = 8388608,
		.replay = 1000,
		.request_timeout_ms = CURFEW_NEVER,
		.eof_wait_ms = 10000,
		.term_wait_ms = 10000,
		.command = command,
		.keeper = built("curfew"),
	};
	mcp = (struct mcp){.config = &mcp_config, .worker = worker, .replica = "r"};
	mcp.service.life = life;
	assert_int_equal(pipe2(journal_pipe, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(journal_init(&mcp.service.journal, life, journal_pipe[1], "mcp",
				 CURFEW_LEVEL_INFO, JOURNAL_TEXT),
		0);
	assert_int_equal(session_key_load(&mcp.key, NULL, &logged), 0);
	assert_int_equal(sessions_init(&mcp), 0);
}

static inline int setup(void **state)
{
	sessions_begin(state, false);
	return 0;
}

static inline int setup_shared(void **state)
{
	sessions_begin(state, true);
	return 0;
}

static inline void end_of_test(struct session *session)
{
	session_end(session, "the test is over");
}

static inline size_t children_left(void)
{
	return curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_CHILDREN));
}

static inline int teardown(void **state)
{
	sessions_each(&mcp, end_of_test);
	run_until(mcp.ended_count == 0);
	assert_int_equal(mcp.session_count, 0);
	assert_int_equal(mcp.queued_count, 0);
	assert_int_equal(mcp.starting, 0);
	assert_int_equal(mcp.in_flight, 0);
	assert_int_equal(mcp.counts.sessions_opened, mcp.counts.sessions_ended);
	assert_int_equal(mcp.counts.calls_begun,
		mcp.counts.calls_answered + mcp.counts.calls_failed + mcp.counts.calls_forced);
	for (int i = 0; i < peer_count; i++) {
		if (peers[i].fd >= 0) {
			peer_leave(&peers[i]);
		}
	}
	run_until(!server.connections);
	mcp.ending = true;
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	(void)worker_pool_run(&pool);
	sessions_fini(&mcp);
	session_key_fini(&mcp.key);
	journal_fini(&mcp.service.journal, CURFEW_NEVER);
	close(journal_pipe[0]);
	close(journal_pipe[1]);
	buffer_fini(&logged);
	free(command[0]);
	free((char *)mcp_config.keeper);
	(void)channels_teardown(state);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(descriptors_count(), descriptors);
	return 0;
}

#define session_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define shared_test(test) cmocka_unit_test_setup_teardown(test, setup_shared, teardown)

/* What was logged so far. */
static inline const char *log_text(void)
{
	char bytes[65536];
	ssize_t length;

	settle();
	while ((length = read(journal_pipe[0], bytes, sizeof(bytes))) > 0) {
		buffer_append(&logged, bytes, (size_t)length);
		settle();
	}
	return buffer_text(&logged);
}

static inline void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part)) {
		fail_msg("no '%s' in: %s", part, text);
	}
}

/* What a client got in all. */
static inline bool peer_has(struct peer *peer, const char *part)
{
	struct buffer text = {0};
	bool has;

	(void)(peer->fd >= 0 && peer_read(peer));
	peer_text(peer, &text);
	has = strstr(buffer_text(&text), part);
	buffer_fini(&text);
	return has;
}

/* Runs until a client has got this. */
static inline void await(struct peer *peer, const char *part)
{
	round_now();
	while (!peer_has(peer, part)) {
		struct pollfd ready[] = {
			{peer->fd, POLLIN, 0},
			{worker->loop->epoll_fd, POLLIN, 0},
		};

		(void)poll(ready, 2, round_timeout());
		round_now();
	}
}

static inline void assert_lacks(struct peer *peer, const char *part)
{
	settle();
	if (peer_has(peer, part)) {
		fail_msg("it has '%s'", part);
	}
}

static inline struct message read_text(const char *text)
{
	struct message message;

	assert_int_equal(message_read(&message, text, strlen(text), NULL), JSON_OK);
	return message;
}

static inline void post_on(struct session *session, const char *text)
{
	/* As the endpoint: the text is there no longer than the request. */
	char *copy = strdup(text);
	const struct message message = read_text(copy);

	session_post(session, arrived, FIELDS, &message);
	memset(copy, 'z', strlen(copy));
	free(copy);
}

/* A POST with requests, by a new client. */
static inline struct peer *post(struct session *session, const char *text)
{
	struct peer *peer = ask(POST_REQUEST);

	post_on(session, text);
	return peer;
}

static inline struct peer *call(struct session *session, const char *id, const char *method)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"%s\"}", id,
		method);
	return post(session, text);
}

/* What has no answer, or one on the stream of HTTP+SSE. */
static inline void say_to(struct session *session, const char *text)
{
	const struct message message = read_text(text);

	session_post(session, NULL, NULL, &message);
}

static inline struct peer *listen_to(struct session *session)
{
	struct peer *peer = ask(GET_REQUEST);

	session_listen(session, arrived, FIELDS);
	return peer;
}

static inline struct session *open_session(bool is_legacy)
{
	struct session *session;

	assert_int_equal(session_open(&mcp, is_legacy, NULL, &session), SESSION_TAKEN);
	assert_ptr_equal(session_find(&mcp, session->id, strlen(session->id)), session);
	return session;
}

static inline struct peer *initialize_as(
	struct session *session, const char *id, const char *version)
{
	char text[256];

	assert_true(session_expects_initialize(session));
	(void)snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"initialize\",\"params\":"
		"{\"protocolVersion\":\"%s\"}}",
		id, version);
	return post(session, text);
}

/* A client is not needed any more; its place is another's. */
static inline void peer_done(struct peer *peer)
{
	assert_ptr_equal(peer, &peers[peer_count - 1]);
	peer_leave(peer);
	settle();
	buffer_fini(&peer->got);
	peer_count--;
}

static inline struct session *open_with(const char *version)
{
	struct session *session = open_session(false);
	struct peer *peer = initialize_as(session, "0", version);

	await(peer, "capabilities");
	assert_int_equal(session->state, SESSION_OPEN);
	assert_string_equal(session->protocol, version);
	peer_done(peer);
	return session;
}

static inline struct session *open_ready(void)
{
	return open_with(VERSION);
}

static inline bool is_there(const char *id)
{
	return session_find(&mcp, id, strlen(id));
}

#endif
