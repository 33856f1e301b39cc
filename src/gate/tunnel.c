/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes come from one side and go to the other (pass), until both have sent all. The end begins
 * when the drain asks (exchange_tunnel_finish), at a random moment of --spread: a WebSocket is
 * then ended by a close frame in each direction (write_close), any other protocol is left to its
 * two ends until the deadline cuts it.
 */
#include "gate/tunnel.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/lifecycle.h"
#include "gate/exchange.h"
#include "ws/close.h"

static struct curfew_lifecycle *life_of(const struct exchange *exchange)
{
	return exchange->lane->worker->life;
}

/* What one direction reads from, and writes to. */

static bool is_up(const struct exchange *exchange, const struct tunnel_way *way)
{
	return way == &exchange->tunnel.up;
}

static const struct stream *source(const struct exchange *exchange, const struct tunnel_way *way)
{
	return is_up(exchange, way) ? &exchange->client->stream
				    : &exchange->upstream->client.stream;
}

static size_t queued(const struct exchange *exchange, const struct tunnel_way *way)
{
	return is_up(exchange, way) ? http_client_queued(&exchange->upstream->client)
				    : http_queued(exchange->client);
}

static void write_on(
	struct exchange *exchange, const struct tunnel_way *way, const void *bytes, size_t length)
{
	if (is_up(exchange, way)) {
		http_client_tunnel_write(&exchange->upstream->client, bytes, length);
	} else {
		http_tunnel_write(exchange->client, bytes, length);
	}
}

static void count_end(const struct exchange *exchange, bool whole)
{
	if (exchange->tunnel.is_websocket && exchange->tunnel.ending) {
		curfew_lifecycle_count(life_of(exchange),
			whole ? CURFEW_WEBSOCKETS_CLOSED : CURFEW_WEBSOCKETS_FORCED, 1);
	}
}

/* The end of both directions: in order, or not. The exchange is gone afterwards. */
static void tunnel_over(struct exchange *exchange, bool whole)
{
	count_end(exchange, whole);
	exchange_drop_upstream(exchange, !whole);
	http_tunnel_close(exchange->client, whole);
}

/* Our close frame, where it may stand. A client masks it, with a key nobody can foresee. */
static void write_close(struct exchange *exchange, struct tunnel_way *way)
{
	uint8_t frame[WS_CONTROL_FRAME_MOST];
	uint8_t key[4];
	bool masked = is_up(exchange, way);
	size_t length;

	if (masked && getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key)) {
		return;
	}
	length = ws_close_frame(frame, (unsigned)exchange->lane->gate->config->ws_close_code,
		"the server is shutting down", masked ? key : NULL);
	write_on(exchange, way, frame, length);
	way->closed = true;
}

static void close_if_open(struct exchange *exchange, struct tunnel_way *way)
{
	if (!way->owed && !way->closed && !way->ended && ws_tunnel_open(&way->frames)) {
		write_close(exchange, way);
	}
}

/*
 * Whether its sender has said all: by a close frame, ours to the other side or not, or by its end.
 */
static bool has_said_all(const struct tunnel_way *way)
{
	return way->ended || ws_tunnel_closed(&way->frames);
}

/* Returns whether the tunnel is over, and the exchange with it. */
static bool end_if_done(struct exchange *exchange)
{
	const struct tunnel *tunnel = &exchange->tunnel;
	bool done = tunnel->ending && tunnel->is_websocket
		? has_said_all(&tunnel->up) && has_said_all(&tunnel->down)
		: tunnel->up.ended && tunnel->down.ended;

	if (done) {
		tunnel_over(exchange, true);
	}
	return done;
}

/* To the place of our close frame, and no further. */
static void pass_to_close(
	struct exchange *exchange, struct tunnel_way *way, const uint8_t *bytes, size_t length)
{
	size_t passed = way->owed < length ? way->owed : length;

	ws_tunnel_feed(&way->frames, bytes, passed);
	way->owed -= passed;
	while (!way->owed && passed < length && !ws_tunnel_between(&way->frames)) {
		passed += ws_tunnel_step(&way->frames, bytes + passed, length - passed);
	}
	write_on(exchange, way, bytes, passed);
	close_if_open(exchange, way);
	ws_tunnel_feed(&way->frames, bytes + passed, length - passed);
}

static size_t pass(struct exchange *exchange, struct tunnel_way *way, char *bytes, size_t length)
{
	const uint8_t *data = (const uint8_t *)bytes;

	if (queued(exchange, way) >= STREAM_QUEUE_HIGH) {
		way->rests = true;
		return 0;
	}
	if (way->closed) {
		ws_tunnel_feed(&way->frames, data, length);
	} else if (exchange->tunnel.ending && exchange->tunnel.is_websocket) {
		pass_to_close(exchange, way, data, length);
	} else {
		if (exchange->tunnel.is_websocket) {
			ws_tunnel_feed(&way->frames, data, length);
		}
		write_on(exchange, way, bytes, length);
	}
	if (exchange->tunnel.ending) {
		(void)end_if_done(exchange);
	}
	return length;
}

