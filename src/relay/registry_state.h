/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the parts of the registry: ids (slot.c), places (registry.c), ids that are taken
 * (claim.c), and the end (ending.c).
 */
#ifndef RELAY_REGISTRY_STATE_H
#define RELAY_REGISTRY_STATE_H

#include "relay/event.h"
#include "relay/host.h"

#define EVICTED_CODE 4404 /* as of a client that finds no server */

/* slot.c */

/* The only writer of a slot's state. due: of the state's deadline; CURFEW_NEVER: it has none. */
void slot_enter(struct slot *slot, enum slot_state state, int64_t due);

/* NULL: there is none. */
struct slot *slot_find(struct lane *lane, const char *id, size_t length);

/* It is GONE, and there is none of that id. NULL without memory. */
struct slot *slot_new(struct lane *lane, const char *id, size_t length);

/* Frees it, if nobody needs it any more. */
void slot_let_go(struct slot *slot);

/* Calls visit for each slot, which may free it. */
void registry_each(struct registry *registry, void (*visit)(struct slot *slot));

/* registry.c */

/* The member gets its place: it is the slot's server, or one of its clients. */
void slot_register(struct slot *slot, struct member *member);

/* It is no member any more, and closed; nobody hears what it still says, or of its end. */
void slot_dismiss(struct member *member, unsigned code, const char *reason);

/* The same for all clients, and for whoever is leaving. */
void slot_dismiss_clients(struct slot *slot, unsigned code, const char *reason);

/* It was kept, and nobody has come. */
void slot_expire(struct slot *slot);

/* It does not get a place: its close frame says why. */
void registry_refuse(struct member *member, enum relay_failure failure);

/* claim.c */

/* A server wants an id that another one has. */
void claim_wait(struct slot *slot, struct member *claim);

/* A server that waits is gone. */
void claim_gone(struct member *claim);

/* The holder is there: whoever waits gets 4409. */
void claims_refuse(struct slot *slot);

/* The end has begun: whoever waits gets 1001. */
void claims_end(struct slot *slot);

/* The first of those that wait gets the id, whoever has it. */
void claim_first(struct slot *slot);

/* This one does, and the clients are evicted. */
void claim_take_over(struct slot *slot, struct member *claim);

/* The holder has not answered the ping in time. */
void claim_silence(struct slot *slot);

/* ending.c: the clients have had their time. */
void ending_hurry(struct slot *slot);

#endif
