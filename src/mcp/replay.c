/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store is one list, and is searched from its front: that happens when a client comes back, and
 * then once for each STREAM_QUEUE_HIGH bytes of what it lacks. Live events do not come this way.
 *
 * A reader is a client that gets the rest of a channel which is over. It lives until it has got
 * all, or is gone; there are few, since each may have a large event in its queue.
 */
#include "mcp/replay.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/event_stream.h"
#include "mcp/exchange.h"

struct reader {
	struct curfew_link link;
	struct carrier carrier;
	struct replay *replay;
	struct http_connection *connection;
	uint64_t number, sequence;
};

/* The events. */

static struct replay_event *event_of(struct curfew_link *link)
{
	return container_of(link, struct replay_event, link);
}

static size_t event_size(const struct replay_event *event)
{
	return sizeof(*event) + event->length;
}

void replay_init(struct replay *replay, size_t most)
{
	*replay = (struct replay){.most = most};
	list_init(&replay->events);
	list_init(&replay->readers);
}

static void drop(struct replay *replay, struct replay_event *event)
{
	link_remove(&event->link);
	replay->count--;
	replay->bytes -= event_size(event);
	if (!event->sent) {
		replay->dropped++;
	}
	free(event);
}

struct replay_event *replay_event_new(
	uint64_t number, uint64_t sequence, const char *text, size_t length)
{
	char before[64];
	size_t begin = (size_t)snprintf(
		before, sizeof(before), "id: %" PRIu64 "-%" PRIu64 "\ndata: ", number, sequence);
	struct replay_event *event = malloc(sizeof(*event) + begin + length + 2);
	char *end;

	if (!event) {
		return NULL;
	}
	*event = (struct replay_event){
		.number = number,
		.sequence = sequence,
		.length = begin + length + 2,
	};
	end = mempcpy(event->text, before, begin);
	end = mempcpy(end, text, length);
	memcpy(end, "\n\n", 2);
	return event;
}

void replay_event_write(struct replay_event *event, struct http_connection *connection)
{
	http_answer_write(connection, event->text, event->length);
	event->sent = true;
}

static bool is_over(const struct replay *replay)
{
	return replay->count > replay->most ||
		(replay->bytes > REPLAY_BYTES_MOST && replay->count > 1);
}

void replay_keep(struct replay *replay, struct replay_event *event)
{
	list_append(&replay->events, &event->link);
	replay->count++;
	replay->bytes += event_size(event);
	list_each_safe(oldest, &replay->events) {
		if (!is_over(replay)) {
			break;
		}
		drop(replay, event_of(oldest));
	}
}

bool replay_write(struct replay *replay, struct http_connection *connection, uint64_t number,
	uint64_t *sequence, size_t queue_most)
{
	list_each(link, &replay->events) {
		struct replay_event *event = event_of(link);

		if (event->number != number || event->sequence <= *sequence) {
			continue;
		}
		if (http_queued(connection) > queue_most) {
			return false;
		}
		replay_event_write(event, connection);
		*sequence = event->sequence;
	}
	return true;
}

/* The readers. */

static void reader_free(struct reader *reader)
{
	link_remove(&reader->link);
	reader->replay->reader_count--;
	free(reader);
}

/* Nobody carries the connection any more: it can be ended. */
static struct http_connection *reader_let_go(struct reader *reader)
{
	struct http_connection *connection = reader->connection;

	exchange_carry(connection, NULL);
	reader_free(reader);
	return connection;
}

static void reader_writable(struct carrier *carrier)
{
	struct reader *reader = container_of(carrier, struct reader, carrier);

	if (replay_write(reader->replay, reader->connection, reader->number, &reader->sequence,
		    STREAM_QUEUE_HIGH)) {
		event_stream_end(reader_let_go(reader), 0);
	}
}

static void reader_left(struct carrier *carrier, bool whole)
{
	(void)whole;
	reader_free(container_of(carrier, struct reader, carrier));
}

/* Between two events: what it lacks it can ask for of whoever comes after us. */
static void reader_cut(struct carrier *carrier)
{
	event_stream_end(reader_let_go(container_of(carrier, struct reader, carrier)), 0);
}

/* That its client is gone it hears by writing, since there is always more to write. */
static const struct carrier_ops reader_ops = {
	.writable = reader_writable,
	.left = reader_left,
	.cut = reader_cut,
};

/* Writes what is left, whatever that is, and ends it. */
static void reader_finish(struct reader *reader)
{
	(void)replay_write(
		reader->replay, reader->connection, reader->number, &reader->sequence, SIZE_MAX);
	event_stream_end(reader_let_go(reader), 0);
}

static struct reader *reader_of(struct curfew_link *link)
{
	return container_of(link, struct reader, link);
}

void replay_finish(struct replay *replay, struct http_connection *connection, uint64_t number,
	uint64_t sequence)
{
	struct reader *reader;

	exchange_carry(connection, NULL);
	if (replay_write(replay, connection, number, &sequence, STREAM_QUEUE_HIGH)) {
		event_stream_end(connection, 0);
		return;
	}
	reader = malloc(sizeof(*reader));
	if (!reader) {
		http_answer_abort(connection);
		return;
	}
	if (replay->reader_count == REPLAY_READERS_MOST) {
		http_answer_abort(reader_let_go(reader_of(replay->readers.next)));
	}
	*reader = (struct reader){
		.carrier.ops = &reader_ops,
		.replay = replay,
		.connection = connection,
		.number = number,
		.sequence = sequence,
	};
	list_append(&replay->readers, &reader->link);
	replay->reader_count++;
	exchange_carry(connection, &reader->carrier);
}

/* Whether what is behind this event, if anything, is known. */
static bool knows(const struct replay *replay, uint64_t number, uint64_t sequence)
{
	list_each(link, &replay->events) {
		const struct replay_event *event = event_of(link);

		if (event->number == number && event->sequence >= sequence) {
			return true;
		}
	}
	return false;
}

bool replay_answer(struct replay *replay, struct http_connection *connection, const char *fields,
	uint64_t number, uint64_t sequence)
{
	if (!knows(replay, number, sequence)) {
		return false;
	}
	event_stream_begin(connection, fields);
	replay_finish(replay, connection, number, sequence);
	return true;
}

void replay_fini(struct replay *replay)
{
	list_each_safe(link, &replay->readers) {
		reader_finish(reader_of(link));
	}
	list_each_safe(link, &replay->events) {
		drop(replay, event_of(link));
	}
}