size_t exchange_tunnel_up(struct exchange *exchange, char *bytes, size_t length)
{
	return pass(exchange, &exchange->tunnel.up, bytes, length);
}

size_t exchange_tunnel_down(struct exchange *exchange, char *bytes, size_t length)
{
	return pass(exchange, &exchange->tunnel.down, bytes, length);
}

void exchange_tunnel_up_ended(struct exchange *exchange)
{
	exchange->tunnel.up.ended = true;
	if (!end_if_done(exchange)) {
		http_client_tunnel_shut(&exchange->upstream->client);
	}
}

void exchange_tunnel_down_ended(struct exchange *exchange)
{
	exchange->tunnel.down.ended = true;
	if (!end_if_done(exchange)) {
		http_tunnel_shut(exchange->client);
	}
}

/* Bytes that have come and were not read. What is enciphered is not counted. */
static size_t waiting(const struct stream *stream)
{
	int unread = 0;

	if (!stream->filter) {
		(void)ioctl(stream->fd, FIONREAD, &unread);
	}
	return stream->unread.length + (size_t)unread;
}

static void begin_end(struct exchange *exchange)
{
	struct tunnel *tunnel = &exchange->tunnel;

	tunnel->ending = true;
	tunnel->up.owed = waiting(source(exchange, &tunnel->up));
	tunnel->down.owed = waiting(source(exchange, &tunnel->down));
	deadline_set(&tunnel->deadline, curfew_after_ms(TUNNEL_CLOSE_MS));
	close_if_open(exchange, &tunnel->up);
	close_if_open(exchange, &tunnel->down);
	(void)end_if_done(exchange);
}

static void deadline_passed(struct deadline *deadline)
{
	struct exchange *exchange = container_of(deadline, struct exchange, tunnel.deadline);
	const struct curfew_holder holder = {
		.kind = "tunnel",
		.name = exchange->client->name,
		.age_ms = clock_ms_between(exchange->client->began, curfew_now()),
	};

	if (!exchange->tunnel.ending) {
		begin_end(exchange);
		return;
	}
	lifecycle_note_forced(life_of(exchange), &holder);
	exchange_tunnel_cut(exchange);
}

/* A moment of --spread, which leaves time for the handshake. */
static int64_t spread_ms(const struct exchange *exchange)
{
	int64_t most = exchange->lane->gate->config->spread_ms;
	int64_t left =
		clock_ms_between(curfew_now(), curfew_lifecycle_work_deadline(life_of(exchange)));
	uint32_t random = 0;

	left = left > TUNNEL_CLOSE_MS ? left - TUNNEL_CLOSE_MS : 0;
	most = most < left ? most : left;
	(void)!getrandom(&random, sizeof(random), 0);
	return most > 0 ? (int64_t)(random % (uint64_t)most) : 0;
}

void exchange_tunnel_finish(struct exchange *exchange)
{
	int64_t delay_ms;

	if (!exchange->tunnel.is_websocket || exchange->tunnel.ending) {
		return;
	}
	delay_ms = spread_ms(exchange);
	if (delay_ms) {
		deadline_set(&exchange->tunnel.deadline, curfew_after_ms(delay_ms));
	} else {
		begin_end(exchange);
	}
}

void exchange_tunnel_cut(struct exchange *exchange)
{
	struct tunnel *tunnel = &exchange->tunnel;

	if (tunnel->is_websocket) {
		tunnel->ending = true;
		tunnel->up.owed = 0;
		tunnel->down.owed = 0;
		close_if_open(exchange, &tunnel->up);
		close_if_open(exchange, &tunnel->down);
	}
	count_end(exchange, false);
	exchange_drop_upstream(exchange, true);
	http_tunnel_cut(exchange->client); /* its window may be shut for good */
}

void exchange_tunnel_broken(struct exchange *exchange)
{
	tunnel_over(exchange, false);
}

void exchange_tunnel_begin(struct exchange *exchange)
{
	const struct http_head *head = &exchange->client->parser.head;

	exchange->tunnel.is_websocket = http_head_lists(head, "Upgrade", "websocket");
	deadline_init(
		&exchange->tunnel.deadline, &exchange->lane->worker->loop->agenda, deadline_passed);
	deadline_set(&exchange->timeout, CURFEW_NEVER);
	deadline_set(&exchange->whole, CURFEW_NEVER);
}

void exchange_tunnel_fini(struct exchange *exchange)
{
	deadline_fini(&exchange->tunnel.deadline);
}
