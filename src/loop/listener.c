/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OPEN: connections are accepted as they come. Closing, by the drain or by curfew_listener_close:
 *
 *	EMPTYING	accept until the queue is empty, not polled any more
 *	SETTLING	a moment for handshakes in progress, whose client will see them established
 *	CLOSED		where we may, a filter drops new SYNs (the client's kernel tries again
 *			and is refused); accept until the queue is empty again, and close at once
 *
 * close(2) resets what waits in the queue. listen(fd, 0) and shutdown(2) lose connections as well.
 *
 * When descriptors or memory are short, accept4(2) fails and the connections stay in the queue: the
 * listener tries again a little later, when closing too, until the front stage is cut. A socket
 * that does not listen any more is a failure of the process, which would be deaf.
 */
#include "loop/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "core/lifecycle.h"
#include "loop/host.h"
#include "loop/loop.h"

#define ACCEPT_BATCH                                                                               \
	64 /* in one dispatch while open, so that connections that are there get their turn */
#define EMPTY_LIMIT 65536 /* of a queue that is emptied: no backlog is longer */
#define SETTLE_MS 10
#define RETRY_MS 50 /* after EMFILE and its kin */

struct curfew_listener {
	struct curfew_lifecycle *life;
	struct loop *loop;
	struct source source;
	struct timer timer; /* the next step of closing, or the next try */
	struct curfew_hold hold;
	enum { OPEN, EMPTYING, SETTLING, CLOSED } state;
	bool paused;
	bool is_shared;
	uint64_t accepted;
	curfew_listener_fn *on_connection;
	void *arg;
};

/*
 * How accept_some ended: the kernel is short of descriptors or memory; or something is the matter
 * that may pass; or the socket is no use any more.
 */
enum queue { QUEUE_EMPTY, QUEUE_MORE, QUEUE_SHORT, QUEUE_ODD, QUEUE_BROKEN };

/* Returns whether accept(2) failed for this connection only: the next one may be well. */
static bool one_connection_failed(int error)
{
	switch (error) {
	case ECONNABORTED:
	case EINTR:
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case EPERM:
		return true;
	default:
		return false;
	}
}

static enum queue accept_failed(int error)
{
	bool is_short = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;

	if (error == EINVAL || error == EBADF || error == ENOTSOCK) {
		return QUEUE_BROKEN;
	}
	log_message(CURFEW_LEVEL_WARNING, "accept: error %d, trying again", error);
	return is_short ? QUEUE_SHORT : QUEUE_ODD;
}

static enum queue accept_some(struct curfew_listener *listener, int limit)
{
	while (limit-- > 0 && !(listener->paused && listener->state == OPEN)) {
		int fd = accept4(listener->source.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			listener->accepted++;
			listener->on_connection(fd, listener->arg);
		} else if (errno == EAGAIN) {
			return QUEUE_EMPTY;
		} else if (!one_connection_failed(errno)) {
			return accept_failed(errno);
		}
	}
	return QUEUE_MORE;
}

/*
 * Drops SYNs from here on (socket(7), SO_ATTACH_FILTER), where we have the privilege: between the
 * last accept and the close none can enter the queue. TCP flags are byte 13 of the header; SYN is
 * 2, ACK 16.
 */
static void refuse_handshakes(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	int domain = 0;
	socklen_t length = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain != AF_UNIX) {
		(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	}
}

static void enter_closed(struct curfew_listener *listener)
{
	listener->state = CLOSED;
	close(listener->source.fd);
	listener->source.fd = -1;
	curfew_hold_release(&listener->hold);
}

static void try_again(struct curfew_listener *listener)
{
	agenda_start(&listener->loop->agenda, &listener->timer, curfew_after_ms(RETRY_MS));
}

static void watch(struct curfew_listener *listener)
{
	if (loop_watch(listener->loop, &listener->source, EPOLLIN) < 0) {
		try_again(listener);
	}
}

static void step(struct curfew_listener *listener)
{
	if (listener->state == SETTLING && !listener->is_shared) {
		refuse_handshakes(listener->source.fd);
	}
	if (accept_some(listener, EMPTY_LIMIT) == QUEUE_SHORT) {
		try_again(listener);
	} else if (listener->state == EMPTYING) {
		listener->state = SETTLING;
		agenda_start(&listener->loop->agenda, &listener->timer, curfew_after_ms(SETTLE_MS));
	} else {
		enter_closed(listener);
	}
}

