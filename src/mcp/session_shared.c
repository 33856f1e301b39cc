/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --shared: one child for all sessions.
 *
 *	DOWN -> UP -> ASKED -> READY
 *	  ^     |<-----'         |
 *	  `-----+-------<--------'  from each: the child is gone
 *
 *	DOWN   it does not run; with --restart: until the next try
 *	UP     it runs, and has not been initialized
 *	ASKED  it has the initialize of the first session that is queued
 *	READY  its answer is known, and is every session's
 *
 * A session is queued until READY. Where the answer is an error, it is that one session's, and the
 * next one is asked for. A session that ends is nothing to the child but its calls, which are
 * cancelled. When the child is gone all sessions end; with --restart it is started again, after
 * RESTART_LEAST_MS that double with each time it has not lived for RESTART_MOST_MS. Without, its
 * end is a failure of the process.
 *
 * What it says that is no answer and no progress is every session's (shared_route.c).
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "mcp/event.h"
#include "mcp/session_state.h"
#include "json/reader.h"

#define RESTART_LEAST_MS 100
#define RESTART_MOST_MS 30000

#define SHARED_STATES(X)                                                                           \
	X(DOWN)                                                                                    \
	X(UP)                                                                                      \
	X(ASKED)                                                                                   \
	X(READY)

enum shared_state {
#define SHARED_STATE(name) SHARED_##name,
	SHARED_STATES(SHARED_STATE)
#undef SHARED_STATE
};

struct shared {
	struct mcp *mcp;
	enum shared_state state;
	struct backend backend;
	struct call call;      /* initialize */
	struct session *asker; /* whose that is; NULL: he has ended */
	struct buffer result;  /* of it */
	bool initialized;      /* the child was told so */
	int64_t started;
	int64_t restart_ms; /* after which it is started again */
	struct deadline restart;
};

#define TO(state) (1U << SHARED_##state)

static const unsigned edges[] = {
	[SHARED_DOWN] = TO(UP),
	[SHARED_UP] = TO(ASKED) | TO(DOWN),
	[SHARED_ASKED] = TO(UP) | TO(READY) | TO(DOWN),
	[SHARED_READY] = TO(DOWN),
};

static void enter(struct shared *shared, enum shared_state state)
{
	assert(edges[shared->state] & (1U << state));
	shared->state = state;
}

bool shared_is_up(const struct mcp *mcp)
{
	return mcp->shared->state != SHARED_DOWN;
}

static struct shared *shared_of(struct backend *backend)
{
	return container_of(backend, struct shared, backend);
}

static struct agenda *agenda_of(const struct shared *shared)
{
	return &shared->mcp->worker->loop->agenda;
}

/* Initializing. */

/* A session whose client waits for initialize no more is about to end. */
static struct session_call *take_queued(struct session *session)
{
	struct session_call *call = session_initialize_call(session);

	if (!call) {
		session_end(session, session->doom);
	}
	return call;
}

static void admit(struct shared *shared, struct session *session, struct session_call *call)
{
	struct buffer text = {0};

	buffer_append_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":");
	buffer_append(&text, call->call.id.data, call->call.id.length);
	buffer_append_text(&text, ",\"result\":");
	buffer_append(&text, shared->result.data, shared->result.length);
	buffer_append_char(&text, '}');
	session_enter(session, SESSION_STARTING);
	if (text.failed) {
		session_call_fail(
			call, MESSAGE_INTERNAL_ERROR, "there is no memory for the answer");
	} else {
		session->backend = &shared->backend;
		session_call_answer(call, text.data, text.length);
	}
	buffer_fini(&text);
	buffer_fini(&session->initialize);
}

/* Its call stays the session's to be answered; the child's answer comes to ours. */
static void ask(struct shared *shared, struct session *session, struct session_call *call)
{
	struct message message;

	(void)message_read(&message, session->initialize.data, session->initialize.length, NULL);
	if (backend_call(&shared->backend, &shared->call, &message) < 0) {
		session_call_fail(
			call, MESSAGE_SERVER_ERROR, "the server does not take the request");
		session_end(session, "it was not initialized");
		return;
	}
	shared->asker = session;
	enter(shared, SHARED_ASKED);
}

void shared_start_queued(struct mcp *mcp)
{
	struct shared *shared = mcp->shared;

	while (!list_empty(&mcp->queued) &&
		(shared->state == SHARED_UP || shared->state == SHARED_READY)) {
		struct session *session = container_of(mcp->queued.next, struct session, queued);
		struct session_call *call = take_queued(session);

		if (call && shared->state == SHARED_READY) {
			admit(shared, session, call);
		} else if (call) {
			ask(shared, session, call);
		}
	}
}

void shared_forget(struct shared *shared, struct session *session)
{
	if (shared->asker == session) {
		shared->asker = NULL;
	}
}

/* The call of the session that asked; NULL: nobody waits for it any more. */
static struct session_call *take_asker(struct shared *shared)
{
	struct session *session = shared->asker;

	shared->asker = NULL;
	return session ? session_initialize_call(session) : NULL;
}

static void answered(struct call *call, const char *line, size_t length)
{
	static const struct json_path path = {{"result"}};
	struct shared *shared = container_of(call, struct shared, call);
	struct session_call *asker = take_asker(shared);
	struct json_value result;
	struct json_reader reader = {.paths = &path, .values = &result, .count = 1};

	agenda_post(agenda_of(shared), &shared->mcp->start_next);
	if (json_read(&reader, line, length) == JSON_OK && result.kind != JSON_ABSENT) {
		buffer_append(&shared->result, line + result.start, result.length);
		if (!shared->result.failed) {
			enter(shared, SHARED_READY);
			return;
		}
		buffer_fini(&shared->result);
	}
	enter(shared, SHARED_UP);
	if (asker) {
		session_call_answer(asker, line, length);
	}
}

static void failed(struct call *call, int code, const char *reason)
{
	struct shared *shared = container_of(call, struct shared, call);
	struct session_call *asker = take_asker(shared);

	enter(shared, SHARED_UP);
	agenda_post(agenda_of(shared), &shared->mcp->start_next);
	if (asker) {
		session_call_fail(asker, code, reason);
	}
}

static const struct call_ops call_ops = {.answered = answered, .failed = failed};

/* What comes from the child. */

static void message(struct backend *backend, const struct message *said)
{
	shared_take(shared_of(backend)->mcp, backend, said);
}

void shared_send(struct mcp *mcp, const struct message *message)
{
	struct shared *shared = mcp->shared;

	if (message_is(message, "notifications/initialized")) {
		if (shared->initialized) {
			return;
		}
		shared->initialized = true;
	}
	backend_send(&shared->backend, message);
}

static void room(struct backend *backend)
{
	sessions_each(shared_of(backend)->mcp, session_wake_waiters);
}

/* Its life. */

static const struct backend_ops backend_ops;

static void start_later(struct shared *shared)
{
	deadline_set(&shared->restart, curfew_after_ms(shared->restart_ms));
}

static int start(struct shared *shared)
{
	int error = backend_start(&shared->backend, shared->mcp, &backend_ops, "shared", NULL);

	if (!error) {
		shared->started = curfew_now();
		enter(shared, SHARED_UP);
	}
	return error;
}

static void restart(struct deadline *deadline)
{
	struct shared *shared = container_of(deadline, struct shared, restart);
	int64_t after_ms = shared->restart_ms;

	if (shared->mcp->ending) {
		return;
	}
	shared->restart_ms = after_ms * 2 < RESTART_MOST_MS ? after_ms * 2 : RESTART_MOST_MS;
	if (start(shared) < 0) {
		start_later(shared);
		return;
	}
	journal_tell(&shared->mcp->service.journal, &mcp_events[MCP_RESTARTED],
		journal_number(after_ms));
}

/* Sessions that have not sent initialize have nothing of this child. */
static void end_sessions(struct mcp *mcp, const char *reason)
{
	for (int i = 0; i < MCP_SESSION_BUCKETS; i++) {
		list_each_safe(link, &mcp->sessions[i]) {
			struct session *session = container_of(link, struct session, link);

			if (session->state != SESSION_NEW) {
				session_lost_backend(session, reason);
			}
		}
	}
}

/* Without --restart nothing goes on without it. */
static void left(struct backend *backend, const char *reason)
{
	struct mcp *mcp = shared_of(backend)->mcp;

	if (!mcp->ending && !mcp->config->restart) {
		service_fail(&mcp->service, "%s", reason);
	}
}

static void ended(struct backend *backend, const char *reason)
{
	struct shared *shared = shared_of(backend);
	struct mcp *mcp = shared->mcp;

	enter(shared, SHARED_DOWN);
	buffer_fini(&shared->result);
	shared->initialized = false;
	end_sessions(mcp, reason);
	if (mcp->ending) {
		return;
	}
	if (!mcp->config->restart) {
		service_fail(&mcp->service, "%s", reason); /* also where we had to end it */
		return;
	}
	if (clock_ms_between(shared->started, curfew_now()) >= RESTART_MOST_MS) {
		shared->restart_ms = RESTART_LEAST_MS;
	}
	start_later(shared);
}

static const struct backend_ops backend_ops = {
	.message = message,
	.room = room,
	.left = left,
	.ended = ended,
};

int shared_init(struct mcp *mcp)
{
	struct shared *shared = calloc(1, sizeof(*shared));
	int error;

	if (!shared) {
		return -ENOMEM;
	}
	shared->mcp = mcp;
	shared->call.ops = &call_ops;
	shared->restart_ms = RESTART_LEAST_MS;
	deadline_init(&shared->restart, agenda_of(shared), restart);
	mcp->shared = shared;
	error = start(shared);
	if (error < 0) {
		shared_fini(mcp);
	}
	return error;
}

/* The child has ended. */
void shared_fini(struct mcp *mcp)
{
	struct shared *shared = mcp->shared;

	if (!shared) {
		return;
	}
	mcp->shared = NULL;
	deadline_fini(&shared->restart);
	buffer_fini(&shared->result);
	free(shared);
}
