/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a member, by its handler's callbacks, in their order. A server that waits for its
 * claim takes no data; what it says comes when it has its place (ws_connection_resume). One that
 * never got a place is muted when it is closed: what waits is taken then, and dropped, so that its
 * own close frame is found behind it.
 */
#include "relay/member.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curfew/time.h>

#include "base/list.h"
#include "core/drain.h"
#include "relay/ending.h"
#include "relay/event.h"
#include "relay/host.h"
#include "relay/memory.h"
#include "relay/route.h"
#include "ws/nonce.h"
#include "ws/opening.h"

#define ROLE_CHARS 7   /* "server-", "client-" */
#define NUMBER_CHARS 9 /* "-1234abcd" */

const char *member_id(const struct member *member, size_t *length)
{
	*length = strlen(member_name(member)) - ROLE_CHARS - NUMBER_CHARS;
	return member_name(member) + ROLE_CHARS;
}

void member_close(struct member *member, unsigned code, const char *reason)
{
	if (member->ws.state != WS_CONNECTION_OPEN) {
		return;
	}
	if (!member->registered) {
		member->muted = true;
	}
	ws_connection_close(&member->ws, code, reason);
	registry_leave(member);
	ws_connection_resume(&member->ws);
}

/* What it says. */

static void route(struct member *member, const char *bytes, size_t length)
{
	if (member->role == MEMBER_SERVER) {
		route_from_server(member, bytes, length);
	} else {
		route_from_client(member, bytes, length);
	}
}

static void give_back(struct member *member)
{
	relay_count(&member->lane->counts.gathered, -(int64_t)member->gathered.length);
	worker_spare_give(member->lane->worker, &member->gathered);
}

static void end_for_memory(struct member *member, const char *reason)
{
	member->muted = true;
	member_close(member, WS_CLOSE_FAILED, reason);
}

/* Returns whether there is memory for the piece. */
static bool append(struct member *member, const struct ws_event *piece)
{
	struct lane *lane = member->lane;
	size_t before = member->gathered.length;

	buffer_append(&member->gathered, piece->bytes, piece->length);
	relay_count(&lane->counts.gathered, (int64_t)(member->gathered.length - before));
	if (member->gathered.failed) {
		end_for_memory(member, "out of memory");
	} else if (!piece->ends && memory_is_short(lane->relay, member->gathered.length)) {
		end_for_memory(member, "memory is short");
	}
	return !member->muted;
}

static void gather(struct member *member, const struct ws_event *piece)
{
	if (!member->gathered.data) {
		member->gathered = worker_spare_take(member->lane->worker);
		member->since = worker_now(member->lane->worker);
	}
	if (append(member, piece) && piece->ends) {
		route(member, member->gathered.data, member->gathered.length);
	}
	if (member->muted || piece->ends) {
		give_back(member);
	}
}

static bool waits_for_place(const struct member *member)
{
	return !member->registered && member->ws.state == WS_CONNECTION_OPEN;
}

static size_t data(struct ws_connection *connection, const struct ws_event *piece)
{
	struct member *member = container_of(connection, struct member, ws);

	if (waits_for_place(member)) {
		return 0;
	}
	if (member->muted) {
		give_back(member);
	} else if (piece->ends && !member->gathered.data) {
		route(member, (const char *)piece->bytes, piece->length);
	} else {
		gather(member, piece);
	}
	return piece->length;
}

/* The rest of its life. */

static void opened(struct ws_connection *connection)
{
	registry_join(container_of(connection, struct member, ws));
}

static void pong(struct ws_connection *connection)
{
	struct member *member = container_of(connection, struct member, ws);

	if (member->role == MEMBER_SERVER) {
		registry_pong(member);
	}
}

static bool crowded(struct ws_connection *connection, size_t outbox)
{
	return memory_is_short(container_of(connection, struct member, ws)->lane->relay, outbox);
}

static void finish(struct ws_connection *connection)
{
	ending_finish(container_of(connection, struct member, ws));
}

static void log_closed(const struct member *member)
{
	const struct ws_connection *ws = &member->ws;
	size_t length;
	const char *id = member_id(member, &length);

	journal_tell(&member->lane->relay->service.journal, &relay_events[RELAY_EVENT_CLOSED],
		journal_bytes(id, length), journal_text(member_name(member)),
		journal_text(member_remote(member)), journal_number(ws->code),
		journal_number(ws->sent),
		journal_text(ws->cause == WS_CAUSE_FAULT ? ws_fault_text(ws->fault)
							 : ws_cause_text(ws->cause)),
		journal_number((curfew_now() - member->asked) / 1000000));
}

