/* SPDX-License-Identifier: Apache-2.0 */
/* A connection behind its handshake: data, its end in order and out of it, what it may not do. */
#include <malloc.h>

#include "net/tls_script.h"
#include "tests/allocation.h"

#define BIG (1 << 20)
#define IDLE_MOST 16384 /* bytes; what an idle connection may keep */

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static _Thread_local size_t held; /* bytes, by OpenSSL */

static void *allocate(size_t size, const char *file, int line)
{
	void *memory = malloc(size);

	(void)file;
	(void)line;
	held += malloc_usable_size(memory);
	return memory;
}

static void release(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	held -= malloc_usable_size(memory);
	free(memory);
}

static void *reallocate(void *memory, size_t size, const char *file, int line)
{
	size_t before = malloc_usable_size(memory);
	void *grown = realloc(memory, size);

	(void)file;
	(void)line;
	if (grown || !size) {
		held += malloc_usable_size(grown) - before;
	}
	return grown;
}

static void open_pair(struct pair *pair, int version)
{
	char byte;

	pair_init(pair, version);
	assert_int_equal(pair_shake(pair), 0);
	assert_int_equal(SSL_read(pair->peer.ssl, &byte, 1), -1); /* the tickets */
}

static void peer_says(struct pair *pair, const void *bytes, size_t length)
{
	assert_int_equal(SSL_write(pair->peer.ssl, bytes, (int)length), length);
	assert_true(peer_push(&pair->peer, SIZE_MAX) > 0);
}

static void fill(char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bytes[i] = (char)(i * 31 + i / 251);
	}
}

static void close_notify_is_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		char bytes[64];

		open_pair(&pair, versions[i]);
		peer_says(&pair, "last", 4);
		assert_int_equal(SSL_shutdown(pair.peer.ssl), 0);
		(void)peer_push(&pair.peer, SIZE_MAX);
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), 4);
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), 0);
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), 0);
		assert_int_equal(pair_write(&pair, "still", 5), 5); /* one direction only */
		assert_int_equal(pair_shut(&pair), 0);
		assert_true(peer_pull(&pair.peer));
		assert_int_equal(SSL_read(pair.peer.ssl, bytes, sizeof(bytes)), 5);
		assert_int_equal(SSL_read(pair.peer.ssl, bytes, sizeof(bytes)), 0);
		assert_int_equal(
			SSL_get_shutdown(pair.peer.ssl), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		pair_fini(&pair);
	}
}

static void it_reads_on_after_its_own_close_notify(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		char bytes[64];

		open_pair(&pair, versions[i]);
		assert_int_equal(pair_shut(&pair), 0);
		assert_int_equal(pair_shut(&pair), 0); /* again: said already */
		peer_says(&pair, "on its way", 10);
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), 10);
		assert_true(peer_pull(&pair.peer));
		assert_int_equal(SSL_read(pair.peer.ssl, bytes, sizeof(bytes)), 0);
		pair_fini(&pair);
	}
}

static void end_without_close_notify_is_a_reset(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		char bytes[64];

		open_pair(&pair, versions[i]);
		peer_says(&pair, "half a th", 9);
		assert_int_equal(shutdown(pair.peer.fd, SHUT_WR), 0);
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), 9);
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), -ECONNRESET);
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), -ECONNRESET);
		assert_int_equal(pair_write(&pair, "x", 1), -ECONNRESET);
		assert_int_equal(pair_shut(&pair), 0); /* nothing is said any more */
		assert_false(peer_pull(&pair.peer) && BIO_pending(pair.peer.in));
		pair_fini(&pair);
	}
}

/* Also behind a part of a record, and behind other records that came with it. */
static void record_that_is_cut_off_is_a_reset(void **state)
{
	struct pair pair;
	char bytes[64];

	(void)state;
	open_pair(&pair, TLS1_3_VERSION);
	assert_int_equal(SSL_write(pair.peer.ssl, "whole", 5), 5);
	assert_int_equal(SSL_write(pair.peer.ssl, "part", 4), 4);
	(void)peer_push(&pair.peer, (size_t)BIO_pending(pair.peer.out) - 1);
	assert_int_equal(shutdown(pair.peer.fd, SHUT_WR), 0);
	assert_int_equal(pair_read(&pair, bytes, sizeof(bytes)), 5);
	assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), -ECONNRESET);
	pair_fini(&pair);
}

