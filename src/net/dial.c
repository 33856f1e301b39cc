/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dial's life: LOOKING_UP, unless the addresses are known; CONNECTING, with one attempt after the
 * other and perhaps several at a time; SETTLED, with a socket or an error, until the end of the
 * round, where the owner is told. That is the only place that calls the owner, so that nothing here
 * finds its dial gone; dial_cancel may come at any other time.
 *
 * One timer is for both, the next attempt and the deadline.
 */
#include "net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curfew/time.h>

#include "base/list.h"
#include "net/resolve.h"

#define NEXT_MS 250 /* RFC 8305, 5: Connection Attempt Delay */
#define FULL_MS 10  /* until the next try at a full backlog, at first; twice that each time */
#define FULL_MS_MOST 160

enum dial_state { LOOKING_UP, CONNECTING, SETTLED };

struct attempt {
	struct source source;
	struct dial *dial;
	const struct socket_address *address;
};

struct dial {
	struct dial_target *target;
	struct worker *worker;
	int64_t deadline;
	void (*done)(void *arg, int fd, int error);
	void *arg;
	enum dial_state state;
	struct resolve_wait wait;
	struct resolved *resolved;              /* NULL while LOOKING_UP */
	struct attempt attempts[RESOLVED_MOST]; /* one for each address */
	int next;                               /* the address whose turn it is */
	int open;                               /* attempts that wait for an answer */
	int64_t full_ms;
	struct timer timer;
	struct worker_flush flush;
	int fd;    /* as SETTLED */
	int error; /* the one that tells most so far */
};

/* Has the timer fire at a time, or at the deadline if that is earlier. */
static void wait_until(struct dial *dial, int64_t due)
{
	agenda_start(&dial->worker->loop->agenda, &dial->timer,
		due < dial->deadline ? due : dial->deadline);
}

static void attempt_close(struct attempt *attempt)
{
	if (attempt->source.fd >= 0) {
		loop_unwatch(attempt->dial->worker->loop, &attempt->source);
		close(attempt->source.fd);
		attempt->source.fd = -1;
	}
}

/* Stops all that is under way. */
static void stop(struct dial *dial)
{
	agenda_stop(&dial->worker->loop->agenda, &dial->timer);
	resolve_forget(&dial->wait);
	for (int i = 0; i < dial->next; i++) {
		attempt_close(&dial->attempts[i]);
	}
}

static void dial_free(struct dial *dial)
{
	resolved_unref(dial->resolved);
	free(dial);
}

/* At the end of the round. */
static void tell(struct worker_flush *flush)
{
	struct dial *dial = container_of(flush, struct dial, flush);
	void (*done)(void *arg, int fd, int error) = dial->done;
	void *arg = dial->arg;
	int fd = dial->fd;
	int error = fd >= 0 ? 0 : dial->error;

	dial_free(dial);
	done(arg, fd, error);
}

static void settle(struct dial *dial, int fd)
{
	dial->fd = fd;
	stop(dial);
	dial->state = SETTLED;
	if (fd < 0) {
		resolve_doubt(dial->target);
	}
	worker_flush_later(dial->worker, &dial->flush);
}

/* Of several errors the first is told, unless it only says that this machine has no way there. */
static void note_error(struct dial *dial, int error)
{
	switch (dial->error) {
	case 0:
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -EADDRNOTAVAIL:
	case -EAFNOSUPPORT:
		dial->error = error;
		break;
	default:
		break;
	}
}

/*
 * A connect(2) to a port of this machine from which the kernel may choose ours can meet itself
 * (simultaneous open): then nobody listens there.
 */
static bool is_own_peer(int fd, const struct socket_address *to)
{
	struct socket_address own = {.length = sizeof(own.storage)};
	struct socket_address peer = own;
	/* The port has the same place in both families. */
	const struct sockaddr_in *own_port = (const struct sockaddr_in *)&own.storage;
	const struct sockaddr_in *to_port = (const struct sockaddr_in *)&to->storage;

	return to->storage.ss_family != AF_UNIX &&
		getsockname(fd, (struct sockaddr *)&own.storage, &own.length) == 0 &&
		own_port->sin_port == to_port->sin_port &&
		getpeername(fd, (struct sockaddr *)&peer.storage, &peer.length) == 0 &&
		own.length == peer.length && memcmp(&own.storage, &peer.storage, own.length) == 0;
}

/* Returns how the attempt ended: 0 or a negative errno. */
static int attempt_result(const struct attempt *attempt)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(attempt->source.fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) {
		return -errno;
	}
	if (!error && is_own_peer(attempt->source.fd, attempt->address)) {
		return -ECONNREFUSED;
	}
	return -error;
}

/* Nearby servers have answered by now, and epoll need not hear of it. */
static bool answered(int fd)
{
	struct pollfd writable = {.fd = fd, .events = POLLOUT};

	return poll(&writable, 1, 0) == 1;
}

