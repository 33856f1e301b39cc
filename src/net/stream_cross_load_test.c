/* SPDX-License-Identifier: Apache-2.0 */
/* Many streams that go from thread to thread, over and over, while bytes go both ways. */
#include <stdatomic.h>

#include "net/stream_script.h"

#define WORKERS 3
#define STREAMS 24
#define BYTES ((size_t)200000)
#define MOST_TAKEN 5000

/* A connection: with its stream it belongs to one thread after the other. */
static struct guest {
	unsigned chance;
	size_t hops;
} guests[STREAMS];

/* The memory of a guest's stream, from one crossing to the next. */
struct stay {
	struct stream stream;
	struct guest *guest;
};

static atomic_int stays;
static struct task all_gone;
static bool none_left;

static struct stay *stay_new(struct guest *guest)
{
	struct stay *stay = calloc(1, sizeof(*stay));

	stay->guest = guest;
	atomic_fetch_add(&stays, 1);
	return stay;
}

static unsigned draw(struct guest *guest)
{
	guest->chance = guest->chance * 1103515245 + 12345;
	return guest->chance >> 16;
}

static const struct stream_ops ops;

static void go_on(struct stay *stay)
{
	struct guest *guest = stay->guest;
	struct worker *next = &pool.workers[draw(guest) % WORKERS];

	guest->hops++;
	stream_cross(&stay_new(guest)->stream, &stay->stream, next, &ops);
}

/* Echoes what it takes, and takes some; and then it goes. */
static size_t received(struct stream *stream, char *bytes, size_t length)
{
	struct stay *stay = container_of(stream, struct stay, stream);
	size_t most = draw(stay->guest) % MOST_TAKEN;
	size_t taken = length < most ? length : most;

	stream_write(stream, bytes, taken);
	go_on(stay);
	return taken;
}

static void arrived(struct stream *stream)
{
	struct stay *stay = container_of(stream, struct stay, stream);

	if (draw(stay->guest) % 4 == 0) {
		go_on(stay);
	}
}

static void ended(struct stream *stream)
{
	stream_close(stream, false);
}

static void writable(struct stream *stream)
{
	(void)stream;
}

static void failed(struct stream *stream, int error)
{
	(void)error;
	stream_close(stream, false);
}

static void note_all_gone(struct task *task)
{
	(void)task;
	none_left = true;
}

static void closed(struct stream *stream)
{
	free(container_of(stream, struct stay, stream));
	if (atomic_fetch_sub(&stays, 1) == 1) {
		agenda_post(&worker->loop->agenda, &all_gone);
	}
}

static const struct stream_ops ops = {
	.received = received,
	.ended = ended,
	.writable = writable,
	.failed = failed,
	.closed = closed,
	.arrived = arrived,
};

/* The other ends, all in the first thread. */

static struct peer {
	int fd; /* -1: gone */
	size_t sent, got;
} peers[STREAMS];

static void push(struct peer *peer, const char *bytes)
{
	size_t most = 1 + peer->sent % 7000;
	ssize_t n;

	most = most < BYTES - peer->sent ? most : BYTES - peer->sent;
	n = send(peer->fd, bytes + peer->sent, most, MSG_NOSIGNAL);
	assert_true(n > 0 || errno == EAGAIN);
	peer->sent += n > 0 ? (size_t)n : 0;
	if (peer->sent == BYTES && n > 0) {
		assert_int_equal(shutdown(peer->fd, SHUT_WR), 0);
	}
}

/* Returns whether it was the end. */
static bool pull(struct peer *peer, const char *bytes)
{
	char got[8192];
	ssize_t n = recv(peer->fd, got, sizeof(got), 0);

	assert_true(n >= 0 || errno == EAGAIN);
	if (n > 0) {
		assert_true(peer->got + (size_t)n <= peer->sent);
		assert_memory_equal(got, bytes + peer->got, (size_t)n);
		peer->got += (size_t)n;
	}
	if (n == 0) {
		assert_int_equal(peer->got, BYTES);
		close(peer->fd);
		peer->fd = -1;
	}
	return n == 0;
}

static void wait_for_any(const struct peer *list)
{
	struct pollfd ready[STREAMS + 1];

	for (int i = 0; i < STREAMS; i++) {
		short wanted = list[i].sent < BYTES ? POLLIN | POLLOUT : POLLIN;

		ready[i] = (struct pollfd){.fd = list[i].fd, .events = wanted};
	}
	ready[STREAMS] = (struct pollfd){.fd = worker->loop->epoll_fd, .events = POLLIN};
	(void)poll(ready, STREAMS + 1, round_timeout());
}

static void begin_all(void)
{
	for (int i = 0; i < STREAMS; i++) {
		struct stay *stay;
		int fds[2];

		guests[i] = (struct guest){.chance = (unsigned)i};
		stay = stay_new(&guests[i]);
		tcp_pair(fds);
		peers[i] = (struct peer){.fd = fds[1]};
		assert_int_equal(stream_init(&stay->stream, worker, fds[0], &ops, NULL), 0);
	}
}

static void all_bytes_come_back_in_order(void **state)
{
	char *bytes = pattern(BYTES);
	size_t hops = 0;

	(void)state;
	workers_begin(WORKERS, 20000);
	all_gone.run = note_all_gone;
	begin_all();
	for (int left = STREAMS; left;) {
		round_now();
		for (int i = 0; i < STREAMS; i++) {
			if (peers[i].fd >= 0 && peers[i].sent < BYTES) {
				push(&peers[i], bytes);
			}
			if (peers[i].fd >= 0 && pull(&peers[i], bytes)) {
				left--;
			}
		}
		if (left) {
			wait_for_any(peers);
		}
	}
	run_until(none_left);
	for (int i = 0; i < STREAMS; i++) {
		hops += guests[i].hops;
	}
	assert_true(hops > STREAMS * BYTES / MOST_TAKEN);
	free(bytes);
	assert_true(workers_end());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_bytes_come_back_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
