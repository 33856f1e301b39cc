/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: names that are looked up nowhere. getaddrinfo(3) is this one, on libuv's threads too;
 * it knows the names of a table, and waits while the test holds it.
 */
#ifndef NET_NAMES_SCRIPT_H
#define NET_NAMES_SCRIPT_H

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/address.h"

#define NAME_ADDRESSES 20

struct scripted_name {
	const char *host;
	int error; /* EAI_... */
	const char *addresses[NAME_ADDRESSES];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const struct scripted_name *table; /* ends with a host that is NULL */
	bool held;
	int waiting; /* look-ups that wait */
	int asked;   /* how many there were */
} names = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void names_set(const struct scripted_name *table)
{
	names.table = table;
	names.asked = 0;
}

/* From here on, look-ups wait; or go on. */
static inline void names_hold(bool held)
{
	pthread_mutex_lock(&names.lock);
	names.held = held;
	pthread_cond_broadcast(&names.changed);
	pthread_mutex_unlock(&names.lock);
}

/* Returns when so many look-ups wait. */
static inline void names_await(int count)
{
	pthread_mutex_lock(&names.lock);
	while (names.waiting != count) {
		pthread_cond_wait(&names.changed, &names.lock);
	}
	pthread_mutex_unlock(&names.lock);
}

static inline struct addrinfo *names_entry(const char *host, const char *port)
{
	struct address address = {.port = (uint16_t)atoi(port)};
	struct addrinfo *info = calloc(1, sizeof(*info) + sizeof(struct socket_address));
	struct socket_address *at = (struct socket_address *)(info + 1);

	(void)strncpy(address.host, host, sizeof(address.host) - 1);
	if (!address_literal(&address, at)) {
		abort(); /* the table is wrong */
	}
	info->ai_family = at->storage.ss_family;
	info->ai_socktype = SOCK_STREAM;
	info->ai_addr = (struct sockaddr *)&at->storage;
	info->ai_addrlen = at->length;
	return info;
}

static inline const struct scripted_name *names_find(const char *host)
{
	pthread_mutex_lock(&names.lock);
	names.asked++;
	names.waiting++;
	pthread_cond_broadcast(&names.changed);
	while (names.held) {
		pthread_cond_wait(&names.changed, &names.lock);
	}
	names.waiting--;
	pthread_cond_broadcast(&names.changed);
	pthread_mutex_unlock(&names.lock);
	for (const struct scripted_name *name = names.table; name->host; name++) {
		if (strcmp(name->host, host ? host : "") == 0) {
			return name;
		}
	}
	return NULL;
}

int getaddrinfo(
	const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	const struct scripted_name *name = names_find(host);
	struct addrinfo **end = found;

	(void)hints;
	*found = NULL;
	errno = EIO;
	if (!name || name->error) {
		return name ? name->error : EAI_NONAME;
	}
	for (int i = 0; i < NAME_ADDRESSES && name->addresses[i]; i++) {
		*end = names_entry(name->addresses[i], port);
		end = &(*end)->ai_next;
	}
	return 0;
}

void freeaddrinfo(struct addrinfo *found)
{
	while (found) {
		struct addrinfo *next = found->ai_next;

		free(found);
		found = next;
	}
}

#endif
