/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a CA comes to see that the domain is ours (RFC 8555, 8.3): a listener of its own, for plain
 * HTTP, that answers GET /.well-known/acme-challenge/TOKEN with what the file TOKEN of a folder
 * says, and 404 to all else. Each answer ends its connection.
 *
 * It belongs to worker 0 and to the front stage: its queue is emptied and it is closed with the
 * other listeners. Nobody's requests are counted here, for they are no work of the service.
 */
#ifndef RELAY_CHALLENGE_H
#define RELAY_CHALLENGE_H

#include <curfew/listener.h>

#include "admin/service.h"
#include "net/address.h"

#define CHALLENGE_LISTEN_PRESET ":80"
#define CHALLENGE_TOKEN 129            /* bytes of the longest token, its NUL included */
#define CHALLENGE_ANSWER_MOST 1024     /* bytes of a file: a token, a dot, a digest */
#define CHALLENGE_CONNECTIONS_MOST 256 /* what is above is closed at once */

/* Zeroed: not opened. */
struct challenge {
	const char *folder; /* borrowed */
	int fd;             /* -1: the listener's, or none */
	struct address address;
	struct curfew_listener *listener;
	struct http_server server;
	struct http_limits limits;
	uint64_t answered; /* with what a file says */
};

/*
 * Opens the socket, for the files of a folder. Returns 0, or -1 with a refusal; fini in any case.
 */
int challenge_open(struct challenge *challenge, const char *listen, const char *folder,
	struct buffer *refusal);

/* Begins to answer. Returns 0 or a negative errno (-ESHUTDOWN: the end has begun). */
int challenge_start(struct challenge *challenge, struct service *service);

/* When the lifecycle is DONE, or instead of it. */
void challenge_fini(struct challenge *challenge);

/*
 * Takes the token out of a request's target, which has to be exactly its path. Returns whether
 * there is one: 1 to 128 of A-Z a-z 0-9 - _ (RFC 8555, 8.3: base64url).
 */
bool challenge_token(const char *target, size_t length, char token[CHALLENGE_TOKEN]);

#endif