/* Returns 0 if it is connected, -EINPROGRESS if it waits for an answer, or why it failed. */
static int attempt_connect(struct attempt *attempt)
{
	const struct socket_address *to = attempt->address;
	const int on = 1;
	int fd = attempt->source.fd;
	int error;

	if (to->storage.ss_family != AF_UNIX) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	if (connect(fd, (const struct sockaddr *)&to->storage, to->length) < 0 &&
		errno != EINPROGRESS) {
		return -errno;
	}
	if (answered(fd)) {
		return attempt_result(attempt);
	}
	error = loop_watch(attempt->dial->worker->loop, &attempt->source, EPOLLOUT);
	return error ? error : -EINPROGRESS;
}

static void attempt_ready(struct source *source, uint32_t events);

static int attempt_start(struct attempt *attempt)
{
	int error;

	attempt->source = (struct source){
		.fd = socket(attempt->address->storage.ss_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		.ready = attempt_ready,
	};
	if (attempt->source.fd < 0) {
		return -errno;
	}
	error = attempt_connect(attempt);
	if (error && error != -EINPROGRESS) {
		attempt_close(attempt);
	}
	return error;
}

/* Takes the socket out of the attempt, and is done with it. */
static void attempt_won(struct attempt *attempt)
{
	int fd = attempt->source.fd;

	attempt->source.fd = -1;
	settle(attempt->dial, fd);
}

/* Starts attempts until one waits for an answer, or all have failed. */
static void try_next(struct dial *dial)
{
	while (dial->next < dial->resolved->count) {
		struct attempt *attempt = &dial->attempts[dial->next];
		int error;

		attempt->dial = dial;
		attempt->address = &dial->resolved->addresses[dial->next];
		error = attempt_start(attempt);
		if (error == -EAGAIN) {
			wait_until(dial, curfew_after_ms(dial->full_ms));
			dial->full_ms *= dial->full_ms < FULL_MS_MOST ? 2 : 1;
			return;
		}
		dial->next++;
		if (error == -EINPROGRESS) {
			dial->open++;
			wait_until(dial, curfew_after_ms(NEXT_MS));
			return;
		}
		if (!error) {
			attempt_won(attempt);
			return;
		}
		note_error(dial, error);
	}
	if (dial->open) {
		wait_until(dial, CURFEW_NEVER);
	} else {
		settle(dial, -1);
	}
}

static void attempt_ready(struct source *source, uint32_t events)
{
	struct attempt *attempt = container_of(source, struct attempt, source);
	struct dial *dial = attempt->dial;
	int error = attempt_result(attempt);

	(void)events;
	if (!error) {
		loop_unwatch(dial->worker->loop, source);
		attempt_won(attempt);
		return;
	}
	attempt_close(attempt);
	dial->open--;
	note_error(dial, error);
	try_next(dial);
}

static void timer_fired(struct timer *timer)
{
	struct dial *dial = container_of(timer, struct dial, timer);

	if (curfew_now() >= dial->deadline) {
		dial->error = -ETIMEDOUT;
		settle(dial, -1);
	} else {
		try_next(dial);
	}
}

static void begin(struct dial *dial)
{
	dial->state = CONNECTING;
	dial->resolved = resolved_ref(dial->target->resolved);
	try_next(dial);
}

static void looked_up(struct resolve_wait *wait, int error)
{
	struct dial *dial = container_of(wait, struct dial, wait);

	if (error) {
		dial->error = error;
		settle(dial, -1);
	} else {
		begin(dial);
	}
}

struct dial *dial_start(struct dial_target *target, struct worker *worker, int64_t deadline,
	void (*done)(void *arg, int fd, int error), void *arg)
{
	struct dial *dial = calloc(1, sizeof(*dial));
	int known;

	if (!dial) {
		return NULL;
	}
	dial->target = target;
	dial->worker = worker;
	dial->deadline = deadline;
	dial->done = done;
	dial->arg = arg;
	dial->fd = -1;
	dial->full_ms = FULL_MS;
	dial->wait.done = looked_up;
	dial->timer.fired = timer_fired;
	dial->flush.run = tell;
	known = resolve(target, worker, &dial->wait);
	if (known < 0) {
		free(dial);
		errno = -known;
		return NULL;
	}
	if (known) {
		begin(dial);
	} else {
		wait_until(dial, CURFEW_NEVER);
	}
	return dial;
}

void dial_cancel(struct dial *dial)
{
	stop(dial);
	worker_flush_forget(&dial->flush);
	if (dial->fd >= 0) {
		close(dial->fd);
	}
	dial_free(dial);
}

const char *dial_error_text(int error)
{
	static const struct {
		int error;
		const char *text;
	} texts[] = {
		{-ECONNREFUSED, "refuses connections"},
		{-ETIMEDOUT, "did not answer in time"},
		{-ENOENT, "has a name that is not known, or a socket that is not there"},
		{-EAGAIN, "has a name that no name server answers for"},
		{-EHOSTUNREACH, "cannot be reached"},
		{-ENETUNREACH, "cannot be reached"},
		{-ECONNRESET, "resets connections"},
		{-EACCES, "may not be connected to by this user"},
		{-EPERM, "may not be connected to by this user"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].error == error) {
			return texts[i].text;
		}
	}
	return "cannot be connected to for lack of resources";
}
