/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients of an MCP server over HTTP, at 127.0.0.1:PORT/mcp. Each answer is checked for its
 * id and its text.
 *
 *	calls rate PORT SESSIONS CONNECTIONS MS	tools/call echo, as fast as they are answered:
 *				"ok N wrong N ended N us N p50_us N p99_us N"
 *	calls pings PORT COUNT	one after another, the same
 *	calls hold PORT SESSIONS	opens sessions, says "open US" for each, and waits
 *	calls flight PORT SESSIONS MS	one call of so long in each: "sent", then at the end
 *				"answered N error N empty N ended N"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "reply.h"

#define CLIENTS 1024
#define SAMPLES (1 << 22)
#define LATE_MS 60000 /* an answer that takes longer is none */
#define REQUEST 1024
#define READ 65536

struct client {
	int fd;
	const char *session;
	long id;
	int64_t sent;
	struct reply reply;
};

static struct client *clients;
static char sessions[CLIENTS][REPLY_SESSION];
static int port;
static uint32_t *samples; /* microseconds */
static size_t ok, wrong, ended;
static long last_id;

static int64_t now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000) + time.tv_nsec / 1000;
}

static void refuse(const char *what)
{
	fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void connect_client(struct client *client)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval late = {.tv_sec = LATE_MS / 1000};
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof(late));
	if (connect(client->fd, (struct sockaddr *)&address, sizeof(address))) {
		refuse("connect");
	}
}

/* Sends a request; false if the connection has ended. */
static bool send_request(struct client *client, const char *method, const char *body)
{
	char text[2 * REQUEST];
	const char *session = client->session ? client->session : "";
	int length = snprintf(text, sizeof(text),
		"%s /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
		"Accept: application/json, text/event-stream\r\n%s%s%s%sContent-Length: "
		"%zu\r\n\r\n%s",
		method, port, *session ? "Mcp-Session-Id: " : "", session, *session ? "\r\n" : "",
		*session ? "MCP-Protocol-Version: 2025-06-18\r\n" : "", strlen(body), body);

	reply_init(&client->reply);
	client->sent = now_us();
	return send(client->fd, text, (size_t)length, MSG_NOSIGNAL) == length;
}

static bool post(struct client *client, const char *body)
{
	return send_request(client, "POST", body);
}

/* Reads once; false if the connection is over, or what came makes no sense. */
static bool receive(struct client *client)
{
	char bytes[READ];
	ssize_t count = recv(client->fd, bytes, sizeof(bytes), 0);

	if (count <= 0) {
		reply_end(&client->reply);
		return false;
	}
	return reply_feed(&client->reply, bytes, (size_t)count) == count;
}

static bool await_reply(struct client *client)
{
	while (!client->reply.is_whole && receive(client)) {}
	return client->reply.is_whole;
}

/* Sends a message and waits for the answer to it. */
static bool ask(struct client *client, const char *body)
{
	return post(client, body) && await_reply(client);
}

static void must_ask(struct client *client, const char *body, int status)
{
	if (!ask(client, body) || client->reply.status != status) {
		fprintf(stderr, "calls: status %d for %s: %.300s\n", client->reply.status, body,
			client->reply.body);
		exit(1);
	}
	if (client->reply.closes) {
		close(client->fd);
		connect_client(client);
	}
}

static void open_session(struct client *client, char session[REPLY_SESSION])
{
	client->session = NULL;
	must_ask(client,
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
		"\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
		"\"clientInfo\":{\"name\":\"calls\",\"version\":\"1\"}}}",
		200);
	snprintf(session, REPLY_SESSION, "%s", client->reply.session);
	client->session = session;
	must_ask(client, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", 202);
}

/* Opens the sessions, each on a client's connection, and connects the other clients to them. */
static void open_sessions(size_t count, size_t client_count)
{
	clients = calloc(client_count, sizeof(*clients));
	if (!clients || !count || client_count > CLIENTS || count > client_count) {
		refuse("clients");
	}
	for (size_t i = 0; i < client_count; i++) {
		connect_client(&clients[i]);
		if (i < count) {
			open_session(&clients[i], sessions[i]);
		}
		clients[i].session = sessions[i % count];
	}
}

/* Ends the sessions, so that the next run finds the server as this one did. */
static void end_sessions(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		close(clients[i].fd);
		connect_client(&clients[i]);
		clients[i].session = sessions[i];
		(void)(send_request(&clients[i], "DELETE", "") && await_reply(&clients[i]));
	}
}

static bool post_echo(struct client *client)
{
	char body[REQUEST];

	client->id = ++last_id;
	snprintf(body, sizeof(body),
		"{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/call\",\"params\":"
		"{\"name\":\"echo\",\"arguments\":{\"message\":\"m-%ld\"}}}",
		client->id, client->id);
	return post(client, body);
}

static void count_answer(struct client *client, const char *text)
{
	if (!reply_has_result(&client->reply, client->id, text)) {
		if (!wrong++) {
			fprintf(stderr, "calls: id %ld: status %d: %.300s\n", client->id,
				client->reply.status, client->reply.body);
		}
		return;
	}
	if (ok < SAMPLES) {
		samples[ok] = (uint32_t)(now_us() - client->sent);
	}
	ok++;
}

