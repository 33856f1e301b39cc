/* SPDX-License-Identifier: Apache-2.0 */
/* Another protocol on a connection, behind a 101: through it, or on a stream that leaves it. */
#include <assert.h>

#include "http/compose.h"
#include "http/exchange.h"

void http_tunnel(struct http_connection *connection, bool has_date)
{
	struct buffer *head = stream_compose(&connection->stream);

	assert(connection->state == HTTP_CONNECTION_EXCHANGE);
	assert(connection->answer == HTTP_ANSWER_HEAD);
	if (!has_date) {
		http_compose_own_date(connection, head);
	}
	buffer_append_text(head, "Connection: upgrade\r\n");
	http_compose_end(head);
	stream_written(&connection->stream);
	http_exchange_tunnelled(connection);
}

void http_tunnel_write(struct http_connection *connection, const void *bytes, size_t length)
{
	stream_write(&connection->stream, bytes, length);
}

void http_tunnel_shut(struct http_connection *connection)
{
	stream_shut(&connection->stream);
}

void http_tunnel_close(struct http_connection *connection, bool whole)
{
	if (connection->state == HTTP_CONNECTION_TUNNEL) {
		http_exchange_tell_over(connection, whole);
		http_connection_enter_closing(connection, false);
	}
}

void http_tunnel_cut(struct http_connection *connection)
{
	if (connection->state == HTTP_CONNECTION_TUNNEL) {
		http_exchange_break_off(connection);
		stream_cut(&connection->stream);
	}
}

/* The memory goes when the stream that has moved away says so (closed). */
void http_tunnel_hand_over(struct http_connection *connection, struct stream *to,
	struct worker *worker, const struct stream_ops *ops)
{
	assert(connection->state == HTTP_CONNECTION_TUNNEL);
	stream_cross(to, &connection->stream, worker, ops);
	connection->handed_over = true;
	deadline_set(&connection->deadline, CURFEW_NEVER);
	http_connection_enter(connection, HTTP_CONNECTION_CLOSING);
	curfew_hold_release(&connection->hold);
	http_exchange_tell_over(connection, true);
}
