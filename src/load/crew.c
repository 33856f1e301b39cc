/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a crew: see the states in crew.h. In a closed loop each lane begins its next request
 * when its last is over (go_on). In an open loop the schedule's timer (due) takes all that is due
 * by then: each gets the lane that was idle last, or a new one; where there is none it is dropped.
 *
 * The end. SPENT: nothing more is to be begun, as requests, time or schedule are used up; when
 * nothing is in flight either it is QUIET, and waits for its order. ENDING comes by an order, or by
 * the worker's drain (finish): when nothing is in flight the source concludes, then it is OVER, its
 * connections are closed, and when the last of them is gone, it lets the drain go (leave). A cut
 * takes the way through all of that at once; but a source that prepares or concludes is waited for,
 * after it was told to stop.
 */
#include "load/crew.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <curfew/time.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/lifecycle.h"
#include "load/lane.h"

#define RETRY_MS 10        /* until a source that had nothing is asked again */
#define WARM_PART_OF_S 0.1 /* of an open loop's rate: as many connections are opened before it */

#define IS(state) (1U << CREW_STATE_##state)
#define LATER (IS(ENDING) | IS(OVER))

static const unsigned edges[] = {
	[CREW_STATE_NEW] = IS(PREPARING) | LATER,
	[CREW_STATE_PREPARING] = IS(PREPARED) | LATER,
	[CREW_STATE_PREPARED] = IS(WARMING) | IS(RUNNING) | LATER,
	[CREW_STATE_WARMING] = IS(WARM) | LATER,
	[CREW_STATE_WARM] = IS(RUNNING) | LATER,
	[CREW_STATE_RUNNING] = IS(SPENT) | LATER,
	[CREW_STATE_SPENT] = LATER,
	[CREW_STATE_ENDING] = IS(CONCLUDING) | IS(OVER),
	[CREW_STATE_CONCLUDING] = IS(OVER),
	[CREW_STATE_OVER] = 0,
};

static void enter(struct crew *crew, enum crew_state state)
{
	assert(edges[crew->state] & (1U << state));
	crew->state = (uint8_t)state;
}

static bool is(const struct crew *crew, unsigned states)
{
	return states & (1U << crew->state);
}

static void publish(struct crew *crew, enum crew_stage stage)
{
	atomic_store(&crew->stage, (int)stage);
	agenda_post(crew->news_agenda, crew->news);
}

static struct agenda *agenda_of(const struct crew *crew)
{
	return &crew->worker->loop->agenda;
}

/* The end. */

/* Its source is freed where it lived. */
static void leave(struct crew *crew)
{
	if (!is(crew, IS(OVER)) || crew->channels || !crew->hold.drain) {
		return;
	}
	if (crew->source) {
		crew->source->ops->free(crew->source);
		crew->source = NULL;
	}
	curfew_hold_release(&crew->hold);
}

static void enter_over(struct crew *crew)
{
	enter(crew, CREW_STATE_OVER);
	agenda_stop(agenda_of(crew), &crew->due);
	agenda_stop(agenda_of(crew), &crew->retry);
	for (size_t i = 0; i < crew->lane_count; i++) {
		lane_cut(crew->lanes[i]);
		lane_close(crew->lanes[i]);
	}
	publish(crew, CREW_OVER);
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
	enter(crew, CREW_STATE_CONCLUDING);
	crew->source->ops->finish(crew->source, atomic_load(&crew->finish_until), concluded, crew);
}

/* Looks whether what is waited for has come. */
static void settle(struct crew *crew)
{
	if (crew->in_flight) {
		return;
	}
	if (is(crew, IS(SPENT))) {
		publish(crew, CREW_QUIET);
	} else if (is(crew, IS(ENDING))) {
		conclude(crew);
	}
}

static void end(struct crew *crew)
{
	bool prepares = is(crew, IS(PREPARING));

	if (is(crew, IS(ENDING) | IS(CONCLUDING) | IS(OVER))) {
		return;
	}
	enter(crew, CREW_STATE_ENDING);
	agenda_stop(agenda_of(crew), &crew->due);
	agenda_stop(agenda_of(crew), &crew->retry);
	for (size_t i = 0; i < crew->lane_count; i++) {
		if (!lane_in_flight(crew->lanes[i])) {
			lane_cut(crew->lanes[i]); /* a pause */
		}
	}
	if (prepares) {
		crew->source->ops->stop(crew->source); /* prepared() goes on */
	} else {
		settle(crew);
	}
}

