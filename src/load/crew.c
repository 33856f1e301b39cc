/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a crew: see the states in crew.h. Its requests are in crew_request.c.
 *
 * The end. SPENT: nothing more is to be begun, as requests, time or schedule are used up; when
 * nothing is in flight either it is QUIET, and waits for its order. ENDING comes by an order, or by
 * the worker's drain (finish): when nothing is in flight the source concludes, then it is OVER, its
 * connections are closed, and when the last of them is gone, it lets the drain go (leave). A cut
 * takes the way through all of that at once; but a source that prepares (STOPPING) or concludes is
 * waited for, after it was told to stop.
 */
#include "load/crew_state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <curfew/time.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/lifecycle.h"
#include "load/lane.h"

#define LATER (IS(ENDING) | IS(OVER))

static const unsigned edges[] = {
	[CREW_STATE_NEW] = IS(PREPARING) | LATER,
	[CREW_STATE_PREPARING] = IS(PREPARED) | IS(STOPPING),
	[CREW_STATE_STOPPING] = IS(OVER),
	[CREW_STATE_PREPARED] = IS(WARMING) | IS(RUNNING) | LATER,
	[CREW_STATE_WARMING] = IS(WARM) | LATER,
	[CREW_STATE_WARM] = IS(RUNNING) | LATER,
	[CREW_STATE_RUNNING] = IS(SPENT) | LATER,
	[CREW_STATE_SPENT] = LATER,
	[CREW_STATE_ENDING] = IS(CONCLUDING) | IS(OVER),
	[CREW_STATE_CONCLUDING] = IS(OVER),
	[CREW_STATE_OVER] = 0,
};

void crew_enter(struct crew *crew, enum crew_state state)
{
	assert(edges[crew->state] & (1U << state));
	crew->state = (uint8_t)state;
}

void crew_publish(struct crew *crew, enum crew_stage stage)
{
	atomic_store(&crew->stage, (int)stage);
	agenda_post(crew->news_agenda, crew->news);
}

/* The end. */

/* What has timers, and look-ups that go on, in the worker's thread. */
static void free_share(struct crew *crew)
{
	for (size_t i = 0; i < crew->lane_count; i++) {
		lane_free(crew->lanes[i]);
	}
	for (size_t i = 0; crew->targets && i < crew->plan->endpoint_count; i++) {
		dial_target_fini(&crew->targets[i]);
	}
	if (crew->source) {
		crew->source->ops->free(crew->source);
	}
	free(crew->lanes);
	free(crew->targets);
	crew->lanes = NULL;
	crew->lane_count = 0;
	crew->targets = NULL;
	crew->source = NULL;
}

/* Its share is freed where it lived: that thread may go on for longer than the crew is there. */
static void leave(struct crew *crew)
{
	if (crew_is(crew, IS(OVER)) && !crew->channels && crew->hold.drain) {
		free_share(crew);
		curfew_hold_release(&crew->hold);
	}
}

static void enter_over(struct crew *crew)
{
	crew_enter(crew, CREW_STATE_OVER);
	agenda_stop(crew_agenda(crew), &crew->due);
	agenda_stop(crew_agenda(crew), &crew->retry);
	for (size_t i = 0; i < crew->lane_count; i++) {
		lane_cut(crew->lanes[i]);
		lane_close(crew->lanes[i]);
	}
	crew_publish(crew, CREW_OVER);
	leave(crew);
}

static void concluded(void *arg)
{
	enter_over(arg);
}

/* Nothing is in flight any more. */
static void conclude(struct crew *crew)
{
	if (crew->was_cut || !crew->ran || !crew->source->ops->finish) {
		enter_over(crew);
		return;
	}
	crew_enter(crew, CREW_STATE_CONCLUDING);
	crew->source->ops->finish(crew->source, atomic_load(&crew->finish_until), concluded, crew);
}

/* Looks whether what is waited for has come. */
void crew_settle(struct crew *crew)
{
	if (crew->in_flight) {
		return;
	}
	if (crew_is(crew, IS(SPENT))) {
		crew_publish(crew, CREW_QUIET);
	} else if (crew_is(crew, IS(ENDING))) {
		conclude(crew);
	}
}

/* The source calls prepared(), perhaps before this returns. */
static void stop_preparing(struct crew *crew)
{
	crew_enter(crew, CREW_STATE_STOPPING);
	crew->source->ops->stop(crew->source);
}

