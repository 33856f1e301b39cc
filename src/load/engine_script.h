/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the engine: a source that says what the test wants, and the test itself at the other
 * end of the connections. Time passes when the test says so, and a unix socket has at once what was
 * written at its other end: so each test takes the same course whatever the machine does. Nothing
 * here allocates, so that an allocation that a test makes fail is one of the engine's.
 */
#ifndef LOAD_ENGINE_SCRIPT_H
#define LOAD_ENGINE_SCRIPT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "load/plan.h"
#include "net/worker_script.h"
#include "tests/allocation.h"
#include "tests/descriptors.h"

#define PEERS_MOST 128
#define GOT_MOST 12000
#define NUMBERS_MOST 10000
#define ROUNDS_MOST 100000

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define OK_CLOSE "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"

/* A connection's other end. */
struct peer {
	int fd;             /* -1: closed here */
	char got[GOT_MOST]; /* of the request that comes, with a NUL behind it */
	size_t length;
	int waiting; /* requests without an answer */
	int asked;   /* all of them */
	bool ended;  /* the client has closed it, or reset */
};

static struct {
	struct plan plan;
	struct schedule_stage stages[8];
	int64_t now;
	void (*check)(void); /* after each round; NULL */

	/* What the source does. */
	const struct source_ops *ops;
	uint64_t ends_at; /* there are no more from that number on */
	bool busy;        /* it has none now */
	int fails;        /* so many next ones have no memory */
	uint32_t endpoint, scenario;
	const char *head; /* behind the request line */
	const char *body;
	bool keeps, is_head;
	enum load_outcome (*judges)(const struct load_answer *answer); /* NULL: as it came */
	void (*asked)(uint64_t number); /* when it is asked for one; NULL */

	/* What it was asked. */
	int made, ended, let_go; /* next, over with an answer, and without */
	int unmade, freed, stopped;
	uint64_t numbers[NUMBERS_MOST]; /* in the order in which they were made */
	struct load_answer answer;      /* the last one */
	char answer_body[LOAD_ANSWER_MOST + 1];
	void (*prepared)(void *arg, const char *failure);
	void (*concluded)(void *arg);
	void *arg;
	int64_t conclude_until;

	/* The server. */
	struct address address;
	int listening; /* -1: none */
	bool raw;      /* peers keep what they got */
	struct peer peers[PEERS_MOST];
	int peer_count;
} script;

/* The source. */

static inline int scripted_next(struct load_source *source, struct load_request *request)
{
	(void)source;
	if (script.asked) {
		script.asked(request->number);
	}
	if (script.busy) {
		return SOURCE_BUSY;
	}
	if (request->number >= script.ends_at && request->number < LOAD_WARMING_FROM) {
		return SOURCE_END;
	}
	request->scenario = script.scenario;
	request->endpoint = script.endpoint;
	if (script.fails) {
		script.fails--;
		script.unmade++;
		return -ENOMEM;
	}
	buffer_appendf(request->room, "GET /%llu HTTP/1.1\r\nHost: a\r\n%s",
		(unsigned long long)request->number, script.head ? script.head : "");
	if (request->room->failed) {
		script.unmade++;
		return -ENOMEM;
	}
	request->head = request->room->data;
	request->head_length = request->room->length;
	request->body = script.body;
	request->body_length = script.body ? strlen(script.body) : 0;
	request->keeps_answer = script.keeps;
	request->is_head = script.is_head;
	script.numbers[script.made++ % NUMBERS_MOST] = request->number;
	return 0;
}

static inline enum load_outcome scripted_over(struct load_source *source,
	const struct load_request *request, const struct load_answer *answer)
{
	(void)source;
	assert_true(request->room->length > 0); /* kept until now */
	if (!answer) {
		script.let_go++;
		return LOAD_OK;
	}
	script.ended++;
	script.answer = *answer;
	script.answer_body[0] = '\0';
	if (answer->body) {
		memcpy(script.answer_body, answer->body, answer->length);
		script.answer_body[answer->length] = '\0';
	}
	return script.judges ? script.judges(answer) : answer->outcome;
}

