/* SPDX-License-Identifier: Apache-2.0 */
/* Streams with TLS: data both ways, with little room, with rests, and with bytes OpenSSL holds. */
#include "net/proxy_header.h"
#include "net/tls_stream_script.h"

#define BIG (2 << 20)
#define MANY_RECORDS 200

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static char sent[BIG], got[BIG];

static void fill_sent(void)
{
	for (size_t i = 0; i < sizeof(sent); i++) {
		sent[i] = (char)(i * 31 + i / 251);
	}
}

/* Sends all of sent in steps of some bytes, and hears it back, which it does when it must. */
static void exchange(struct owner *owner, struct peer *peer, size_t step)
{
	size_t said = 0, heard = 0;

	while (heard < sizeof(got)) {
		int n;

		if (said < sizeof(sent) && !BIO_pending(peer->out)) {
			size_t length = step < sizeof(sent) - said ? step : sizeof(sent) - said;

			say(peer, sent + said, length);
			said += length;
		}
		if (!peer_push(peer, SIZE_MAX)) {
			(void)peer_pull(peer);
		}
		round_now();
		assert_int_equal(owner->failed, 0);
		while ((n = hear(peer, got + heard, sizeof(got) - heard)) > 0) {
			heard += (size_t)n;
		}
		assert_int_equal(n, 0);
	}
	assert_memory_equal(got, sent, sizeof(sent));
}

static void big_transfers_go_both_ways(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct owner owner = {.echoes = true};
		struct peer peer;

		start(&owner, &peer, versions[i % 2], i / 2);
		exchange(&owner, &peer, i / 2 ? 30000 : 300000);
		assert_true(owner.writable > 0 || i < 2); /* loopback takes it all */
		owner_fini(&owner);
		peer_fini(&peer);
	}
}

static void big_transfers_go_on_where_the_owner_rests(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct owner owner = {.takes = 5000};
		size_t said = 0;
		struct peer peer;

		start(&owner, &peer, versions[i], true);
		while (owner.got.length < sizeof(sent)) {
			if (said < sizeof(sent) && !BIO_pending(peer.out)) {
				size_t step =
					sizeof(sent) - said < 40000 ? sizeof(sent) - said : 40000;

				say(&peer, sent + said, step);
				said += step;
			}
			turn(&peer);
			assert_true(owner.stream.unread.length <= WORKER_SCRATCH);
			stream_resume(&owner.stream);
		}
		assert_memory_equal(owner.got.data, sent, sizeof(sent));
		owner_fini(&owner);
		peer_fini(&peer);
	}
}

/* While it rests, nothing is read: what the peer can send is bounded. */
static void resting_owner_holds_the_peer_back(void **state)
{
	struct owner owner = {.takes = 1};
	struct peer peer;
	size_t before;

	(void)state;
	start(&owner, &peer, TLS1_3_VERSION, true);
	say(&peer, sent, sizeof(sent));
	do {
		before = peer.sent;
		for (int i = 0; i < 20; i++) {
			turn(&peer);
		}
	} while (peer.sent > before);
	assert_true(BIO_pending(peer.out) > BIG / 2);
	assert_true(stream_paused(&owner.stream));
	assert_int_equal(owner.got.length, 1);
	owner.takes = SIZE_MAX;
	stream_resume(&owner.stream);
	while (owner.got.length < sizeof(sent)) {
		turn(&peer);
	}
	assert_memory_equal(owner.got.data, sent, sizeof(sent));
	owner_fini(&owner);
	peer_fini(&peer);
}

/*
 * More than one read's worth came, and the last of it waits as records inside OpenSSL when the
 * owner rests: no poll tells of them.
 */
