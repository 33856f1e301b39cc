/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of a lane to one of the plan's endpoints, on which one request at a time is
 * answered. What is spoken there (HTTP, WebSocket) is a kind of channel: one of channel_kinds.
 *
 *	channel = channel_kinds[kind]->new(lane, index, fd, filter)
 *	channel->open			or lane_opened(channel) later, after a handshake of its own
 *	channel->ops->send(channel, request)
 *	...		lane_answered(lane, answer), or lane_lost(lane, endpoint, outcome)
 *	channel->ops->close(channel, ...)
 *
 * A channel calls its lane in the worker's rounds, or at their end, never inside send or close. It
 * frees itself when its socket is closed, and says so (channel_gone).
 */
#ifndef LOAD_CHANNEL_H
#define LOAD_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "http/client.h"
#include "load/plan.h"
#include "load/source.h"

struct channel;
struct crew;
struct lane;
struct stream;
struct stream_filter;

struct channel_ops {
	/* The request leaves now. It is borrowed until its answer, or the end of the channel. */
	void (*send)(struct channel *channel, const struct load_request *request);
	/* In order, or with a reset. The lane hears nothing more of it. */
	void (*close)(struct channel *channel, bool reset);
};

/* Embedded in its owner. */
struct channel {
	const struct channel_ops *ops;
	struct crew *crew;
	struct lane *lane; /* NULL: nobody wants it any more */
	uint32_t endpoint;
	bool open;        /* requests can be sent */
	uint64_t in, out; /* bytes that are in the tally */
};

struct channel_kind {
	/*
	 * Makes one of a connected socket, which becomes the channel's, as filter (NULL: none)
	 * does. NULL with errno: both stay the caller's.
	 */
	struct channel *(*new)(
		struct lane *lane, uint32_t endpoint, int fd, struct stream_filter *filter);
};

extern const struct channel_kind http_channel_kind, ws_channel_kind;

#define HTTP_CHANNEL_FRAMING 96 /* bytes */

/*
 * Writes what stands behind a request's head: the fields that are ours, and the empty line. Returns
 * its length.
 */
size_t http_channel_framing(
	char framing[HTTP_CHANNEL_FRAMING], const struct load_request *request, bool is_fresh);

/* What became of a request whose connection failed so. */
enum load_outcome http_channel_outcome(
	const struct http_client *client, enum http_client_failure failure);

/* By enum endpoint_kind. */
extern const struct channel_kind *const channel_kinds[];

/* For kinds: fills the common part. */
void load_channel_init(struct channel *channel, const struct channel_ops *ops, struct lane *lane,
	uint32_t endpoint);

/* What its stream has read and written since the last time goes into the tally. */
void channel_count(struct channel *channel, const struct stream *stream);

/* A request of it has failed by TLS: why, for the first one, is to be told. */
void channel_note_tls(struct channel *channel, const struct stream *stream);

/* Its lane has it no more; it closes, or is closed. */
void channel_detach(struct channel *channel);

/* Its socket is closed, and its memory goes: the last thing that is done with it. */
void channel_gone(struct channel *channel);

#endif
