/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of serve/invocation.h: a call by itself, its answer, and the queue. */
#ifndef SERVE_INVOCATION_STATE_H
#define SERVE_INVOCATION_STATE_H

#include "serve/invocation.h"

/* invocation.c */

/* The only writer of the state. */
void invocation_enter(struct invocation *invocation, enum invocation_state state);

/* Gives everything of it back; it is in no list. NULL is fine. */
void invocation_free(struct invocation *invocation);

/* Tells its runner, once, that its context was cancelled. The last that is done with it. */
void invocation_tell(struct invocation *invocation);

/* invocation_answer.c: each gives the client, if there is one still, its only answer. */

/* What it was cancelled for, or that nobody has cancelled it. */
void invocation_answer_cause(struct invocation *invocation);

/* It could not be begun: a negative errno. */
void invocation_answer_error(struct invocation *invocation, int error);

/* What its runner has made of it, in invocation->last. */
void invocation_answer_end(struct invocation *invocation, enum invocation_outcome how);

/*
 * Fills in why a call could not be begun: a negative errno. Returns the value of Retry-After; 0:
 * another try would be no better.
 */
int invocation_refuse(struct envelope *envelope, int error);

/* Fills in an errno as a failure: "[ENOMEM] Cannot allocate memory". */
void invocation_fail(struct envelope *envelope, int error);

/* Sets the file_data of an answer or an item, where the plugin has not. Returns 0 or -ENOMEM. */
int invocation_add_file_data(const struct invocation *invocation, struct envelope *envelope);

/* invocation_queue.c */

/* Cancels serve->context for what has ended the lifecycle, if it was not cancelled yet. */
void invocations_fire(struct serve *serve);

/*
 * A new call: it runs, or waits. Returns 0; a negative errno with which it could not be begun;
 * -EBUSY: there is no room.
 */
int invocations_add(struct invocation *invocation);

/* It does not wait, or run, any more. */
void invocations_remove(struct invocation *invocation);

/* Begins what waits, as far as there are slots. */
void invocations_go_on(struct serve *serve);

#endif