static void spoiled_record_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		char bytes[256];
		int length;

		open_pair(&pair, versions[i]);
		peer_says(&pair, "good", 4);
		assert_int_equal(SSL_write(pair.peer.ssl, "spoiled", 7), 7);
		length = BIO_read(pair.peer.out, bytes, sizeof(bytes));
		bytes[length - 1] ^= 1;
		assert_int_equal(send(pair.peer.fd, bytes, (size_t)length, 0), length);
		assert_int_equal(pair_read(&pair, bytes, sizeof(bytes)), 4);
		assert_int_equal(pair_read(&pair, bytes, sizeof(bytes)), -EPROTO);
		assert_int_equal(pair_shut(&pair), 0);
		pair_fini(&pair);
	}
}

/* What it has said before can still be read. */
static void no_signal_comes_of_a_peer_that_went(void **state)
{
	struct pair pair;
	char bytes[64];

	(void)state;
	open_pair(&pair, TLS1_3_VERSION);
	peer_says(&pair, "enough", 6);
	assert_int_equal(SSL_shutdown(pair.peer.ssl), 0);
	(void)peer_push(&pair.peer, SIZE_MAX);
	close(pair.peer.fd);
	pair.peer.fd = -1;
	assert_int_equal(pair_write(&pair, "x", 1), -EPIPE);
	assert_int_equal(pair_write(&pair, "x", 1), -EPIPE);
	assert_int_equal(pair_shut(&pair), 0);
	assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), 6);
	assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), 0);
	assert_int_equal(pair_write(&pair, "x", 1), -EPIPE);
	pair_fini(&pair);
}

/* Such a peer is told so (no_renegotiation), and gives up; the connection is as it was. */
static void renegotiation_is_refused(void **state)
{
	struct pair pair;
	char byte;

	(void)state;
	open_pair(&pair, TLS1_2_VERSION);
	assert_int_equal(SSL_renegotiate(pair.peer.ssl), 1);
	(void)SSL_do_handshake(pair.peer.ssl);
	assert_true(peer_push(&pair.peer, SIZE_MAX) > 100);
	assert_int_equal(pair_read_on(&pair, &byte, 1), -EAGAIN);
	assert_false(pair.filter->read_wants_write);
	assert_true(peer_pull(&pair.peer));
	assert_int_equal(SSL_do_handshake(pair.peer.ssl), -1);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), SSL_R_NO_RENEGOTIATION);
	assert_int_equal(pair_write(&pair, "x", 1), 1);
	pair_fini(&pair);
}

static void key_updates_are_followed(void **state)
{
	struct pair pair;
	char bytes[16];

	(void)state;
	open_pair(&pair, TLS1_3_VERSION);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(SSL_key_update(pair.peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		peer_says(&pair, "question", 8);
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), 8);
		assert_int_equal(pair_write(&pair, "answer", 6), 6);
		assert_true(peer_pull(&pair.peer));
		assert_int_equal(SSL_read(pair.peer.ssl, bytes, sizeof(bytes)), 6);
	}
	pair_fini(&pair);
}

/* What one read has taken off the socket is all handed out, by however small reads. */
static void held_bytes_are_read_to_the_last(void **state)
{
	static char sent[BIG / 16], got[BIG / 16];

	(void)state;
	fill(sent, sizeof(sent));
	for (size_t part = 1; part < sizeof(got); part = part * 3 + 1) {
		struct pair pair;
		size_t total = 0;
		int unread = 0;

		open_pair(&pair, versions[part % 2]);
		peer_says(&pair, sent, 3000);
		peer_says(&pair, sent + 3000, 3000);
		peer_says(&pair, sent + 6000, 10);
		while (total < 6010) {
			size_t most = part < 6010 - total ? part : 6010 - total;
			ssize_t n = pair_read(&pair, got + total, most);

			assert_true(n > 0);
			total += (size_t)n;
			(void)ioctl(pair.fd, FIONREAD, &unread);
			assert_int_equal(unread, 0); /* and so no poll will tell */
		}
		assert_memory_equal(got, sent, total);
		assert_int_equal(pair_read(&pair, got, 1), -EAGAIN);
		pair_fini(&pair);
	}
}

