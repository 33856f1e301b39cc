/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The places of one lane. All of it is in the lane's thread, in calls that return: between two
 * events of its connections, or deadlines, every member is in one list at most, and so counted.
 *
 *	arrives -> waits (claim.c) -> registered -> leaving -> (none)
 *
 * A member that leaves is still heard until it has ended; one that was dismissed is not. Whoever is
 * dismissed is taken out of the slot before its close frame is queued, so that member_close, which
 * comes back here, finds nothing left to do.
 */
#include "relay/registry.h"

#include <assert.h>
#include <string.h>

#include <curfew/time.h>

#include "base/list.h"
#include "relay/registry_state.h"
#include "relay/route.h"

#define NUMBER_CHARS 8 /* of a name, at its end: no two clients of a slot have the same */

/* What is told of them. */

/* Only one that was not registered has a code. */
static void tell_member(struct member *member, enum relay_event event, unsigned code)
{
	struct journal *journal = &member->lane->relay->service.journal;
	size_t length;
	const char *id = member_id(member, &length);

	journal_write(journal, &relay_events[event],
		(const struct journal_value[]){
			journal_bytes(id, length),
			journal_text(member_name(member)),
			journal_text(member_remote(member)),
			journal_number(code),
		},
		code ? 4 : 3);
}

static void tell_slot(struct slot *slot, enum relay_event event)
{
	journal_tell(&slot->lane->relay->service.journal, &relay_events[event],
		journal_bytes(slot->id, slot->id_length), journal_number(slot->client_count));
}

/* Places. */

static _Atomic uint64_t *count_of(const struct member *member)
{
	struct relay_counts *counts = &member->lane->counts;

	return member->role == MEMBER_SERVER ? &counts->servers : &counts->clients;
}

void slot_register(struct slot *slot, struct member *member)
{
	member->slot = slot;
	member->registered = true;
	if (member->role == MEMBER_SERVER) {
		assert(!slot->server);
		slot->server = member;
	} else {
		list_append(&slot->clients, &member->link);
		slot->client_count++;
	}
	relay_count(count_of(member), 1);
	tell_member(member, RELAY_EVENT_REGISTERED, 0);
}

/* Its place is free; it is among those that leave. */
static void withdraw(struct member *member)
{
	struct slot *slot = member->slot;

	if (member->role == MEMBER_SERVER) {
		slot->server = NULL;
	} else {
		link_remove(&member->link);
		slot->client_count--;
	}
	member->registered = false;
	list_append(&slot->leaving, &member->link);
	relay_count(count_of(member), -1);
	ending_forget(member);
}

/* It has nothing to do with the slot any more. */
static void part(struct member *member)
{
	link_remove(&member->link);
	member->slot = NULL;
	member->muted = true;
	member->unmissed = true;
}

void slot_dismiss(struct member *member, unsigned code, const char *reason)
{
	if (member->registered) {
		withdraw(member);
	}
	part(member);
	member_close(member, code, reason);
}

static void dismiss_all(struct curfew_link *members, unsigned code, const char *reason)
{
	while (!list_empty(members)) {
		slot_dismiss(container_of(members->next, struct member, link), code, reason);
	}
}

void slot_dismiss_clients(struct slot *slot, unsigned code, const char *reason)
{
	dismiss_all(&slot->clients, code, reason);
	dismiss_all(&slot->leaving, code, reason);
}

void slot_expire(struct slot *slot)
{
	tell_slot(slot, RELAY_EVENT_EXPIRED);
	relay_count(&slot->lane->counts.grace_expiries, 1);
	slot_enter(slot, SLOT_GONE, CURFEW_NEVER);
	slot_dismiss_clients(slot, WS_CLOSE_NORMAL, "the server has not come back");
	slot_let_go(slot);
}

static void close_instead(struct member *member, unsigned code, const char *reason)
{
	tell_member(member, RELAY_EVENT_NOT_REGISTERED, code);
	part(member);
	member_close(member, code, reason);
}

void registry_refuse(struct member *member, enum relay_failure failure)
{
	static const unsigned codes[] = {
#define RELAY_FAILURE(name, word, code) [RELAY_FAILURE_##name] = code,
		RELAY_FAILURES(RELAY_FAILURE)
#undef RELAY_FAILURE
	};
	static const char *const reasons[] = {
		[RELAY_FAILURE_NO_SERVER] = "no server with that id",
		[RELAY_FAILURE_ID_TAKEN] = "id taken",
		[RELAY_FAILURE_TOO_MANY] = "too many clients",
	};

	relay_count(&member->lane->counts.failures[failure], 1);
	close_instead(member, codes[failure], reasons[failure]);
}

