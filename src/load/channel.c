/* SPDX-License-Identifier: Apache-2.0 */
#include "load/channel.h"

#include "load/crew.h"
#include "load/lane.h"
#include "net/stream.h"
#include "net/tls.h"

const struct channel_kind *const channel_kinds[] = {
	[ENDPOINT_HTTP] = &http_channel_kind,
	[ENDPOINT_WEBSOCKET] = &ws_channel_kind,
};

void load_channel_init(struct channel *channel, const struct channel_ops *ops, struct lane *lane,
	uint32_t endpoint)
{
	*channel = (struct channel){
		.ops = ops,
		.crew = lane->crew,
		.lane = lane,
		.endpoint = endpoint,
	};
	lane->crew->channels++;
	lane->crew->tally->connections++;
}

void channel_count(struct channel *channel, const struct stream *stream)
{
	struct tally *tally = channel->crew->tally;

	if (atomic_load(&channel->crew->stage) == CREW_OVER) {
		return; /* what closes in order comes too late: the tally is the director's */
	}
	tally->bytes_in += stream->bytes_in - channel->in;
	tally->bytes_out += stream->bytes_out - channel->out;
	channel->in = stream->bytes_in;
	channel->out = stream->bytes_out;
}

void channel_note_tls(struct channel *channel, const struct stream *stream)
{
	struct crew *crew = channel->crew;

	if (stream->filter && channel->lane && !crew->tls_failures[channel->endpoint]) {
		crew->tls_failures[channel->endpoint] = tls_failure_text(stream->filter);
	}
}

void channel_detach(struct channel *channel)
{
	if (channel->lane) {
		channel->lane->channels[channel->endpoint] = NULL;
		channel->lane = NULL;
	}
}

void channel_gone(struct channel *channel)
{
	crew_channel_gone(channel->crew);
}
