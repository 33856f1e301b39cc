/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the parts of a stream: life (stream.c), reading (stream_read.c), writing
 * (stream_write.c), moving (stream_move.c).
 */
#ifndef NET_STREAM_STATE_H
#define NET_STREAM_STATE_H

#include "net/stream.h"

/* Whether input is wanted. */
bool stream_reads(const struct stream *stream);

/* Whether the owner may be told of what comes. */
bool stream_is_open(const struct stream *stream);

/* Has the loop wait for what is waited for. Returns 0 or a negative errno. */
int stream_poll(struct stream *stream);

/* The owner hears of it at the end of the round, since it may be inside a call of its own. */
void stream_fail(struct stream *stream, int error);
void stream_enter_closed(struct stream *stream);

/* What is left of a stream whose socket is gone, or somebody else's. */
void stream_forget_socket(struct stream *stream);

void stream_begin_linger(struct stream *stream);

/* From's closed() comes next: what crosses goes. */
void stream_send_heir(struct stream *from);

void stream_read(struct stream *stream);
/* Returns whether all that was kept was taken. */
bool stream_hand_out_unread(struct stream *stream);
void stream_tell_end(struct stream *stream);
void stream_drop_input(struct stream *stream);
void stream_read_last_words(struct stream *stream);

/* Writes the queue, then more, as far as they go. Returns how many bytes of the latter went. */
size_t stream_write_now(struct stream *stream, const struct stream_part *more, int count);
void stream_queue_close(struct stream *stream);

/* Tells the worker how much of its backlog is this stream's: what the kernel has refused. */
void stream_set_backlog(struct stream *stream, size_t backlog);

#endif
