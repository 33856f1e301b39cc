/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's share of a run: its lanes, its source, its part of the schedule, its tally. What
 * happens in it happens in its worker's thread; it is told what to do by orders, which any thread
 * may give, and publishes how far it is (crew_stage), and what it has counted (crew_hand_over).
 *
 *	crew_prepare	-> PREPARED	the source knows what it needs to
 *	crew_warm	-> WARM		connections are open, a request was answered on each
 *	crew_run	-> QUIET	by itself, where requests or schedule come to their end
 *	crew_finish	-> OVER		no more are begun; those in flight are awaited, then what
 *					the source still wants to know
 *	crew_cut	-> OVER		now
 *
 * The states; ENDING and OVER may follow each but PREPARING:
 *
 *	NEW -> PREPARING -> PREPARED -> WARMING -> WARM -> RUNNING -> SPENT -> ENDING -> CONCLUDING
 *	             |               `---------------------^                              `-> OVER
 *	             `-> STOPPING -> OVER
 *
 * It is a hold on its worker's drain, from init until it is OVER and the last of its connections is
 * closed.
 */
#ifndef LOAD_CREW_H
#define LOAD_CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "load/plan.h"
#include "load/schedule.h"
#include "load/source.h"
#include "load/tally.h"
#include "net/dial.h"
#include "net/worker.h"

struct lane;

enum crew_stage { CREW_BEGUN, CREW_PREPARED, CREW_WARM, CREW_QUIET, CREW_OVER };

enum crew_state {
	CREW_STATE_NEW,
	CREW_STATE_PREPARING,
	CREW_STATE_STOPPING, /* the source lets go of what it prepares */
	CREW_STATE_PREPARED,
	CREW_STATE_WARMING,
	CREW_STATE_WARM,
	CREW_STATE_RUNNING,
	CREW_STATE_SPENT,
	CREW_STATE_ENDING,
	CREW_STATE_CONCLUDING,
	CREW_STATE_OVER,
};

struct crew {
	const struct plan *plan;
	struct worker *worker;
	int thread, threads;
	struct task *news; /* posted to news_agenda when there is something new; borrowed */
	struct agenda *news_agenda;

	/* For all threads. */
	_Atomic int stage;            /* enum crew_stage */
	const char *_Atomic failure;  /* why it could not be prepared; NULL */
	_Atomic bool exhausted;       /* there are no more requests */
	_Atomic bool handed;          /* part is whole, and the reader's, until crew_hand_over */
	struct tally *part;           /* what was counted since the last time, or the begin */
	int64_t began_ns;             /* set before crew_run: the clock at the run's begin */
	_Atomic int64_t finish_until; /* set before crew_finish */

	/* Its thread's. */
	struct load_source *source;
	struct tally tallies[2];
	struct tally *tally; /* the one that it counts in; any thread's once it is OVER */
	uint8_t state;       /* enum crew_state */
	bool was_cut;
	bool ran;
	uint64_t number;  /* of its next request */
	int64_t until_ns; /* no more are begun then */
	int64_t timeout_ns;
	struct schedule schedule;
	struct timer due;   /* the schedule's next */
	struct timer retry; /* of those that wait for the source */
	struct lane **lanes;
	size_t lane_count, lane_most;
	struct curfew_link idle;    /* the one that was used last is first */
	struct curfew_link waiting; /* for the source */
	size_t in_flight;
	size_t channels;
	struct dial_target *targets; /* by endpoint */
	const char **tls_failures; /* why TLS failed first, by endpoint; as tally, NULL: not yet */
	struct curfew_hold hold;
	char name[24]; /* the hold's */
	struct task prepare, warm, run, finish, cut, hand_over;
};

/*
 * Its share of the plan's lanes, as thread of threads. Returns 0 or -ENOMEM, or -ESHUTDOWN where
 * the end has come; fini is to be called anyway. Before any order.
 */
int crew_init(
	struct crew *crew, const struct plan *plan, struct worker *worker, int thread, int threads);
/* After it is released, or an init that failed. */
void crew_fini(struct crew *crew);

/* Orders. Any thread. */
void crew_prepare(struct crew *crew);
void crew_warm(struct crew *crew);
void crew_run(struct crew *crew, int64_t began_ns);
/*
 * until: when what the source still waits for has to be over. A stop of the process orders it, too.
 */
void crew_finish(struct crew *crew, int64_t until);
void crew_cut(struct crew *crew);
/* The part that was handed over before was taken, and is empty. */
void crew_hand_over(struct crew *crew);

/* From lanes. */
void crew_begun(struct crew *crew, struct lane *lane);
void crew_connected(struct crew *crew, int64_t took_ns);
void crew_over(struct crew *crew, struct lane *lane, const struct load_answer *answer);
void crew_resume(struct crew *crew, struct lane *lane);
/* From channels. */
void crew_channel_gone(struct crew *crew);

#endif