static int by_size(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void report(int64_t took)
{
	size_t count = ok < SAMPLES ? ok : SAMPLES;

	qsort(samples, count, sizeof(*samples), by_size);
	printf("ok %zu wrong %zu ended %zu us %" PRId64 " p50_us %" PRIu32 " p99_us %" PRIu32 "\n",
		ok, wrong, ended, took, count ? samples[count / 2] : 0,
		count ? samples[count * 99 / 100] : 0);
}

/* The answer to a call is whole, or its connection is over: the next one. */
static void go_on(struct client *client, bool is_open, int poller)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
	char text[32];

	if (client->reply.is_whole) {
		snprintf(text, sizeof(text), "m-%ld", client->id);
		count_answer(client, text);
	} else {
		ended++;
	}
	is_open = is_open && !client->reply.closes;
	if (!is_open || !post_echo(client)) {
		close(client->fd);
		connect_client(client);
		epoll_ctl(poller, EPOLL_CTL_ADD, client->fd, &event);
		post_echo(client);
	}
}

static void rate(size_t session_count, size_t client_count, int64_t us)
{
	int poller = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready[64];
	int64_t began, now;

	open_sessions(session_count, client_count);
	began = now_us();
	for (size_t i = 0; i < client_count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};

		epoll_ctl(poller, EPOLL_CTL_ADD, clients[i].fd, &event);
		post_echo(&clients[i]);
	}
	while ((now = now_us()) - began < us) {
		int count = epoll_wait(poller, ready, 64, (int)((us - (now - began)) / 1000 + 1));

		for (int i = 0; i < count; i++) {
			struct client *client = ready[i].data.ptr;
			bool is_open = receive(client);

			if (client->reply.is_whole || !is_open) {
				go_on(client, is_open, poller);
			}
		}
	}
	end_sessions(session_count);
	report(now - began);
}

static void pings(size_t count)
{
	int64_t began;
	char body[REQUEST];

	open_sessions(1, 1);
	began = now_us();
	for (size_t i = 0; i < count; i++) {
		clients[0].id = ++last_id;
		snprintf(body, sizeof(body), "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"ping\"}",
			last_id);
		if (ask(&clients[0], body)) {
			count_answer(&clients[0], "");
		} else {
			ended++;
		}
		if (!clients[0].reply.is_whole || clients[0].reply.closes) {
			close(clients[0].fd);
			connect_client(&clients[0]);
		}
	}
	began = now_us() - began;
	end_sessions(1);
	report(began);
}

/* What became of a call that was in flight. */
static const char *fate(const struct client *client)
{
	if (reply_has_result(&client->reply, client->id, "waited")) {
		return "answered";
	}
	if (!client->reply.is_whole) {
		return "ended";
	}
	return client->reply.body_length ? "error" : "empty";
}

static void flight(size_t count, int ms)
{
	static const char *const fates[] = {"answered", "error", "empty", "ended"};
	char body[REQUEST];
	size_t met[4] = {0};

	open_sessions(count, count);
	for (size_t i = 0; i < count; i++) {
		clients[i].id = ++last_id;
		snprintf(body, sizeof(body),
			"{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/call\",\"params\":"
			"{\"name\":\"wait\",\"arguments\":{\"ms\":%d}}}",
			clients[i].id, ms);
		post(&clients[i], body);
	}
	puts("sent");
	fflush(stdout);
	for (size_t i = 0; i < count; i++) {
		await_reply(&clients[i]);
		for (size_t j = 0; j < 4; j++) {
			met[j] += !strcmp(fates[j], fate(&clients[i]));
		}
	}
	for (size_t j = 0; j < 4; j++) {
		printf("%s %zu%s", fates[j], met[j], j < 3 ? " " : "\n");
	}
}

static void hold(size_t count)
{
	int64_t began = now_us();

	open_sessions(count, count);
	printf("open %" PRId64 "\n", (now_us() - began) / (int64_t)count);
	fflush(stdout);
	pause();
}

int main(int argc, char **argv)
{
	long numbers[4] = {0};
	const char *mode = argc > 3 ? argv[1] : "";

	for (int i = 2; i < argc && i < 6; i++) {
		numbers[i - 2] = atol(argv[i]);
	}
	port = (int)numbers[0];
	samples = malloc(SAMPLES * sizeof(*samples));
	if (!samples) {
		refuse("samples");
	}
	if (!strcmp(mode, "rate") && argc == 6) {
		rate(numbers[1], numbers[2], numbers[3] * 1000);
	} else if (!strcmp(mode, "pings")) {
		pings(numbers[1]);
	} else if (!strcmp(mode, "hold")) {
		hold(numbers[1]);
	} else if (!strcmp(mode, "flight") && argc == 5) {
		flight(numbers[1], (int)numbers[2]);
	} else {
		fprintf(stderr, "usage: calls rate|pings|hold|flight PORT NUMBER...\n");
		return 2;
	}
	return 0;
}
