/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener hands a connection to on_connection. It gets a place and goes to the worker whose turn
 * it is (admit), or waits in the ring. A place that becomes free in any thread posts place_free,
 * which admits the oldest; a timer refuses those that have waited too long.
 */
#include "admin/front.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "loop/listener.h"
#include "net/open.h"
#include "net/proxy_header.h"

#define ACTIVATED_FIRST 3 /* sd_listen_fds(3) */

/* Those that are refused. */

static struct front *front_of(struct http_connection *connection)
{
	return connection->server->arg;
}

static void answer_refused(struct http_connection *connection)
{
	request_metrics_begin(&front_of(connection)->refused);
	connection->last = true;
	http_answer_whole(connection, 503, "text/plain",
		"503 Service Unavailable: there are too many connections\n", "Retry-After: 5\r\n");
}

static void refused_over(struct http_connection *connection, bool whole)
{
	int64_t took = curfew_now() - connection->began;

	request_metrics_end(&front_of(connection)->refused, whole ? 503 : 0, took);
}

static const struct http_handler refuser = {.request = answer_refused, .over = refused_over};

static void close_connection(int fd, struct stream_filter *filter)
{
	if (filter) {
		filter->ops->free(filter);
	}
	close(fd);
}

/*
 * Makes the filter of a connection. Returns false, and the connection is closed, without memory, or
 * while there is no certificate.
 */
static bool make_filter(const struct front *front, int fd, struct stream_filter **filter)
{
	struct stream_filter *inner = front->tls ? tls_accept(front->tls) : NULL;

	*filter = inner;
	if (front->tls && !inner) {
		close_connection(fd, NULL);
		return false;
	}
	if (front->proxy_protocol) {
		*filter = proxy_accept(inner);
		if (!*filter) {
			close_connection(fd, inner);
			return false;
		}
	}
	return true;
}

static void refuse(struct front *front, int fd)
{
	struct stream_filter *filter;

	if (make_filter(front, fd, &filter)) {
		(void)http_server_take(&front->refuser, fd, filter);
	}
}

/* Those that are let in. */

static bool has_place(struct front *front)
{
	return atomic_load(&front->taken) < front->most;
}

static void admit(struct front *front, int fd)
{
	struct stream_filter *filter;

	if (!make_filter(front, fd, &filter)) {
		return;
	}
	atomic_fetch_add(&front->taken, 1);
	if (front->accepted(front->arg, worker_pool_next(front->pool), fd, filter) < 0) {
		front_left(front);
	}
}

/* Those that wait. */

static struct agenda *agenda_of(const struct front *front)
{
	return &front->pool->workers[0].loop->agenda;
}

static void pause_all(struct front *front, bool paused)
{
	if (paused == front->paused) {
		return;
	}
	front->paused = paused;
	for (size_t i = 0; i < front->socket_count; i++) {
		if (paused) {
			curfew_listener_pause(front->sockets[i].listener);
		} else {
			curfew_listener_resume(front->sockets[i].listener);
		}
	}
}

static struct front_waiting *oldest(struct front *front)
{
	return atomic_load(&front->waiting) ? &front->ring[front->first] : NULL;
}

static int take_oldest(struct front *front)
{
	int fd = front->ring[front->first].fd;

	front->first = (front->first + 1) % FRONT_WAITING_MOST;
	atomic_fetch_sub(&front->waiting, 1);
	return fd;
}

static void arm(struct front *front)
{
	const struct front_waiting *next = oldest(front);

	if (next) {
		agenda_start(agenda_of(front), &front->waited, next->until);
	} else {
		agenda_stop(agenda_of(front), &front->waited);
	}
}

/* Goes on with those that wait, and with what waits behind them. */
static void go_on(struct front *front)
{
	while (oldest(front) && has_place(front)) {
		admit(front, take_oldest(front));
	}
	arm(front);
	pause_all(front, atomic_load(&front->waiting) == FRONT_WAITING_MOST);
}

static void place_is_free(struct task *task)
{
	go_on(container_of(task, struct front, place_free));
}

static void have_waited(struct timer *timer)
{
	struct front *front = container_of(timer, struct front, waited);
	int64_t now = curfew_now();

	while (oldest(front) && oldest(front)->until <= now) {
		refuse(front, take_oldest(front));
	}
	go_on(front);
}

static void wait_for_place(struct front *front, int fd)
{
	int waiting = atomic_load(&front->waiting);
	size_t at = (front->first + (size_t)waiting) % FRONT_WAITING_MOST;

	if (!waiting) {
		front->full(front->arg);
	}
	front->ring[at] = (struct front_waiting){fd, curfew_after_ms(FRONT_WAIT_MS)};
	atomic_fetch_add(&front->waiting, 1);
	go_on(front); /* a place may have become free before we were seen to wait */
}

