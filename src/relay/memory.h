/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bound for all of what waits in the relay (--max-memory): messages for those who do not take
 * them, and messages that are not whole. Each connection has bounds of its own for both; but there
 * may be very many connections.
 *
 * Above the bound, whoever has more than an even share of it gets no more, and is ended; all others
 * go on, so that who takes much cannot end those who take little. So there can be no more than
 * twice the bound, and what is anybody's and one message for each connection.
 */
#ifndef RELAY_MEMORY_H
#define RELAY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "net/stream.h"

#define MEMORY_ANYBODYS ((size_t)STREAM_QUEUE_HIGH) /* bytes: so much is never too much */

struct relay;

/* Returns whether one of whom, or for whom, so many bytes wait may have no more. Any thread. */
bool memory_is_short(const struct relay *relay, size_t own);

#endif
