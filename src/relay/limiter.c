/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bucket of an address is one point in time: when it will be full. Each token moves it later by
 * one interval; there is none left when it would be further away than a burst of them.
 */
#include "relay/limiter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/siphash.h"

#define BUCKETS 16384           /* of the table; a power of two */
#define IPV4 0xffffffff00000000 /* a network of multicast, from where nobody comes */
#define FORGOTTEN_MOST 4        /* at once */

struct visitor {
	struct curfew_link link;
	struct heap_node idle; /* in limiter->idle while there are no connections */
	uint64_t network;
	int64_t full_at;
	int connections;
};

/* Reads an address as the network that it counts for. False: it is none. */
static bool read_network(const char *text, uint64_t *network)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, text, &four) == 1) {
		*network = IPV4 | ntohl(four.s_addr);
		return true;
	}
	if (inet_pton(AF_INET6, text, &six) != 1) {
		return false;
	}
	*network = 0;
	for (int i = 0; i < 8; i++) {
		*network = *network << 8 | six.s6_addr[i];
	}
	return true;
}

static struct curfew_link *bucket_of(struct limiter *limiter, uint64_t network)
{
	return &limiter->table[siphash(limiter->key, &network, sizeof(network)) & (BUCKETS - 1)];
}

static struct visitor *find(struct limiter *limiter, uint64_t network)
{
	list_each(link, bucket_of(limiter, network)) {
		struct visitor *visitor = container_of(link, struct visitor, link);

		if (visitor->network == network) {
			return visitor;
		}
	}
	return NULL;
}

static void set_idle(struct limiter *limiter, struct visitor *visitor, bool idle)
{
	if (visitor->idle.queued) {
		heap_remove(&limiter->idle, &visitor->idle);
		limiter->idle_count--;
	}
	if (idle) {
		heap_add(&limiter->idle, &visitor->idle, visitor->full_at);
		limiter->idle_count++;
	}
}

/* Forgets some of those that say nothing any more; and, if there are too many, who says least. */
static void forget_some(struct limiter *limiter, int64_t now)
{
	for (int i = 0; i < FORGOTTEN_MOST; i++) {
		struct heap_node *first = heap_first(&limiter->idle);
		struct visitor *visitor;

		if (!first || (first->due > now && limiter->idle_count < LIMITER_MOST)) {
			return;
		}
		visitor = container_of(first, struct visitor, idle);
		heap_remove(&limiter->idle, first);
		limiter->idle_count--;
		link_remove(&visitor->link);
		free(visitor);
	}
}

static struct visitor *welcome(struct limiter *limiter, uint64_t network, int64_t now)
{
	struct visitor *visitor;

	forget_some(limiter, now);
	visitor = calloc(1, sizeof(*visitor));
	if (visitor) {
		visitor->network = network;
		visitor->full_at = now;
		list_append(bucket_of(limiter, network), &visitor->link);
		set_idle(limiter, visitor, true);
	}
	return visitor;
}

static int64_t interval_ns(const struct limiter *limiter)
{
	return limiter->interval_ms * NS_PER_MS;
}

/* Returns how long there is no token; 0: there is one. */
static int64_t time_to_token(
	const struct limiter *limiter, const struct visitor *visitor, int64_t now)
{
	int64_t wait = visitor->full_at - now - (limiter->burst - 1) * interval_ns(limiter);

	return limiter->interval_ms && wait > 0 ? wait : 0;
}

static enum limiter_answer enter(struct limiter *limiter, struct visitor *visitor, int64_t now)
{
	enum limiter_answer answer = LIMITER_WELCOME;

	if (time_to_token(limiter, visitor, now) > 0) {
		return LIMITER_TOO_OFTEN;
	}
	visitor->full_at = (visitor->full_at > now ? visitor->full_at : now) + interval_ns(limiter);
	if (limiter->most && visitor->connections >= limiter->most) {
		answer = LIMITER_TOO_MANY;
	} else if (limiter->most) {
		visitor->connections++;
	}
	set_idle(limiter, visitor, !visitor->connections);
	return answer;
}

/* Whether this address is limited at all; sets its network. */
static bool is_limited(const struct limiter *limiter, const char *address, uint64_t *network)
{
	return (limiter->interval_ms || limiter->most) && read_network(address, network);
}

enum limiter_answer limiter_enter(struct limiter *limiter, const char *address, int64_t now)
{
	enum limiter_answer answer = LIMITER_WELCOME;
	struct visitor *visitor;
	uint64_t network;

	if (!is_limited(limiter, address, &network)) {
		return LIMITER_WELCOME;
	}
	pthread_mutex_lock(&limiter->lock);
	visitor = find(limiter, network);
	if (!visitor) {
		visitor = welcome(limiter, network, now);
	}
	if (visitor) {
		answer = enter(limiter, visitor, now);
	}
	pthread_mutex_unlock(&limiter->lock);
	return answer;
}

void limiter_leave(struct limiter *limiter, const char *address)
{
	struct visitor *visitor;
	uint64_t network;

	if (!limiter->most || !read_network(address, &network)) {
		return;
	}
	pthread_mutex_lock(&limiter->lock);
	visitor = find(limiter, network);
	if (visitor && visitor->connections) { /* without memory there may be none */
		visitor->connections--;
		set_idle(limiter, visitor, !visitor->connections);
	}
	pthread_mutex_unlock(&limiter->lock);
}

int64_t limiter_wait_s(struct limiter *limiter, const char *address, int64_t now)
{
	const struct visitor *visitor;
	uint64_t network;
	int64_t wait = 0;

	if (is_limited(limiter, address, &network)) {
		pthread_mutex_lock(&limiter->lock);
		visitor = find(limiter, network);
		wait = visitor ? time_to_token(limiter, visitor, now) : 0;
		pthread_mutex_unlock(&limiter->lock);
	}
	return wait > NS_PER_S ? (wait + NS_PER_S - 1) / NS_PER_S : 1;
}

int limiter_init(struct limiter *limiter)
{
	limiter->table = calloc(BUCKETS, sizeof(*limiter->table));
	if (!limiter->table) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < BUCKETS; i++) {
		list_init(&limiter->table[i]);
	}
	limiter->idle = (struct heap){.root = NULL};
	limiter->idle_count = 0;
	siphash_key(limiter->key);
	pthread_mutex_init(&limiter->lock, NULL);
	return 0;
}

void limiter_fini(struct limiter *limiter)
{
	if (!limiter->table) {
		return;
	}
	for (size_t i = 0; i < BUCKETS; i++) {
		list_each_safe(link, &limiter->table[i]) {
			free(container_of(link, struct visitor, link));
		}
	}
	pthread_mutex_destroy(&limiter->lock);
	free(limiter->table);
	limiter->table = NULL;
}