/* What members do. */

static void join_server(struct member *server, struct slot *slot)
{
	if (!slot) {
		close_instead(server, WS_CLOSE_FAILED, "out of memory");
	} else if (slot->state == SLOT_GONE) {
		slot_enter(slot, SLOT_HELD, CURFEW_NEVER);
		slot_register(slot, server);
	} else if (slot->state == SLOT_KEPT) {
		claim_take_over(slot, server);
	} else {
		claim_wait(slot, server);
	}
}

/* Its number was drawn at random, in whatever lane it was asked for. */
static void make_unique(struct member *client, struct slot *slot)
{
	const char *name = member_name(client);

	while (registry_client(slot, name, strlen(name))) {
		member_rename(client);
	}
}

static void join_client(struct member *client, struct slot *slot)
{
	if (!slot) {
		registry_refuse(client, RELAY_FAILURE_NO_SERVER);
	} else if (slot->client_count >= client->lane->relay->config->max_clients) {
		registry_refuse(client, RELAY_FAILURE_TOO_MANY);
	} else {
		make_unique(client, slot);
		slot_register(slot, client);
	}
}

void registry_join(struct member *member)
{
	struct lane *lane = member->lane;
	size_t length;
	const char *id = member_id(member, &length);
	struct slot *slot = slot_find(lane, id, length);

	if (lane->registry.ending.begun) {
		close_instead(member, WS_CLOSE_GOING_AWAY, ENDING_REASON);
	} else if (member->role == MEMBER_CLIENT) {
		join_client(member, slot);
	} else {
		join_server(member, slot ? slot : slot_new(lane, id, length));
	}
}

void registry_pong(struct member *server)
{
	if (server->registered && server->slot->state == SLOT_CONTESTED) {
		claims_refuse(server->slot);
	}
}

static void keep(struct slot *slot)
{
	struct registry *registry = &slot->lane->registry;

	slot_enter(slot, SLOT_KEPT, curfew_after_ms(slot->lane->relay->config->reclaim_grace_ms));
	tell_slot(slot, RELAY_EVENT_KEPT);
	if (registry->kept_count > registry->kept_most) {
		slot_expire(container_of(registry->kept.next, struct slot, kept));
	}
}

static void server_gone(struct slot *slot)
{
	if (slot->state == SLOT_CONTESTED) {
		claim_first(slot);
	} else if (slot->lane->registry.ending.begun) {
		slot_enter(slot, SLOT_GONE, CURFEW_NEVER);
	} else {
		keep(slot);
	}
}

void registry_leave(struct member *member)
{
	if (member->waits) {
		claim_gone(member);
	} else if (member->registered) {
		withdraw(member);
		if (member->role == MEMBER_SERVER) {
			server_gone(member->slot);
		}
	}
}

/* The notice may end the server, for whom another one may take over: then this is no member. */
void registry_ended(struct member *member)
{
	struct slot *slot;

	registry_leave(member);
	slot = member->slot;
	if (!slot) {
		return;
	}
	if (member->role == MEMBER_CLIENT && slot->server && !member->unmissed) {
		route_notice(member, member->ws.code);
	}
	part(member);
	ending_look(slot);
	slot_let_go(slot);
}

/* Finding a client. */

/* Names of a slot differ in their numbers, so that these are looked at first. */
static bool has_name(const struct member *member, const char *name, size_t length)
{
	const char *own = member_name(member);
	size_t head = length - NUMBER_CHARS;

	return (size_t)(member->remote_at - 1) == length &&
		!memcmp(own + head, name + head, NUMBER_CHARS) && !memcmp(own, name, head);
}

static struct member *find_client(struct curfew_link *members, const char *name, size_t length)
{
	list_each(link, members) {
		struct member *member = container_of(link, struct member, link);

		if (member->role == MEMBER_CLIENT && has_name(member, name, length)) {
			return member;
		}
	}
	return NULL;
}

/* The search begins where the last one ended: with the same client, or the one behind it. */
struct member *registry_client(struct slot *slot, const char *name, size_t length)
{
	struct member *member;

	if (length < NUMBER_CHARS) {
		return NULL;
	}
	member = find_client(&slot->clients, name, length);
	if (!member) {
		return find_client(&slot->leaving, name, length);
	}
	if (slot->clients.next != &member->link) {
		link_remove(&slot->clients);
		list_append(&member->link, &slot->clients);
	}
	return member;
}
