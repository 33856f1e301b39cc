/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold PORT CONNECTIONS STALLED: connections that have nothing to say, and their end.
 *
 * Servers with CLIENTS_EACH clients each. Every client sends one message, which its server sends
 * back; then all are idle. STALLED clients of one more server, of which nothing is read, get
 * STALLED_BYTES each: more than a socket takes, less than one and an outbox. Then it says "open".
 * Behind every close frame it sends its own; when all but those who have to do with the stalled
 * ones have ended, it prints
 *
 *	ended clean N other N missed N last T
 *
 * how many heard 1001, another code, or none; and when the last one heard it (CLOCK_MONOTONIC, ns).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "ws/frame.h"

#define CLIENTS_EACH 16
#define STALLED_BYTES (5 << 20)
#define STALLED_PIECE (192 << 10)
#define PREFIX_MOST 128
#define GOING_AWAY 1001
#define OPEN_NS (60 * INT64_C(1000000000))
#define SETTLE_NS (2 * INT64_C(1000000000))

struct holder {
	struct peer peer;
	bool heard; /* its close frame has come */
};

static struct peers peers;
static struct holder *all;
static unsigned count, greeted, gone;
static unsigned clean, other, missed;
static int64_t last_ns;
static struct peer stalled_server;
static struct peer *stalled;
static unsigned stalled_count, filled;

/* A server sends back what it gets: an envelope is the same in both directions. */
static void echo(struct peer *peer, const uint8_t *payload, size_t length)
{
	const struct peer_part part = {payload, length};

	if (peer->kind == PEER_SERVER) {
		peer_send(&peers, peer, WS_OPCODE_TEXT, &part, 1);
	} else {
		greeted++;
	}
}

/* The stalled one's envelope shows its id: it gets more than it will ever read. */
static void fill(const uint8_t *payload, size_t length)
{
	static char digits[STALLED_PIECE];
	const char *end = memmem(payload, length, "\"frame\":", 8);
	const struct peer_part parts[] = {
		{payload, end ? (size_t)(end - (const char *)payload) + 8 : 0},
		{digits, sizeof(digits)},
		{"}", 1},
	};

	memset(digits, 'x', sizeof(digits));
	digits[0] = digits[sizeof(digits) - 1] = '"';
	for (size_t sent = 0; sent < STALLED_BYTES; sent += sizeof(digits)) {
		peer_send(&peers, &stalled_server, WS_OPCODE_TEXT, parts, 3);
	}
	filled++;
}

/* The relay closes the socket, since it is the server (RFC 6455, 7.1.1). */
static void note_close(struct peer *peer, const uint8_t *payload, size_t length)
{
	const struct peer_part part = {payload, length};
	unsigned code = length < 2 ? 0 : (unsigned)payload[0] << 8 | payload[1];

	peer_send(&peers, peer, WS_OPCODE_CLOSE, &part, 1);
	if (peer == &stalled_server) {
		return;
	}
	((struct holder *)peer)->heard = true;
	gone++;
	if (code == GOING_AWAY) {
		clean++;
		last_ns = now_ns();
	} else {
		other++;
	}
}

static void frame(struct peer *peer, unsigned opcode, const uint8_t *payload, size_t length)
{
	if (opcode == WS_OPCODE_PING) {
		const struct peer_part part = {payload, length};

		peer_send(&peers, peer, WS_OPCODE_PONG, &part, 1);
	} else if (opcode == WS_OPCODE_CLOSE) {
		note_close(peer, payload, length);
	} else if (opcode == WS_OPCODE_TEXT && peer == &stalled_server) {
		fill(payload, length);
	} else if (opcode == WS_OPCODE_TEXT) {
		echo(peer, payload, length);
	}
}

static void ended(struct peer *peer)
{
	if (peer != &stalled_server && !((struct holder *)peer)->heard) {
		gone++;
		missed++;
	}
	peer_close(peer);
}

static void say_hello(struct peer *peer)
{
	const struct peer_part part = {"{\"hello\":1}", 11};

	peer_send(&peers, peer, WS_OPCODE_TEXT, &part, 1);
}

static void wait_for(const unsigned *number, unsigned target)
{
	int64_t until = now_ns() + OPEN_NS;

	while (*number < target) {
		peers_round(&peers, until);
		if (now_ns() > until) {
			complain("nothing comes back");
		}
	}
}

static void open_idle(void)
{
	unsigned clients = 0;
	char id[PEER_ID_MOST];

	for (unsigned i = 0; i < count; i++) {
		bool is_server = i % (CLIENTS_EACH + 1) == 0;

		if (is_server) {
			wait_for(&greeted, clients);
			snprintf(id, sizeof(id), "server-%u", i);
		}
		peer_open(&peers, &all[i].peer, is_server ? PEER_SERVER : PEER_CLIENT, id, i);
		if (!is_server) {
			clients++;
			say_hello(&all[i].peer);
		}
	}
	wait_for(&greeted, clients);
}

static void open_stalled(void)
{
	int64_t until;

	if (!stalled_count) {
		return;
	}
	peer_open(&peers, &stalled_server, PEER_SERVER, "stalled", 0);
	for (unsigned i = 0; i < stalled_count; i++) {
		stalled[i].stalled = true;
		peer_open(&peers, &stalled[i], PEER_CLIENT, "stalled", i);
		say_hello(&stalled[i]);
	}
	wait_for(&filled, stalled_count);
	until = now_ns() + SETTLE_NS; /* nobody tells when the relay has taken all of it */
	while (now_ns() < until && (stalled_server.out_length || stalled_server.dirty)) {
		peers_round(&peers, until);
	}
}

int main(int argc, char **argv)
{
	count = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	stalled_count = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
	if (!count || stalled_count > CLIENTS_EACH) {
		complain("usage: hold PORT CONNECTIONS STALLED");
	}
	peers = (struct peers){.port = atoi(argv[1]), .frame = frame, .ended = ended};
	peers_init(&peers);
	all = calloc(count, sizeof(*all));
	stalled = calloc(CLIENTS_EACH, sizeof(*stalled));
	if (!all || !stalled) {
		give_up("calloc");
	}
	open_idle();
	open_stalled();
	printf("open\n");
	fflush(stdout);
	while (gone < count) {
		peers_round(&peers, INT64_MAX);
	}
	printf("ended clean %u other %u missed %u last %" PRId64 "\n", clean, other, missed,
		last_ns);
	fflush(stdout);
	while (stalled_server.fd > 0) { /* until the relay is gone, or we are killed */
		peers_round(&peers, INT64_MAX);
	}
	return 0;
}
