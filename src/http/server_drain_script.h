/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the end of the process: how requests are answered before it comes, and the end. */
#ifndef HTTP_SERVER_DRAIN_SCRIPT_H
#define HTTP_SERVER_DRAIN_SCRIPT_H

#include "core/lifecycle.h"
#include "http/server_script.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define HEAD_MS 5000
#define GRACE_MS 1000 /* of idle connections */
#define MARGIN_MS 50  /* before the deadline of the work */
#define CUT_MS 15000  /* after the worker_test's deadline of the work */
#define UPGRADE "GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
#define SWITCHED "HTTP/1.1 101 Switching Protocols\nUpgrade: x\nConnection: upgrade\n\n"
#define CHUNKED "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n"
#define SHUTTING_DOWN                                                                              \
	"HTTP/1.1 503 Service Unavailable\nContent-Type: text/plain; charset=utf-8\n"              \
	"Retry-After: 1\nContent-Length: 28\nConnection: close\n\nthe server is shutting down\n"

static inline void answer_later(struct http_connection *connection)
{
	(void)connection;
}

static inline void answer_begun(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_chunked(connection, false);
	http_answer_write(connection, "hello", 5);
}

static inline void switch_protocols(struct http_connection *connection)
{
	http_compose_field(http_answer(connection, 101), "Upgrade", "x");
	http_tunnel(connection, false);
}

static inline void stop(void)
{
	settle();
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	settle();
}

static inline uint64_t count_of(enum curfew_count count)
{
	return atomic_load(&life->counts[count]);
}

#endif