static void held_records_are_handed_out_after_a_rest(void **state)
{
	const size_t first = WORKER_SCRATCH - 10;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct owner owner = {.takes = 1};
		size_t all = first + MANY_RECORDS * 10;
		struct peer peer;

		start(&owner, &peer, versions[i], false);
		assert_int_equal(SSL_write(peer.ssl, sent, (int)first), first);
		for (size_t n = 0; n < MANY_RECORDS; n++) {
			assert_int_equal(SSL_write(peer.ssl, sent + first + n * 10, 10), 10);
		}
		while (BIO_pending(peer.out)) {
			assert_true(peer_push(&peer, SIZE_MAX) > 0);
		}
		round_wait();
		run_until(stream_paused(&owner.stream));
		owner.takes = SIZE_MAX;
		stream_resume(&owner.stream);
		for (int n = 0; n < 50 && owner.got.length < all; n++) {
			round_now();
		}
		assert_int_equal(owner.got.length, all);
		assert_memory_equal(owner.got.data, sent, all);
		owner_fini(&owner);
		peer_fini(&peer);
	}
}

static struct owner *other;

static void resume_other(struct owner *owner)
{
	(void)owner;
	stream_resume(&other->stream);
}

/*
 * In one round, a stream is resumed by another one's callback, and then its socket becomes ready:
 * what was kept is handed out before what came since.
 */
static void kept_bytes_come_before_new_ones(void **state)
{
	struct owner first = {.on_received = resume_other}, second = {.takes = 1};
	const size_t all = WORKER_SCRATCH + 30000; /* more than one read takes */
	struct peer first_peer, second_peer;
	int much = 1 << 20;

	(void)state;
	other = &second;
	start(&first, &first_peer, TLS1_3_VERSION, false);
	start(&second, &second_peer, TLS1_3_VERSION, true);
	assert_int_equal(setsockopt(second_peer.fd, SOL_SOCKET, SO_SNDBUF, &much, sizeof(much)), 0);
	say(&second_peer, sent, all);
	assert_int_equal(BIO_pending(second_peer.out), 0);
	run_until(stream_paused(&second.stream));
	second.takes = SIZE_MAX;
	while (!second.stream.blocked) {
		stream_write(&second.stream, sent, 100000);
		round_now();
	}
	say(&first_peer, "go", 2);            /* of which its callback resumes the other, */
	assert_true(peer_pull(&second_peer)); /* and this makes that one writable */
	run_until(second.got.length == all);
	assert_memory_equal(second.got.data, sent, all);
	stream_cut(&second.stream);
	owner_fini(&second);
	owner_fini(&first);
	peer_fini(&first_peer);
	peer_fini(&second_peer);
}

/* Also where both sides have to write before they can be read. */
static void written_before_the_handshake_goes_out_behind_it(void **state)
{
	struct owner owner = {0};
	struct peer peer;
	int fds[2];
	int n = 0;

	(void)state;
	connection_open(fds, true);
	peer_init(&peer, fds[0], TLS1_3_VERSION);
	owner_init(&owner, fds[1], tls_accept(server));
	stream_write(&owner.stream, sent, 100);
	stream_write(&owner.stream, sent + 100, 10000);
	round_now();
	assert_int_equal(stream_queued(&owner.stream), 10100);
	while (n < 10100) {
		int more;

		if (!peer.is_done) {
			peer_shake(&peer);
		}
		turn(&peer);
		more = peer.is_done ? hear(&peer, got + n, sizeof(got)) : 0;
		assert_true(more >= 0);
		n += more;
	}
	assert_memory_equal(got, sent, 10100);
	owner_fini(&owner);
	peer_fini(&peer);
}

