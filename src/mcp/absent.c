/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the parts that are not there yet. */
#include <errno.h>
#include <string.h>

#include "mcp/replica.h"
#include "mcp/request.h"
#include "mcp/stateless.h"

#define ABSENT __attribute__((weak))

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
