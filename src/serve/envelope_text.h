/* SPDX-License-Identifier: Apache-2.0 */
/* How the parts of an envelope are put together: for envelope.c and envelope_read.c only. */
#ifndef SERVE_ENVELOPE_TEXT_H
#define SERVE_ENVELOPE_TEXT_H

#include "serve/envelope.h"

/*
 * Something was appended to one of its buffers. Returns 0, and it is touched; or -ENOMEM, and the
 * buffer is as before, when it had so many bytes.
 */
int envelope_settle(struct envelope *envelope, struct buffer *buffer, size_t before);

/* Appends a JSON text on one line. */
void envelope_append_line(struct buffer *out, const char *json, size_t length);

/* Appends what stands in front of the next element, if anything does. */
void envelope_append_comma(struct buffer *list);

#endif
