/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a lane without sockets, on false time. Members are made by a test, which also plays
 * their peers; what the registry does to them, to the server's queue and to the log is written
 * down, a line each, with members by their short names: s1, c2.
 *
 * These functions stand for those of member.c, route.c, the WebSocket connection and the log.
 */
#ifndef RELAY_REGISTRY_SCRIPT_H
#define RELAY_REGISTRY_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "relay/registry_state.h"
#include "relay/route.h"

#define SCRIPT_START INT64_C(1000000000000)
#define NAME_HEAD 7 /* "client-" */
#define NAME_TAIL 9 /* "-00000001" */
#define SCRIPT_NAME_MOST 64

static struct loop loop;
static struct worker worker;
static struct lane lane;
static struct relay relay;
static struct relay_config config;
static int64_t now;
static int64_t work_deadline;
static struct buffer told;
static struct curfew_link members; /* all that are not gone */
static int made;
static int renamed;
static bool quiet; /* nothing is written down */

/* A member, and what the script knows of it. */
struct actor {
	struct curfew_link known; /* of members */
	int number;
	struct member *hears; /* a client: the server when it came */
	int hears_number;
	struct member member; /* and its text */
};

static inline struct actor *actor_of(struct member *member)
{
	return container_of(member, struct actor, member);
}

__attribute__((format(printf, 1, 2))) static inline void tell(const char *format, ...)
{
	char line[128];
	va_list arguments;

	if (quiet) {
		return;
	}
	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	buffer_append_text(&told, line);
}

static inline char letter(const struct member *member)
{
	return member->role == MEMBER_SERVER ? 's' : 'c';
}

static inline void tell_of(struct member *member, const char *what)
{
	tell("%c%d %s\n", letter(member), actor_of(member)->number, what);
}

/* What the registry calls. */

const char *member_id(const struct member *member, size_t *length)
{
	*length = strlen(member_name(member)) - NAME_HEAD - NAME_TAIL;
	return member_name(member) + NAME_HEAD;
}

/* To names that the first members have. */
void member_rename(struct member *member)
{
	char *tail = member->text + strlen(member->text) - NAME_TAIL;

	(void)snprintf(tail, NAME_TAIL + 1, "-%08x", (unsigned)++renamed);
	tell_of(member, "renamed");
}

void ws_connection_resume(struct ws_connection *ws)
{
	(void)ws;
}

void ws_connection_ping(struct ws_connection *ws)
{
	tell_of(container_of(ws, struct member, ws), "pinged");
}

void member_close(struct member *member, unsigned code, const char *reason)
{
	char what[100];

	if (member->ws.state != WS_CONNECTION_OPEN) {
		return;
	}
	(void)snprintf(what, sizeof(what), "close %u %s", code, reason);
	tell_of(member, what);
	if (!member->registered) {
		member->muted = true;
	}
	member->ws.state = WS_CONNECTION_CLOSING;
	member->ws.sent = (uint16_t)code;
	registry_leave(member);
}

static void (*on_notice)(struct member *client);

void route_notice(struct member *client, unsigned code)
{
	assert_non_null(client->slot->server);
	assert_false(client->unmissed);
	client->unmissed = true;
	tell("notice to s%d: c%d %u\n", actor_of(client->slot->server)->number,
		actor_of(client)->number, code);
	if (on_notice) {
		on_notice(client);
	}
}

void journal_write(struct journal *journal, const struct journal_event *event,
	const struct journal_value *values, size_t count)
{
	size_t fields = 1;

	(void)journal;
	for (const char *at = event->fields; *at; at++) {
		fields += *at == ' ';
	}
	assert_int_equal(fields, count);
	for (size_t i = 0; i < count; i++) {
		assert_true(values[i].text || values[i].is_number);
	}
	tell("%s\n", event->name);
}

int64_t curfew_lifecycle_work_deadline(const struct curfew_lifecycle *life)
{
	(void)life;
	return work_deadline;
}

/* Time. */

static inline void attend(struct agenda *agenda, int64_t due)
{
	(void)agenda;
	(void)due;
}

static inline void advance(int64_t ms)
{
	int64_t until = clock_add_ms(now, ms);
	int64_t due;

	while ((due = agenda_next(&loop.agenda)) <= until) {
		now = due > now ? due : now;
		(void)agenda_run(&loop.agenda, now);
	}
	now = until;
}

/* The lane. */

