/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries in one array, in rows by the first bits of their hashes, which are random as they are.
 * Array and rows double when no entry is free.
 */
#include "load/inclusion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define CAPACITY_FIRST 1024

static uint32_t *row_of(struct inclusion *inclusion, const uint8_t *hash)
{
	uint32_t bits;

	memcpy(&bits, hash, sizeof(bits));
	return &inclusion->rows[bits & (inclusion->capacity - 1)];
}

/* Puts entry `at` in front of its row. */
static void enlist(struct inclusion *inclusion, uint32_t at)
{
	uint32_t *row = row_of(inclusion, inclusion->entries[at].hash);

	inclusion->entries[at].next = *row;
	*row = at;
}

static int grow(struct inclusion *inclusion)
{
	uint32_t had = inclusion->capacity, capacity = had ? 2 * had : CAPACITY_FIRST;
	struct inclusion_entry *entries;
	uint32_t *rows;

	if (capacity > INCLUSION_MOST) {
		return -ENOBUFS;
	}
	rows = malloc(capacity * sizeof(*rows));
	entries = rows ? realloc(inclusion->entries, capacity * sizeof(*entries)) : NULL;
	if (!entries) {
		free(rows);
		return -ENOMEM;
	}
	free(inclusion->rows);
	inclusion->entries = entries;
	inclusion->rows = rows;
	inclusion->capacity = capacity;
	for (uint32_t i = 0; i < capacity; i++) {
		rows[i] = NONE;
	}
	for (uint32_t i = 0; i < had; i++) {
		enlist(inclusion, i); /* none was free */
	}
	for (uint32_t i = had; i < capacity; i++) {
		entries[i].next = i + 1 < capacity ? i + 1 : NONE;
	}
	inclusion->free = had;
	return 0;
}

int inclusion_init(struct inclusion *inclusion)
{
	int error;

	*inclusion = (struct inclusion){.free = NONE};
	(void)pthread_mutex_init(&inclusion->lock, NULL);
	error = histogram_init(&inclusion->latency);
	return error < 0 ? error : grow(inclusion);
}

void inclusion_fini(struct inclusion *inclusion)
{
	histogram_fini(&inclusion->latency);
	free(inclusion->entries);
	free(inclusion->rows);
	(void)pthread_mutex_destroy(&inclusion->lock);
}

/* Where the number of an entry stands: in its row, or in the one before it. NULL: there is none. */
static uint32_t *find(struct inclusion *inclusion, const uint8_t *hash)
{
	uint32_t *at = row_of(inclusion, hash);

	while (*at != NONE) {
		struct inclusion_entry *entry = &inclusion->entries[*at];

		if (!memcmp(entry->hash, hash, ETHEREUM_HASH)) {
			return at;
		}
		at = &entry->next;
	}
	return NULL;
}

static bool is_waiting(const struct inclusion_entry *entry)
{
	return entry->is_answered && entry->answer == INCLUSION_ACCEPTED;
}

/* Takes it out; *entry is what it was. */
static void take(struct inclusion *inclusion, uint32_t *at, struct inclusion_entry *entry)
{
	uint32_t number = *at;

	*entry = inclusion->entries[number];
	inclusion->counts.waiting -= is_waiting(entry);
	*at = entry->next;
	inclusion->entries[number].next = inclusion->free;
	inclusion->free = number;
}

static void put(struct inclusion *inclusion, const struct inclusion_entry *entry)
{
	uint32_t number;

	if (inclusion->free == NONE && grow(inclusion) < 0) {
		inclusion->counts.unfollowed++;
		return;
	}
	number = inclusion->free;
	inclusion->free = inclusion->entries[number].next;
	inclusion->entries[number] = *entry;
	inclusion->counts.waiting += is_waiting(entry);
	enlist(inclusion, number);
}

void inclusion_sent(struct inclusion *inclusion, const uint8_t hash[ETHEREUM_HASH], int64_t now)
{
	struct inclusion_entry entry = {.sent_ns = now};

	memcpy(entry.hash, hash, ETHEREUM_HASH);
	(void)pthread_mutex_lock(&inclusion->lock);
	if (!find(inclusion, hash)) {
		put(inclusion, &entry);
	}
	(void)pthread_mutex_unlock(&inclusion->lock);
}

static bool is_unknown(const struct inclusion_entry *entry)
{
	return entry->is_answered && entry->answer == INCLUSION_UNKNOWN;
}

/* One that was sent twice counts once, as what is known best. */
static void answered(struct inclusion *inclusion, uint32_t *at, enum inclusion_answer answer)
{
	struct inclusion_entry *entry = &inclusion->entries[*at];
	struct inclusion_counts *counts = &inclusion->counts;

	if (answer == INCLUSION_REFUSED && !entry->is_answered) {
		struct inclusion_entry dropped;

		take(inclusion, at, &dropped);
	} else if (answer != INCLUSION_REFUSED && !is_waiting(entry)) {
		counts->unknown -= is_unknown(entry);
		entry->is_answered = true;
		entry->answer = (uint8_t)answer;
		counts->unknown += is_unknown(entry);
		counts->accepted += is_waiting(entry);
		counts->waiting += is_waiting(entry);
	}
}

/* It is in a block already, or it is not followed. */
static void answered_late(struct inclusion_counts *counts, enum inclusion_answer answer)
{
	counts->accepted += answer == INCLUSION_ACCEPTED;
	counts->unknown += answer == INCLUSION_UNKNOWN;
	counts->of_unknown += answer == INCLUSION_UNKNOWN && !counts->unfollowed;
}

void inclusion_answered(struct inclusion *inclusion, const uint8_t hash[ETHEREUM_HASH],
	enum inclusion_answer answer)
{
	uint32_t *at;

	(void)pthread_mutex_lock(&inclusion->lock);
	at = find(inclusion, hash);
	if (at) {
		answered(inclusion, at, answer);
	} else {
		answered_late(&inclusion->counts, answer);
	}
	(void)pthread_mutex_unlock(&inclusion->lock);
}

bool inclusion_found(struct inclusion *inclusion, const uint8_t hash[ETHEREUM_HASH],
	int64_t seen_ns, struct inclusion_entry *entry)
{
	uint32_t *at;

	(void)pthread_mutex_lock(&inclusion->lock);
	at = find(inclusion, hash);
	if (at) {
		take(inclusion, at, entry);
		inclusion->counts.included++;
		inclusion->counts.of_unknown += is_unknown(entry);
		if (!entry->was_found) {
			int64_t latency = seen_ns - entry->sent_ns;

			histogram_record(&inclusion->latency, latency > 0 ? latency : 0);
		}
	}
	(void)pthread_mutex_unlock(&inclusion->lock);
	return at;
}

void inclusion_lost(struct inclusion *inclusion, const struct inclusion_entry *entry)
{
	struct inclusion_entry again = *entry;

	again.was_found = true;
	again.is_answered = true; /* it was in a block: the node had it */
	again.answer = is_unknown(entry) ? INCLUSION_UNKNOWN : INCLUSION_ACCEPTED;
	(void)pthread_mutex_lock(&inclusion->lock);
	inclusion->counts.included--;
	inclusion->counts.of_unknown -= is_unknown(entry);
	inclusion->counts.reorganized++;
	put(inclusion, &again);
	(void)pthread_mutex_unlock(&inclusion->lock);
}

void inclusion_counts_now(struct inclusion *inclusion, struct inclusion_counts *counts)
{
	(void)pthread_mutex_lock(&inclusion->lock);
	*counts = inclusion->counts;
	(void)pthread_mutex_unlock(&inclusion->lock);
}
