/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One epoll descriptor (epoll(7)) that holds an agenda's deadlines (timerfd_create(2)), its
 * wake-ups (eventfd(2)) and any other descriptors. It belongs to the thread that dispatches it.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "core/agenda.h"

#define LOOP_BATCH 64

/* A descriptor in the loop, embedded in what owns it. */
struct source {
	int fd;
	uint32_t events; /* EPOLLIN and so on; 0: not watched */
	bool urgent;     /* goes first: what it tells, others have to know */
	/*
	 * Called in the dispatch while the descriptor is ready; with EPOLLET only when it has
	 * become so, or was so when it was watched for other events than before.
	 */
	void (*ready)(struct source *source, uint32_t events);
};

struct loop {
	struct agenda agenda;
	int epoll_fd;
	struct source timer;
	struct source wake;
	bool due;      /* the timer or a wake-up came in this round */
	int64_t armed; /* what the timer is set to; guarded by the agenda's lock */
	struct epoll_event batch[LOOP_BATCH];
	int batch_count;
	int batch_next;
};

/* Returns 0 or a negative errno. */
int loop_init(struct loop *loop);
void loop_fini(struct loop *loop);

/* Instead of fini, where somebody may still use its agenda: the memory must stay. */
void loop_abandon(struct loop *loop);

/*
 * Watches source->fd for events, changes what it is watched for, or (0) stops. Returns 0 or a
 * negative errno.
 */
int loop_watch(struct loop *loop, struct source *source, uint32_t events);

/* Stops watching; afterwards ready is not called any more, in this dispatch neither. */
void loop_unwatch(struct loop *loop, struct source *source);

/* Does all that is due now. Never blocks. */
void loop_dispatch(struct loop *loop);

/* Blocks until something is due, or a signal handler ran. */
void loop_wait(struct loop *loop);

/*
 * Both in one system call, for owners who have nothing else to wait for: blocks first, if asked to.
 * What is due is done in the round in which the kernel tells of it, behind the descriptors that
 * became ready before: a deadline for something does not pass when that is there already.
 */
void loop_round(struct loop *loop, bool blocks);

/* Makes the descriptor readable. Any thread; safe in a signal handler. */
void loop_wake(struct loop *loop);

#endif