static void cut_all(struct crew *crew)
{
	bool waits = is(crew, IS(PREPARING) | IS(CONCLUDING));

	crew->was_cut = true;
	if (is(crew, IS(OVER))) {
		return;
	}
	if (waits) {
		if (is(crew, IS(PREPARING))) {
			enter(crew, CREW_STATE_ENDING);
		}
		crew->source->ops->stop(crew->source);
	} else {
		enter_over(crew);
	}
}

/* Requests. */

static void rest(struct crew *crew, struct lane *lane)
{
	list_append(crew->idle.next, &lane->link); /* in front */
}

static void spend(struct crew *crew)
{
	if (is(crew, IS(RUNNING))) {
		enter(crew, CREW_STATE_SPENT);
		agenda_stop(agenda_of(crew), &crew->due);
		agenda_stop(agenda_of(crew), &crew->retry);
	}
}

/* There are no more of them. */
static void exhaust(struct crew *crew)
{
	atomic_store(&crew->exhausted, true);
	spend(crew);
}

/* Whether another one may be begun now; if that is over for good, it is SPENT. */
static bool may_begin(struct crew *crew, int64_t now)
{
	if (is(crew, IS(RUNNING)) && crew->number >= crew->plan->requests_most) {
		exhaust(crew);
	} else if (is(crew, IS(RUNNING)) && now >= crew->until_ns) {
		spend(crew);
	}
	return is(crew, IS(RUNNING));
}

/* There was no memory to make it of. */
static void count_unmade(struct crew *crew, uint32_t scenario, int64_t due_ns, int64_t now)
{
	const struct tally_end end = {
		.outcome = LOAD_LOCAL,
		.scenario = scenario,
		.due_ns = due_ns - crew->began_ns,
		.sent_ns = now - crew->began_ns,
		.ended_ns = now - crew->began_ns,
	};

	tally_admit(crew->tally, end.due_ns, end.sent_ns);
	tally_end(crew->tally, &end);
}

static void wait_for_source(struct crew *crew, struct lane *lane)
{
	lane_wait(lane);
	list_append(&crew->waiting, &lane->link);
	if (!timer_started(&crew->retry)) {
		agenda_start(agenda_of(crew), &crew->retry, curfew_after_ms(RETRY_MS));
	}
}

/* A closed loop's lane begins its next. */
static void go_on(struct crew *crew, struct lane *lane, int64_t now)
{
	int result;

	if (!may_begin(crew, now)) {
		rest(crew, lane);
		return;
	}
	result = lane_begin(lane, crew->number, now, now);
	if (result == SOURCE_BUSY) {
		wait_for_source(crew, lane);
		return;
	}
	crew->number += (uint64_t)crew->threads;
	if (result == SOURCE_END) {
		exhaust(crew);
		rest(crew, lane);
	} else if (result < 0) {
		count_unmade(crew, lane->request.scenario, now, now);
		lane_pause(lane, now);
	}
}

static void wake_waiting(struct crew *crew, int64_t now)
{
	struct curfew_link waiting;
	struct curfew_link *link;

	if (list_empty(&crew->waiting)) {
		return;
	}
	list_init(&waiting);
	list_splice(&waiting, &crew->waiting);
	while ((link = list_take(&waiting))) {
		struct lane *lane = container_of(link, struct lane, link);

		lane_wake(lane);
		go_on(crew, lane, now);
	}
}

static void retry_due(struct timer *timer)
{
	struct crew *crew = container_of(timer, struct crew, retry);

	wake_waiting(crew, curfew_now());
	settle(crew);
}

static struct lane *add_lane(struct crew *crew)
{
	struct lane *lane = crew->lane_count < crew->lane_most ? lane_new(crew) : NULL;

	if (lane) {
		crew->lanes[crew->lane_count++] = lane;
	}
	return lane;
}

static struct lane *take_lane(struct crew *crew)
{
	struct curfew_link *link = list_take(&crew->idle);

	return link ? container_of(link, struct lane, link) : add_lane(crew);
}

/* An open loop's request is due: it is begun, or dropped. */
static void take_due(struct crew *crew, int64_t due_ns)
{
	struct lane *lane = take_lane(crew);
	uint64_t number = crew->number;
	int64_t now = curfew_now();
	int result = SOURCE_BUSY;

	crew->number += (uint64_t)crew->threads;
	if (lane) {
		result = lane_begin(lane, number, due_ns, now);
	}
	if (!result) {
		return;
	}
	if (lane) {
		rest(crew, lane);
	}
	if (result == SOURCE_BUSY) {
		tally_drop(crew->tally, due_ns - crew->began_ns);
	} else if (result == SOURCE_END) {
		exhaust(crew);
	} else {
		count_unmade(crew, 0, due_ns, now);
	}
}

