/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client between a server that says anything and an owner that does anything it may, at any
 * moment. An input is a row of steps, each a byte and what it needs. What is checked: that the
 * handler hears of a response in its order and of nothing that it did not ask for, of a failure
 * once, of the end once; and that nothing is left over.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/client.h"
#include "http/compose.h"

#define EVENTS 9 /* callbacks in which the owner may do something */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct owner {
	struct http_client *client;
	const uint8_t *at, *end; /* of the input */
	int peer;
	size_t most;          /* bytes that are taken at once */
	uint8_t acts[EVENTS]; /* what is done in each callback */
	bool asked, headed, tunnelled, failed, closing;
	bool in_body;  /* of the request */
	uint64_t left; /* of it; chunked: UINT64_MAX */
} owner;

static struct worker *worker;

static uint8_t next(void)
{
	return owner.at < owner.end ? *owner.at++ : 0;
}

/* What the owner does. */

static void ask(uint8_t kind)
{
	static const char *const methods[] = {"GET", "HEAD", "GET", "POST", "POST"};
	struct http_asked asked = {.head = kind % 5 == 1, .upgrade = kind % 5 == 2};
	const char *method = methods[kind % 5];
	struct buffer *out;

	if (!owner.client->reusable || owner.asked) {
		return;
	}
	out = http_client_request(owner.client, asked);
	owner.asked = true;
	owner.headed = false;
	owner.in_body = kind % 5 > 2;
	owner.left = kind % 5 == 4 ? UINT64_MAX : kind / 5 + 1U;
	http_compose_request(
		out, (struct http_text){method, strlen(method)}, (struct http_text){"/", 1});
	http_client_head_end(owner.client,
		!owner.in_body                     ? HTTP_FRAMING_NONE
			: owner.left == UINT64_MAX ? HTTP_FRAMING_CHUNKED
						   : HTTP_FRAMING_LENGTH,
		owner.in_body ? owner.left : 0);
}

static void send_body(uint8_t length)
{
	static const char bytes[255 * 64];
	size_t count = (size_t)length * 64;

	if (owner.tunnelled) {
		http_client_tunnel_write(owner.client, bytes, count);
	} else if (owner.in_body) {
		count = count < owner.left ? count : (size_t)owner.left;
		owner.left -= owner.left == UINT64_MAX ? 0 : count;
		http_client_write(owner.client, bytes, count);
	}
}

static void end_body(void)
{
	if (owner.tunnelled) {
		http_client_tunnel_shut(owner.client);
	} else if (owner.in_body && (!owner.left || owner.left == UINT64_MAX)) {
		owner.in_body = false;
		http_client_end(owner.client, NULL);
	}
}

static void act(uint8_t what)
{
	switch (what % 8) {
	case 1:
		owner.closing = true;
		http_client_close(owner.client);
		break;
	case 2:
		owner.closing = true;
		http_client_reset(owner.client);
		break;
	case 3:
		ask(what / 8);
		break;
	case 4:
		send_body(what / 8);
		break;
	case 5:
		end_body();
		break;
	case 6:
		http_client_resume(owner.client);
		break;
	case 7:
		owner.most = what / 8;
		break;
	default:
		break;
	}
}

/* What it hears. */

static void hear(struct http_client *client)
{
	assert(client == owner.client && !owner.failed && !owner.closing);
}

static void on_interim(struct http_client *client)
{
	hear(client);
	assert(owner.asked && !owner.headed && client->answered && client->sent);
	act(owner.acts[0]);
}

static void on_head(struct http_client *client)
{
	hear(client);
	assert(owner.asked && !owner.headed && client->answered && client->sent);
	owner.headed = true;
	owner.tunnelled = client->parser.head.status == 101;
	act(owner.acts[1]);
}

static size_t on_body(struct http_client *client, char *bytes, size_t length)
{
	hear(client);
	assert(owner.headed && !owner.tunnelled && length && bytes);
	act(owner.acts[2]);
	return length < owner.most ? length : owner.most;
}

