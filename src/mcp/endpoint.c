/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request comes (begin): where it goes and who asks is looked at, then its head by the deed that
 * it wants; a body is gathered, as far as its session takes more; then it is served. From there on
 * whoever answers hears of its connection (exchange->carrier).
 *
 * What can go wrong. It is refused: at its head, before its body comes. The client goes away, or
 * its body does not come: over(), and the carrier hears of it. The work's deadline: the carrier has
 * the last word; without one it is answered 503.
 */
#include "mcp/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "mcp/header_env.h"
#include "mcp/request.h"
#include "net/keep_alive.h"

/* What of bodies is gathered at the same time: as many of the longest, and so many bytes. */
#define GATHERED_MESSAGES 4
#define GATHERED_LEAST ((size_t)64 << 20)

static struct request *request_of(struct http_connection *connection)
{
	struct exchange *exchange = exchange_of(connection);

	return exchange ? container_of(exchange, struct request, exchange) : NULL;
}

/* What this is, for people who look. */
static void serve_about(struct request *request)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		"This is an MCP server (Model Context Protocol), offered by curfew mcp %s.\n"
		"Streamable HTTP: %.200s\n"
		"HTTP+SSE: /sse\n",
		CURFEW_VERSION, request->mcp->config->path);
	request_answer(request, 200, "text/plain; charset=utf-8", text);
}

static const struct request_path about = {
	.allow = "GET, HEAD, OPTIONS",
	.is_open = true,
	.deeds = {{"GET", false, NULL, serve_about}, {"HEAD", false, NULL, serve_about}},
};

/* Where it goes. */

static const struct request_path *find_path(struct request *request)
{
	const struct http_head *head = request_head(request);
	struct http_text path = http_head_text(head, head->path);
	const char *query = memchr(path.bytes, '?', path.length);
	const struct {
		const char *path;
		const struct request_path *at;
	} paths[] = {
		{request->mcp->config->path, &request_streamable},
		{"/sse", &request_legacy_stream},
		{"/messages", &request_legacy_messages},
		{"/", &about},
		{"", &about},
	};

	path.length = query ? (size_t)(query - path.bytes) : path.length;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strlen(paths[i].path) == path.length &&
			!memcmp(paths[i].path, path.bytes, path.length)) {
			return paths[i].at;
		}
	}
	return NULL;
}

static const struct request_deed *find_deed(struct request *request)
{
	const struct http_head *head = request_head(request);

	for (size_t i = 0; i < REQUEST_DEEDS_MOST && request->path->deeds[i].method; i++) {
		if (http_head_says(head, head->method, request->path->deeds[i].method)) {
			return &request->path->deeds[i];
		}
	}
	return NULL;
}

/* Who asks. Returns false if it was refused. */
static bool checks_access(struct request *request)
{
	struct http_text origin;

	if (!access_host_allowed(request->mcp, request_connection(request))) {
		request_refuse(request, 403, MESSAGE_SERVER_ERROR,
			"Forbidden: the Host is not allowed (--allow-host)", NULL);
		return false;
	}
	if (!access_origin_allowed(request->mcp, request_head(request), &origin)) {
		request_refuse(request, 403, MESSAGE_SERVER_ERROR,
			"Forbidden: the Origin is not allowed (--allow-origin)", NULL);
		return false;
	}
	request->origin = origin;
	return true;
}

static bool is_options(struct request *request)
{
	const struct http_head *head = request_head(request);

	return http_head_says(head, head->method, "OPTIONS");
}

/* Returns false if it was answered. */
static bool find_way(struct request *request)
{
	if (!checks_access(request)) {
		return false;
	}
	request->path = find_path(request);
	if (request->path && is_options(request)) {
		access_answer_options(
			request_connection(request), request->origin, request->path->allow);
		return false;
	}
	if (!(request->path && request->path->is_open) &&
		!access_token_right(request->mcp, request_head(request))) {
		request_refuse(request, 401, MESSAGE_SERVER_ERROR,
			"Unauthorized: the bearer token is missing, or not the right one", NULL);
		return false;
	}
	if (!request->path) {
		request_refuse_plain(request, 404, "there is nothing here");
		return false;
	}
	request->deed = find_deed(request);
	if (!request->deed) {
		request_refuse(request, 405, MESSAGE_SERVER_ERROR, "Method not allowed", NULL);
		return false;
	}
	return true;
}

/* A client that waits to be asked for the body is asked for it. */
static void ask_for_body(struct http_connection *connection)
{
	if (connection->parser.head.expects_continue) {
		(void)http_answer_interim(connection, 100);
		http_answer_interim_end(connection);
	}
}

static void room(struct session_waiter *waiter)
{
	struct request *request = container_of(waiter, struct request, waiter);

	http_resume(request_connection(request));
}

static bool refuse_too_long(struct request *request)
{
	request_refuse(request, 413, MESSAGE_SERVER_ERROR,
		"Content Too Large: the message is longer than --max-message", NULL);
	return false;
}

/* Behind all else that its head can be refused for. */
static bool checks_length(struct request *request)
{
	return !request->deed->takes_body ||
		request_head(request)->content_length <= request->mcp->config->max_message ||
		refuse_too_long(request);
}

static void begin(struct http_connection *connection)
{
	struct mcp *mcp = connection->server->arg;
	struct request *request = calloc(1, sizeof(*request));

	request_metrics_begin(&mcp->requests);
	if (!request) {
		http_answer_error(connection, 503, "there is no memory for the request");
		return;
	}
	connection->user = &request->exchange;
	request->exchange.connection = connection;
	request->mcp = mcp;
	request->waiter.room = room;
	if (find_way(request) && (!request->deed->begin || request->deed->begin(request)) &&
		checks_length(request) && request->deed->takes_body) {
		ask_for_body(connection);
	}
}

