/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What arrives whole in the memory that it was read into is written from there: around a client's
 * message go the parts of its envelope, and of a server's the frame is a range.
 */
#include "relay/route.h"

#include <errno.h>

#include "relay/event.h"
#include "relay/host.h"
#include "ws/send.h"

#define BACKLOG_REASON "backlog full"
#define TOLD_AT_ONCE 32 /* of one member; a server may say as much as it likes */
#define TOLD_EACH_MS 1000

/* A message of this member's, or for it, goes nowhere. */
static void log_not_routed(struct member *member, const char *reason)
{
	size_t length;
	const char *id = member_id(member, &length);

	if (!telling_allows(&member->telling, worker_now(member->lane->worker), TOLD_AT_ONCE,
		    TOLD_EACH_MS)) {
		return;
	}
	journal_tell(&member->lane->relay->service.journal, &relay_events[RELAY_EVENT_NOT_ROUTED],
		journal_bytes(id, length), journal_text(member_name(member)), journal_text(reason));
}

static void drop(struct member *server, const char *reason)
{
	relay_count(&server->lane->counts.dropped, 1);
	log_not_routed(server, reason);
}

/*
 * One is missing in what it would get, so that it may get no other: its close frame goes behind
 * those that it does get.
 */
static void end_behind_gap(struct member *to, int error)
{
	if (error == -ENOBUFS) {
		log_not_routed(to, BACKLOG_REASON);
		member_close(to, WS_CLOSE_FAILED, BACKLOG_REASON);
	}
}

/* One that came in one piece has left in the round that it came in. */
static void count_forwarded(struct member *from, enum relay_direction direction, size_t length)
{
	struct relay_counts *counts = &from->lane->counts;
	int64_t ns = from->gathered.length ? worker_now(from->lane->worker) - from->since : 0;

	relay_count(&counts->frames[direction], 1);
	relay_count(&counts->bytes[direction], (int64_t)length);
	relay_count(&counts->latency[metric_bucket(ns)], 1);
	relay_count(&counts->latency_ns, ns);
}

/* From a client. */

static void end_unreadable(struct member *client, const char *fault)
{
	client->muted = true;
	log_not_routed(client, fault);
	member_close(client, WS_CLOSE_NORMAL, "not JSON");
}

void route_from_client(struct member *client, const char *bytes, size_t length)
{
	struct member *server = client->slot->server;
	const struct stream_part parts[] = {
		{ENVELOPE_NAME, sizeof(ENVELOPE_NAME) - 1},
		{client->text + client->escaped_at, client->escaped_length},
		{ENVELOPE_FRAME, sizeof(ENVELOPE_FRAME) - 1},
		{bytes, length},
		{ENVELOPE_END, sizeof(ENVELOPE_END) - 1},
	};
	const char *fault = envelope_frame_fault(bytes, length);
	int error;

	if (fault) {
		end_unreadable(client, fault);
		return;
	}
	if (!server) {
		return;
	}
	error = ws_send_parts(&server->ws, WS_OPCODE_TEXT, parts, 5);
	if (error) {
		end_behind_gap(server, error);
	} else {
		count_forwarded(client, RELAY_TO_SERVER, length);
	}
}

/* From a server. */

static void send_frame(
	struct member *server, struct member *client, const struct envelope *envelope)
{
	int error = ws_send(&client->ws, WS_OPCODE_TEXT, envelope->frame, envelope->frame_length);

	if (error) {
		relay_count(&server->lane->counts.dropped, 1);
		end_behind_gap(client, error);
	} else {
		count_forwarded(server, RELAY_TO_CLIENT, envelope->frame_length);
	}
}

/* It is known to the server: neither its end, nor what it may still say, is news. */
static void close_as_asked(struct member *client, unsigned code)
{
	client->unmissed = true;
	client->muted = true;
	member_close(client, code, "");
}

static const char *deliver(struct member *server, const struct envelope *envelope)
{
	struct member *client =
		registry_client(server->slot, envelope->name, envelope->name_length);

	if (envelope->close_code && !ws_close_sendable(envelope->close_code)) {
		return "its close_code may not be sent";
	}
	if (!client) {
		return "no client has its conn_id";
	}
	if (envelope->close_code && client->ws.state != WS_CONNECTION_OPEN) {
		client->unmissed = true;
	}
	if (client->ws.state != WS_CONNECTION_OPEN) {
		return "its client is being closed";
	}
	if (envelope->frame) {
		send_frame(server, client, envelope);
	}
	if (envelope->close_code) {
		close_as_asked(client, envelope->close_code);
	}
	return NULL;
}

/* The slot of one that is leaving may be another's by now: its clients are not for it. */
static bool has_lost_id(const struct member *server)
{
	return server->slot->server && server->slot->server != server;
}

void route_from_server(struct member *server, const char *bytes, size_t length)
{
	struct envelope envelope = {0};
	const char *fault = relay_envelope_read(&envelope, bytes, length);

	if (!fault) {
		fault = has_lost_id(server) ? "another server has its id"
					    : deliver(server, &envelope);
	}
	if (fault) {
		drop(server, fault);
	}
	relay_envelope_fini(&envelope);
}

/* The end of a client. */

void route_notice(struct member *client, unsigned code)
{
	struct member *server = client->slot->server;
	char close[ENVELOPE_CLOSE_MOST];
	bool none = code == WS_CLOSE_NO_CODE || code == WS_CLOSE_CUT;
	const struct stream_part parts[] = {
		{ENVELOPE_NAME, sizeof(ENVELOPE_NAME) - 1},
		{client->text + client->escaped_at, client->escaped_length},
		{close, envelope_close(close, none ? WS_CLOSE_GOING_AWAY : (uint16_t)code)},
	};
	int error;

	if (client->unmissed || !server) {
		return;
	}
	client->unmissed = true;
	error = ws_send_parts(&server->ws, WS_OPCODE_TEXT, parts, 3);
	if (error) {
		end_behind_gap(server, error);
	}
}