static void on_end(struct http_client *client)
{
	hear(client);
	assert(owner.headed && !owner.tunnelled);
	assert(!client->reusable || !owner.in_body);
	owner.asked = false;
	act(owner.acts[3]);
}

static void on_writable(struct http_client *client)
{
	hear(client);
	assert(owner.in_body || owner.tunnelled);
	act(owner.acts[4]);
}

static size_t on_tunnel(struct http_client *client, char *bytes, size_t length)
{
	hear(client);
	assert(owner.tunnelled && length && bytes);
	act(owner.acts[5]);
	return length < owner.most ? length : owner.most;
}

static void on_tunnel_end(struct http_client *client)
{
	hear(client);
	assert(owner.tunnelled);
	act(owner.acts[6]);
}

static void on_failed(struct http_client *client, enum http_client_failure failure)
{
	struct http_unsent unsent = {0};

	hear(client);
	assert(!client->reusable && http_client_failure_text(failure));
	assert(failure != HTTP_CLIENT_TRUNCATED || client->answered);
	owner.failed = true;
	if (owner.asked && http_client_take_back(client, &unsent)) {
		assert(!client->sent && unsent.bytes.length > strlen("GET / HTTP/1.1\r\n"));
		assert(*unsent.bytes.data == 'G' || *unsent.bytes.data == 'H' ||
			*unsent.bytes.data == 'P');
		http_unsent_fini(&unsent);
	}
	act(owner.acts[7]);
	http_client_close(client);
}

static void on_closed(struct http_client *client)
{
	assert(client == owner.client && (owner.closing || owner.failed));
	free(client);
	owner.client = NULL;
}

static const struct http_client_handler handler = {
	.interim = on_interim,
	.head = on_head,
	.body = on_body,
	.end = on_end,
	.writable = on_writable,
	.tunnel = on_tunnel,
	.tunnel_end = on_tunnel_end,
	.failed = on_failed,
	.closed = on_closed,
};

/* The server, and time. */

static void say(size_t length)
{
	size_t there = (size_t)(owner.end - owner.at);

	length = length < there ? length : there;
	(void)!send(owner.peer, owner.at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	owner.at += length;
}

static void listen_to_it(void)
{
	static char bytes[65536];

	while (recv(owner.peer, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {}
}

static void rounds(void)
{
	worker_round(worker, false);
	worker_round(worker, false);
}

static void step(void)
{
	uint8_t what = next();

	switch (what & 7) {
	case 0:
		rounds();
		break;
	case 1:
		say(what >> 3);
		break;
	case 2:
		say(next());
		rounds();
		break;
	case 3:
		(void)shutdown(owner.peer, what & 8 ? SHUT_RDWR : SHUT_WR);
		break;
	case 4:
		listen_to_it();
		break;
	case 5:
		owner.acts[(what >> 3) % EVENTS] = next();
		break;
	default:
		act(next());
		break;
	}
}

static void begin(void)
{
	static struct worker_pool pool;
	int pair[2];

	if (!worker) {
		struct curfew_lifecycle_options options;

		curfew_lifecycle_defaults(&options);
		options.signals = CURFEW_SIGNALS_NONE;
		if (worker_pool_init(&pool, curfew_lifecycle_new(&options), 1) < 0) {
			abort();
		}
		worker = pool.workers;
	}
	owner.client = calloc(1, sizeof(*owner.client));
	if (!owner.client ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
		http_client_init(owner.client, worker, pair[0], NULL, &handler, NULL) < 0) {
		abort();
	}
	owner.peer = pair[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	owner = (struct owner){.at = data, .end = data + size, .most = SIZE_MAX};
	begin();
	while (owner.client && owner.at < owner.end) {
		step();
	}
	close(owner.peer);
	rounds();
	if (owner.client) {
		owner.closing = true;
		http_client_reset(owner.client);
	}
	rounds();
	assert(!owner.client);
	return 0;
}
