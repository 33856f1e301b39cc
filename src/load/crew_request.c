/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which request is begun when. In a closed loop each lane begins its next when its last is over
 * (go_on). In an open loop the schedule's timer (crew_schedule_came) takes all that is due by then:
 * each gets the lane that was idle last, or a new one; where there is none it is dropped.
 */
#include <curfew/time.h>

#include "base/clock.h"
#include "base/list.h"
#include "load/crew_state.h"
#include "load/lane.h"

#define RETRY_MS 10        /* until a source that had nothing is asked again */
#define WARM_PART_OF_S 0.1 /* of an open loop's rate: as many connections are opened before it */
#define SLICE_NS (5 * NS_PER_MS) /* of catching up, until answers and orders are looked at */

void crew_rest(struct crew *crew, struct lane *lane)
{
	list_append(crew->idle.next, &lane->link); /* in front */
}

static void spend(struct crew *crew)
{
	if (crew_is(crew, IS(RUNNING))) {
		crew_enter(crew, CREW_STATE_SPENT);
		agenda_stop(crew_agenda(crew), &crew->due);
		agenda_stop(crew_agenda(crew), &crew->retry);
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
	if (crew_is(crew, IS(RUNNING)) && crew->number >= crew->plan->requests_most) {
		exhaust(crew);
	} else if (crew_is(crew, IS(RUNNING)) && now >= crew->until_ns) {
		spend(crew);
	}
	return crew_is(crew, IS(RUNNING));
}

/* Since the begin, for the tally. */
static int64_t due_of(const struct crew *crew, int64_t due_ns)
{
	return crew->plan->is_open ? due_ns - crew->began_ns : TALLY_UNDUE;
}

/* There was no memory to make it of, or nobody whom it could have been sent to. */
static void count_unmade(struct crew *crew, const struct load_request *request, int result,
	int64_t due_ns, int64_t now)
{
	const struct tally_end end = {
		.outcome = result < 0 ? LOAD_LOCAL : request->unmade,
		.scenario = request->scenario,
		.due_ns = due_of(crew, due_ns),
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
		agenda_start(crew_agenda(crew), &crew->retry, curfew_after_ms(RETRY_MS));
	}
}

/* A closed loop's lane begins its next. */
static void go_on(struct crew *crew, struct lane *lane, int64_t now)
{
	int result;

	if (!may_begin(crew, now)) {
		crew_rest(crew, lane);
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
		crew_rest(crew, lane);
	} else if (result) {
		count_unmade(crew, &lane->request, result, now, now);
		lane_pause(lane, now);
	}
}

/* Until one finds nothing again: then the others would, too. */
static void wake_waiting(struct crew *crew, int64_t now)
{
	struct curfew_link *link;
	struct lane *lane = NULL;

	while ((!lane || lane->state != LANE_WAITING) && (link = list_take(&crew->waiting))) {
		lane = container_of(link, struct lane, link);
		lane_wake(lane);
		go_on(crew, lane, now);
	}
}

void crew_retry_due(struct timer *timer)
{
	struct crew *crew = container_of(timer, struct crew, retry);

	wake_waiting(crew, curfew_now());
	crew_settle(crew);
}

struct lane *crew_add_lane(struct crew *crew)
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

	return link ? container_of(link, struct lane, link) : crew_add_lane(crew);
}

/* An open loop's request is due: it is begun, or dropped. Returns the clock. */
static int64_t take_due(struct crew *crew, int64_t due_ns)
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
		return now;
	}
	if (lane) {
		crew_rest(crew, lane);
	}
	if (result == SOURCE_BUSY) {
		tally_drop(crew->tally, due_ns - crew->began_ns);
	} else if (result == SOURCE_END) {
		exhaust(crew);
	} else {
		count_unmade(crew, &lane->request, result, due_ns, now);
	}
	return now;
}

/*
 * Up to the moment in which it began, and no longer than a slice, so that answers are read between,
 * and an end comes through where the rate is more than we can do.
 */
