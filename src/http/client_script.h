/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client on a worker, with a test as its server on the other end of a socket. What the handler
 * hears is written down as a text to compare; nothing here allocates, so that an allocation that a
 * test makes fail is one of the client's.
 */
#ifndef HTTP_CLIENT_SCRIPT_H
#define HTTP_CLIENT_SCRIPT_H

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client.h"
#include "http/compose.h"

#define SCRIPT_LOG (1 << 21)
#define SCRIPT_SECONDS 60 /* after which a test that waits in vain is killed */

struct script {
	struct curfew_lifecycle *life;
	struct worker_pool pool;
	struct worker *worker;
	struct http_client *client;
	int peer;        /* the server's end; -1: closed */
	size_t most;     /* bytes that body() and tunnel() take at once */
	bool keeps_open; /* does not close the client in failed() */
	char log[SCRIPT_LOG];
	size_t length;
	bool in_data; /* the log's last line is one of bytes */
	/* Called in each callback, with its name. */
	void (*act)(struct script *script, const char *event);
};

static struct script script;

static inline void script_log(const char *text)
{
	size_t length = strlen(text);

	if (script.in_data) {
		script.log[script.length++] = '\n';
		script.in_data = false;
	}
	assert(script.length + length + 1 < SCRIPT_LOG);
	memcpy(script.log + script.length, text, length + 1);
	script.length += length;
}

/* Returns what was heard since the last time. */
static inline const char *script_heard(void)
{
	if (script.in_data) {
		script_log("");
	}
	script.log[script.length] = '\0';
	script.length = 0;
	return script.log;
}

static inline void script_act(const char *event)
{
	if (script.act) {
		script.act(&script, event);
	}
}

static inline size_t script_data(const char *kind, const char *bytes, size_t length)
{
	size_t taken = length < script.most ? length : script.most;

	if (!taken) {
		return 0;
	}
	if (!script.in_data) {
		script_log(kind);
		script_log(" ");
		script.in_data = true;
	}
	assert(script.length + taken + 2 < SCRIPT_LOG);
	memcpy(script.log + script.length, bytes, taken);
	script.length += taken;
	return taken;
}

static inline void script_head(const char *event, struct http_client *client)
{
	char line[64];

	assert(client == script.client && client->answered && client->sent);
	(void)snprintf(line, sizeof(line), "%s %d\n", event, client->parser.head.status);
	script_log(line);
	script_act(event);
}

static inline void script_interim(struct http_client *client)
{
	script_head("interim", client);
}

static inline void script_final(struct http_client *client)
{
	script_head("head", client);
}

static inline size_t script_body(struct http_client *client, char *bytes, size_t length)
{
	size_t taken = script_data("body", bytes, length);

	(void)client;
	script_act("body");
	return taken;
}

static inline void script_end(struct http_client *client)
{
	const struct http_head *head = &client->parser.head;

	script_log("end");
	for (uint16_t i = head->count; i < head->count + head->trailers; i++) {
		struct http_text name = http_head_text(head, head->fields[i].name);
		struct http_text value = http_head_text(head, head->fields[i].value);
		char line[256];

		(void)snprintf(line, sizeof(line), " %.*s=%.*s", (int)name.length, name.bytes,
			(int)value.length, value.bytes);
		script_log(line);
	}
	script_log(client->reusable ? " reusable\n" : "\n");
	script_act("end");
}

static inline void script_writable(struct http_client *client)
{
	(void)client;
	script_log("writable\n");
	script_act("writable");
}

static inline size_t script_tunnel(struct http_client *client, char *bytes, size_t length)
{
	size_t taken = script_data("tunnel", bytes, length);

	(void)client;
	script_act("tunnel");
	return taken;
}

static inline void script_tunnel_end(struct http_client *client)
{
	(void)client;
	script_log("tunnel_end\n");
	script_act("tunnel_end");
}

static inline const char *script_failure(enum http_client_failure failure)
{
	static const char *const names[] = {
#define HTTP_CLIENT_FAILURE(name, text) [HTTP_CLIENT_##name] = #name,
		HTTP_CLIENT_FAILURES(HTTP_CLIENT_FAILURE)
#undef HTTP_CLIENT_FAILURE
	};

	return names[failure];
}

static inline void script_failed(struct http_client *client, enum http_client_failure failure)
{
	char line[128];

	assert(!client->reusable);
	(void)snprintf(line, sizeof(line), "failed %s%s%s%s\n", script_failure(failure),
		client->sent ? " sent" : "", client->answered ? " answered" : "",
		client->reused ? " reused" : "");
	script_log(line);
	script_act("failed");
	if (!script.keeps_open) {
		http_client_close(client);
	}
}

