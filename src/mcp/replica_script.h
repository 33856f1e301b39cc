/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a client, an endpoint that passes each request on, and an owner, which is a listener
 * on loopback and the connections that it has accepted. The owner's name is its port, by which
 * --peer-url finds it.
 */
#ifndef MCP_REPLICA_SCRIPT_H
#define MCP_REPLICA_SCRIPT_H

#include <arpa/inet.h>

#include "http/server_script.h"
#include "mcp/replica.h"
#include "mcp/replica_pass.h"
#include "tests/allocation.h"

#define FILLERS 16
#define OWN_FIELDS "X-Own: 1\r\n"
#define GONE                                                                                       \
	"HTTP/1.1 404 Not Found\nContent-Type: application/json\nX-Own: 1\n"                       \
	"Content-Length: 104\n\n"                                                                  \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32001,\"message\":"                             \
	"\"Session not found: the replica that had it is gone\"}}"
#define UNABLE                                                                                     \
	"HTTP/1.1 503 Service Unavailable\nContent-Type: application/json\nX-Own: 1\n"             \
	"Retry-After: 1\nContent-Length: 106\n\n"                                                  \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":"                             \
	"\"the replica that has the session cannot be asked now\"}}"
#define BROKEN                                                                                     \
	"HTTP/1.1 502 Bad Gateway\nContent-Type: application/json\nX-Own: 1\n"                     \
	"Content-Length: 96\n\n"                                                                   \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":"                             \
	"\"the replica that has the session broke off\"}}"
#define MARKED "Curfew-Replica: 1\nVia: 1.1 curfew\n"
#define POST(body, length)                                                                         \
	"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: " length "\r\n\r\n" body
#define PASSED_POST(body, length)                                                                  \
	"POST /mcp HTTP/1.1\nHost: a\n" MARKED "Content-Length: " length "\n\n" body
#define PASSED_GET "GET /mcp HTTP/1.1\nHost: a\n" MARKED "\n"

static struct mcp_config config;
static struct mcp mcp;
static char name[SESSION_REPLICA_MOST + 2]; /* of the owner, as requests show it */
static struct buffer body;                  /* of the request */
static int fail_at;                         /* this allocation of the next passing on; 0: none */
static bool has_failed;

/* Of the owner's side. */
static int listener = -1;
static int other = -1;          /* its connection; -1: none */
static struct buffer other_got; /* as it came */

/* The endpoint. */

static inline void endpoint_request(struct http_connection *connection)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	assert_non_null(exchange);
	exchange->connection = connection;
	connection->user = exchange;
	script.connection = connection;
	script.open++;
	buffer_consume(&body, body.length);
}

static inline size_t endpoint_body(struct http_connection *connection, char *bytes, size_t length)
{
	(void)connection;
	buffer_append(&body, bytes, length);
	return length;
}

static inline void endpoint_end(struct http_connection *connection)
{
	allocation_fail(fail_at);
	replica_pass_on(&mcp, connection, name, strlen(name), &body, OWN_FIELDS);
	has_failed = allocation_failed();
}

static inline void endpoint_writable(struct http_connection *connection)
{
	exchange_of(connection)->carrier->ops->writable(exchange_of(connection)->carrier);
}

static inline void endpoint_cut(struct http_connection *connection)
{
	exchange_of(connection)->carrier->ops->cut(exchange_of(connection)->carrier);
}

static inline void endpoint_over(struct http_connection *connection, bool whole)
{
	struct exchange *exchange = exchange_of(connection);

	if (exchange->carrier) {
		exchange->carrier->ops->left(exchange->carrier, whole);
	}
	memset(exchange, 0x5a, sizeof(*exchange)); /* nobody may look at it any more */
	free(exchange);
	script.open--;
}

static const struct http_handler endpoint_handler = {
	.request = endpoint_request,
	.body = endpoint_body,
	.end = endpoint_end,
	.writable = endpoint_writable,
	.cut = endpoint_cut,
	.over = endpoint_over,
};

static inline void serve_replica_on(int fds[2])
{
	serve_on(worker, fds);
	handler = endpoint_handler;
}

static inline void serve_replica(void)
{
	int fds[2];

	tcp_pair(fds);
	serve_replica_on(fds);
}

static inline struct pass *pass_now(void)
{
	return list_empty(&mcp.passes) ? NULL : container_of(mcp.passes.next, struct pass, link);
}

/* The owner. */

static inline void other_listen(int backlog)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(at);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, length), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &length), 0);
	assert_true(backlog < 0 || listen(listener, backlog) == 0);
	(void)snprintf(name, sizeof(name), "%u", ntohs(at.sin_port));
}

/* Makes one that does not answer: its backlog is full, so that it drops what asks to connect. */
static int fillers[FILLERS];

static inline void other_fill(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	close(listener);
	other_listen(0);
	at.sin_port = htons((uint16_t)strtoul(name, NULL, 10));
	for (int i = 0; i < FILLERS; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(fillers[i], (struct sockaddr *)&at, sizeof(at));
	}
}

static inline void other_empty(void)
{
	for (int i = 0; i < FILLERS; i++) {
		close(fillers[i]);
	}
}

static inline bool other_accepts(void)
{
	other = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return other >= 0;
}

static inline void other_accept(void)
{
	assert_int_equal(other, -1);
	run_until(other_accepts());
}

static inline void other_close(void)
{
	close(other);
	other = -1;
}

static inline void other_reset(void)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	assert_int_equal(setsockopt(other, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	other_close();
}

static inline void other_say(const char *text)
{
	assert_int_equal(send(other, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads what there is; false: the stream has ended. */
static inline bool other_read(void)
{
	char *room = buffer_reserve(&other_got, 65536);
	ssize_t n = recv(other, room, 65536, 0);

	if (n > 0) {
		buffer_commit(&other_got, (size_t)n);
		return true;
	}
	if (n < 0 && errno == EAGAIN) {
		return true;
	}
	buffer_append_text(&other_got, n == 0 ? "<end>" : "<reset>");
	return false;
}

/* Until the owner has got this, and it is all that it got. */
static inline void other_expect(const char *expected)
{
	struct buffer text = {0};
	bool more = true;

	while (more && text.length < strlen(expected)) {
		struct pollfd ready[] = {{other, POLLIN, 0}, {worker->loop->epoll_fd, POLLIN, 0}};

		round_now();
		(void)poll(ready, 2, round_timeout());
		more = other_read();
		readable(&other_got, &text);
	}
	settle();
	assert_string_equal(buffer_text(&text), expected);
	buffer_fini(&text);
	buffer_consume(&other_got, other_got.length);
}

/* The group. */

static inline int replica_setup(void **state)
{
	clock_now = curfew_now();
	clock_fake(&clock_now);
	(void)worker_setup(state);
	memset(&mcp, 0, sizeof(mcp));
	config = (struct mcp_config){.peer_url = "http://127.0.0.1:{replica}"};
	mcp.config = &config;
	mcp.worker = worker;
	fail_at = 0;
	replica_init(&mcp);
	other_listen(8);
	return 0;
}

static inline int replica_teardown(void **state)
{
	(void)state;
	served();
	close(listener);
	if (other >= 0) {
		other_close();
	}
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	replica_fini(&mcp);
	assert_int_equal(mcp.peer_count, 0);
	assert_int_equal(mcp.gathered, 0);
	assert_true(worker_pool_fini(&pool));
	curfew_lifecycle_free(life);
	buffer_fini(&body);
	buffer_fini(&other_got);
	clock_fake(NULL);
	return 0;
}

#define replica_test(test) cmocka_unit_test_setup_teardown(test, replica_setup, replica_teardown)

#endif
