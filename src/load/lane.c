/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a request. The source makes it (lane_begin); its endpoint's channel sends it at once
 * (send), or is opened first (connect): dialled, and perhaps shaken hands on. It is over once, in
 * one of these ways: answered (lane_answered), its channel lost (lane_lost), no connection
 * (dialled), too late (too_late). All end in over(), which tells source and tally, and then the
 * crew, that gives the lane its next request: it may do so within the call.
 *
 * A channel that is lost while its lane has no request on it is forgotten: a server may end an idle
 * connection at any time.
 */
#include "load/lane.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <curfew/time.h>

#include "base/clock.h"
#include "base/list.h"
#include "load/crew.h"
#include "net/tls.h"

#define IS(state) (1U << LANE_##state)

static const unsigned edges[] = {
	[LANE_IDLE] = IS(CONNECTING) | IS(BUSY) | IS(PAUSED) | IS(WAITING),
	[LANE_CONNECTING] = IS(BUSY) | IS(IDLE),
	[LANE_BUSY] = IS(IDLE),
	[LANE_PAUSED] = IS(IDLE),
	[LANE_WAITING] = IS(IDLE),
};

static void enter(struct lane *lane, enum lane_state state)
{
	assert(edges[lane->state] & (1U << state));
	lane->state = (uint8_t)state;
}

static struct channel *channel_of(const struct lane *lane)
{
	return lane->channels[lane->request.endpoint];
}

/* The end of a request. */

static void over(struct lane *lane, struct load_answer *answer)
{
	struct crew *crew = lane->crew;
	const struct source_ops *source = crew->source->ops;

	enter(lane, LANE_IDLE);
	deadline_set(&lane->deadline, CURFEW_NEVER);
	answer->sent_ns = lane->sent_ns;
	if (source->over) {
		answer->outcome = source->over(crew->source, &lane->request, answer);
	}
	crew_over(crew, lane, answer);
}

static void fail(struct lane *lane, enum load_outcome outcome)
{
	struct load_answer answer = {.outcome = outcome, .ended_ns = curfew_now()};

	over(lane, &answer);
}

void lane_answered(struct lane *lane, struct load_answer *answer)
{
	assert(lane->state == LANE_BUSY);
	answer->ended_ns = curfew_now();
	over(lane, answer);
}

void lane_refused(struct lane *lane, uint32_t endpoint, struct load_answer *answer)
{
	if (lane_in_flight(lane) && !lane->dial && lane->request.endpoint == endpoint) {
		answer->ended_ns = curfew_now();
		over(lane, answer);
	}
}

void lane_lost(struct lane *lane, uint32_t endpoint, enum load_outcome outcome)
{
	struct load_answer answer = {.outcome = outcome};

	lane_refused(lane, endpoint, &answer);
}

/* Its begin. */

static void send_request(struct lane *lane, struct channel *channel)
{
	enter(lane, LANE_BUSY);
	channel->ops->send(channel, &lane->request);
}

void lane_opened(struct channel *channel)
{
	struct lane *lane = channel->lane;

	assert(lane->state == LANE_CONNECTING && channel_of(lane) == channel);
	lane->sent_ns = curfew_now();
	crew_connected(lane->crew, lane->sent_ns - lane->begun_ns);
	send_request(lane, channel);
}

/* Makes a channel of a socket. Returns 0 or a negative errno. */
static int open_channel(struct lane *lane, int fd)
{
	const struct plan *plan = lane->crew->plan;
	uint32_t index = lane->request.endpoint;
	const struct endpoint *endpoint = &plan->endpoints[index];
	struct stream_filter *filter = NULL;
	int error;

	if (endpoint->is_tls) {
		filter = tls_connect(plan->tls, endpoint->address.host);
		if (!filter) {
			error = -errno;
			close(fd);
			return error;
		}
	}
	lane->channels[index] = channel_kinds[endpoint->kind]->new (lane, index, fd, filter);
	if (!lane->channels[index]) {
		error = -errno;
		if (filter) {
			filter->ops->free(filter);
		}
		close(fd);
		return error;
	}
	return 0;
}

static void dialled(void *arg, int fd, int error)
{
	struct lane *lane = arg;

	lane->dial = NULL;
	if (!error) {
		error = open_channel(lane, fd) < 0 ? -ENOMEM : 0;
	}
	if (error) {
		fail(lane, load_outcome_of_error(error));
	} else if (channel_of(lane)->open) {
		lane_opened(channel_of(lane));
	}
}

