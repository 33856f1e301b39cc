/* SPDX-License-Identifier: Apache-2.0 */
/* Streams with TLS that go to a worker in another thread: while hands are shaken, and later. */
#include <stdatomic.h>

#include "net/cross_script.h"
#include "net/tls_stream_script.h"

#define VERSIONS 2
#define TURNS 40

static const int versions[VERSIONS] = {TLS1_2_VERSION, TLS1_3_VERSION};
static struct owner old, new;

static void new_arrived(struct stream *stream)
{
	(void)stream;
	far_tell();
}

static size_t new_received(struct stream *stream, char *bytes, size_t length)
{
	size_t taken = owner_received(stream, bytes, length);

	far_tell();
	return taken;
}

static void new_ended(struct stream *stream)
{
	owner_ended(stream);
	far_tell();
}

static void new_closed(struct stream *stream)
{
	owner_closed(stream);
	far_tell();
}

static const struct stream_ops new_ops = {
	.received = new_received,
	.ended = new_ended,
	.writable = owner_writable,
	.failed = owner_failed,
	.closed = new_closed,
	.arrived = new_arrived,
};

static void cross(struct owner *owner)
{
	owner->on_received = NULL;
	stream_cross(&new.stream, &owner->stream, far, &new_ops);
}

static const char *expected;

static bool has_got(void)
{
	return !strcmp(buffer_text(&new.got), expected);
}

static bool has_ended(void)
{
	return new.ended;
}

static bool is_over(void)
{
	return new.closed;
}

static void close_new(void)
{
	stream_close(&new.stream, false);
}

static void wait_for_peer(struct peer *peer)
{
	struct pollfd ready[] = {{peer->fd, POLLIN, 0}, {worker->loop->epoll_fd, POLLIN, 0}};

	(void)poll(ready, 2, round_timeout());
}

static void expect_heard(struct peer *peer, const char *text)
{
	char bytes[64];
	size_t length = 0;

	while (length < strlen(text)) {
		int n;

		wait_for_peer(peer);
		round_now();
		(void)peer_pull(peer);
		n = hear(peer, bytes + length, sizeof(bytes) - length);
		assert_true(n >= 0);
		length += (size_t)n;
	}
	assert_int_equal(length, strlen(text));
	assert_memory_equal(bytes, text, length);
}

static void say_bye(void)
{
	stream_write(&new.stream, "bye", 3);
}

/* In order from both sides, with close_notify. */
static void over(struct peer *peer)
{
	there(say_bye);
	expect_heard(peer, "bye");
	(void)SSL_shutdown(peer->ssl);
	(void)peer_push(peer, SIZE_MAX);
	there_until(has_ended);
	there(close_new);
	there_until(is_over);
	buffer_fini(&new.got);
	buffer_fini(&old.got);
	peer_fini(peer);
}

/* Two records came at once: one is not taken whole, and one waits where no poll knows of it. */
static void what_openssl_holds_goes_along(void **state)
{
	(void)state;
	for (int i = 0; i < VERSIONS; i++) {
		struct peer peer;

		old = (struct owner){.takes = 3, .on_received = cross};
		new = (struct owner){.takes = SIZE_MAX};
		start(&old, &peer, versions[i], false);
		assert_int_equal(SSL_write(peer.ssl, "hello", 5), 5);
		say(&peer, ", you", 5);
		run_until(old.closed);
		expected = "lo, you";
		there_until(has_got);
		over(&peer);
	}
}

/* Before its first byte, and with half of it done. */
static void handshakes_go_along(void **state)
{
	(void)state;
	for (int i = 0; i < VERSIONS * 2; i++) {
		struct peer peer;
		int fds[2];

		old = (struct owner){0};
		new = (struct owner){.takes = SIZE_MAX};
		connection_open(fds, false);
		peer_init(&peer, fds[0], versions[i % VERSIONS]);
		owner_init(&old, fds[1], tls_accept(server));
		peer_shake(&peer);
		(void)peer_push(&peer, i < VERSIONS ? 20 : SIZE_MAX);
		round_wait();
		round_now();
		cross(&old);
		run_until(old.closed);
		while (!peer.is_done) {
			(void)peer_push(&peer, SIZE_MAX);
			wait_for_peer(&peer);
			peer_shake(&peer);
		}
		say(&peer, "hello", 5);
		expected = "hello";
		there_until(has_got);
		over(&peer);
	}
}

/* To and fro, an answer at each place. */

struct stay {
	struct stream stream;
};

static atomic_int stays;
static bool none_left;

static void note_all_gone(struct task *task)
{
	(void)task;
	none_left = true;
}

static struct task all_gone = {.run = note_all_gone};
static const struct stream_ops stay_ops;

static struct stay *stay_new(void)
{
	atomic_fetch_add(&stays, 1);
	return calloc(1, sizeof(struct stay));
}

static size_t answer(struct stream *stream, char *bytes, size_t length)
{
	struct worker *next = stream->worker == worker ? far : worker;

	stream_write(stream, bytes, length);
	stream_cross(&stay_new()->stream, stream, next, &stay_ops);
	return length;
}

static void stay_ended(struct stream *stream)
{
	stream_close(stream, false);
}

static void stay_failed(struct stream *stream, int error)
{
	(void)error;
	stream_close(stream, false);
}

static void stay_closed(struct stream *stream)
{
	free(container_of(stream, struct stay, stream));
	if (atomic_fetch_sub(&stays, 1) == 1) {
		agenda_post(&worker->loop->agenda, &all_gone);
	}
}

static const struct stream_ops stay_ops = {
	.received = answer,
	.ended = stay_ended,
	.failed = stay_failed,
	.closed = stay_closed,
};

static void threads_take_turns(void **state)
{
	(void)state;
	for (int i = 0; i < VERSIONS; i++) {
		struct stay *first = stay_new();
		struct peer peer;
		int fds[2];

		none_left = false;
		connection_open(fds, false);
		peer_init(&peer, fds[0], versions[i]);
		assert_int_equal(
			stream_init(&first->stream, worker, fds[1], &stay_ops, tls_accept(server)),
			0);
		while (!peer.is_done) {
			peer_shake(&peer);
			turn(&peer);
		}
		for (int j = 0; j < TURNS; j++) {
			say(&peer, "hello", 5);
			expect_heard(&peer, "hello");
		}
		(void)SSL_shutdown(peer.ssl);
		(void)peer_push(&peer, SIZE_MAX);
		run_until(none_left);
		peer_fini(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		far_test(what_openssl_holds_goes_along),
		far_test(handshakes_go_along),
		far_test(threads_take_turns),
	};

	return cmocka_run_group_tests(tests, script_set_up, script_tear_down);
}
