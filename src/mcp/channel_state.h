/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of a channel: its connection (channel.c), what it sends (channel_send.c). */
#ifndef MCP_CHANNEL_STATE_H
#define MCP_CHANNEL_STATE_H

#include "mcp/channel.h"

/* The only writer of the state; knows the edges. */
void channel_enter(struct channel *channel, enum channel_state state);

void channel_set_alarm(struct channel *channel, int64_t ms);

/* Nobody carries the connection any more, so that its answer can be ended. */
struct http_connection *channel_let_go(struct channel *channel);

/* There is no memory for what was to be written: the answer is broken off. */
void channel_break_off(struct channel *channel);

/* Calls writable() if that is owed: the last statement of whoever calls it. */
void channel_tell_room(struct channel *channel);

/* Begins the event stream. */
void channel_begin_events(struct channel *channel, const char *fields);

/* The same from QUIET, with what was collected of a batch. */
void channel_turn_to_events(struct channel *channel);

/* Writes what is kept, until more than queue_most bytes are queued. */
void channel_catch_up(struct channel *channel, size_t queue_most);

#endif