static void one_read_takes_many_records(void **state)
{
	struct pair pair;
	char bytes[256];

	(void)state;
	open_pair(&pair, TLS1_3_VERSION);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(SSL_write(pair.peer.ssl, "0123456789", 10), 10);
	}
	(void)peer_push(&pair.peer, (size_t)BIO_pending(pair.peer.out) - 3);
	assert_int_equal(pair_read(&pair, bytes, sizeof(bytes)), 190);
	assert_int_equal(pair_read(&pair, bytes, sizeof(bytes)), -EAGAIN);
	(void)peer_push(&pair.peer, SIZE_MAX);
	assert_int_equal(pair_read(&pair, bytes, sizeof(bytes)), 10);
	pair_fini(&pair);
}

/* What came since is left to the poll: the call that would mostly find nothing is saved. */
static void short_read_is_taken_for_the_last(void **state)
{
	struct pair pair;
	char bytes[64];

	(void)state;
	open_pair(&pair, TLS1_3_VERSION);
	peer_says(&pair, "one", 3);
	assert_int_equal(pair_read(&pair, bytes, sizeof(bytes)), 3);
	peer_says(&pair, "three", 5);
	assert_int_equal(pair_read(&pair, bytes, sizeof(bytes)), -EAGAIN);
	assert_int_equal(pair_read(&pair, bytes, sizeof(bytes)), 5);
	pair_fini(&pair);
}