static inline int script_setup(void **state)
{
	(void)state;
	now = SCRIPT_START;
	clock_fake(&now);
	agenda_init(&loop.agenda, attend);
	worker = (struct worker){.loop = &loop};
	drain_init(&worker.drain, &loop.agenda);
	config = (struct relay_config){
		.max_clients = 3,
		.reclaim_grace_ms = 30000,
		.claim_ms = 10000,
		.close_ms = 5000,
	};
	memset(&relay, 0, sizeof(relay));
	memset(&lane, 0, sizeof(lane));
	relay.config = &config;
	relay.ws_limits.close_ms = 5000;
	relay.lanes = &lane;
	relay.lane_count = 1;
	lane.relay = &relay;
	lane.worker = &worker;
	work_deadline = CURFEW_NEVER;
	made = 0;
	renamed = 0;
	quiet = false;
	on_notice = NULL;
	list_init(&members);
	return registry_init(&lane.registry);
}

static inline int script_teardown(void **state)
{
	(void)state;
	assert_true(list_empty(&members));
	registry_fini(&lane.registry);
	registry_fini(&lane.registry); /* again: nothing */
	drain_fini(&worker.drain);
	agenda_fini(&loop.agenda);
	buffer_fini(&told);
	told = (struct buffer){0};
	clock_fake(NULL);
	return 0;
}

#define script_test(test) cmocka_unit_test_setup_teardown(test, script_setup, script_teardown)

/* Members, and their peers. */

static inline void actor_finish(struct curfew_hold *hold)
{
	struct ws_connection *ws = container_of(hold, struct ws_connection, hold);

	if (ws->state == WS_CONNECTION_OPEN) {
		ending_finish(container_of(ws, struct member, ws));
	}
}

static const struct curfew_hold_ops actor_ops = {"websocket", actor_finish, NULL};

static inline struct member *make(enum member_role role, const char *id)
{
	struct actor *actor = calloc(1, sizeof(*actor) + SCRIPT_NAME_MOST);
	struct member *member;

	assert_non_null(actor);
	member = &actor->member;
	actor->number = ++made;
	list_append(&members, &actor->known);
	member->lane = &lane;
	member->role = (uint8_t)role;
	member->ws.state = WS_CONNECTION_OPEN;
	member->ws.code = WS_CLOSE_CUT;
	member->ws.stream.fd = -1;
	member->remote_at = (uint16_t)(1 +
		snprintf(member->text, SCRIPT_NAME_MOST, "%s-%s-%08x",
			role == MEMBER_SERVER ? "server" : "client", id, (unsigned)actor->number));
	assert_int_equal(curfew_drain_hold(&worker.drain, &member->ws.hold, &actor_ops, NULL), 0);
	return member;
}

static inline struct member *arrive(enum member_role role, const char *id)
{
	struct member *member = make(role, id);

	registry_join(member);
	if (member->registered && member->slot->server) {
		actor_of(member)->hears = member->slot->server;
		actor_of(member)->hears_number = actor_of(member->slot->server)->number;
	}
	return member;
}

static inline struct member *server(const char *id)
{
	return arrive(MEMBER_SERVER, id);
}

static inline struct member *client(const char *id)
{
	return arrive(MEMBER_CLIENT, id);
}

/* Its connection ends, with the peer's code, and is gone. */
static inline void end_with(struct member *member, unsigned code)
{
	member->ws.state = WS_CONNECTION_ENDING;
	member->ws.code = (uint16_t)code;
	if (member->slot) {
		registry_ended(member);
	}
	assert_null(member->slot);
	assert_false(link_linked(&member->link));
	curfew_hold_release(&member->ws.hold);
	link_remove(&actor_of(member)->known);
	free(actor_of(member));
}

static inline void end(struct member *member)
{
	end_with(member, WS_CLOSE_NORMAL);
}

static inline void end_all(void)
{
	while (!list_empty(&members)) {
		end(&container_of(members.next, struct actor, known)->member);
	}
}

/* Everything that was told since the last time. */
static inline void expect(const char *text)
{
	assert_string_equal(buffer_text(&told), text);
	buffer_consume(&told, told.length);
}

static inline void forget(void)
{
	buffer_consume(&told, told.length);
}

static inline uint64_t counted(_Atomic uint64_t *count)
{
	return atomic_load(count);
}

/* The drain begins; its work's deadline is so far away. */
static inline void drain_begins(int64_t work_ms)
{
	work_deadline = work_ms == CURFEW_NEVER ? CURFEW_NEVER : clock_add_ms(now, work_ms);
	curfew_drain_close(&worker.drain, CURFEW_NEVER);
	advance(0);
}

#endif
