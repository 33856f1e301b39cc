/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a session. It is found by its name (session_table.c) until it ends: by DELETE, by its
 * idle time or its age, by its child's death, or with its client (HTTP+SSE).
 *
 * session_end gives what is in flight its error, ends the streams, and asks the child to end. The
 * memory goes in a task, when the child is gone. What ends a session from inside a callback of its
 * backend or of a stream does so in the same task (session_doom).
 */
#include "mcp/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "mcp/event.h"
#include "mcp/session_state.h"

#define TO(state) (1U << SESSION_##state)

static const unsigned edges[] = {
	[SESSION_NEW] = TO(QUEUED) | TO(ENDING),
	[SESSION_QUEUED] = TO(STARTING) | TO(ENDING),
	[SESSION_STARTING] = TO(OPEN) | TO(ENDING),
	[SESSION_OPEN] = TO(ENDING),
	[SESSION_ENDING] = 0,
};

static void leave_state(struct session *session)
{
	struct mcp *mcp = session->mcp;

	if (session->state == SESSION_QUEUED) {
		link_remove(&session->queued);
		mcp->queued_count--;
	} else if (session->state == SESSION_STARTING) {
		mcp->starting--;
		agenda_post(session_agenda(session), &mcp->start_next);
	}
}

void session_enter(struct session *session, enum session_state state)
{
	struct mcp *mcp = session->mcp;

	assert(edges[session->state] & (1U << state));
	leave_state(session);
	session->state = state;
	if (state == SESSION_QUEUED) {
		list_append(&mcp->queued, &session->queued);
		mcp->queued_count++;
	} else if (state == SESSION_STARTING) {
		mcp->starting++;
	} else if (state == SESSION_ENDING) {
		link_remove(&session->link);
		mcp->session_count--;
		list_append(&mcp->ended, &session->link);
		mcp->ended_count++;
	}
}

struct session_tag session_tag(const struct session *session)
{
	const char *random = strchr(session->id, '.');
	struct session_tag tag;

	random = random ? random + 1 : session->id;
	(void)snprintf(tag.text, sizeof(tag.text), "%.*s", (int)strcspn(random, "."), random);
	return tag;
}

/* The end. */

void session_free(struct session *session)
{
	assert(list_empty(&session->calls) && list_empty(&session->posts));
	agenda_unpost(session_agenda(session), &session->task);
	session->mcp->ended_count--;
	link_remove(&session->link);
	channel_fini(&session->stream);
	replay_fini(&session->replay);
	deadline_fini(&session->idle);
	deadline_fini(&session->end);
	buffer_fini(&session->initialize);
	buffer_fini(&session->environment);
	free(session);
}

static void run_task(struct task *task)
{
	struct session *session = container_of(task, struct session, task);

	if (session->state != SESSION_ENDING) {
		session_end(session, session->doom);
	} else if (!session->backend) {
		session_free(session);
	}
}

void session_doom(struct session *session, const char *reason)
{
	if (session->state != SESSION_ENDING) {
		session->doom = session->doom ? session->doom : reason;
		agenda_post(session_agenda(session), &session->task);
	}
}

static void tell_ended(struct session *session, const char *reason)
{
	struct mcp *mcp = session->mcp;
	struct session_tag tag = session_tag(session);

	mcp->counts.sessions_ended++;
	journal_tell(&mcp->service.journal, &mcp_events[MCP_SESSION_ENDED], journal_text(tag.text),
		journal_text(reason), journal_number((int64_t)session->in_flight),
		journal_number(clock_ms_between(session->begun, curfew_now())));
}

/* Its memory goes when there is no child of its own any more. */
static void leave_backend(struct session *session, const char *reason)
{
	if (session->backend == &session->own) {
		backend_stop(session->backend, MESSAGE_SERVER_ERROR, reason);
		return;
	}
	session->backend = NULL;
	if (session->mcp->shared) {
		shared_forget(session->mcp->shared, session);
	}
	agenda_post(session_agenda(session), &session->task);
}

void session_wake_waiters(struct session *session)
{
	struct curfew_link waiters;
	struct curfew_link *link;

	list_init(&waiters);
	list_splice(&waiters, &session->waiters);
	while ((link = list_take(&waiters))) {
		struct session_waiter *waiter = container_of(link, struct session_waiter, link);

		waiter->room(waiter);
	}
}