static void timer_fired(struct timer *timer)
{
	struct curfew_listener *listener = container_of(timer, struct curfew_listener, timer);

	if (listener->state != OPEN) {
		step(listener);
	} else if (!listener->paused) {
		watch(listener);
	}
}

/* Nothing is accepted any more; the end begins, and closes it. */
static void fail(struct curfew_listener *listener)
{
	curfew_lifecycle_stop_for(
		listener->life, CURFEW_FAILURE, "a listening socket does not listen any more");
}

static void readable(struct source *source, uint32_t events)
{
	struct curfew_listener *listener = container_of(source, struct curfew_listener, source);
	enum queue queue = accept_some(listener, ACCEPT_BATCH);

	(void)events;
	if (queue < QUEUE_SHORT || listener->state != OPEN) {
		return;
	}
	loop_unwatch(listener->loop, source);
	if (queue == QUEUE_BROKEN) {
		fail(listener);
	} else {
		try_again(listener);
	}
}

void curfew_listener_close(struct curfew_listener *listener)
{
	if (listener->state != OPEN) {
		return;
	}
	agenda_stop(&listener->loop->agenda, &listener->timer);
	loop_unwatch(listener->loop, &listener->source);
	listener->state = EMPTYING;
	step(listener);
}

static void finish(struct curfew_hold *hold)
{
	curfew_listener_close(container_of(hold, struct curfew_listener, hold));
}

void listener_share(struct curfew_listener *listener)
{
	listener->is_shared = true;
}

void listener_cut(struct curfew_listener *listener)
{
	if (listener->state == CLOSED) {
		return;
	}
	agenda_stop(&listener->loop->agenda, &listener->timer);
	loop_unwatch(listener->loop, &listener->source);
	listener->state = EMPTYING; /* also where it was paused */
	(void)accept_some(listener, EMPTY_LIMIT);
	enter_closed(listener);
}

/* The front is cut: what can be accepted now is, the rest of the queue is lost with the socket. */
static void cut(struct curfew_hold *hold)
{
	listener_cut(container_of(hold, struct curfew_listener, hold));
}

static const struct curfew_hold_ops listener_ops = {
	.kind = "listener", .finish = finish, .cut = cut};

/* Returns 0, or -EINVAL for a descriptor that is no listening socket. */
static int check_listening(int fd)
{
	int listening = 0;
	socklen_t length = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) < 0 || !listening) {
		return -EINVAL;
	}
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ? -errno : 0;
}

struct curfew_listener *listener_new_on(struct curfew_lifecycle *life, struct curfew_drain *drain,
	int fd, curfew_listener_fn *on_connection, void *arg)
{
	struct curfew_listener *listener;
	int error = check_listening(fd);

	if (error < 0) {
		errno = -error;
		return NULL;
	}
	listener = calloc(1, sizeof(*listener));
	if (!listener) {
		return NULL;
	}
	listener->life = life;
	listener->loop = lifecycle_loop(life);
	listener->source = (struct source){.fd = fd, .ready = readable};
	listener->timer.fired = timer_fired;
	listener->on_connection = on_connection;
	listener->arg = arg;
	error = curfew_drain_hold(drain, &listener->hold, &listener_ops, NULL);
	if (error < 0) {
		goto fail;
	}
	error = loop_watch(listener->loop, &listener->source, EPOLLIN);
	if (error < 0) {
		curfew_hold_release(&listener->hold);
		goto fail;
	}
	return listener;
fail:
	free(listener);
	errno = -error;
	return NULL;
}

struct curfew_listener *curfew_listener_new(
	struct curfew_lifecycle *life, int fd, curfew_listener_fn *on_connection, void *arg)
{
	return listener_new_on(
		life, curfew_lifecycle_stage(life, CURFEW_FRONT), fd, on_connection, arg);
}

void curfew_listener_pause(struct curfew_listener *listener)
{
	listener->paused = true;
	if (listener->state == OPEN) {
		loop_unwatch(listener->loop, &listener->source);
	}
}

void curfew_listener_resume(struct curfew_listener *listener)
{
	listener->paused = false;
	if (listener->state == OPEN && !timer_started(&listener->timer)) {
		watch(listener);
	}
}

uint64_t curfew_listener_accepted(const struct curfew_listener *listener)
{
	return listener->accepted;
}

void curfew_listener_free(struct curfew_listener *listener)
{
	if (!listener) {
		return;
	}
	agenda_stop(&listener->loop->agenda, &listener->timer);
	if (listener->state != CLOSED) {
		loop_unwatch(listener->loop, &listener->source);
		enter_closed(listener);
	}
	free(listener);
}
