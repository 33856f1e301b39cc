/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request comes (begin): its path and method are looked for in one table. What asks is answered
 * when the request is whole (serve_route); a call goes on as an exchange (exchange.c).
 */
#include "serve/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/compose.h"
#include "net/keep_alive.h"
#include "serve/docs.h"
#include "serve/exchange.h"

#define JSON "application/json"
#define API_VERSION "3" /* of the reference's /metadata */

/* What is asked for. */

static void answer_root(struct exchange *exchange)
{
	http_answer_whole(exchange->connection, 307, NULL, NULL, "Location: /docs\r\n");
}

static void answer_docs(struct exchange *exchange)
{
	struct buffer fields = {0};

	http_compose_field(&fields, "Content-Security-Policy", docs_page_policy);
	http_compose_field(&fields, "Referrer-Policy", "no-referrer");
	http_answer_whole(exchange->connection, 200, "text/html; charset=utf-8", docs_page,
		buffer_text(&fields));
	buffer_fini(&fields);
}

static void answer_schema(struct exchange *exchange)
{
	exchange_answer(exchange, JSON, &exchange->serve->function.schema, NULL);
}

static void answer_openapi(struct exchange *exchange)
{
	exchange_answer(exchange, JSON, &exchange->serve->function.openapi, NULL);
}

static void append_id(struct buffer *text, const struct exchange *exchange)
{
	const char *id = exchange->serve->function.id;

	buffer_append_json(text, id, strlen(id));
}

static void answer_id(struct exchange *exchange)
{
	struct buffer text = {0};

	append_id(&text, exchange);
	exchange_answer(exchange, JSON, &text, NULL);
	buffer_fini(&text);
}

static void answer_metadata(struct exchange *exchange)
{
	struct buffer text = {0};

	buffer_append_text(&text, "{\"api_version\":\"" API_VERSION "\",\"identifier\":");
	append_id(&text, exchange);
	buffer_append_text(&text, ",\"capabilities\":[]}");
	exchange_answer(exchange, JSON, &text, NULL);
	buffer_fini(&text);
}

/* The routes. */

struct route {
	const char *path;
	bool is_call; /* POST, with a body; else GET and HEAD */
	void (*serve)(struct exchange *exchange);
};

static const struct route routes[] = {
	{"/invoke", true, exchange_invoke},
	{"/precheck", false, exchange_precheck},
	{"/schema", false, answer_schema},
	{"/id", false, answer_id},
	{"/metadata", false, answer_metadata},
	{"/openapi.json", false, answer_openapi},
	{"/docs", false, answer_docs},
	{"/", false, answer_root},
	{"", false, answer_root},
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static const struct route *find_route(const struct http_head *head)
{
	struct http_text path = http_head_text(head, head->path);
	const char *query = memchr(path.bytes, '?', path.length);

	path.length = query ? (size_t)(query - path.bytes) : path.length;
	for (size_t i = 0; i < ROUTES; i++) {
		if (strlen(routes[i].path) == path.length &&
			!memcmp(routes[i].path, path.bytes, path.length)) {
			return &routes[i];
		}
	}
	return NULL;
}

static bool takes_method(const struct route *route, const struct http_head *head)
{
	return route->is_call ? http_head_says(head, head->method, "POST")
			      : http_head_says(head, head->method, "GET") ||
			http_head_says(head, head->method, "HEAD");
}

/* Sets its route. Returns whether to go on; if not, it was refused. */
static bool find_way(struct exchange *exchange)
{
	const struct http_head *head = &exchange->connection->parser.head;
	const struct route *route = find_route(head);

	if (!route) {
		exchange_refuse(exchange, 404, "Not Found", NULL);
		return false;
	}
	if (!takes_method(route, head)) {
		exchange_refuse(exchange, 405, "Method Not Allowed",
			route->is_call ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n");
		return false;
	}
	exchange->route = route;
	return true;
}

/* The handler. */

/* A client that waits to be asked for the body is asked for it. */
static void ask_for_body(struct http_connection *connection)
{
	if (connection->parser.head.expects_continue) {
		(void)http_answer_interim(connection, 100);
		http_answer_interim_end(connection);
	}
}

static void begin(struct http_connection *connection)
{
	struct serve *serve = connection->server->arg;
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	request_metrics_begin(&serve->requests);
	if (!exchange) {
		http_answer_error(connection, 503, "there is no memory for the request");
		return;
	}
	connection->user = exchange;
	exchange->serve = serve;
	exchange->connection = connection;
	if (find_way(exchange) && exchange->route->is_call && exchange_checks_body(exchange)) {
		ask_for_body(connection);
	}
}

static size_t take_body(struct http_connection *connection, char *bytes, size_t length)
{
	struct exchange *exchange = exchange_of(connection);

	return exchange && exchange->route && exchange->route->is_call
		? exchange_take_body(exchange, bytes, length)
		: length;
}

static void serve_route(struct http_connection *connection)
{
	struct exchange *exchange = exchange_of(connection);

	if (exchange && connection->answer == HTTP_ANSWER_NONE) {
		exchange->route->serve(exchange);
	}
}

static void writable(struct http_connection *connection)
{
	if (exchange_of(connection)) {
		exchange_writable(exchange_of(connection));
	}
}

static void cut(struct http_connection *connection)
{
	if (exchange_of(connection)) {
		exchange_cut(exchange_of(connection));
	}
}

static void over(struct http_connection *connection, bool whole)
{
	struct serve *serve = connection->server->arg;

	request_metrics_end(&serve->requests, connection->status, curfew_now() - connection->began);
	if (exchange_of(connection)) {
		exchange_over(exchange_of(connection), whole);
	}
}

static void refused(struct http_connection *connection, unsigned status)
{
	struct serve *serve = connection->server->arg;

	request_metrics_begin(&serve->requests);
	request_metrics_end(&serve->requests, status, 0);
}

static const struct http_handler handler = {
	.request = begin,
	.body = take_body,
	.end = serve_route,
	.writable = writable,
	.cut = cut,
	.over = over,
	.refused = refused,
};

static void left(struct http_server *server)
{
	const struct serve *serve = server->arg;

	service_left((struct service *)&serve->service);
}

void serve_endpoint_init(struct serve *serve)
{
	http_limits_default(&serve->limits);
	serve->server = (struct http_server){
		.worker = serve->worker,
		.drain = &serve->worker->drain,
		.handler = &handler,
		.limits = &serve->limits,
		.scheme = serve->config->service.tls_cert ? "https" : "http",
		.arg = serve,
		.left = left,
		.minds_reset = true,
	};
}

/* Calls may be long, and nothing is said meanwhile. */
int serve_endpoint_take(struct serve *serve, int fd, struct stream_filter *filter)
{
	keep_alive_socket(fd);
	return http_server_take(&serve->server, fd, filter);
}
