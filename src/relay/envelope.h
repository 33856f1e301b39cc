/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server and the relay say to each other: JSON objects around the frames of clients, whose
 * bytes pass as they are. Pure text; no I/O.
 *
 *	to the server	{"conn_id":"client-ID-1234abcd","frame":<bytes>}
 *			{"conn_id":"client-ID-1234abcd","close_code":1000}
 *	from it		{"conn_id":"...","frame":<json>,"close_code":N}, one of the latter or both
 */
#ifndef RELAY_ENVELOPE_H
#define RELAY_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * What goes to the server stands in parts that never need to be one text: ENVELOPE_NAME, the name
 * as envelope_escape writes it, ENVELOPE_FRAME, the client's bytes, ENVELOPE_END; or, from the
 * third on, envelope_close.
 */
#define ENVELOPE_NAME "{\"conn_id\":\""
#define ENVELOPE_FRAME "\",\"frame\":"
#define ENVELOPE_END "}"

/* Appends a name as it stands between the quotes. */
void envelope_escape(struct buffer *out, const char *name, size_t length);

#define ENVELOPE_CLOSE_MOST 32

/* Writes what tells of a client's end, and returns its length. */
size_t envelope_close(char text[ENVELOPE_CLOSE_MOST], uint16_t code);

/*
 * Returns NULL if these bytes are one JSON value, with nothing but white space around it; else what
 * they are instead: one sentence, static. So may a client's message be put into an envelope.
 */
const char *envelope_frame_fault(const char *bytes, size_t length);

/*
 * What a server has said. A field that is null counts as not there, so does a close_code of 0; of
 * one that comes twice the last counts; others mean nothing.
 */
struct envelope {
	const char *name; /* conn_id, in the text or in decoded */
	size_t name_length;
	const char *frame; /* in the text; NULL: none */
	size_t frame_length;
	unsigned close_code; /* 0: none; up to 65535, whether it may be sent or not */
	struct buffer decoded;
};

/*
 * Reads what a server has said. Returns NULL, or why it goes nowhere: one sentence, static. A
 * zeroed envelope, or one that was used before; relay_envelope_fini frees what it has.
 */
const char *relay_envelope_read(struct envelope *envelope, const char *bytes, size_t length);
void relay_envelope_fini(struct envelope *envelope);

#endif
