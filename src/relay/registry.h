/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which id, in one lane. A slot is an id: its server, its clients, and what goes on about
 * it. Its states, each entered by one function that knows the edges (slot.c has the table):
 *
 *	GONE -> HELD		a server claims it
 *	HELD -> CONTESTED	another one does: the holder is pinged
 *	     -> KEPT		the server is gone: its clients may stay for a while, and come
 *	     -> ENDING		the server is asked to finish
 *	     -> GONE		the server is gone, and the end has begun
 *	CONTESTED -> HELD	a pong, or another sign of life: 4409 to those who claim; or the
 *				holder is silent, or gone: the first of them takes over; or none
 *				is left
 *	KEPT -> HELD		a server takes over
 *	     -> GONE		nobody has in time: the clients get 1000; or the end has begun
 *	ENDING -> GONE		the server is closed, since its clients are gone, or is gone itself
 *
 * Who takes over evicts the clients, with 4404.
 *
 * A slot is there as long as it has a server, is kept, or somebody who is its member has not ended.
 * Members whom a takeover or the expiry has dismissed are so no more: nobody hears what they say,
 * or of their end.
 */
#ifndef RELAY_REGISTRY_H
#define RELAY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curfew/link.h>

#include "net/deadline.h"
#include "relay/ending.h"
#include "relay/member.h"

#define CLAIMS_MOST 4 /* servers that wait for one id; others get 4409 at once */

/* Ids of a lane that are kept; of more, the one that was kept longest expires. */
#define KEPT_MOST 16384

struct lane;
struct relay;

#define SLOT_STATES(X)                                                                             \
	X(GONE)      /* nobody has the id: it is new, or about to be freed */                      \
	X(HELD)      /* a server has it */                                                         \
	X(CONTESTED) /* and another one wants it */                                                \
	X(KEPT)      /* the server is gone; until the deadline its clients may stay, and come */   \
	X(ENDING)    /* the server was asked to finish; at the deadline it is closed */

enum slot_state {
#define SLOT_STATE(name) SLOT_##name,
	SLOT_STATES(SLOT_STATE)
#undef SLOT_STATE
};

struct slot {
	struct curfew_link link; /* of the registry's bucket */
	struct curfew_link kept; /* of the registry's list, in KEPT */
	struct lane *lane;
	uint8_t state; /* enum slot_state */
	bool late;     /* the holder's time is over, but something of it has come */
	uint16_t id_length;
	uint32_t hash;
	int client_count;
	int claim_count;
	uint64_t heard; /* of the holder, when its id was claimed (claim.c) */
	int64_t taken;
	struct member *server;      /* NULL: KEPT, GONE */
	struct curfew_link clients; /* registered */
	struct curfew_link leaving; /* were registered, and have not ended */
	struct curfew_link claims;  /* servers that wait; the first of them takes over */
	struct deadline deadline;   /* of CONTESTED, KEPT and ENDING */
	char id[];
};

/* Of a lane. Zeroed: nothing to be freed. */
struct registry {
	struct curfew_link *buckets; /* grow with the slots */
	size_t bucket_count;         /* a power of two */
	size_t slot_count;
	struct curfew_link kept; /* slots that are, the oldest first */
	size_t kept_count;
	size_t kept_most;
	struct ending ending;
};

/* Returns the lane that owns an id; any thread. The hash is keyed: nobody can choose a lane. */
struct lane *registry_lane(struct relay *relay, const char *id, size_t length);

/*
 * Its lane has its relay and its worker; one lane after the other, before anybody asks for one.
 * Returns 0 or -ENOMEM.
 */
int registry_init(struct registry *registry);
/* Nobody is on it any more: the lifecycle is DONE, or has never been ready. */
void registry_fini(struct registry *registry);

/* It has arrived: it gets its place, waits for one (its data() takes nothing), or is closed. */
void registry_join(struct member *member);

/* The holder of an id has answered a ping. */
void registry_pong(struct member *server);

/* Its close frame is being queued, or it has ended: its place is free. For member_close alone. */
void registry_leave(struct member *member);

/* It has said its last: notices go out, its slot is let go. */
void registry_ended(struct member *member);

/*
 * Returns the registered client, or the one that is leaving, of this name; NULL: none. Who was
 * found last is found fastest, and next to it who comes behind.
 */
struct member *registry_client(struct slot *slot, const char *name, size_t length);

#endif