/* Says that it is prepared, or concluded, when the test has it do so. */
static inline void scripted_prepare(
	struct load_source *source, void (*done)(void *arg, const char *failure), void *arg)
{
	(void)source;
	script.prepared = done;
	script.arg = arg;
}

static inline void scripted_finish(
	struct load_source *source, int64_t deadline, void (*done)(void *arg), void *arg)
{
	(void)source;
	script.concluded = done;
	script.conclude_until = deadline;
	script.arg = arg;
}

static inline void scripted_stop(struct load_source *source)
{
	(void)source;
	script.stopped++;
}

static inline void scripted_free(struct load_source *source)
{
	script.freed++;
	free(source);
}

static const struct source_ops plain_ops = {
	.next = scripted_next,
	.over = scripted_over,
	.stop = scripted_stop,
	.free = scripted_free,
};

/* One that has something to prepare and to conclude. */
static const struct source_ops waiting_ops = {
	.prepare = scripted_prepare,
	.next = scripted_next,
	.over = scripted_over,
	.finish = scripted_finish,
	.stop = scripted_stop,
	.free = scripted_free,
};

static inline struct load_source *scripted_new(
	const struct plan *plan, struct worker *on, int thread)
{
	struct load_source *source = calloc(1, sizeof(*source));

	(void)plan;
	(void)on;
	(void)thread;
	if (source) {
		source->ops = script.ops;
	}
	return source;
}

static const struct source_kind scripted_kind = {.new = scripted_new};

/* The server. */

static inline void server_listen(void)
{
	struct socket_address at;

	script.address = (struct address){.is_unix = true};
	(void)snprintf(
		script.address.host, sizeof(script.address.host), "@curfew-crew-%d", (int)getpid());
	assert_true(address_literal(&script.address, &at));
	script.listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(script.listening >= 0);
	assert_int_equal(bind(script.listening, (struct sockaddr *)&at.storage, at.length), 0);
	assert_int_equal(listen(script.listening, PEERS_MOST), 0);
}

static inline void server_close(void)
{
	close(script.listening);
	script.listening = -1;
}

static inline void peer_close(int number)
{
	struct peer *peer = &script.peers[number];

	if (peer->fd >= 0) {
		close(peer->fd);
	}
	peer->fd = -1;
}

/* Counts the requests that are whole, and drops them; those of these tests have no body. */
static inline void peer_count_requests(struct peer *peer)
{
	static const char end[] = "\r\n\r\n";
	const char *found;

	while (!script.raw && (found = strstr(peer->got, end))) {
		size_t length = (size_t)(found - peer->got) + sizeof(end) - 1;

		peer->length -= length;
		memmove(peer->got, peer->got + length, peer->length + 1);
		peer->waiting++;
		peer->asked++;
	}
}

static inline void peer_read(struct peer *peer)
{
	ssize_t length = -1;

	while (peer->fd >= 0 &&
		(length = read(peer->fd, peer->got + peer->length, GOT_MOST - 1 - peer->length)) >
			0) {
		peer->length += (size_t)length;
	}
	peer->got[peer->length] = '\0';
	if (peer->fd >= 0 && (length == 0 || errno == ECONNRESET)) {
		peer->ended = true;
	}
	peer_count_requests(peer);
}