static void both_sides_may_be_ours(void **state)
{
	struct buffer refusal = {0};
	struct tls_client *client = tls_client_new(in_folder("cert"), &refusal);

	(void)state;
	assert_non_null(client);
	for (int i = 0; i < 2; i++) {
		struct owner caller = {0}, called = {.echoes = true};
		int fds[2];

		connection_open(fds, i);
		owner_init(&caller, fds[0], tls_connect(client, "localhost"));
		owner_init(&called, fds[1], tls_accept(server));
		if (i) {
			stream_write(&caller.stream, sent, sizeof(sent));
			run_until(caller.got.length == sizeof(sent));
			assert_memory_equal(caller.got.data, sent, sizeof(sent));
		} else { /* the server has the first word */
			stream_write(&called.stream, "hello", 5);
			run_until(caller.got.length == 5);
		}
		stream_close(&caller.stream, false);
		run_until(called.ended && caller.closed);
		assert_int_equal(called.failed, 0);
		owner_fini(&caller);
		owner_fini(&called);
	}
	tls_client_free(client);
}

static void client_that_does_not_believe_fails(void **state)
{
	struct buffer refusal = {0};
	struct tls_client *client = tls_client_new(in_folder("cert"), &refusal);
	struct owner caller = {0}, called = {0};
	int fds[2];

	(void)state;
	connection_open(fds, false);
	owner_init(&caller, fds[0], tls_connect(client, "else.where"));
	owner_init(&called, fds[1], tls_accept(server));
	stream_write(&caller.stream, "secret", 6);
	run_until(caller.failed && called.failed);
	assert_int_equal(caller.error, -EKEYREJECTED);
	assert_int_equal(called.error, -EPROTO);
	assert_int_equal(called.got.length, 0);
	owner_fini(&caller);
	owner_fini(&called);
	tls_client_free(client);
}

static void header_and_tls_come_together(void **state)
{
	static const char header[] = "PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n";
	struct owner owner = {.echoes = true};
	struct socket_address address;
	struct peer peer;
	int fds[2];

	(void)state;
	connection_open(fds, false);
	peer_init(&peer, fds[0], TLS1_3_VERSION);
	owner_init(&owner, fds[1], proxy_accept(tls_accept(server)));
	stream_peer(&owner.stream, &address);
	assert_int_equal(address.storage.ss_family, AF_INET);
	for (size_t i = 0; i < sizeof(header) - 1; i++) {
		assert_int_equal(send(fds[0], header + i, 1, 0), 1);
		round_now();
	}
	while (!peer.is_done) {
		peer_shake(&peer);
		turn(&peer);
	}
	stream_peer(&owner.stream, &address);
	assert_int_equal(address.storage.ss_family, AF_INET6);
	exchange(&owner, &peer, 30000);
	owner_fini(&owner);
	peer_fini(&peer);
}

static uint64_t taken_to;
static int taken_back;

static void take_back(struct owner *owner)
{
	taken_back += stream_take_back(&owner->stream, taken_to);
}

/* OpenSSL has begun to send it, though the socket took none of it or a part. */
static void half_a_record_cannot_be_taken_back(void **state)
{
	struct owner owner = {.on_received = take_back};
	struct peer peer;
	int heard = 0;

	(void)state;
	start(&owner, &peer, TLS1_3_VERSION, true);
	stream_write(&owner.stream, sent, 100000);
	run_until(owner.stream.blocked);
	taken_to = owner.stream.bytes_out;
	taken_back = 0;
	assert_false(stream_take_back(&owner.stream, taken_to));
	say(&peer, "x", 1);
	assert_true(peer_pull(&peer)); /* so that its socket has room when it hears that */
	run_until(owner.got.length);
	assert_int_equal(taken_back, 0);
	while (heard < 100000) {
		turn(&peer);
		heard += hear(&peer, got + heard, sizeof(got));
	}
	assert_memory_equal(got, sent, 100000);
	owner_fini(&owner);
	peer_fini(&peer);
}

/* Nothing is due, and nothing that is waited for is there. */
static void assert_rests(void)
{
	struct pollfd ready = {.fd = worker->loop->epoll_fd, .events = POLLIN};

	for (int i = 0; i < 20; i++) {
		round_now();
	}
	assert_true(worker_idle(worker));
	assert_int_equal(poll(&ready, 1, 0), 0);
}