static void end(struct crew *crew)
{
	if (crew_is(crew, IS(STOPPING) | IS(ENDING) | IS(CONCLUDING) | IS(OVER))) {
		return;
	}
	if (crew_is(crew, IS(PREPARING))) {
		stop_preparing(crew);
		return;
	}
	crew_enter(crew, CREW_STATE_ENDING);
	agenda_stop(crew_agenda(crew), &crew->due);
	agenda_stop(crew_agenda(crew), &crew->retry);
	for (size_t i = 0; i < crew->lane_count; i++) {
		if (!lane_in_flight(crew->lanes[i])) {
			lane_cut(crew->lanes[i]); /* a pause */
		}
	}
	crew_settle(crew);
}

static void cut_all(struct crew *crew)
{
	crew->was_cut = true;
	if (crew_is(crew, IS(PREPARING))) {
		stop_preparing(crew);
	} else if (crew_is(crew, IS(CONCLUDING))) {
		crew->source->ops->stop(crew->source); /* concluded() goes on */
	} else if (!crew_is(crew, IS(STOPPING) | IS(OVER))) {
		enter_over(crew);
	}
}

/* From channels. */

void crew_channel_gone(struct crew *crew)
{
	crew->channels--;
	leave(crew);
}

/* Orders, as they are carried out. */

static void prepared(void *arg, const char *failure)
{
	struct crew *crew = arg;

	if (crew_is(crew, IS(STOPPING))) {
		enter_over(crew);
		return;
	}
	crew_enter(crew, CREW_STATE_PREPARED);
	if (failure) {
		atomic_store(&crew->failure, failure);
	}
	crew_publish(crew, CREW_PREPARED);
}

static void do_prepare(struct task *task)
{
	struct crew *crew = container_of(task, struct crew, prepare);

	if (!crew_is(crew, IS(NEW))) {
		return;
	}
	crew_enter(crew, CREW_STATE_PREPARING);
	crew->source = crew->plan->kind->new (crew->plan, crew->worker, crew->thread);
	if (!crew->source) {
		prepared(crew, "out of memory");
	} else if (crew->source->ops->prepare) {
		crew->source->ops->prepare(crew->source, prepared, crew);
	} else {
		prepared(crew, NULL);
	}
}

static void do_warm(struct task *task)
{
	struct crew *crew = container_of(task, struct crew, warm);

	if (crew_is(crew, IS(PREPARED))) {
		crew_enter(crew, CREW_STATE_WARMING);
		crew_begin_warming(crew);
	}
}

static void do_run(struct task *task)
{
	struct crew *crew = container_of(task, struct crew, run);
	const struct plan *plan = crew->plan;

	if (!crew_is(crew, IS(PREPARED) | IS(WARM))) {
		return;
	}
	crew_enter(crew, CREW_STATE_RUNNING);
	crew->ran = true;
	crew->until_ns = plan->for_ns < CURFEW_NEVER - crew->began_ns
		? crew->began_ns + plan->for_ns
		: CURFEW_NEVER;
	crew->number = (uint64_t)crew->thread;
	if (plan->is_open) {
		schedule_init(&crew->schedule, plan->stages, plan->stage_count, plan->arrival,
			plan->seed, (uint32_t)crew->thread, (uint32_t)crew->threads);
		crew_schedule_came(&crew->due);
	} else {
		crew_begin_closed(crew);
	}
}

/*
 * What was due before the order is begun, however late we are with it: the schedule is kept whole.
 * Where that takes long, other orders are looked at between.
 */
static void do_finish(struct task *task)
{
	struct crew *crew = container_of(task, struct crew, finish);
	int64_t now = curfew_now();

	if (crew_is(crew, IS(RUNNING)) && crew->plan->is_open) {
		crew->until_ns = now < crew->until_ns ? now + 1 : crew->until_ns;
		if (crew_catch_up(crew)) {
			agenda_post(crew_agenda(crew), &crew->finish);
			return;
		}
	}
	end(crew);
}

static void do_cut(struct task *task)
{
	cut_all(container_of(task, struct crew, cut));
}

static void do_hand_over(struct task *task)
{
	struct crew *crew = container_of(task, struct crew, hand_over);
	struct tally *empty = crew->part;

	crew->part = crew->tally;
	crew->tally = empty;
	atomic_store(&crew->handed, true);
	agenda_post(crew->news_agenda, crew->news);
}

/* What the worker's drain asks. */

