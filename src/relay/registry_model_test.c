/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anything that can happen to a registry, in any order: after each step it has to add up, and each
 * client's end is told to the server that it was registered with, once, if that is there still.
 */
#include "relay/registry_script.h"

#define ROUNDS 60
#define STEPS 2500
#define IDS 6
#define MEMBERS_MOST 80

static unsigned seed;
static int member_count;
static struct member *ending;  /* whose end is being told */
static bool noticed, expected; /* of its notice: it came; it has to */
static size_t slots, servers, clients, waiting, leaving, kept;

static unsigned chance(unsigned below)
{
	seed = seed * 1103515245U + 12345U;
	return (seed >> 8) % below;
}

/* What has to be true of a slot, and of those in it. */

static size_t count_members(const struct slot *slot, const struct curfew_link *list)
{
	size_t count = 0;

	list_each(link, list) {
		struct member *member = container_of(link, struct member, link);

		assert_ptr_equal(member->slot, slot);
		assert_int_equal(member->registered, list == &slot->clients);
		assert_int_equal(member->waits, list == &slot->claims);
		count++;
	}
	return count;
}

static void check_slot(struct slot *slot)
{
	size_t registered = count_members(slot, &slot->clients);
	size_t claims = count_members(slot, &slot->claims);
	bool ended = lane.registry.ending.begun;

	slots++;
	kept += slot->state == SLOT_KEPT;
	assert_int_equal(link_linked(&slot->kept), slot->state == SLOT_KEPT);
	clients += registered;
	waiting += claims;
	leaving += count_members(slot, &slot->leaving);
	assert_int_equal(slot->client_count, registered);
	assert_int_equal(slot->claim_count, claims);
	assert_true(registered <= (size_t)config.max_clients);
	assert_true(claims <= CLAIMS_MOST);
	assert_int_equal(slot->state == SLOT_CONTESTED, claims > 0);
	assert_int_equal(!slot->server, slot->state == SLOT_KEPT || slot->state == SLOT_GONE);
	assert_int_equal(slot->deadline.due != CURFEW_NEVER,
		slot->state == SLOT_CONTESTED || slot->state == SLOT_KEPT ||
			slot->state == SLOT_ENDING);
	assert_true(!ended || slot->state != SLOT_KEPT);
	assert_true(slot->state != SLOT_GONE || ended);
	assert_true(slot->state != SLOT_GONE || !list_empty(&slot->clients) ||
		!list_empty(&slot->leaving));
	if (slot->server) {
		servers++;
		assert_true(slot->server->registered && !slot->server->waits);
		assert_ptr_equal(slot->server->slot, slot);
	}
}

/* One that may speak has a place, or waits for one; one that has neither is nobody's. */
static void check_member(const struct member *member)
{
	size_t length;
	const char *id = member_id(member, &length);

	if (member->ws.state == WS_CONNECTION_OPEN) {
		assert_true(member->registered || member->waits);
		assert_false(member->muted);
	}
	assert_int_equal(!member->slot, member->muted);
	if (member->slot) {
		assert_int_equal(member->slot->id_length, length);
		assert_memory_equal(member->slot->id, id, length);
	} else {
		assert_false(link_linked(&member->link) || member->registered || member->waits);
	}
}

static void check(void)
{
	size_t held = 0;

	slots = servers = clients = waiting = leaving = kept = 0;
	registry_each(&lane.registry, check_slot);
	assert_int_equal(lane.registry.slot_count, slots);
	assert_int_equal(lane.registry.kept_count, kept);
	assert_true(kept <= lane.registry.kept_most);
	assert_int_equal(counted(&lane.counts.servers), servers);
	assert_int_equal(counted(&lane.counts.clients), clients);
	list_each(link, &members) {
		struct member *member = &container_of(link, struct actor, known)->member;

		check_member(member);
		held += member->slot ? 1 : 0;
	}
	assert_int_equal(held, servers + clients + waiting + leaving);
}

/* Steps. */

static struct member *any(void)
{
	unsigned n = chance((unsigned)member_count);
	struct curfew_link *link = members.next;

	while (n--) {
		link = link->next;
	}
	return &container_of(link, struct actor, known)->member;
}

static void take_notice(struct member *client)
{
	struct actor *actor = actor_of(client);
	struct member *server = client->slot->server;

	assert_ptr_equal(client, ending);
	assert_false(noticed);
	noticed = true;
	if (actor->hears) {
		assert_ptr_equal(server, actor->hears);
		assert_int_equal(actor_of(server)->number, actor->hears_number);
	}
	if (!chance(8)) {
		member_close(server, 1011, "backlog full");
	}
}

static void step_end(void)
{
	struct member *member = any();
	struct slot *slot = member->slot;

	ending = member;
	noticed = false;
	expected = member->role == MEMBER_CLIENT && slot && slot->server && !member->unmissed;
	end_with(member, WS_CLOSE_NORMAL);
	member_count--;
	assert_int_equal(noticed, expected);
}

static void step_arrive(void)
{
	char id[2] = {(char)('a' + chance(IDS)), '\0'};

	if (member_count < MEMBERS_MOST) {
		(void)arrive(chance(3) ? MEMBER_CLIENT : MEMBER_SERVER, id);
		member_count++;
	}
}

static void step(void)
{
	struct member *member = member_count ? any() : NULL;
	unsigned what = chance(100);

	if (what < 45 || !member) {
		step_arrive();
	} else if (what < 70) {
		step_end();
	} else if (what < 80) {
		member_close(member, 1000, "bye");
	} else if (what < 86) {
		member->ws.state = WS_CONNECTION_OPEN == member->ws.state && !member->waits
			? WS_CONNECTION_ENDING /* it was cut, which is told later */
			: member->ws.state;
	} else if (what < 92) {
		if (member->role == MEMBER_SERVER) {
			registry_pong(member);
		}
	} else {
		advance(chance(4000));
	}
}

/* Those that arrived before the drain had begun are there; who comes now is closed. */
static void drain_all(void)
{
	struct member *late[3];

	config.spread_ms = chance(2) ? 4000 : 0;
	for (int i = 0; i < 3; i++) {
		late[i] = make(chance(2) ? MEMBER_CLIENT : MEMBER_SERVER, chance(2) ? "a" : "z");
		late[i]->ws.state = WS_CONNECTION_CLOSED; /* until it has come to its lane */
		member_count++;
	}
	drain_begins(18000);
	for (int i = 0; i < 3; i++) {
		late[i]->ws.state = WS_CONNECTION_OPEN;
		registry_join(late[i]);
		assert_int_equal(late[i]->ws.sent, WS_CLOSE_GOING_AWAY);
	}
	check();
	while (member_count) {
		if (chance(2)) {
			step_end();
		} else {
			advance(chance(1000));
		}
		check();
	}
	assert_int_equal(lane.registry.slot_count, 0);
	assert_int_equal(curfew_drain_count(&worker.drain), 0);
}

static void it_adds_up(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(script_setup(NULL), 0);
		quiet = true;
		seed = (unsigned)i;
		member_count = 0;
		on_notice = take_notice;
		lane.registry.kept_most = 4;
		for (int n = 0; n < STEPS; n++) {
			step();
			check();
		}
		drain_all();
		assert_int_equal(script_teardown(NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_adds_up),
	};

	return cmocka_run_group_tests_name("registry_model", tests, NULL, NULL);
}
