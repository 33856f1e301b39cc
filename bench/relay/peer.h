/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of a bench to a relay: a server's or a client's, on one epoll descriptor. What is
 * sent in a round goes out at its end, so that the bench costs little beside the relay. Whatever
 * should not happen ends the program, which says why.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_PARTS_MOST 3
#define PEER_ID_MOST 32

enum peer_kind { PEER_SERVER, PEER_CLIENT };

/* Embedded in its owner; what is more than the owner's business is at the end. */
struct peer {
	int fd; /* -1: it has ended */
	enum peer_kind kind;
	bool stalled;  /* it never reads */
	uint8_t *kept; /* of a frame that is not whole */
	size_t kept_length;
	uint8_t *out;
	size_t out_length, out_sent, out_capacity;
	struct peer *next_dirty;
	bool dirty, blocked;
};

struct peer_part {
	const void *bytes;
	size_t length;
};

/* End the program: give_up where a call has failed, whose errno tells more. */
_Noreturn void complain(const char *what);
_Noreturn void give_up(const char *what);

int64_t now_ns(void);

/* port: the relay's, on the loopback. frame: a whole one has come. ended: the peer is gone. */
struct peers {
	int port;
	int poller;
	void (*frame)(struct peer *peer, unsigned opcode, const uint8_t *payload, size_t length);
	void (*ended)(struct peer *peer);
	struct peer *dirty;
};

void peers_init(struct peers *peers);

/* Connects, shakes hands, and waits for what comes. number: gives it a source address. */
void peer_open(struct peers *peers, struct peer *peer, enum peer_kind kind, const char *server_id,
	unsigned number);

/* Sends a frame at the end of the round, masked. */
void peer_send(struct peers *peers, struct peer *peer, unsigned opcode,
	const struct peer_part *parts, int count);

/* Waits until something comes, or until the time (CLOCK_MONOTONIC, ns), and hands it out. */
void peers_round(struct peers *peers, int64_t until_ns);

void peer_close(struct peer *peer);

#endif