/* Takes what has come. */
static inline void server_look(void)
{
	int fd;

	while (script.listening >= 0 &&
		(fd = accept4(script.listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		assert_true(script.peer_count < PEERS_MOST);
		script.peers[script.peer_count++].fd = fd;
	}
	for (int i = 0; i < script.peer_count; i++) {
		peer_read(&script.peers[i]);
	}
}

/* Rounds. */

static inline void settle(void)
{
	struct pollfd ready = {.fd = worker->loop->epoll_fd, .events = POLLIN};
	int rounds = 0;
	bool more = true;

	while (more) {
		assert_true(rounds++ < ROUNDS_MOST);
		if (agenda_next(&worker->loop->agenda) <= script.now) {
			loop_wake(worker->loop);
		}
		round_now();
		if (script.check) {
			script.check();
		}
		server_look();
		more = !worker_idle(worker) || poll(&ready, 1, 0) == 1 ||
			agenda_next(&worker->loop->agenda) <= script.now;
	}
}

/* Lets time pass, stopping at each deadline on the way. */
static inline void pass_ns(int64_t ns)
{
	int64_t until = script.now + ns;
	int64_t next;

	settle();
	while ((next = agenda_next(&worker->loop->agenda)) <= until) {
		script.now = next > script.now ? next : script.now;
		settle();
	}
	script.now = until;
}

static inline void pass_ms(int64_t ms)
{
	pass_ns(ms * NS_PER_MS);
}

/* The process was kept from running for so long. */
static inline void lose_ms(int64_t ms)
{
	script.now += ms * NS_PER_MS;
	settle();
}

static inline void say(int number, const char *text)
{
	struct peer *peer = &script.peers[number];
	size_t length = strlen(text);

	assert_true(number < script.peer_count);
	assert_int_equal(send(peer->fd, text, length, MSG_NOSIGNAL), length);
}

/* So many x: more than a socket takes at once. */
static inline void say_long(int number, size_t length)
{
	char piece[4096];

	memset(piece, 'x', sizeof(piece));
	while (length > 0) {
		size_t most = length < sizeof(piece) ? length : sizeof(piece);
		ssize_t sent = send(script.peers[number].fd, piece, most, MSG_NOSIGNAL);

		assert_true(sent > 0 || errno == EAGAIN);
		length -= sent > 0 ? (size_t)sent : 0;
		settle();
	}
}

/* An answer to the request that waits longest there. */
static inline void answer(int number, const char *text)
{
	assert_true(script.peers[number].waiting > 0);
	script.peers[number].waiting--;
	say(number, text);
	settle();
}

/* Returns how many requests wait for their answers. */
static inline int waiting(void)
{
	int count = 0;

	for (int i = 0; i < script.peer_count; i++) {
		count += script.peers[i].fd >= 0 && !script.peers[i].ended ? script.peers[i].waiting
									   : 0;
	}
	return count;
}

/* Returns how many were answered. */
static inline int answer_all(const char *text)
{
	int count = 0;

	for (int i = 0; i < script.peer_count; i++) {
		struct peer *peer = &script.peers[i];

		for (; peer->fd >= 0 && !peer->ended && peer->waiting; peer->waiting--, count++) {
			say(i, text);
		}
	}
	settle();
	return count;
}

/* Its beginning and its end. */

/* The plan is an open loop of that rate. */
static inline void open_loop(double rate, int64_t for_ns)
{
	script.plan.is_open = true;
	script.stages[0] = (struct schedule_stage){.rate = rate, .for_ns = for_ns};
	script.plan.stage_count = 1;
}

static inline void engine_reset(void)
{
	memset(&script, 0, sizeof(script));
	script.now = curfew_now();
	clock_fake(&script.now);
	script.ops = &plain_ops;
	script.ends_at = UINT64_MAX;
	script.plan = (struct plan){
		.kind = &scripted_kind,
		.connections = 1,
		.stages = script.stages,
		.endpoint_count = 1,
		.scenario_count = 1,
		.threads = 1,
		.for_ns = INT64_MAX,
		.requests_most = UINT64_MAX,
		.timeout_ms = 10000,
	};
	server_listen();
	script.plan.endpoints[0].address = script.address;
}

static inline void engine_close(void)
{
	for (int i = 0; i < script.peer_count; i++) {
		peer_close(i);
	}
	if (script.listening >= 0) {
		server_close();
	}
	clock_fake(NULL);
}

#endif
