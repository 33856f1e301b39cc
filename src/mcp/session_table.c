/* SPDX-License-Identifier: Apache-2.0 */
/* All sessions: where they are found, how many there may be, what the end asks of them. */
#include <assert.h>
#include <string.h>

#include "base/list.h"
#include "mcp/session_state.h"
#include "mcp/stateless.h"

/* FNV-1a: names are ours, so that nobody can choose them. */
static struct curfew_link *bucket_of(struct mcp *mcp, const char *id, size_t length)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < length; i++) {
		hash = (hash ^ (unsigned char)id[i]) * 16777619U;
	}
	return &mcp->sessions[hash % MCP_SESSION_BUCKETS];
}

/* Children that are ending take memory too: as many of them as there may be sessions. */
static bool has_room(const struct mcp *mcp)
{
	return mcp->session_count < mcp->config->max_sessions &&
		mcp->ended_count < mcp->config->max_sessions + SESSIONS_QUEUED_MOST &&
		mcp->queued_count < SESSIONS_QUEUED_MOST && (!mcp->shared || shared_is_up(mcp));
}

enum session_refusal session_open(
	struct mcp *mcp, bool is_legacy, const char *const *environment, struct session **session)
{
	if (mcp->ending) {
		return SESSION_SHUTTING;
	}
	if (!has_room(mcp)) {
		return SESSION_NO_ROOM;
	}
	*session = session_new(mcp, is_legacy, environment);
	if (!*session) {
		return SESSION_FAILED;
	}
	list_append(bucket_of(mcp, (*session)->id, strlen((*session)->id)), &(*session)->link);
	mcp->session_count++;
	mcp->counts.sessions_opened++;
	session_settle(*session);
	return SESSION_TAKEN;
}

struct session *session_find(struct mcp *mcp, const char *id, size_t length)
{
	list_each(link, bucket_of(mcp, id, length)) {
		struct session *session = container_of(link, struct session, link);

		if (strlen(session->id) == length && !memcmp(session->id, id, length)) {
			return session;
		}
	}
	return NULL;
}

void sessions_each(struct mcp *mcp, void (*visit)(struct session *session))
{
	for (int i = 0; i < MCP_SESSION_BUCKETS; i++) {
		list_each_safe(link, &mcp->sessions[i]) {
			visit(container_of(link, struct session, link));
		}
	}
}

/* The end of the process. */

static void announce(struct session *session)
{
	session_calls_give_up(session);
	session_settle(session);
}

void sessions_announce(struct mcp *mcp)
{
	assert(mcp->ending);
	sessions_each(mcp, announce);
}

static void start_next(struct task *task)
{
	struct mcp *mcp = container_of(task, struct mcp, start_next);

	sessions_start_queued(mcp);
	stateless_go_on(mcp);
}

int sessions_init(struct mcp *mcp)
{
	for (int i = 0; i < MCP_SESSION_BUCKETS; i++) {
		list_init(&mcp->sessions[i]);
	}
	list_init(&mcp->ended);
	list_init(&mcp->queued);
	mcp->start_next.run = start_next;
	return mcp->config->shared ? shared_init(mcp) : 0;
}

static void end(struct session *session)
{
	session_end(session, "the server has shut down");
}

/* Children have all ended; what is left are sessions without one, and tasks that were not run. */
void sessions_fini(struct mcp *mcp)
{
	if (!mcp->start_next.run) {
		return;
	}
	sessions_each(mcp, end);
	list_each_safe(link, &mcp->ended) {
		session_free(container_of(link, struct session, link));
	}
	agenda_unpost(&mcp->worker->loop->agenda, &mcp->start_next);
	shared_fini(mcp);
	mcp->start_next.run = NULL;
}