static void finish(struct curfew_hold *hold)
{
	struct crew *crew = container_of(hold, struct crew, hold);
	int64_t deadline = curfew_lifecycle_work_deadline(crew->worker->life);

	if (deadline < atomic_load(&crew->finish_until)) {
		atomic_store(&crew->finish_until, deadline);
	}
	end(crew);
}

static void cut(struct curfew_hold *hold)
{
	cut_all(container_of(hold, struct crew, hold));
}

static const struct curfew_hold_ops hold_ops = {.kind = "requests", .finish = finish, .cut = cut};

/* Orders, as they are given. */

void crew_prepare(struct crew *crew)
{
	agenda_post(crew_agenda(crew), &crew->prepare);
}

void crew_warm(struct crew *crew)
{
	agenda_post(crew_agenda(crew), &crew->warm);
}

void crew_run(struct crew *crew, int64_t began_ns)
{
	crew->began_ns = began_ns;
	agenda_post(crew_agenda(crew), &crew->run);
}

void crew_finish(struct crew *crew, int64_t until)
{
	atomic_store(&crew->finish_until, until);
	agenda_post(crew_agenda(crew), &crew->finish);
}

void crew_cut(struct crew *crew)
{
	agenda_post(crew_agenda(crew), &crew->cut);
}

void crew_hand_over(struct crew *crew)
{
	atomic_store(&crew->handed, false);
	agenda_post(crew_agenda(crew), &crew->hand_over);
}

/* Its beginning and its end. */

/* An even share of so many, the first threads get those that are left over. */
static size_t share(int count, int thread, int threads)
{
	return (size_t)count / (size_t)threads + (thread < count % threads);
}

static int make_lanes(struct crew *crew)
{
	const struct plan *plan = crew->plan;

	crew->lane_most = share(plan->connections, crew->thread, crew->threads);
	crew->lanes = calloc(crew->lane_most ? crew->lane_most : 1, sizeof(struct lane *));
	crew->targets = calloc(plan->endpoint_count, sizeof(crew->targets[0]));
	crew->tls_failures = calloc(plan->endpoint_count, sizeof(crew->tls_failures[0]));
	if (!crew->lanes || !crew->targets || !crew->tls_failures) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < plan->endpoint_count; i++) {
		crew->targets[i].address = plan->endpoints[i].address;
	}
	while (!plan->is_open && crew->lane_count < crew->lane_most) {
		struct lane *lane = crew_add_lane(crew);

		if (!lane) {
			return -ENOMEM;
		}
		crew_rest(crew, lane);
	}
	return 0;
}

int crew_init(
	struct crew *crew, const struct plan *plan, struct worker *worker, int thread, int threads)
{
	size_t scenarios = plan->scenario_count;
	int error;

	*crew = (struct crew){
		.plan = plan,
		.worker = worker,
		.thread = thread,
		.threads = threads,
		.finish_until = CURFEW_NEVER,
		.timeout_ns = plan->timeout_ms < CURFEW_NEVER / NS_PER_MS
			? plan->timeout_ms * NS_PER_MS
			: CURFEW_NEVER,
		.due.fired = crew_schedule_came,
		.retry.fired = crew_retry_due,
		.prepare.run = do_prepare,
		.warm.run = do_warm,
		.run.run = do_run,
		.finish.run = do_finish,
		.cut.run = do_cut,
		.hand_over.run = do_hand_over,
	};
	list_init(&crew->idle);
	list_init(&crew->waiting);
	crew->tally = &crew->tallies[0];
	crew->part = &crew->tallies[1];
	error = tally_init(crew->tally, scenarios);
	error = error ? error : tally_init(crew->part, scenarios);
	error = error ? error : make_lanes(crew);
	(void)snprintf(crew->name, sizeof(crew->name), "thread %d", thread);
	error = error ? error
		      : curfew_drain_hold(&worker->drain, &crew->hold, &hold_ops, crew->name);
	return error;
}

/* An order may have come when it was OVER, and still wait for its turn. */
static void forget_orders(struct crew *crew)
{
	struct task *const orders[] = {&crew->prepare, &crew->warm, &crew->run, &crew->finish,
		&crew->cut, &crew->hand_over};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		agenda_unpost(crew_agenda(crew), orders[i]);
	}
}

void crew_fini(struct crew *crew)
{
	if (!crew->plan) {
		return;
	}
	forget_orders(crew);
	free_share(crew);
	free(crew->tls_failures);
	tally_fini(&crew->tallies[0]);
	tally_fini(&crew->tallies[1]);
}
