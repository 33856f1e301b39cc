/* SPDX-License-Identifier: Apache-2.0 */
/* How streams with TLS end: in order, half, late, not at all, and cut off. */
#include "net/tls_stream_script.h"
#include "tests/descriptors.h"

#define BIG (1 << 20)

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static char sent[BIG], got[BIG];
static int descriptors;

/* What libuv opens for good is opened before the descriptors are counted. */
static int set_up_all(void **state)
{
	return worker_setup(state) || worker_teardown(state) || script_set_up(state);
}

static int set_up(void **state)
{
	descriptors = descriptors_count();
	return worker_setup(state);
}

static int tear_down(void **state)
{
	return worker_teardown(state) || descriptors_count() != descriptors ? -1 : 0;
}

#define end_test(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void fill_sent(void)
{
	for (size_t i = 0; i < sizeof(sent); i++) {
		sent[i] = (char)(i * 31 + i / 251);
	}
}

/* Hears all until close_notify (true) or the end of the socket. Returns how much. */
static size_t hear_all(struct peer *peer, bool *notified)
{
	size_t heard = 0;
	bool open = true;
	int n = 0;

	while (n >= 0 && open) {
		round_now();
		open = peer_pull(peer);
		while ((n = hear(peer, got + heard, sizeof(got) - heard)) > 0) {
			heard += (size_t)n;
		}
	}
	*notified = n < 0;
	return heard;
}

/* Asks for the end of the peer's words, as SSL_shutdown does that does not wait. */
static void peer_ends(struct peer *peer)
{
	assert_int_equal(SSL_shutdown(peer->ssl) >= 0, 1);
	(void)peer_push(peer, SIZE_MAX);
}

static void close_is_close_notify_behind_all_and_then_fin(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct owner owner = {0};
		struct peer peer;
		bool notified;

		start(&owner, &peer, versions[i % 2], i / 2);
		stream_write(&owner.stream, sent, sizeof(sent));
		stream_close(&owner.stream, false);
		stream_close(&owner.stream, false); /* it is, already */
		assert_int_equal(hear_all(&peer, &notified), sizeof(sent));
		assert_memory_equal(got, sent, sizeof(sent));
		assert_true(notified);
		hear_out(&peer);
		assert_int_equal(owner.failed + owner.ended, 0);
		close(peer.fd);
		peer.fd = -1;
		owner_fini(&owner);
		peer_fini(&peer);
	}
}

/* What the peer still sends is dropped, or its arrival would destroy the answer on its way. */
static void close_lingers_while_the_peer_sends(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct owner owner = {.takes = 1};
		struct peer peer;
		bool notified;

		start(&owner, &peer, versions[i], false);
		say(&peer, sent, sizeof(sent));
		run_until(stream_paused(&owner.stream));
		stream_write(&owner.stream, "enough", 6);
		stream_close(&owner.stream, true);
		while (BIO_pending(peer.out)) {
			(void)peer_push(&peer, SIZE_MAX);
			round_now();
		}
		assert_int_equal(owner.closed, 0);
		assert_int_equal(hear_all(&peer, &notified), 6);
		assert_true(notified);
		hear_out(&peer);
		assert_int_equal(owner.closed, 0);
		peer_ends(&peer);
		close(peer.fd);
		peer.fd = -1;
		run_until(owner.closed);
		assert_int_equal(owner.got.length, 1);
		owner_fini(&owner);
		peer_fini(&peer);
	}
}

static void shut_leaves_the_other_half(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct owner owner = {0};
		struct peer peer;
		bool notified;

		start(&owner, &peer, versions[i], i);
		stream_write(&owner.stream, sent, 100000);
		stream_shut(&owner.stream);
		stream_write(&owner.stream, "dropped", 7);
		assert_int_equal(hear_all(&peer, &notified), 100000);
		assert_true(notified);
		hear_out(&peer);
		say(&peer, "on its way", 10);
		run_until(owner.got.length == 10);
		assert_int_equal(owner.ended, 0);
		peer_ends(&peer);
		run_until(owner.ended);
		assert_int_equal(owner.closed, 0);
		stream_cut(&owner.stream); /* which has nothing left to say */
		owner_fini(&owner);
		peer_fini(&peer);
	}
}

