/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/item_queue.h"

#include <errno.h>

void item_queue_init(struct item_queue *queue, struct agenda *agenda, struct task *task)
{
	*queue = (struct item_queue){.agenda = agenda, .task = task};
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->room, NULL);
}

void item_queue_fini(struct item_queue *queue)
{
	for (size_t i = 0; i < ITEM_QUEUE_MOST; i++) {
		envelope_fini(&queue->items[i]);
	}
	pthread_cond_destroy(&queue->room);
	pthread_mutex_destroy(&queue->lock);
}

static size_t bytes_of(const struct envelope *envelope)
{
	return envelope->output.length + envelope->file_data.length + envelope->usage.length +
		envelope->infos.length + envelope->warnings.length + envelope->new_records.length +
		envelope->text.length;
}

static bool has_room(const struct item_queue *queue, size_t bytes)
{
	return !queue->count ||
		(queue->count < ITEM_QUEUE_MOST && bytes < ITEM_QUEUE_BYTES_MOST &&
			queue->bytes < ITEM_QUEUE_BYTES_MOST - bytes);
}

/* Each goes on with the other's memory. */
static void swap(struct envelope *a, struct envelope *b)
{
	struct envelope kept = *a;

	*a = *b;
	*b = kept;
}

int item_queue_put(struct item_queue *queue, struct envelope *envelope)
{
	size_t bytes = bytes_of(envelope);
	bool closed;
	bool first;

	pthread_mutex_lock(&queue->lock);
	while (!queue->closed && !has_room(queue, bytes)) {
		queue->waiting = true;
		pthread_cond_wait(&queue->room, &queue->lock);
	}
	queue->waiting = false;
	closed = queue->closed;
	first = !queue->count; /* else somebody knows already, and will take this one too */
	if (!closed) {
		swap(&queue->items[(queue->first + queue->count) % ITEM_QUEUE_MOST], envelope);
		queue->count++;
		queue->bytes += bytes;
	}
	pthread_mutex_unlock(&queue->lock);
	if (closed) {
		return -ECANCELED;
	}
	envelope_reset(envelope);
	if (first) {
		agenda_post(queue->agenda, queue->task);
	}
	return 0;
}

bool item_queue_take(struct item_queue *queue, struct envelope *envelope)
{
	bool taken = false;

	pthread_mutex_lock(&queue->lock);
	if (queue->count) {
		swap(envelope, &queue->items[queue->first]);
		queue->first = (queue->first + 1) % ITEM_QUEUE_MOST;
		queue->count--;
		queue->bytes -= bytes_of(envelope);
		taken = true;
	}
	/* Who waits is woken once for several places, not for each. */
	if (queue->waiting && queue->count <= ITEM_QUEUE_MOST / 2) {
		pthread_cond_signal(&queue->room);
	}
	pthread_mutex_unlock(&queue->lock);
	return taken;
}

void item_queue_close(struct item_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_signal(&queue->room);
	pthread_mutex_unlock(&queue->lock);
}