bool crew_catch_up(struct crew *crew)
{
	int64_t begun = curfew_now();
	int64_t now = begun;
	int64_t due = schedule_due(&crew->schedule);

	while (due <= begun - crew->began_ns && now - begun < SLICE_NS &&
		may_begin(crew, crew->began_ns + due)) {
		schedule_take(&crew->schedule);
		now = take_due(crew, crew->began_ns + due);
		due = schedule_due(&crew->schedule);
	}
	if (due == INT64_MAX || !may_begin(crew, crew->began_ns + due)) {
		spend(crew);
		crew_settle(crew);
		return false;
	}
	due += crew->began_ns;
	agenda_start(crew_agenda(crew), &crew->due, due > begun ? due : now + 1);
	return due <= begun;
}

void crew_schedule_came(struct timer *timer)
{
	(void)crew_catch_up(container_of(timer, struct crew, due));
}

/* From lanes. */

void crew_begun(struct crew *crew, struct lane *lane)
{
	crew->in_flight++;
	lane->is_counted = crew_is(crew, IS(RUNNING));
	if (lane->is_counted) {
		tally_admit(
			crew->tally, due_of(crew, lane->due_ns), lane->begun_ns - crew->began_ns);
	}
}

void crew_connected(struct crew *crew, int64_t took_ns)
{
	histogram_record(&crew->tally->connect, took_ns);
}

static void count_end(struct crew *crew, const struct lane *lane, const struct load_answer *answer)
{
	const struct tally_end end = {
		.outcome = answer->outcome,
		.status = answer->status,
		.scenario = lane->request.scenario,
		.due_ns = due_of(crew, lane->due_ns),
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

static void end_warming(struct crew *crew)
{
	if (crew_is(crew, IS(WARMING)) && !crew->in_flight) {
		crew_enter(crew, CREW_STATE_WARM);
		crew_publish(crew, CREW_WARM);
	}
}

void crew_over(struct crew *crew, struct lane *lane, const struct load_answer *answer)
{
	int64_t now = answer->ended_ns;

	crew->in_flight--;
	if (lane->is_counted) {
		count_end(crew, lane, answer);
	}
	if (!crew_is(crew, IS(RUNNING)) || crew->plan->is_open) {
		crew_rest(crew, lane);
	} else if (came_to_nothing(answer->outcome)) {
		lane_pause(lane, now);
	} else {
		go_on(crew, lane, now);
	}
	wake_waiting(crew, now);
	end_warming(crew);
	crew_settle(crew);
}

void crew_resume(struct crew *crew, struct lane *lane)
{
	int64_t now = curfew_now();

	go_on(crew, lane, now);
	crew_settle(crew);
}

/* How many lanes have a connection before the run; of a ramp, for its first step. */
static size_t count_warm(const struct crew *crew)
{
	const struct plan *plan = crew->plan;
	size_t stages = plan->has_ramp ? 1 : plan->stage_count;
	double most = 1;

	for (size_t i = 0; plan->is_open && i < stages; i++) {
		double lanes = plan->stages[i].rate * WARM_PART_OF_S / crew->threads;

		most = lanes > most ? lanes : most;
	}
	return !plan->is_open || most > (double)crew->lane_most ? crew->lane_most : (size_t)most;
}

/* Each lane's connection is opened by a request of numbers that the run does not come to. */
void crew_begin_warming(struct crew *crew)
{
	size_t count = count_warm(crew);

	for (size_t i = 0; i < count; i++) {
		struct lane *lane = i < crew->lane_count ? crew->lanes[i] : crew_add_lane(crew);
		uint64_t number =
			LOAD_WARMING_FROM + i * (size_t)crew->threads + (size_t)crew->thread;
		int64_t now = curfew_now();

		if (lane) {
			link_remove(&lane->link);
			if (lane_begin(lane, number, now, now)) {
				crew_rest(crew, lane);
			}
		}
	}
	end_warming(crew);
}

void crew_begin_closed(struct crew *crew)
{
	for (size_t i = 0; i < crew->lane_count; i++) {
		link_remove(&crew->lanes[i]->link);
		go_on(crew, crew->lanes[i], curfew_now());
	}
	crew_settle(crew);
}