/* Waiting costs nothing: not for a header, a handshake, or a peer that takes nothing. */
static void waiting_streams_rest(void **state)
{
	struct owner headless = {0}, shaking = {0}, blocked = {0};
	struct peer peer;
	int first[2], second[2];

	(void)state;
	connection_open(first, false);
	connection_open(second, false);
	owner_init(&headless, first[1], proxy_accept(tls_accept(server)));
	owner_init(&shaking, second[1], tls_accept(server));
	assert_int_equal(send(first[0], "PROXY TCP", 9, 0), 9);
	assert_int_equal(send(second[0], "\x16\x03\x01\x01\x01\x01", 6, 0), 6);
	start(&blocked, &peer, TLS1_3_VERSION, true);
	while (!blocked.stream.blocked) {
		stream_write(&blocked.stream, sent, 100000);
		round_now();
	}
	stream_write(&headless.stream, "hello", 5);
	stream_write(&shaking.stream, "hello", 5);
	assert_rests();
	stream_close(&headless.stream, false);
	stream_close(&shaking.stream, false);
	assert_rests(); /* with what cannot be written */
	stream_cut(&headless.stream);
	stream_cut(&shaking.stream);
	stream_cut(&blocked.stream);
	owner_fini(&headless);
	owner_fini(&shaking);
	owner_fini(&blocked);
	peer_fini(&peer);
	close(first[0]);
	close(second[0]);
}

/* Nor where it closes, and the peer goes on to speak instead of taking what there is for it. */
static void closing_stream_rests(void **state)
{
	struct owner owner = {0};
	struct peer peer;

	(void)state;
	start(&owner, &peer, TLS1_3_VERSION, true);
	while (!owner.stream.blocked) {
		stream_write(&owner.stream, sent, 100000);
		round_now();
	}
	stream_close(&owner.stream, true);
	for (int i = 0; i < 50; i++) {
		say(&peer, sent, 1000);
		assert_int_equal(BIO_pending(peer.out), 0); /* it is taken, and dropped */
		assert_rests();
	}
	stream_cut(&owner.stream);
	owner_fini(&owner);
	peer_fini(&peer);
}

/* Not for room for the handshake either, when the peer does not wait with what it says. */
static void handshake_waits_for_room(void **state)
{
	struct owner owner = {0};
	struct peer peer;
	int fds[2];

	(void)state;
	connection_open(fds, true);
	peer_init(&peer, fds[0], TLS1_3_VERSION);
	peer_shake(&peer);
	while (send(fds[1], "x", 1, MSG_NOSIGNAL) == 1) {}
	owner_init(&owner, fds[1], tls_accept(server));
	(void)peer_push(&peer, SIZE_MAX);
	run_until(owner.stream.filter->read_wants_write);
	assert_int_equal(send(fds[0], "\x14", 1, 0), 1); /* another record begins */
	assert_rests();
	while (recv(fds[0], got, 1, 0) == 1 && *got == 'x') {
	} /* the first that is not is the server's */
	while (owner.stream.filter->read_wants_write) {
		(void)recv(fds[0], got, sizeof(got), 0);
		round_now();
	}
	assert_rests();
	stream_cut(&owner.stream);
	owner_fini(&owner);
	peer_fini(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(big_transfers_go_both_ways),
		worker_test(big_transfers_go_on_where_the_owner_rests),
		worker_test(resting_owner_holds_the_peer_back),
		worker_test(held_records_are_handed_out_after_a_rest),
		worker_test(kept_bytes_come_before_new_ones),
		worker_test(written_before_the_handshake_goes_out_behind_it),
		worker_test(both_sides_may_be_ours),
		worker_test(client_that_does_not_believe_fails),
		worker_test(header_and_tls_come_together),
		worker_test(half_a_record_cannot_be_taken_back),
		worker_test(waiting_streams_rest),
		worker_test(closing_stream_rests),
		worker_test(handshake_waits_for_room),
	};

	fill_sent();
	return cmocka_run_group_tests(tests, script_set_up, script_tear_down);
}