static void fail_calls(struct session *session, const char *reason)
{
	struct curfew_link *link;

	while ((link = list_take(&session->calls))) {
		session_call_end(container_of(link, struct session_call, link), reason);
	}
}

void session_end(struct session *session, const char *reason)
{
	if (session->state == SESSION_ENDING) {
		return;
	}
	tell_ended(session, reason);
	session_enter(session, SESSION_ENDING);
	deadline_set(&session->idle, CURFEW_NEVER);
	deadline_set(&session->end, CURFEW_NEVER);
	fail_calls(session, reason);
	session_end_stream(session, 0);
	session_forget_requests(session);
	session_wake_waiters(session);
	leave_backend(session, reason);
}

void session_lost_backend(struct session *session, const char *reason)
{
	session->backend = NULL;
	if (session->state == SESSION_ENDING) {
		agenda_post(session_agenda(session), &session->task);
	} else {
		session_end(session, reason);
	}
}

/* Idleness, and age. */

static void idle_passed(struct deadline *deadline)
{
	session_end(container_of(deadline, struct session, idle), "the session was idle");
}

static void end_passed(struct deadline *deadline)
{
	struct session *session = container_of(deadline, struct session, end);

	session_end(session,
		session->state == SESSION_STARTING ? "the server did not answer initialize in time"
						   : "the session was too old");
}

/* Nothing in flight needs its stream when the process is on its way to its end. */
static void quiet(struct session *session)
{
	if (session->is_legacy) {
		session_doom(session, "the server is shutting down");
	} else {
		session_end_stream(session, CHANNEL_RETRY_MS);
	}
}

void session_settle(struct session *session)
{
	struct mcp *mcp = session->mcp;
	bool is_busy = session->call_count || channel_is_carried(&session->stream);

	if (session->state == SESSION_ENDING) {
		return;
	}
	deadline_set(&session->idle,
		is_busy ? CURFEW_NEVER
			: clock_add_ms(worker_now(mcp->worker), mcp->config->session_idle_ms));
	if (mcp->ending && !session->in_flight) {
		quiet(session);
	}
}

/* The beginning. */

static void session_init(struct session *session, struct mcp *mcp, bool is_legacy)
{
	struct agenda *agenda = &mcp->worker->loop->agenda;

	session->mcp = mcp;
	session->is_legacy = is_legacy;
	session->begun = curfew_now();
	session->task.run = run_task;
	session->next_channel = 1;
	list_init(&session->posts);
	list_init(&session->waiters);
	list_init(&session->calls);
	list_init(&session->requests);
	deadline_init(&session->idle, agenda, idle_passed);
	deadline_init(&session->end, agenda, end_passed);
	deadline_set(&session->end, curfew_after_ms(mcp->config->session_max_ms));
	replay_init(&session->replay, (size_t)mcp->config->replay);
	channel_init(&session->stream, is_legacy ? CHANNEL_PLAIN : CHANNEL_GET, &session_stream_ops,
		mcp->worker, is_legacy ? NULL : &session->replay, 0);
}

static void append_environment(struct buffer *out, const char *const *environment)
{
	for (; environment && *environment; environment++) {
		buffer_append(out, *environment, strlen(*environment) + 1);
	}
}

struct session *session_new(struct mcp *mcp, bool is_legacy, const char *const *environment)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session) {
		return NULL;
	}
	append_environment(&session->environment, environment);
	if (session->environment.failed ||
		session_id_mint(session->id, &mcp->key, mcp->replica) < 0) {
		buffer_fini(&session->environment);
		free(session);
		return NULL;
	}
	session_init(session, mcp, is_legacy);
	return session;
}

/*
 * A shared child goes on answering a client of HTTP+SSE that does not read: that one is not asked
 * for more meanwhile.
 */
static bool is_full(struct session *session)
{
	return session->backend &&
		(backend_is_full(session->backend) ||
			(session->mcp->shared && session->is_legacy &&
				channel_is_full(&session->stream)));
}

bool session_is_full(struct session *session, struct session_waiter *waiter)
{
	if (!is_full(session)) {
		return false;
	}
	if (!link_linked(&waiter->link)) {
		list_append(&session->waiters, &waiter->link);
	}
	return true;
}

void session_waiter_forget(struct session_waiter *waiter)
{
	link_remove(&waiter->link);
}