static void peers_close_notify_leaves_our_half(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct owner owner = {0};
		struct peer peer;
		bool notified;

		start(&owner, &peer, versions[i], i);
		say(&peer, "last", 4);
		peer_ends(&peer);
		run_until(owner.ended);
		assert_int_equal(owner.got_at_end, 4);
		stream_write(&owner.stream, sent, sizeof(sent));
		for (int n = 0; n < 10; n++) {
			round_now();
		}
		stream_close(&owner.stream, false);
		assert_int_equal(hear_all(&peer, &notified), sizeof(sent));
		assert_true(notified);
		owner_fini(&owner);
		assert_int_equal(owner.ended, 1);
		peer_fini(&peer);
	}
}

/* The end is told behind the last byte, however long the owner takes for it. */
static void end_waits_for_an_owner_that_rests(void **state)
{
	struct owner owner = {.takes = 10};
	struct peer peer;

	(void)state;
	start(&owner, &peer, TLS1_3_VERSION, false);
	say(&peer, sent, 1000);
	peer_ends(&peer);
	assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
	run_until(stream_paused(&owner.stream));
	for (size_t n = 10; n < 1000; n += 10) {
		assert_int_equal(owner.ended, 0);
		assert_int_equal(owner.got.length, n);
		stream_resume(&owner.stream);
		round_now();
	}
	run_until(owner.ended);
	assert_int_equal(owner.got_at_end, 1000);
	owner_fini(&owner);
	peer_fini(&peer);
}

static void end_without_close_notify_is_a_failure(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct owner owner = {0};
		struct peer peer;

		start(&owner, &peer, versions[i], false);
		say(&peer, sent, 100000);
		while (BIO_pending(peer.out)) {
			turn(&peer);
		}
		assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
		run_until(owner.failed);
		assert_int_equal(owner.error, -ECONNRESET);
		assert_int_equal(owner.got_at_end, 100000);
		assert_int_equal(owner.ended, 0);
		owner_fini(&owner);
		assert_int_equal(owner.failed, 1);
		peer_fini(&peer);
	}
}

