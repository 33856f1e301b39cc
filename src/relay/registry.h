/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which id, in one lane. A slot is an id: its server, its clients, and what goes on about
 * it. The states of a slot, each entered by one function that knows the edges (registry.c has the
 * table):
 *
 *	      claim              claim: it is pinged
 *	(none) ---> HELD <------------------------> CONTESTED
 *	             ^ |  pong: 4409 to who claims    |
 *	       claim | | it is gone                   | silence, or it is gone:
 *	  evicts,4404| v                              | the claim takes over, clients are evicted
 *	            KEPT (grace) ---> (none)          v
 *	                 expiry: clients 1000        HELD
 *
 * A slot is there as long as it has a server, is kept, or somebody who has been its member has not
 * ended.
 */
#ifndef RELAY_REGISTRY_H
#define RELAY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curfew/link.h>

#include "net/deadline.h"
#include "relay/member.h"

struct lane;
struct relay;

enum slot_state { SLOT_HELD, SLOT_CONTESTED, SLOT_KEPT, SLOT_GONE };

struct slot {
	struct curfew_link link; /* of the registry's bucket */
	struct lane *lane;
	uint8_t state;              /* enum slot_state */
	struct member *server;      /* NULL: KEPT, GONE */
	struct curfew_link clients; /* registered */
	struct curfew_link leaving; /* were registered, and have not ended */
	struct curfew_link claims;  /* servers that wait; the first of them takes over */
	int client_count;
	struct deadline deadline; /* of the grace, or of the holder's pong */
	uint16_t id_length;
	char id[];
};

/* Zeroed: nothing to be freed. */
struct registry {
	struct curfew_link *buckets; /* grow with the slots */
	size_t bucket_count;         /* a power of two */
	size_t slot_count;
};

/* Returns the lane that owns an id; any thread. The hash is keyed: nobody can choose a lane. */
struct lane *registry_lane(struct relay *relay, const char *id, size_t length);

/* Returns 0 or -ENOMEM. */
int registry_init(struct registry *registry);
/* Its slots are KEPT or GONE by now. */
void registry_fini(struct registry *registry);

/* It has arrived: it gets its place, waits for one (its data() takes nothing), or is closed. */
void registry_join(struct member *member);

/* The holder of an id has answered a ping. */
void registry_pong(struct member *server);

/* Its close frame is being queued, or it has ended: its place is free. For member_close alone. */
void registry_leave(struct member *member);

/* It has said its last: notices go out, its slot is let go. */
void registry_ended(struct member *member);

/* Returns the registered client, or the leaving one, of this name; NULL: none. */
struct member *registry_client(struct slot *slot, const char *name, size_t length);

#endif
