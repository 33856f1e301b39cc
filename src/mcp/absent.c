/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the parts that are not there yet. */
#include "mcp/replica.h"
#include "mcp/request.h"

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