static void ended(struct ws_connection *connection)
{
	struct member *member = container_of(connection, struct member, ws);

	give_back(member);
	log_closed(member);
	registry_ended(member);
}

static void count_closed(struct member *member, bool clean)
{
	struct relay_counts *counts = &member->lane->counts;

	if (!curfew_drain_closed(&member->lane->worker->drain)) {
		return;
	}
	if (clean) {
		relay_count(&counts->closed_clean, 1);
	} else if (member->ws.forced) {
		relay_count(&counts->closed_forced, 1);
	}
}

static void closed(struct ws_connection *connection, uint16_t code, bool clean)
{
	struct member *member = container_of(connection, struct member, ws);
	struct relay *relay = member->lane->relay;

	(void)code;
	count_closed(member, clean);
	limiter_leave(&relay->limiter, member_remote(member));
	atomic_fetch_sub(&relay->connections, 1);
	free(member);
	service_left(&relay->service);
}

static const struct ws_handler handler = {
	.data = data,
	.opened = opened,
	.pong = pong,
	.crowded = crowded,
	.finish = finish,
	.ended = ended,
	.closed = closed,
};

/* Its beginning. */

/* As it stands in a name, with a NUL behind it. */
static void draw_number(char text[NUMBER_CHARS])
{
	uint32_t number;

	ws_nonce(&number, sizeof(number));
	(void)snprintf(text, NUMBER_CHARS, "%08x", number);
}

/* Other threads may read the name while it is the hold's. */
void member_rename(struct member *member)
{
	char *name = member->text;
	char *escaped = member->text + member->escaped_at;
	size_t digits = NUMBER_CHARS - 1;
	char number[NUMBER_CHARS];

	draw_number(number);
	hold_rename(&member->ws.hold, NULL);
	memcpy(name + strlen(name) - digits, number, digits);
	memcpy(escaped + member->escaped_length - digits, number, digits);
	hold_rename(&member->ws.hold, name);
}

static void compose_name(struct buffer *out, const struct member_asked *asked)
{
	char number[NUMBER_CHARS];

	draw_number(number);
	buffer_append_text(out, asked->role == MEMBER_SERVER ? "server-" : "client-");
	buffer_append(out, asked->id, asked->id_length);
	buffer_append_char(out, '-');
	buffer_append_text(out, number);
}

/* The texts behind each other; *member gets where they are. */
static void compose(struct buffer *text, struct member *member, const struct member_asked *asked)
{
	struct buffer escaped = {0};
	size_t length;

	compose_name(text, asked);
	length = text->length;
	envelope_escape(&escaped, buffer_text(text), length);
	buffer_append_char(text, '\0');
	member->remote_at = (uint16_t)text->length;
	buffer_append(text, asked->remote, strlen(asked->remote) + 1);
	member->escaped_length = (uint16_t)escaped.length;
	if (escaped.length != length) {
		member->escaped_at = (uint16_t)text->length;
		buffer_append(text, escaped.data, escaped.length);
	}
	text->failed = text->failed || escaped.failed;
	buffer_fini(&escaped);
}

static struct member *member_new(const struct member_asked *asked)
{
	struct buffer text = {0};
	struct member head = {.role = (uint8_t)asked->role, .asked = curfew_now()};
	struct member *member;

	compose(&text, &head, asked);
	member = text.failed ? NULL : malloc(sizeof(*member) + text.length);
	if (member) {
		*member = head;
		memcpy(member->text, text.data, text.length);
	}
	buffer_fini(&text);
	return member;
}

int member_open(struct relay *relay, struct http_connection *from, const struct member_asked *asked)
{
	struct member *member = member_new(asked);
	struct lane *lane;
	int error;

	if (!member) {
		return -ENOMEM;
	}
	lane = registry_lane(relay, asked->id, asked->id_length);
	member->lane = lane;
	error = ws_accept_on(&member->ws, from,
		&(const struct ws_setting){
			.worker = lane->worker,
			.drain = &lane->worker->drain,
			.handler = &handler,
			.limits = &relay->ws_limits,
			.name = member_name(member),
		});
	if (error) {
		free(member);
	}
	return error;
}
