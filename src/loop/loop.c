/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <curfew/time.h>

#include "base/clock.h"
#include "base/list.h"

#define AGENDA_ROUNDS                                                                              \
	16 /* what callbacks post is done in the same dispatch, unless it has no end */

static void arm(struct loop *loop, int64_t due)
{
	struct itimerspec at = {0};

	if (due != CURFEW_NEVER) {
		at.it_value.tv_sec = due / NS_PER_S;
		at.it_value.tv_nsec = due % NS_PER_S;
	}
	(void)timerfd_settime(loop->timer.fd, TFD_TIMER_ABSTIME, &at, NULL);
	loop->armed = due;
}

static void attend(struct agenda *agenda, int64_t due)
{
	struct loop *loop = container_of(agenda, struct loop, agenda);

	if (due <= 0) {
		loop_wake(loop);
	} else if (due != loop->armed) {
		arm(loop, due);
	}
}

/* Takes the count out of the timer or the event descriptor, which makes it unreadable. */
static void consume(struct source *source)
{
	uint64_t count;

	(void)!read(source->fd, &count, sizeof(count));
}

static void time_came(struct source *source, uint32_t events)
{
	(void)events;
	consume(source);
	container_of(source, struct loop, timer)->due = true;
}

static void woken(struct source *source, uint32_t events)
{
	(void)events;
	consume(source);
	container_of(source, struct loop, wake)->due = true;
}

void loop_wake(struct loop *loop)
{
	const uint64_t one = 1;
	int saved = errno;

	(void)!write(loop->wake.fd, &one, sizeof(one));
	errno = saved;
}

static void close_if_open(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
		*fd = -1;
	}
}

static void close_all(struct loop *loop)
{
	close_if_open(&loop->wake.fd);
	close_if_open(&loop->timer.fd);
	close_if_open(&loop->epoll_fd);
}

int loop_init(struct loop *loop)
{
	int error;

	*loop = (struct loop){.armed = CURFEW_NEVER};
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer = (struct source){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.ready = time_came,
	};
	loop->wake = (struct source){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = woken};
	if (loop->epoll_fd < 0 || loop->timer.fd < 0 || loop->wake.fd < 0) {
		error = -errno;
		goto fail;
	}
	error = loop_watch(loop, &loop->timer, EPOLLIN);
	if (error < 0) {
		goto fail;
	}
	error = loop_watch(loop, &loop->wake, EPOLLIN);
	if (error < 0) {
		goto fail;
	}
	agenda_init(&loop->agenda, attend);
	return 0;
fail:
	close_all(loop);
	return error;
}

void loop_fini(struct loop *loop)
{
	agenda_fini(&loop->agenda);
	close_all(loop);
}

void loop_abandon(struct loop *loop)
{
	agenda_abandon(&loop->agenda);
	close_all(loop);
}

int loop_watch(struct loop *loop, struct source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	int operation = source->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (events == source->events) {
		return 0;
	}
	if (!events) {
		loop_unwatch(loop, source);
		return 0;
	}
	if (epoll_ctl(loop->epoll_fd, operation, source->fd, &event) < 0) {
		return -errno;
	}
	source->events = events;
	return 0;
}

void loop_unwatch(struct loop *loop, struct source *source)
{
	if (!source->events) {
		return;
	}
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->events = 0;
	for (int i = loop->batch_next; i < loop->batch_count; i++) {
		if (loop->batch[i].data.ptr == source) {
			loop->batch[i].data.ptr = NULL;
		}
	}
}

static void urgent_first(struct loop *loop)
{
	for (int i = 1; i < loop->batch_count; i++) {
		const struct source *source = loop->batch[i].data.ptr;

		if (source->urgent) {
			struct epoll_event event = loop->batch[i];

			loop->batch[i] = loop->batch[0];
			loop->batch[0] = event;
			return;
		}
	}
}

/* A process that was stopped and continued is interrupted: what came meanwhile is there by then. */
static void fetch(struct loop *loop, bool blocks)
{
	int count = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, blocks ? -1 : 0);

	if (count < 0 && errno == EINTR) {
		count = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, 0);
	}
	loop->batch_count = count;
	loop->batch_next = 0;
	urgent_first(loop);
}

static void call_ready(struct loop *loop)
{
	while (loop->batch_next < loop->batch_count) {
		const struct epoll_event *event = &loop->batch[loop->batch_next++];
		struct source *source = event->data.ptr;

		if (source) {
			source->ready(source, event->events);
		}
	}
}

static void run_due(struct loop *loop)
{
	int rounds = 0;

	do {
		agenda_run(&loop->agenda, curfew_now());
	} while (agenda_next(&loop->agenda) == 0 && ++rounds < AGENDA_ROUNDS);
}

void loop_dispatch(struct loop *loop)
{
	fetch(loop, false);
	call_ready(loop);
	run_due(loop);
}

/*
 * epoll tells of descriptors in the order in which they became ready. So when it tells of the
 * timer, what came before a deadline was seen before, however long we were kept from looking.
 */
void loop_round(struct loop *loop, bool blocks)
{
	loop->due = false;
	fetch(loop, blocks);
	call_ready(loop);
	if (loop->due) {
		run_due(loop);
	}
}

void loop_wait(struct loop *loop)
{
	struct pollfd readable = {.fd = loop->epoll_fd, .events = POLLIN};

	(void)poll(&readable, 1, -1);
}
