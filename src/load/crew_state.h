/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of a crew: its life (crew.c), and its requests (crew_request.c). */
#ifndef LOAD_CREW_STATE_H
#define LOAD_CREW_STATE_H

#include "load/crew.h"

#define IS(state) (1U << CREW_STATE_##state)

/* Whether it is in one of these. */
static inline bool crew_is(const struct crew *crew, unsigned states)
{
	return states & (1U << crew->state);
}

static inline struct agenda *crew_agenda(const struct crew *crew)
{
	return &crew->worker->loop->agenda;
}

/* The one writer of a crew's state. */
void crew_enter(struct crew *crew, enum crew_state state);

/* Has the director look. */
void crew_publish(struct crew *crew, enum crew_stage stage);

/* Looks whether what is waited for has come: nothing in flight any more. */
void crew_settle(struct crew *crew);

/* A new lane, to be used or to rest; NULL: there are as many as there may be, or no memory. */
struct lane *crew_add_lane(struct crew *crew);
void crew_rest(struct crew *crew, struct lane *lane);

void crew_begin_warming(struct crew *crew);
void crew_begin_closed(struct crew *crew);
void crew_schedule_came(struct timer *timer);
/* In RUNNING, of an open loop: begins what is due. Returns whether there is more of it by now. */
bool crew_catch_up(struct crew *crew);
void crew_retry_due(struct timer *timer);

#endif