/* Where not even that can be begun, it is over at the end of the round, as always. */
static void connect_endpoint(struct lane *lane)
{
	struct crew *crew = lane->crew;

	enter(lane, LANE_CONNECTING);
	lane->dial = dial_start(&crew->targets[lane->request.endpoint], crew->worker,
		lane->deadline.due, dialled, lane);
	if (!lane->dial) {
		deadline_set(&lane->deadline, lane->begun_ns); /* too_late: LOCAL */
	}
}

static void too_late(struct deadline *deadline)
{
	struct lane *lane = container_of(deadline, struct lane, deadline);
	struct channel *channel;
	enum load_outcome outcome;

	if (lane->state == LANE_PAUSED) {
		enter(lane, LANE_IDLE);
		crew_resume(lane->crew, lane);
		return;
	}
	channel = channel_of(lane);
	if (lane->dial) {
		dial_cancel(lane->dial);
		lane->dial = NULL;
		outcome = LOAD_CONNECT_TIMEOUT;
	} else if (!channel) {
		outcome = LOAD_LOCAL;
	} else {
		outcome = lane->state == LANE_CONNECTING ? LOAD_CONNECT_TIMEOUT : LOAD_TIMED_OUT;
		channel->ops->close(channel, true);
	}
	fail(lane, outcome);
}

int lane_begin(struct lane *lane, uint64_t number, int64_t due_ns, int64_t now)
{
	struct crew *crew = lane->crew;
	struct channel *channel;
	int result;

	assert(lane->state == LANE_IDLE);
	buffer_clear(&lane->room);
	lane->request = (struct load_request){.number = number, .room = &lane->room};
	result = crew->source->ops->next(crew->source, &lane->request);
	if (result) {
		return result;
	}
	now = crew->source->ops->takes_long ? curfew_now() : now;
	lane->due_ns = due_ns;
	lane->begun_ns = now;
	lane->sent_ns = now;
	crew_begun(crew, lane);
	deadline_set(&lane->deadline,
		crew->timeout_ns < CURFEW_NEVER - now ? now + crew->timeout_ns : CURFEW_NEVER);
	channel = channel_of(lane);
	if (channel) {
		send_request(lane, channel);
	} else {
		connect_endpoint(lane);
	}
	return 0;
}

/* All else. */

void lane_pause(struct lane *lane, int64_t now)
{
	enter(lane, LANE_PAUSED);
	deadline_set(&lane->deadline, clock_add_ms(now, LANE_PAUSE_MS));
}

void lane_wait(struct lane *lane)
{
	enter(lane, LANE_WAITING);
}

void lane_wake(struct lane *lane)
{
	enter(lane, LANE_IDLE);
}

void lane_cut(struct lane *lane)
{
	struct load_source *source = lane->crew->source; /* NULL before it is prepared */

	deadline_set(&lane->deadline, CURFEW_NEVER);
	if (lane->state == LANE_PAUSED) {
		enter(lane, LANE_IDLE);
	}
	if (!lane_in_flight(lane)) {
		return;
	}
	if (lane->dial) {
		dial_cancel(lane->dial);
		lane->dial = NULL;
	} else if (channel_of(lane)) {
		channel_of(lane)->ops->close(channel_of(lane), true);
	}
	enter(lane, LANE_IDLE);
	if (source->ops->over) {
		(void)source->ops->over(source, &lane->request, NULL);
	}
}

void lane_close(struct lane *lane)
{
	for (size_t i = 0; i < lane->crew->plan->endpoint_count; i++) {
		if (lane->channels[i]) {
			lane->channels[i]->ops->close(lane->channels[i], false);
		}
	}
}

struct lane *lane_new(struct crew *crew)
{
	struct lane *lane =
		calloc(1, sizeof(*lane) + crew->plan->endpoint_count * sizeof(struct channel *));

	if (lane) {
		lane->crew = crew;
		deadline_init(&lane->deadline, &crew->worker->loop->agenda, too_late);
	}
	return lane;
}

void lane_free(struct lane *lane)
{
	if (lane) {
		assert(!lane_in_flight(lane));
		deadline_fini(&lane->deadline);
		buffer_fini(&lane->room);
		free(lane);
	}
}
