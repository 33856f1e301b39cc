/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one HTTP/1.1 response, bytes in at any cut: what is needed to tell a right answer from a
 * wrong one.
 */
#ifndef BENCH_MCP_REPLY_H
#define BENCH_MCP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#define REPLY_HEAD 8192
#define REPLY_BODY 65536 /* what is beyond is read and not kept */
#define REPLY_SESSION 256

struct reply {
	int status;
	bool is_whole;
	bool closes;                 /* the server closes the connection after it */
	char session[REPLY_SESSION]; /* Mcp-Session-Id, "" if absent */
	char body[REPLY_BODY + 1];   /* without the chunks' framing, with a NUL behind */
	size_t body_length;
	/* Private. */
	char head[REPLY_HEAD + 1];
	size_t head_length;
	bool has_head, is_chunked, has_length;
	size_t left; /* bytes of the body, or of the chunk */
	int chunk;   /* where in the framing of chunks we are */
};

void reply_init(struct reply *reply);

/* Takes bytes; returns how many were its, or -1 if it makes no sense. */
long reply_feed(struct reply *reply, const char *bytes, size_t length);

/* The connection has ended, which is the end of a body without a length. */
void reply_end(struct reply *reply);

/* Whether it holds a JSON-RPC result for this id, alone or as an event, and this text. */
bool reply_has_result(const struct reply *reply, long id, const char *text);

#endif