/* Up to the moment in which it began, so that answers are read between. */
static void schedule_came(struct timer *timer)
{
	struct crew *crew = container_of(timer, struct crew, due);
	int64_t now = curfew_now();
	int64_t due = schedule_due(&crew->schedule);

	while (due <= now - crew->began_ns && may_begin(crew, crew->began_ns + due)) {
		schedule_take(&crew->schedule);
		take_due(crew, crew->began_ns + due);
		due = schedule_due(&crew->schedule);
	}
	if (due == INT64_MAX || !may_begin(crew, crew->began_ns + due)) {
		spend(crew);
		settle(crew);
	} else {
		agenda_start(agenda_of(crew), &crew->due, crew->began_ns + due);
	}
}

/* From lanes and channels. */

void crew_begun(struct crew *crew, struct lane *lane)
{
	crew->in_flight++;
	lane->is_counted = is(crew, IS(RUNNING));
	if (lane->is_counted) {
		tally_admit(crew->tally, lane->due_ns - crew->began_ns,
			lane->begun_ns - crew->began_ns);
	}
}

void crew_connected(struct crew *crew, int64_t took_ns)
{
	histogram_record(&crew->tally->connect, took_ns);
}

/* In a closed loop the intended send is the actual one. */
static void count_end(struct crew *crew, const struct lane *lane, const struct load_answer *answer)
{
	const struct tally_end end = {
		.outcome = answer->outcome,
		.status = answer->status,
		.scenario = lane->request.scenario,
		.due_ns = (crew->plan->is_open ? lane->due_ns : lane->sent_ns) - crew->began_ns,
		.sent_ns = lane->sent_ns - crew->began_ns,
		.ended_ns = answer->ended_ns - crew->began_ns,
	};

	tally_end(crew->tally, &end);
}

static bool came_to_nothing(enum load_outcome outcome)
{
	return outcome == LOAD_REFUSED || outcome == LOAD_UNREACHABLE || outcome == LOAD_TLS ||
		outcome == LOAD_LOCAL;
}

static void warm_end(struct crew *crew)
{
	if (is(crew, IS(WARMING)) && !crew->in_flight) {
		enter(crew, CREW_STATE_WARM);
		publish(crew, CREW_WARM);
	}
}

void crew_over(struct crew *crew, struct lane *lane, const struct load_answer *answer)
{
	int64_t now = answer->ended_ns;

	crew->in_flight--;
	if (lane->is_counted) {
		count_end(crew, lane, answer);
	}
	if (!is(crew, IS(RUNNING)) || crew->plan->is_open) {
		rest(crew, lane);
	} else if (came_to_nothing(answer->outcome)) {
		lane_pause(lane, now);
	} else {
		go_on(crew, lane, now);
	}
	wake_waiting(crew, now);
	warm_end(crew);
	settle(crew);
}

void crew_resume(struct crew *crew, struct lane *lane)
{
	int64_t now = curfew_now();

	go_on(crew, lane, now);
	settle(crew);
}

void crew_channel_gone(struct crew *crew)
{
	crew->channels--;
	leave(crew);
}

/* Orders, as they are carried out. */

static void prepared(void *arg, const char *failure)
{
	struct crew *crew = arg;

	if (is(crew, IS(ENDING))) {
		enter_over(crew);
		return;
	}
	enter(crew, CREW_STATE_PREPARED);
	if (failure) {
		atomic_store(&crew->failure, failure);
	}
	publish(crew, CREW_PREPARED);
}

static void do_prepare(struct task *task)
{
	struct crew *crew = container_of(task, struct crew, prepare);

	if (!is(crew, IS(NEW))) {
		return;
	}
	enter(crew, CREW_STATE_PREPARING);
	crew->source = crew->plan->kind->new (crew->plan, crew->worker, crew->thread);
	if (!crew->source) {
		prepared(crew, "out of memory");
	} else if (crew->source->ops->prepare) {
		crew->source->ops->prepare(crew->source, prepared, crew);
	} else {
		prepared(crew, NULL);
	}
}

/* How many lanes have a connection before the run. */
static size_t count_warm(const struct crew *crew)
{
	const struct plan *plan = crew->plan;
	double most = 1;

	for (size_t i = 0; plan->is_open && i < plan->stage_count; i++) {
		double lanes = plan->stages[i].rate * WARM_PART_OF_S / crew->threads;

		most = lanes > most ? lanes : most;
	}
	return !plan->is_open || most > (double)crew->lane_most ? crew->lane_most : (size_t)most;
}

