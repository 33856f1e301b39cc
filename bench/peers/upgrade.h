/* SPDX-License-Identifier: Apache-2.0 */
/* The opening handshake as far as relay_limit needs it. */
#ifndef BENCH_UPGRADE_H
#define BENCH_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>

#define UPGRADE_ANSWER_MOST 256

struct upgrade {
	bool is_server;
	const char *id; /* X-Relay-Server, in the request */
	size_t id_length;
	const char *key; /* Sec-WebSocket-Key */
};

/* Reads a request's head, which ends with a NUL. Returns false if it is nothing that we serve. */
bool upgrade_read(const char *head, struct upgrade *upgrade);

/* Writes the answer, and returns its length. */
size_t upgrade_answer(const struct upgrade *upgrade, char answer[UPGRADE_ANSWER_MOST]);

#endif
