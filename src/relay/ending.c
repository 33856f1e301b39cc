/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a lane comes to its end. Its own hold is the first on the worker's drain, so that begin runs
 * before any member is asked to finish: ids that are kept are given up, and who waits for one is
 * told. Then, in the same round, each member is asked, and gets its turn: at once, or at a moment
 * of its own.
 *
 * All moments are drawn in that round and put in order at its end; one timer goes from each to the
 * next. Only the end has memory for them; where it gets none, the turn comes at once.
 *
 *	a client's turn		it is closed; it ends; the server gets the notice
 *	a server's turn		it is closed as soon as no client of its id is left
 */
#include "relay/ending.h"

#include <stdlib.h>

#include <curfew/time.h>

#include "base/clock.h"
#include "base/list.h"
#include "relay/registry_state.h"
#include "ws/nonce.h"

#define TURNS_FIRST 256

struct turn {
	int64_t due;
	struct member *member; /* NULL: it needs none any more */
};

/* A turn has come. */

static void close_member(struct member *member)
{
	member_close(member, WS_CLOSE_GOING_AWAY, ENDING_REASON);
}

void ending_look(struct slot *slot)
{
	if (slot->state == SLOT_ENDING && slot->server->due && list_empty(&slot->clients) &&
		list_empty(&slot->leaving)) {
		close_member(slot->server);
	}
}

void ending_hurry(struct slot *slot)
{
	close_member(slot->server);
}

static void turn_come(struct member *member)
{
	if (member->role == MEMBER_CLIENT) {
		close_member(member);
	} else {
		member->due = true;
		ending_look(member->slot);
	}
}

/* Turns. */

static int by_due(const void *one, const void *other)
{
	const struct turn *a = one;
	const struct turn *b = other;

	return (a->due > b->due) - (a->due < b->due);
}

static void put_in_order(struct ending *ending)
{
	qsort(ending->turns, ending->count, sizeof(*ending->turns), by_due);
	for (size_t i = 0; i < ending->count; i++) {
		if (ending->turns[i].member) {
			ending->turns[i].member->turn = (uint32_t)i + 1;
		}
	}
	ending->in_order = true;
}

void ending_forget(struct member *member)
{
	if (member->turn) {
		member->lane->registry.ending.turns[member->turn - 1].member = NULL;
		member->turn = 0;
	}
}

static void fired(struct timer *timer)
{
	struct ending *ending = container_of(timer, struct ending, timer);
	int64_t now = curfew_now();

	if (!ending->in_order) {
		put_in_order(ending);
	}
	while (ending->next < ending->count && ending->turns[ending->next].due <= now) {
		struct member *member = ending->turns[ending->next++].member;

		if (member) {
			ending_forget(member);
			turn_come(member);
		}
	}
	if (ending->next < ending->count) {
		agenda_start(ending->agenda, timer, ending->turns[ending->next].due);
	}
}

static bool has_room(struct ending *ending)
{
	size_t room = ending->room ? 2 * ending->room : TURNS_FIRST;
	struct turn *turns;

	if (ending->count < ending->room) {
		return true;
	}
	turns = realloc(ending->turns, room * sizeof(*turns));
	if (turns) {
		ending->turns = turns;
		ending->room = room;
	}
	return turns;
}

static int64_t draw(const struct ending *ending)
{
	uint32_t chance;

	ws_nonce(&chance, sizeof(chance));
	return ending->began +
		(int64_t)((double)ending->window_ms * NS_PER_MS * (chance / (double)UINT32_MAX));
}

static void take_turn(struct ending *ending, struct member *member)
{
	if (!ending->window_ms || ending->in_order || !has_room(ending)) {
		turn_come(member);
		return;
	}
	if (!ending->count) {
		agenda_start(ending->agenda, &ending->timer, ending->began);
	}
	ending->turns[ending->count++] = (struct turn){draw(ending), member};
	member->turn = (uint32_t)ending->count;
}

/* The end. */

static int64_t least(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/*
 * Clients are closed, and then servers, each within close_ms. Where there is no time for that, the
 * moments have half of what there is, and a server's close half of it as well.
 */
static void plan(struct ending *ending, const struct relay *relay)
{
	int64_t deadline = curfew_lifecycle_work_deadline(relay->service.life);
	int64_t close_ms = relay->ws_limits.close_ms;
	int64_t left;

	ending->began = curfew_now();
	left = clock_ms_between(ending->began, deadline);
	ending->window_ms = least(relay->config->spread_ms, left - 2 * least(close_ms, left / 4));
	ending->server_due = deadline == CURFEW_NEVER
		? CURFEW_NEVER
		: clock_add_ms(ending->began, left - least(close_ms, left / 2));
}

static void give_up(struct slot *slot)
{
	if (slot->state == SLOT_CONTESTED) {
		claims_end(slot);
	} else if (slot->state == SLOT_KEPT) {
		slot_enter(slot, SLOT_GONE, CURFEW_NEVER);
		slot_let_go(slot);
	}
}

static void begin(struct lane *lane)
{
	struct ending *ending = &lane->registry.ending;

	if (!ending->begun) {
		ending->begun = true;
		plan(ending, lane->relay);
		registry_each(&lane->registry, give_up);
	}
}

void ending_finish(struct member *member)
{
	struct lane *lane = member->lane;

	begin(lane);
	if (!member->registered) {
		close_member(member);
		return;
	}
	if (member->role == MEMBER_SERVER) {
		slot_enter(member->slot, SLOT_ENDING, lane->registry.ending.server_due);
	}
	take_turn(&lane->registry.ending, member);
}

/* The lane's own hold: asked to finish, or cut, it begins the end, and is none any more. */
static void asked(struct curfew_hold *hold)
{
	struct ending *ending = container_of(hold, struct ending, hold);

	begin(container_of(ending, struct lane, registry.ending));
	curfew_hold_release(hold);
}

static const struct curfew_hold_ops hold_ops = {"registry", asked, asked};

void ending_init(struct lane *lane)
{
	struct ending *ending = &lane->registry.ending;

	*ending = (struct ending){
		.agenda = &lane->worker->loop->agenda,
		.timer.fired = fired,
	};
	if (curfew_drain_hold(&lane->worker->drain, &ending->hold, &hold_ops, NULL)) {
		ending->begun = true; /* before anybody came */
	}
}

void ending_fini(struct lane *lane)
{
	struct ending *ending = &lane->registry.ending;

	curfew_hold_release(&ending->hold);
	agenda_stop(ending->agenda, &ending->timer);
	free(ending->turns);
}