static void answer_of_a_peer_that_leaves_is_read(void **state)
{
	const struct linger now = {.l_onoff = 1};
	struct owner owner = {0};
	struct peer peer;

	(void)state;
	start(&owner, &peer, TLS1_3_VERSION, false);
	while (!owner.stream.blocked) {
		stream_write(&owner.stream, sent, sizeof(sent));
		round_now();
	}
	say(&peer, "enough", 6);
	peer_ends(&peer);
	assert_int_equal(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(peer.fd);
	peer.fd = -1;
	run_until(owner.failed);
	assert_true(owner.error == -ECONNRESET || owner.error == -EPIPE);
	assert_int_equal(owner.got_at_end, 6);
	owner_fini(&owner);
	peer_fini(&peer);
}

/* Behind what was kept for the owner before, which it has just asked for when a write fails. */
static void last_words_come_behind_what_was_kept(void **state)
{
	struct owner owner = {.takes = 1};
	struct peer peer;

	(void)state;
	start(&owner, &peer, TLS1_3_VERSION, true);
	say(&peer, sent, 100);
	run_until(stream_paused(&owner.stream));
	say(&peer, sent + 100, 100);
	close(peer.fd);
	peer.fd = -1;
	owner.takes = SIZE_MAX;
	stream_resume(&owner.stream);
	stream_write(&owner.stream, sent, 10000);
	run_until(owner.failed);
	assert_int_equal(owner.error, -EPIPE);
	assert_int_equal(owner.got_at_end, 200);
	assert_memory_equal(owner.got.data, sent, 200);
	owner_fini(&owner);
	peer_fini(&peer);
}

static void reset_says_nothing(void **state)
{
	struct owner owner = {0};
	struct peer peer;
	char byte;

	(void)state;
	start(&owner, &peer, TLS1_3_VERSION, false);
	stream_write(&owner.stream, "half", 4);
	run_until(!stream_queued(&owner.stream));
	stream_reset(&owner.stream);
	owner_fini(&owner);
	assert_int_equal(recv(peer.fd, got, sizeof(got), 0), 4 + 22); /* a record of its own */
	assert_int_equal(recv(peer.fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	peer_fini(&peer);
}

/* It looks whole only where it is. */
static void cut_says_close_notify_where_all_was_written(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct owner owner = {0};
		struct peer peer;
		bool notified;
		bool whole = i / 2;

		start(&owner, &peer, versions[i % 2], true);
		stream_write(&owner.stream, sent, whole ? 1000 : sizeof(sent));
		round_now();
		stream_cut(&owner.stream);
		stream_cut(&owner.stream);
		owner_fini(&owner);
		assert_int_equal(hear_all(&peer, &notified) == 1000, whole);
		assert_int_equal(notified, whole);
		assert_int_equal(owner.failed, 0);
		peer_fini(&peer);
	}
}

static void cut_owner(struct owner *owner)
{
	stream_cut(&owner->stream);
}

static void close_owner(struct owner *owner)
{
	stream_close(&owner->stream, false);
}

static void reset_owner(struct owner *owner)
{
	stream_reset(&owner->stream);
}

static void it_may_be_ended_where_bytes_are_received(void **state)
{
	static void (*const ends[])(struct owner * owner) = {cut_owner, close_owner, reset_owner};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct owner owner = {.on_received = ends[i], .takes = 1 + i};
		struct peer peer;

		start(&owner, &peer, TLS1_3_VERSION, false);
		say(&peer, sent, 40000);
		close(peer.fd);
		peer.fd = -1;
		run_until(owner.closed);
		assert_int_equal(owner.failed + owner.ended, 0);
		owner_fini(&owner);
		peer_fini(&peer);
	}
}

static void refused_handshake_tells_both_sides(void **state)
{
	struct owner owner = {0};
	struct peer peer;
	int fds[2];

	(void)state;
	connection_open(fds, false);
	peer_init(&peer, fds[0], TLS1_3_VERSION);
	assert_int_equal(SSL_set_alpn_protos(peer.ssl, (const unsigned char *)"\x02h2", 3), 0);
	owner_init(&owner, fds[1], tls_accept(server));
	peer_shake(&peer);
	(void)peer_push(&peer, SIZE_MAX);
	run_until(owner.failed);
	assert_int_equal(owner.error, -EPROTO);
	owner_fini(&owner); /* which closes it at once, but behind the alert */
	hear_out(&peer);
	assert_int_equal(SSL_do_handshake(peer.ssl), -1);
	assert_int_equal(
		ERR_GET_REASON(ERR_get_error()), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
	peer_fini(&peer);
}

/* At any time before it has begun, or is done. */
static void close_does_not_wait_for_a_handshake(void **state)
{
	(void)state;
	for (int n = 0; n < 3; n++) {
		struct owner owner = {0};
		struct peer peer;
		int fds[2];

		connection_open(fds, false);
		peer_init(&peer, fds[0], TLS1_3_VERSION);
		owner_init(&owner, fds[1], tls_accept(server));
		if (n) {
			peer_shake(&peer);
			(void)peer_push(&peer, n == 1 ? 100 : SIZE_MAX);
			round_wait();
			round_now();
		}
		stream_close(&owner.stream, false);
		run_until(owner.closed);
		hear_out(&peer);
		assert_int_equal(owner.failed, 0);
		owner_fini(&owner);
		peer_fini(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		end_test(close_is_close_notify_behind_all_and_then_fin),
		end_test(close_lingers_while_the_peer_sends),
		end_test(shut_leaves_the_other_half),
		end_test(peers_close_notify_leaves_our_half),
		end_test(end_waits_for_an_owner_that_rests),
		end_test(end_without_close_notify_is_a_failure),
		end_test(answer_of_a_peer_that_leaves_is_read),
		end_test(last_words_come_behind_what_was_kept),
		end_test(reset_says_nothing),
		end_test(cut_says_close_notify_where_all_was_written),
		end_test(it_may_be_ended_where_bytes_are_received),
		end_test(refused_handshake_tells_both_sides),
		end_test(close_does_not_wait_for_a_handshake),
	};

	fill_sent();
	return cmocka_run_group_tests(tests, set_up_all, script_tear_down);
}