static inline void script_closed(struct http_client *client)
{
	assert(client == script.client);
	script_log("closed\n");
	free(client);
	script.client = NULL;
}

static const struct http_client_handler script_handler = {
	.interim = script_interim,
	.head = script_final,
	.body = script_body,
	.end = script_end,
	.writable = script_writable,
	.tunnel = script_tunnel,
	.tunnel_end = script_tunnel_end,
	.failed = script_failed,
	.closed = script_closed,
};

/* A worker for a group of tests. */
static inline int script_setup(void **state)
{
	struct curfew_lifecycle_options options;

	(void)state;
	(void)alarm(SCRIPT_SECONDS);
	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	script.life = curfew_lifecycle_new(&options);
	script.peer = -1;
	if (!script.life || worker_pool_init(&script.pool, script.life, 1) < 0) {
		return -1;
	}
	script.worker = &script.pool.workers[0];
	return curfew_lifecycle_ready(script.life) ? 0 : -1;
}

static inline int script_teardown(void **state)
{
	int code;

	(void)state;
	curfew_lifecycle_stop_for(script.life, CURFEW_COMPLETED, NULL);
	code = worker_pool_run(&script.pool);
	if (!worker_pool_fini(&script.pool)) {
		return -1;
	}
	curfew_lifecycle_free(script.life);
	return code;
}

/* A few rounds that do not wait: what is ready now is done, and what that leads to. */
static inline void script_rounds(void)
{
	for (int i = 0; i < 4; i++) {
		worker_round(script.worker, false);
	}
}

/* Rounds, until the log says this. */
static inline void script_until(const char *said)
{
	script.log[script.length] = '\0';
	while (!strstr(script.log, said)) {
		worker_round(script.worker, true);
		script.log[script.length] = '\0';
	}
}

/* Begins with a client on a socket, whose other end is script.peer. */
static inline int script_client(int fd, int peer)
{
	script.peer = peer;
	script.length = 0;
	script.in_data = false;
	script.most = SIZE_MAX;
	script.keeps_open = false;
	script.act = NULL;
	script.client = calloc(1, sizeof(*script.client));
	assert(script.client);
	return http_client_init(script.client, script.worker, fd, NULL, &script_handler, &script);
}

static inline void script_begin(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
		script_client(pair[0], pair[1]) < 0) {
		abort();
	}
}

/* The same over TCP, where there are resets. */
static inline void script_begin_tcp(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int peer;

	if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1) < 0 ||
		getsockname(listener, (struct sockaddr *)&address, &length) < 0 ||
		connect(fd, (struct sockaddr *)&address, length) < 0) {
		abort();
	}
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	close(listener);
	if (peer < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || script_client(fd, peer) < 0) {
		abort();
	}
}

static inline void script_close_peer(void)
{
	if (script.peer >= 0) {
		close(script.peer);
	}
	script.peer = -1;
}

static inline void script_reset_peer(void)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(script.peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	script_close_peer();
}

/* Ends it, if that is not done yet, and forgets what is heard of it. */
static inline void script_over(void)
{
	script.act = NULL;
	if (script.client) {
		http_client_reset(script.client);
	}
	while (script.client) {
		worker_round(script.worker, true);
	}
	script_close_peer();
	(void)script_heard();
}

/* Begins a request of this method, without the end of its head. */
static inline void script_request(const char *method, struct http_asked asked)
{
	struct buffer *out = http_client_request(script.client, asked);

	http_compose_request(
		out, (struct http_text){method, strlen(method)}, (struct http_text){"/", 1});
	http_compose_field(out, "Host", "a");
}

static inline void script_get(void)
{
	script_request("GET", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
	script_rounds();
}

/* The server says something. */
static inline void script_say_bytes(const char *bytes, size_t length)
{
	if (send(script.peer, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) {
		abort();
	}
}

static inline void script_say(const char *text)
{
	script_say_bytes(text, strlen(text));
	script_rounds();
}

/* Returns what the server has got by now, as a text in memory that stays until the next call. */
static inline const char *script_got(void)
{
	static char got[SCRIPT_LOG];
	size_t length = 0;
	ssize_t n;

	do {
		script_rounds();
		n = recv(script.peer, got + length, sizeof(got) - 1 - length, MSG_DONTWAIT);
		length += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	got[length] = '\0';
	return got;
}

#endif