/* A record that the socket takes in parts is gone on with, though the bytes moved and grew. */
static void writes_go_on_where_the_socket_was_full(void **state)
{
	static char sent[BIG], got[BIG];

	(void)state;
	fill(sent, sizeof(sent));
	for (int i = 0; i < 2; i++) {
		static char moved[BIG];
		size_t written = 0, total = 0;
		struct pair pair;
		int small = 1;
		int waits = 0;

		open_pair(&pair, versions[i]);
		assert_int_equal(
			setsockopt(pair.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
		while (total < sizeof(sent)) {
			size_t most = sizeof(sent) - written;
			ssize_t n;

			most = waits % 3 || most < 40000 ? most : 40000;
			memcpy(moved, sent + written, most);
			n = most ? pair_write(&pair, moved, most) : -EAGAIN;
			if (n > 0) {
				written += (size_t)n;
				continue;
			}
			assert_int_equal(n, -EAGAIN);
			assert_false(pair.filter->write_wants_read);
			waits++;
			assert_true(peer_pull(&pair.peer));
			while ((n = SSL_read(pair.peer.ssl, got + total,
					(int)(sizeof(got) - total))) > 0) {
				total += (size_t)n;
			}
		}
		assert_true(waits > 10);
		assert_memory_equal(got, sent, sizeof(sent));
		pair_fini(&pair);
	}
}

/*
 * close_notify waits for room, and is then said once. The peer takes one record, for which another
 * one goes into the socket, so that it is full when there is nothing but close_notify left.
 */
static void shut_goes_on_where_the_socket_was_full(void **state)
{
	static const char bytes[100];
	static char got[65536];
	const size_t record = 5 + sizeof(bytes) + 1 + 16;
	struct pair pair;
	int small = 1;
	size_t total = 1;
	int n;

	(void)state;
	open_pair(&pair, TLS1_3_VERSION);
	assert_int_equal(setsockopt(pair.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	while (pair_write(&pair, bytes, sizeof(bytes)) > 0) {
		total++;
	}
	assert_true(peer_pull_some(&pair.peer, record));
	assert_int_equal(pair_write(&pair, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(pair_shut(&pair), -EAGAIN);
	assert_int_equal(pair_shut(&pair), -EAGAIN);
	assert_false(pair.filter->write_wants_read);
	assert_true(peer_pull(&pair.peer));
	assert_int_equal(pair_shut(&pair), 0);
	assert_true(peer_pull(&pair.peer));
	n = SSL_read(pair.peer.ssl, got, sizeof(got));
	for (; n > 0; n = SSL_read(pair.peer.ssl, got, sizeof(got))) {
		total--;
	}
	assert_int_equal(total, 0);
	assert_int_equal(SSL_get_error(pair.peer.ssl, n), SSL_ERROR_ZERO_RETURN);
	pair_fini(&pair);
}

static void idle_connection_keeps_no_buffers(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		size_t before, after;
		char bytes[64];
		int fds[2];

		pair_open(fds);
		peer_init(&pair.peer, fds[0], versions[i]);
		pair.fd = fds[1];
		before = held;
		pair.filter = tls_accept(server);
		after = held - before; /* and the rest is counted where only the filter works */
		for (int turn = 0; turn < 3; turn++) {
			peer_shake(&pair.peer);
			(void)peer_push(&pair.peer, SIZE_MAX);
			before = held;
			assert_int_equal(pair_read_on(&pair, bytes, 1), -EAGAIN);
			after += held - before;
		}
		peer_says(&pair, "question", 8);
		before = held;
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), 8);
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), -EAGAIN);
		assert_int_equal(pair_write(&pair, "answer", 6), 6);
		after += held - before;
		print_message("idle, TLS 1.%d: %zu bytes\n", 2 + i, after);
		assert_true(after < IDLE_MOST);
		pair_fini(&pair);
	}
}

/* Every one of its own and of OpenSSL's, from the accept to the end. */
static void any_allocation_may_fail(void **state)
{
	bool failed = true;
	int n;

	(void)state;
	for (n = 1; failed; n++) {
		struct pair pair = {0};
		ssize_t result = 0;
		char bytes[64];
		int fds[2];

		pair_open(fds);
		peer_init(&pair.peer, fds[0], versions[n % 2]);
		pair.fd = fds[1];
		peer_shake(&pair.peer);
		(void)peer_push(&pair.peer, SIZE_MAX);
		allocation_fail(n);
		pair.filter = tls_accept(server);
		if (pair.filter) {
			result = pair_read_on(&pair, bytes, sizeof(bytes));
		}
		failed = allocation_failed();
		assert_true(pair.filter || failed);
		assert_true(
			result == 0 || result == -EAGAIN || result == -ENOMEM || result == -EPROTO);
		if (pair.filter) {
			pair_fini(&pair);
		} else {
			peer_fini(&pair.peer);
			close(pair.fd);
		}
	}
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_notify_is_the_end),
		cmocka_unit_test(it_reads_on_after_its_own_close_notify),
		cmocka_unit_test(end_without_close_notify_is_a_reset),
		cmocka_unit_test(record_that_is_cut_off_is_a_reset),
		cmocka_unit_test(spoiled_record_is_refused),
		cmocka_unit_test(no_signal_comes_of_a_peer_that_went),
		cmocka_unit_test(renegotiation_is_refused),
		cmocka_unit_test(key_updates_are_followed),
		cmocka_unit_test(held_bytes_are_read_to_the_last),
		cmocka_unit_test(one_read_takes_many_records),
		cmocka_unit_test(short_read_is_taken_for_the_last),
		cmocka_unit_test(writes_go_on_where_the_socket_was_full),
		cmocka_unit_test(shut_goes_on_where_the_socket_was_full),
		cmocka_unit_test(idle_connection_keeps_no_buffers),
		cmocka_unit_test(any_allocation_may_fail),
	};

	if (!CRYPTO_set_mem_functions(allocate, reallocate, release)) {
		return 1;
	}
	return cmocka_run_group_tests(tests, script_set_up, script_tear_down);
}
