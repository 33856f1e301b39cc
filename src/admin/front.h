/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where connections come in: the listening sockets, and the places that there are.
 *
 * A connection has a place until it is over. When all are taken, those that come later wait in
 * their order: FRONT_WAITING_MOST here, and behind them, since we accept no more, in the kernel's
 * queue. One that has waited for FRONT_WAIT_MS is refused in order: it gets 503 for its request,
 * from a small server of ours. In a drain nobody waits: what finds no place is refused at once.
 */
#ifndef ADMIN_FRONT_H
#define ADMIN_FRONT_H

#include <stdatomic.h>

#include <curfew/listener.h>

#include "admin/metrics.h"
#include "base/words.h"
#include "http/server.h"
#include "net/address.h"
#include "net/tls.h"
#include "net/worker.h"

#define FRONT_SOCKETS_MOST 64
#define FRONT_WAITING_MOST 1024
#define FRONT_WAIT_MS 5000

/* One that waits for a place. */
struct front_waiting {
	int fd;
	int64_t until;
};

struct front_socket {
	int fd;       /* -1: the listener's */
	bool is_ours; /* its file, where it has one, is removed at the end */
	struct address address;
	struct curfew_listener *listener;
};

struct front {
	/* Set before front_listen. */
	struct worker_pool *pool;
	struct tls_server *tls; /* NULL: none */
	bool proxy_protocol;
	int most; /* connections at a time */
	/* As struct service_ops has it. */
	int (*accepted)(void *arg, struct worker *worker, int fd, struct stream_filter *filter);
	/* All places are taken. */
	void (*full)(void *arg);
	void *arg;

	/* Private. */
	struct front_socket sockets[FRONT_SOCKETS_MOST];
	size_t socket_count;
	atomic_int taken;   /* places */
	atomic_int waiting; /* connections, a ring that begins at first */
	struct front_waiting *ring;
	size_t first;
	bool paused;
	bool draining;
	struct task place_free;
	struct timer waited;
	struct http_server refuser;
	struct http_limits limits;
	struct request_metrics refused;
};

/*
 * Opens the sockets: those that systemd has handed over, and listen's; where there are neither,
 * preset. Returns 0, or -1 with one line in refusal.
 */
int front_open(struct front *front, const struct words *listen, const char *preset,
	struct buffer *refusal);

/* Appends where a socket listens. */
void front_append_address(int fd, struct buffer *out);

/* The same of all of them, with a comma between them; before front_listen. */
void front_append_addresses(const struct front *front, struct buffer *out);

/* Starts to accept, in worker 0's thread. Returns 0 or a negative errno. */
int front_listen(struct front *front, struct curfew_lifecycle *life);

/* A connection that was accepted is over: its place is free. Any thread. */
void front_left(struct front *front);

/* The drain has begun. Worker 0's thread. */
void front_drain(struct front *front);

/* The end; zeroed: does nothing. */
void front_fini(struct front *front);

#endif
