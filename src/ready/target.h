/* SPDX-License-Identifier: Apache-2.0 */
/* Whom curfew ready asks. */
#ifndef READY_TARGET_H
#define READY_TARGET_H

#include <stddef.h>
#include <sys/socket.h>

#define TARGETS_MOST 2

/* Socket addresses, to be tried one after the other. */
struct target {
	struct sockaddr_storage address[TARGETS_MOST];
	socklen_t length[TARGETS_MOST];
	int count;
};

/*
 * Parses what a serving command may have been given to listen on. What stands for all addresses is
 * asked on the loopback ones; of names only localhost is known. Returns NULL, or why not: static
 * words that fit behind "it".
 */
const char *target_parse(const char *text, struct target *target);

#endif
