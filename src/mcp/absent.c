/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the parts that are not there yet. */
#include <errno.h>
#include <string.h>

#include "mcp/replica.h"
#include "mcp/request.h"
#include "mcp/stateless.h"

#define ABSENT enum session_refusal session_open(
	struct mcp *mcp, bool is_legacy, const char *const *environment, struct session **session)
{
	(void)mcp;
	(void)is_legacy;
	(void)environment;
	(void)session;
	return SESSION_FAILED;
}

ABSENT struct session *session_find(struct mcp *mcp, const char *id, size_t length)
{
	(void)mcp;
	(void)id;
	(void)length;
	return NULL;
}

ABSENT bool session_is_full(struct session *session, struct session_waiter *waiter)
{
	(void)session;
	(void)waiter;
	return false;
}

ABSENT void session_waiter_forget(struct session_waiter *waiter)
{
	(void)waiter;
}

ABSENT void session_post(struct session *session, struct http_connection *connection,
	const char *fields, const struct message *message)
{
	(void)session;
	(void)connection;
	(void)fields;
	(void)message;
}

ABSENT void session_listen(
	struct session *session, struct http_connection *connection, const char *fields)
{
	(void)session;
	(void)connection;
	(void)fields;
}

ABSENT bool session_resume(struct session *session, struct http_connection *connection,
	const char *fields, const char *event_id, size_t length)
{
	(void)session;
	(void)connection;
	(void)fields;
	(void)event_id;
	(void)length;
	return false;
}

ABSENT void session_end(struct session *session, const char *reason)
{
	(void)session;
	(void)reason;
}

ABSENT void sessions_announce(struct mcp *mcp)
{
	(void)mcp;
}

ABSENT const char *replica_check(const char *peer_url)
{
	(void)peer_url;
	return NULL;
}

ABSENT void replica_pass_on(struct mcp *mcp, struct http_connection *connection,
	const char *replica, size_t length, const char *body, size_t body_length)
{
	(void)mcp;
	(void)replica;
	(void)length;
	(void)body;
	(void)body_length;
	http_answer_error(connection, 404, "");
}

ABSENT bool replica_passed_on(const struct http_head *head)
{
	(void)head;
	return false;
}

ABSENT bool stateless_is(const struct message *message)
{
	(void)message;
	return false;
}

ABSENT void stateless_post(
	struct mcp *mcp, struct http_connection *connection, const struct message *message)
{
	(void)mcp;
	(void)message;
	http_answer_error(connection, 400, "");
}

ABSENT void stateless_announce(struct mcp *mcp)
{
	(void)mcp;
}

ABSENT void stateless_fini(struct mcp *mcp)
{
	(void)mcp;
}
