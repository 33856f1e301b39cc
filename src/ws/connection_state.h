/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the parts of a connection: its life (connection.c), its deadlines (connection_time.c),
 * what it sends (send.c), and its beginning (opening.c).
 */
#ifndef WS_CONNECTION_STATE_H
#define WS_CONNECTION_STATE_H

#include "ws/connection.h"

/*
 * Begins, ARRIVING, before the stream is there: takes the hold. Returns 0, or -ESHUTDOWN. Any
 * thread. The stream's ops are ws_connection_stream_ops: either it arrives by stream_cross, or it
 * is there, and ws_connection_open comes next. What was begun in vain is ws_connection_give_up's.
 */
int ws_connection_begin(
	struct ws_connection *connection, enum ws_role role, const struct ws_setting *setting);
void ws_connection_open(struct ws_connection *connection);
void ws_connection_give_up(struct ws_connection *connection);

extern const struct stream_ops ws_connection_stream_ops;

/* Fails it (7.1.7): a close frame, if one may go, and then the end without waiting for another. */
void ws_connection_fail(struct ws_connection *connection, enum ws_cause cause);

/* Ends it at once. */
void ws_connection_cut_for(struct ws_connection *connection, enum ws_cause cause);

/* Its peer did not close it in time. In a drain that is told, as if it had been cut there. */
void ws_connection_cut_late(struct ws_connection *connection);

/* connection_time.c */
int64_t ws_connection_now(const struct ws_connection *connection);
int64_t ws_connection_after(const struct ws_connection *connection, int64_t ms);
/* Sets the deadline to the first of all. */
void ws_connection_rearm(struct ws_connection *connection);
void ws_connection_begin_time(struct ws_connection *connection);
/* Nothing counts any more but the end itself, which has close_ms from the first call on. */
void ws_connection_time_end(struct ws_connection *connection);
/* Whether a message is open, or another one was begun, since its owner was told of input. */
void ws_connection_watch_message(struct ws_connection *connection, bool was_whole);
/* The owner takes input again: the peer's time goes on. */
void ws_connection_watch_again(struct ws_connection *connection);
/* Something is about to be written. */
void ws_connection_watch_write(struct ws_connection *connection, size_t length);

/* send.c */
bool ws_connection_is_server(const struct ws_connection *connection);
/* Returns false where the outbox has no room for it. */
bool ws_connection_send_control(struct ws_connection *connection, enum ws_opcode opcode,
	const void *payload, size_t length);
void ws_connection_send_close(struct ws_connection *connection, unsigned code, const char *reason);

#endif
