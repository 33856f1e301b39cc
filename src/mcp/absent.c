/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the parts that are not there yet. */
#include "mcp/replica.h"
#include "mcp/request.h"
#include "mcp/stateless.h"

const char *replica_check(const char *peer_url)
{
	(void)peer_url;
	return NULL;
}

void replica_pass_on(struct mcp *mcp, struct http_connection *connection, const char *replica,
	size_t length, const char *body, size_t body_length)
{
	(void)mcp;
	(void)replica;
	(void)length;
	(void)body;
	(void)body_length;
	http_answer_error(connection, 404, "");
}

bool replica_passed_on(const struct http_head *head)
{
	(void)head;
	return false;
}

bool stateless_is(const struct message *message, const struct http_head *head)
{
	(void)message;
	(void)head;
	return false;
}

void stateless_post(struct mcp *mcp, struct http_connection *connection,
	const struct message *message, const struct stateless_post *post)
{
	(void)mcp;
	(void)message;
	(void)post;
	http_answer_error(connection, 400, "");
}

void stateless_drain(struct mcp *mcp)
{
	(void)mcp;
}

void stateless_fini(struct mcp *mcp)
{
	(void)mcp;
}