static void on_connection(int fd, void *arg)
{
	struct front *front = arg;

	if (has_place(front) && !oldest(front)) {
		admit(front, fd);
	} else if (front->draining || atomic_load(&front->waiting) == FRONT_WAITING_MOST) {
		refuse(front, fd);
	} else {
		wait_for_place(front, fd);
	}
}

void front_left(struct front *front)
{
	atomic_fetch_sub(&front->taken, 1);
	if (atomic_load(&front->waiting)) {
		agenda_post(agenda_of(front), &front->place_free);
	}
}

void front_drain(struct front *front)
{
	front->draining = true;
	while (front->ring && oldest(front)) {
		refuse(front, take_oldest(front));
	}
	if (front->ring) {
		arm(front);
	}
}

/* The sockets. */

static int refuse_too_many(struct buffer *refusal)
{
	buffer_appendf(
		refusal, "more than %d sockets to listen on (leave some out)", FRONT_SOCKETS_MOST);
	return -1;
}

static int open_address(struct front *front, const char *text, struct buffer *refusal)
{
	struct front_socket *socket = &front->sockets[front->socket_count];
	const char *reason;

	if (front->socket_count == FRONT_SOCKETS_MOST) {
		return refuse_too_many(refusal);
	}
	reason = address_parse(text, &socket->address);
	if (reason) {
		buffer_appendf(refusal,
			"cannot listen on '%.80s': it %s (write HOST:PORT, :PORT or unix:PATH)",
			text, reason);
		return -1;
	}
	socket->fd = listen_open(&socket->address, refusal);
	if (socket->fd < 0) {
		return -1;
	}
	socket->is_ours = true;
	front->socket_count++;
	return 0;
}

static int open_activated(struct front *front, struct buffer *refusal)
{
	int count = listen_activated(refusal);

	if (count < 0) {
		return -1;
	}
	if (count > FRONT_SOCKETS_MOST) {
		return refuse_too_many(refusal);
	}
	for (int i = 0; i < count; i++) {
		front->sockets[front->socket_count++] =
			(struct front_socket){.fd = ACTIVATED_FIRST + i};
	}
	return 0;
}

int front_open(
	struct front *front, const struct words *listen, const char *preset, struct buffer *refusal)
{
	char item[ADDRESS_TEXT];
	struct words_walk walk = {0};

	if (open_activated(front, refusal) < 0) {
		return -1;
	}
	while (words_next(listen, &walk, item, sizeof(item))) {
		if (open_address(front, item, refusal) < 0) {
			return -1;
		}
	}
	return front->socket_count ? 0 : open_address(front, preset, refusal);
}

void front_append_address(int fd, struct buffer *out)
{
	struct socket_address address = {.length = sizeof(address.storage)};
	char text[ADDRESS_TEXT];

	if (getsockname(fd, (struct sockaddr *)&address.storage, &address.length) == 0) {
		buffer_append_text(out, socket_address_text(&address, text));
	}
}

void front_append_addresses(const struct front *front, struct buffer *out)
{
	for (size_t i = 0; i < front->socket_count; i++) {
		buffer_append_text(out, i ? "," : "");
		front_append_address(front->sockets[i].fd, out);
	}
}

int front_listen(struct front *front, struct curfew_lifecycle *life)
{
	struct worker *first = &front->pool->workers[0];

	front->ring = calloc(FRONT_WAITING_MOST, sizeof(*front->ring));
	if (!front->ring) {
		return -ENOMEM;
	}
	http_limits_default(&front->limits);
	front->place_free.run = place_is_free;
	front->waited.fired = have_waited;
	front->refuser = (struct http_server){
		.worker = first,
		.drain = &first->drain,
		.handler = &refuser,
		.limits = &front->limits,
		.scheme = front->tls ? "https" : "http",
		.arg = front,
	};
	for (size_t i = 0; i < front->socket_count; i++) {
		struct front_socket *socket = &front->sockets[i];

		socket->listener = curfew_listener_new(life, socket->fd, on_connection, front);
		if (!socket->listener) {
			return -errno;
		}
		if (!socket->is_ours) {
			listener_share(socket->listener);
		}
		socket->fd = -1;
	}
	return 0;
}

void front_fini(struct front *front)
{
	if (front->ring) {
		agenda_unpost(agenda_of(front), &front->place_free);
		agenda_stop(agenda_of(front), &front->waited);
	}
	for (size_t i = 0; i < front->socket_count; i++) {
		struct front_socket *socket = &front->sockets[i];

		curfew_listener_free(socket->listener);
		if (socket->fd >= 0) {
			close(socket->fd);
		}
		if (socket->is_ours && socket->address.is_unix) {
			listen_unlink(&socket->address);
		}
	}
	free(front->ring);
	*front = (struct front){.most = 0};
}
