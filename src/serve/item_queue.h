/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items of a stream on their way from the thread of the function to the thread of the loop: a few,
 * then who puts one more waits. A lock and a task: many items are one wake-up where the loop is
 * busy.
 *
 * put: one thread. All else: the thread of the agenda.
 */
#ifndef SERVE_ITEM_QUEUE_H
#define SERVE_ITEM_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/agenda.h"
#include "serve/envelope.h"

#define ITEM_QUEUE_MOST 16
#define ITEM_QUEUE_BYTES_MOST ((size_t)256 * 1024) /* of all, but for the last one */

struct item_queue {
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct envelope items[ITEM_QUEUE_MOST]; /* a ring */
	size_t first;
	size_t count;
	size_t bytes;
	bool closed;  /* nothing more is taken */
	bool waiting; /* put is */
	struct agenda *agenda;
	struct task *task; /* posted for an item where there was none: take all, or come back */
};

void item_queue_init(struct item_queue *queue, struct agenda *agenda, struct task *task);
void item_queue_fini(struct item_queue *queue);

/*
 * Takes over what the envelope says, and leaves it empty. Waits until there is room. Returns 0, or
 * -ECANCELED: it was closed, and the envelope is as it was.
 */
int item_queue_put(struct item_queue *queue, struct envelope *envelope);

/* Takes the next one, into an envelope that is zeroed or reset. Returns false if there is none. */
bool item_queue_take(struct item_queue *queue, struct envelope *envelope);

/* Wakes who waits: nothing more is taken. What is there stays. */
void item_queue_close(struct item_queue *queue);

#endif