/* Whether its session has enough to do. */
static bool has_to_wait(struct request *request)
{
	struct session *session = NULL;

	if (request->owner == REQUEST_OURS) {
		session =
			session_find(request->mcp, request->session.bytes, request->session.length);
	}
	return session && session_is_full(session, &request->waiter);
}

/* Bytes of bodies that are gathered at the same time. */
static size_t gathered_most(const struct mcp *mcp)
{
	size_t some = GATHERED_MESSAGES * (size_t)mcp->config->max_message;

	return some > GATHERED_LEAST ? some : GATHERED_LEAST;
}

static size_t take_body(struct http_connection *connection, char *bytes, size_t length)
{
	struct request *request = request_of(connection);

	if (!request || !request->deed || !request->deed->takes_body) {
		return length;
	}
	if (has_to_wait(request)) {
		return 0;
	}
	if (request->body.length + length > request->mcp->config->max_message) {
		(void)refuse_too_long(request);
		return length;
	}
	if (request->mcp->gathered + length > gathered_most(request->mcp)) {
		request_refuse(request, 503, MESSAGE_SERVER_ERROR,
			"there are too many long messages at the same time", NULL);
		return length;
	}
	buffer_append(&request->body, bytes, length);
	if (request->body.failed) {
		request_refuse(request, 503, MESSAGE_INTERNAL_ERROR,
			"there is no memory for the message", NULL);
		return length;
	}
	request->mcp->gathered += length;
	return length;
}

static void serve(struct http_connection *connection)
{
	struct request *request = request_of(connection);

	if (request && connection->answer == HTTP_ANSWER_NONE) {
		request->deed->serve(request);
	}
}

static void writable(struct http_connection *connection)
{
	struct exchange *exchange = exchange_of(connection);

	if (exchange && exchange->carrier && exchange->carrier->ops->writable) {
		exchange->carrier->ops->writable(exchange->carrier);
	}
}

static void cut(struct http_connection *connection)
{
	struct request *request = request_of(connection);
	struct carrier *carrier = request ? request->exchange.carrier : NULL;

	if (carrier && carrier->ops->cut) {
		carrier->ops->cut(carrier);
	} else if (connection->answer == HTTP_ANSWER_NONE && request) {
		request_refuse(
			request, 503, MESSAGE_SERVER_ERROR, "the server is shutting down", NULL);
	}
}

static void over(struct http_connection *connection, bool whole)
{
	struct mcp *mcp = connection->server->arg;
	struct request *request = request_of(connection);
	struct carrier *carrier;
	struct buffer body;

	request_metrics_end(&mcp->requests, connection->status, curfew_now() - connection->began);
	if (!request) {
		return;
	}
	carrier = request->exchange.carrier;
	request->exchange.carrier = NULL;
	if (carrier) {
		carrier->ops->left(carrier, whole);
	}
	if (request->waiter.link.next) {
		session_waiter_forget(&request->waiter);
	}
	body = request_take_body(request);
	buffer_fini(&body);
	free(request);
}

static void refused(struct http_connection *connection, unsigned status)
{
	struct mcp *mcp = connection->server->arg;

	request_metrics_begin(&mcp->requests);
	request_metrics_end(&mcp->requests, status, 0);
}

static void half_closed(struct http_connection *connection)
{
	struct request *request = request_of(connection);
	struct carrier *carrier = request ? request->exchange.carrier : NULL;

	if (carrier && carrier->ops->half_closed) {
		carrier->ops->half_closed(carrier);
	}
}

static const struct http_handler handler = {
	.request = begin,
	.body = take_body,
	.end = serve,
	.writable = writable,
	.cut = cut,
	.over = over,
	.refused = refused,
	.half_closed = half_closed,
};

/* The endpoint. */

static void left(struct http_server *server)
{
	const struct mcp *mcp = server->arg;

	service_left((struct service *)&mcp->service);
}

void endpoint_init(struct mcp *mcp)
{
	http_limits_default(&mcp->limits);
	mcp->server = (struct http_server){
		.worker = mcp->worker,
		.drain = &mcp->worker->drain,
		.handler = &handler,
		.limits = &mcp->limits,
		.scheme = mcp->config->service.tls_cert ? "https" : "http",
		.arg = mcp,
		.left = left,
	};
}

/* Streams are open for hours, and may have nothing to say. */
int endpoint_take(struct mcp *mcp, int fd, struct stream_filter *filter)
{
	keep_alive_socket(fd);
	return http_server_take(&mcp->server, fd, filter);
}

/* Returns what is wrong with --path, or NULL. */
static const char *check_path(const char *path)
{
	if (path[0] != '/') {
		return "does not begin with /";
	}
	for (const char *at = path; *at; at++) {
		if (*at <= ' ' || *at > '~' || strchr("?#\"<>\\^`{|}", *at)) {
			return "has characters that cannot stand in a path";
		}
	}
	return !strcmp(path, "/sse") || !strcmp(path, "/messages") ? "is a path of HTTP+SSE" : NULL;
}

int endpoint_configure(struct mcp *mcp)
{
	const struct mcp_config *config = mcp->config;
	const char *wrong = check_path(config->path);

	if (wrong) {
		return service_refuse(
			&mcp->service, "--path: '%.200s' %s (such as /mcp)", config->path, wrong);
	}
	for (size_t i = 0; i < config->header_env.count; i++) {
		wrong = header_env_check(config->header_env.word[i]);
		if (wrong) {
			return service_refuse(&mcp->service, "--header-env: '%.80s' %s",
				config->header_env.word[i], wrong);
		}
	}
	return access_configure(mcp);
}

void endpoint_fini(struct mcp *mcp)
{
	buffer_fini(&mcp->token);
}
