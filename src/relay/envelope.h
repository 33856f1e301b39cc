/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server and the relay say to each other: JSON objects around the frames of clients, whose
 * bytes pass as they are. Pure text; no I/O.
 *
 *	to the server	{"conn_id":"client-ID-1234abcd","frame":<bytes>}
 *			{"conn_id":"client-ID-1234abcd","close_code":1000}
 *	from it		{"conn_id":"...","frame":<json>,"close_code":N}, frame or close_code or both
 */
#ifndef RELAY_ENVELOPE_H
#define RELAY_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* What stands behind a frame. */
#define ENVELOPE_SUFFIX "}"

/* Appends {"conn_id":"<name, escaped>","frame": */
void envelope_prefix(struct buffer *out, const char *name, size_t length);

/* Appends the notice of a client's end. */
void envelope_notice(struct buffer *out, const char *name, size_t length, unsigned code);

/* Returns whether these bytes are one JSON value, and nothing else but white space around it. */
bool envelope_is_json(const char *bytes, size_t length);

/* What a server has said. */
struct envelope {
	const char *name; /* conn_id, in the text or in decoded */
	size_t name_length;
	const char *frame; /* NULL: none */
	size_t frame_length;
	unsigned close_code; /* 0: none */
	struct buffer decoded;
};

/*
 * Reads what a server has said. Returns NULL, or why it goes nowhere: one sentence, static. A
 * zeroed envelope, or one that was used before; envelope_fini frees what it has.
 */
const char *envelope_read(struct envelope *envelope, const char *bytes, size_t length);
void envelope_fini(struct envelope *envelope);

#endif
