/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: their states, and the table of a lane in which they are found by their ids. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <curfew/time.h>

#include "base/list.h"
#include "base/siphash.h"
#include "relay/registry_state.h"

#define BUCKETS_FIRST 64

#define TO(state) (1U << SLOT_##state)

static const unsigned edges[] = {
	[SLOT_GONE] = TO(HELD),
	[SLOT_HELD] = TO(CONTESTED) | TO(KEPT) | TO(ENDING) | TO(GONE),
	[SLOT_CONTESTED] = TO(HELD),
	[SLOT_KEPT] = TO(HELD) | TO(GONE),
	[SLOT_ENDING] = TO(GONE),
};

void slot_enter(struct slot *slot, enum slot_state state, int64_t due)
{
	struct registry *registry = &slot->lane->registry;

	assert(edges[slot->state] & (1U << state));
	if (slot->state == SLOT_KEPT) {
		link_remove(&slot->kept);
		registry->kept_count--;
	} else if (state == SLOT_KEPT) {
		list_append(&registry->kept, &slot->kept);
		registry->kept_count++;
	}
	slot->state = (uint8_t)state;
	slot->late = false;
	deadline_set(&slot->deadline, due);
}

/* Where slots are found. */

static uint64_t hash_of(const struct relay *relay, const char *id, size_t length)
{
	return siphash(relay->key, id, length);
}

/* The lane comes from one half of the hash, the bucket from the other. */
struct lane *registry_lane(struct relay *relay, const char *id, size_t length)
{
	uint64_t hash = hash_of(relay, id, length) >> 32;

	return &relay->lanes[hash % (uint64_t)relay->lane_count];
}

static struct curfew_link *buckets_new(size_t count)
{
	struct curfew_link *buckets = malloc(count * sizeof(*buckets));

	for (size_t i = 0; buckets && i < count; i++) {
		list_init(&buckets[i]);
	}
	return buckets;
}

static void put(struct curfew_link *buckets, size_t count, struct slot *slot)
{
	list_append(&buckets[slot->hash & (count - 1)], &slot->link);
}

/* Without memory the table stays as it is: only slower. */
static void grow(struct registry *registry)
{
	size_t count = registry->bucket_count * 2;
	struct curfew_link *buckets = buckets_new(count);

	if (!buckets) {
		return;
	}
	for (size_t i = 0; i < registry->bucket_count; i++) {
		struct curfew_link *link;

		while ((link = list_take(&registry->buckets[i]))) {
			put(buckets, count, container_of(link, struct slot, link));
		}
	}
	free(registry->buckets);
	registry->buckets = buckets;
	registry->bucket_count = count;
}

struct slot *slot_find(struct lane *lane, const char *id, size_t length)
{
	const struct registry *registry = &lane->registry;
	uint32_t hash = (uint32_t)hash_of(lane->relay, id, length);

	list_each(link, &registry->buckets[hash & (registry->bucket_count - 1)]) {
		struct slot *slot = container_of(link, struct slot, link);

		if (slot->hash == hash && slot->id_length == length &&
			!memcmp(slot->id, id, length)) {
			return slot;
		}
	}
	return NULL;
}

void registry_each(struct registry *registry, void (*visit)(struct slot *slot))
{
	for (size_t i = 0; i < registry->bucket_count; i++) {
		list_each_safe(link, &registry->buckets[i]) {
			visit(container_of(link, struct slot, link));
		}
	}
}

/* The life of a slot. */

static void passed(struct deadline *deadline)
{
	struct slot *slot = container_of(deadline, struct slot, deadline);

	switch (slot->state) {
	case SLOT_CONTESTED:
		claim_silence(slot);
		break;
	case SLOT_KEPT:
		slot_expire(slot);
		break;
	case SLOT_ENDING:
		ending_hurry(slot);
		break;
	default:
		break;
	}
}

struct slot *slot_new(struct lane *lane, const char *id, size_t length)
{
	struct registry *registry = &lane->registry;
	struct slot *slot = malloc(sizeof(*slot) + length);

	if (!slot) {
		return NULL;
	}
	*slot = (struct slot){
		.lane = lane,
		.hash = (uint32_t)hash_of(lane->relay, id, length),
		.id_length = (uint16_t)length,
	};
	memcpy(slot->id, id, length);
	list_init(&slot->clients);
	list_init(&slot->leaving);
	list_init(&slot->claims);
	deadline_init(&slot->deadline, &lane->worker->loop->agenda, passed);
	if (registry->slot_count >= registry->bucket_count) {
		grow(registry);
	}
	put(registry->buckets, registry->bucket_count, slot);
	registry->slot_count++;
	return slot;
}

static void slot_free(struct slot *slot)
{
	assert(!slot->server && list_empty(&slot->clients) && list_empty(&slot->leaving));
	link_remove(&slot->link);
	slot->lane->registry.slot_count--;
	deadline_fini(&slot->deadline);
	free(slot);
}

void slot_let_go(struct slot *slot)
{
	if (slot->state == SLOT_GONE && list_empty(&slot->clients) && list_empty(&slot->leaving)) {
		slot_free(slot);
	}
}

/* The lane's. */

/* The first lane draws the key for all. */
static void draw_key(struct relay *relay)
{
	if (!relay->key[0] && !relay->key[1]) {
		siphash_key(relay->key);
	}
}

int registry_init(struct registry *registry)
{
	struct lane *lane = container_of(registry, struct lane, registry);

	draw_key(lane->relay);
	registry->buckets = buckets_new(BUCKETS_FIRST);
	if (!registry->buckets) {
		return -ENOMEM;
	}
	registry->bucket_count = BUCKETS_FIRST;
	registry->slot_count = 0;
	list_init(&registry->kept);
	registry->kept_count = 0;
	registry->kept_most = KEPT_MOST;
	ending_init(lane);
	return 0;
}

void registry_fini(struct registry *registry)
{
	if (registry->buckets) {
		ending_fini(container_of(registry, struct lane, registry));
		registry_each(registry, slot_free);
		free(registry->buckets);
		registry->buckets = NULL;
	}
}