static void do_warm(struct task *task)
{
	struct crew *crew = container_of(task, struct crew, warm);
	size_t count = count_warm(crew);

	if (!is(crew, IS(PREPARED))) {
		return;
	}
	enter(crew, CREW_STATE_WARMING);
	for (size_t i = 0; i < count; i++) {
		struct lane *lane = i < crew->lane_count ? crew->lanes[i] : add_lane(crew);
		uint64_t number = UINT64_MAX - i * (size_t)crew->threads - (size_t)crew->thread;
		int64_t now = curfew_now();

		if (lane) {
			link_remove(&lane->link);
			if (lane_begin(lane, number, now, now)) {
				rest(crew, lane);
			}
		}
	}
	warm_end(crew);
}

static void begin_closed(struct crew *crew)
{
	for (size_t i = 0; i < crew->lane_count; i++) {
		link_remove(&crew->lanes[i]->link);
		go_on(crew, crew->lanes[i], curfew_now());
	}
	settle(crew);
}

static void do_run(struct task *task)
{
	struct crew *crew = container_of(task, struct crew, run);
	const struct plan *plan = crew->plan;

	if (!is(crew, IS(PREPARED) | IS(WARM))) {
		return;
	}
	enter(crew, CREW_STATE_RUNNING);
	crew->ran = true;
	crew->until_ns = plan->for_ns < CURFEW_NEVER - crew->began_ns
		? crew->began_ns + plan->for_ns
		: CURFEW_NEVER;
	crew->number = (uint64_t)crew->thread;
	if (plan->is_open) {
		schedule_init(&crew->schedule, plan->stages, plan->stage_count, plan->arrival,
			plan->seed, (uint32_t)crew->thread, (uint32_t)crew->threads);
		schedule_came(&crew->due);
	} else {
		begin_closed(crew);
	}
}

static void do_finish(struct task *task)
{
	end(container_of(task, struct crew, finish));
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

static const struct curfew_hold_ops hold_ops = {.kind = "crew", .finish = finish, .cut = cut};

/* Orders, as they are given. */

void crew_prepare(struct crew *crew)
{
	agenda_post(agenda_of(crew), &crew->prepare);
}

void crew_warm(struct crew *crew)
{
	agenda_post(agenda_of(crew), &crew->warm);
}

void crew_run(struct crew *crew, int64_t began_ns)
{
	crew->began_ns = began_ns;
	agenda_post(agenda_of(crew), &crew->run);
}

void crew_finish(struct crew *crew, int64_t until)
{
	atomic_store(&crew->finish_until, until);
	agenda_post(agenda_of(crew), &crew->finish);
}

void crew_cut(struct crew *crew)
{
	agenda_post(agenda_of(crew), &crew->cut);
}

void crew_hand_over(struct crew *crew)
{
	atomic_store(&crew->handed, false);
	agenda_post(agenda_of(crew), &crew->hand_over);
}

/* Its beginning and its end. */

/* An even share of so many, the first threads get those that are left over. */
static size_t share(int count, int thread, int threads)
{
	return (size_t)(count / threads + (thread < count % threads));
}

static int make_lanes(struct crew *crew)
{
	const struct plan *plan = crew->plan;

	crew->lane_most = share(plan->connections, crew->thread, crew->threads);
	crew->lanes = calloc(crew->lane_most ? crew->lane_most : 1, sizeof(crew->lanes[0]));
	crew->targets = calloc(plan->endpoint_count, sizeof(crew->targets[0]));
	if (!crew->lanes || !crew->targets) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < plan->endpoint_count; i++) {
		crew->targets[i].address = plan->endpoints[i].address;
	}
	while (!plan->is_open && crew->lane_count < crew->lane_most) {
		struct lane *lane = add_lane(crew);

		if (!lane) {
			return -ENOMEM;
		}
		rest(crew, lane);
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
		.due.fired = schedule_came,
		.retry.fired = retry_due,
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
	return error ? error : curfew_drain_hold(&worker->drain, &crew->hold, &hold_ops, NULL);
}

void crew_fini(struct crew *crew)
{
	if (!crew->plan) {
		return;
	}
	for (size_t i = 0; i < crew->lane_count; i++) {
		lane_free(crew->lanes[i]);
	}
	for (size_t i = 0; crew->targets && i < crew->plan->endpoint_count; i++) {
		dial_target_fini(&crew->targets[i]);
	}
	free(crew->lanes);
	free(crew->targets);
	tally_fini(&crew->tallies[0]);
	tally_fini(&crew->tallies[1]);
}
