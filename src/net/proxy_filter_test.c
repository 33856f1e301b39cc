/* SPDX-License-Identifier: Apache-2.0 */
/* Headers on real sockets, cut anywhere, in front of bytes that are not theirs and of TLS. */
#include "net/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/tls_script.h"
#include "tests/allocation.h"

#define V1 "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"
#define V2                                                                                         \
	"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13\xc0\0\x02\x01\xc0\0\x02\x02\xdc\x04\x01\xbb\x04\0\x04" \
	"abcd"
#define LOCAL "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
#define BEHIND "GET / HTTP/1.1\r\n\r\n"

static const struct header {
	const char *bytes;
	size_t length;
} headers[] = {{V1, sizeof(V1) - 1}, {V2, sizeof(V2) - 1}};

static void open_plain(struct pair *pair)
{
	int fds[2];

	pair_open(fds);
	*pair = (struct pair){
		.peer.fd = fds[0],
		.fd = fds[1],
		.filter = proxy_accept(NULL),
	};
	assert_non_null(pair->filter);
}

static void send_all(struct pair *pair, const void *bytes, size_t length)
{
	assert_int_equal(send(pair->peer.fd, bytes, length, MSG_NOSIGNAL), length);
}

static size_t unread(const struct pair *pair)
{
	int length = 0;

	assert_int_equal(ioctl(pair->fd, FIONREAD, &length), 0);
	return (size_t)length;
}

static void assert_peer(const struct pair *pair)
{
	const struct socket_address *peer = pair->filter->ops->peer(pair->filter);
	const struct sockaddr_in *address = (const struct sockaddr_in *)&peer->storage;

	assert_non_null(peer);
	assert_int_equal(address->sin_family, AF_INET);
	assert_int_equal(ntohl(address->sin_addr.s_addr), 0xc0000201);
	assert_int_equal(ntohs(address->sin_port), 56324);
}

static void nothing_behind_the_header_is_taken(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		char bytes[64];

		open_plain(&pair);
		send_all(&pair, headers[i].bytes, headers[i].length);
		send_all(&pair, BEHIND, strlen(BEHIND));
		assert_int_equal(
			pair_write(&pair, "hello", 5), 5); /* for which it has to be read */
		assert_int_equal(unread(&pair), strlen(BEHIND));
		assert_peer(&pair);
		assert_int_equal(pair_read(&pair, bytes, 4), 4);
		assert_memory_equal(bytes, "GET ", 4);
		assert_int_equal(unread(&pair), strlen(BEHIND) - 4);
		assert_int_equal(pair_read(&pair, bytes, 64), strlen(BEHIND) - 4);
		assert_int_equal(pair_read(&pair, bytes, 64), -EAGAIN);
		assert_int_equal(recv(pair.peer.fd, bytes, 64, 0), 5);
		assert_int_equal(pair_shut(&pair), 0);
		pair_fini(&pair);
	}
}

static void header_comes_in_any_two_pieces(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		for (size_t first = 0; first <= headers[i].length; first++) {
			size_t rest = headers[i].length - first;
			struct pair pair;
			char bytes[64];

			open_plain(&pair);
			if (first) {
				send_all(&pair, headers[i].bytes, first);
			}
			assert_int_equal(pair_read(&pair, bytes, 64), -EAGAIN);
			assert_int_equal(unread(&pair), 0); /* or the poll would spin */
			if (rest) {
				assert_null(pair.filter->ops->peer(pair.filter));
				send_all(&pair, headers[i].bytes + first, rest);
			}
			send_all(&pair, BEHIND, strlen(BEHIND));
			assert_int_equal(pair_read(&pair, bytes, 64), strlen(BEHIND));
			assert_peer(&pair);
			pair_fini(&pair);
		}
	}
}

static void header_comes_byte_by_byte(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		char bytes[64];

		open_plain(&pair);
		for (size_t n = 0; n < headers[i].length; n++) {
			send_all(&pair, headers[i].bytes + n, 1);
			assert_int_equal(pair_read(&pair, bytes, 64), -EAGAIN);
		}
		assert_peer(&pair);
		pair_fini(&pair);
	}
}

static void header_may_end_at_any_byte(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		for (size_t first = 1; first <= headers[i].length; first++) {
			bool whole = first == headers[i].length;
			struct pair pair;
			char bytes[64];

			open_plain(&pair);
			send_all(&pair, headers[i].bytes, first);
			if (first % 2) {
				assert_int_equal(pair_read(&pair, bytes, 64), -EAGAIN);
			}
			assert_int_equal(shutdown(pair.peer.fd, SHUT_WR), 0);
			if (first % 2 == 0 && !whole) {
				assert_int_equal(pair_read(&pair, bytes, 64), -EAGAIN);
			}
			assert_int_equal(pair_read(&pair, bytes, 64), whole ? 0 : -EPROTO);
			assert_int_equal(pair_shut(&pair), 0);
			pair_fini(&pair);
		}
	}
}

static void balancer_may_ask_whether_we_live(void **state)
{
	struct pair pair;
	char bytes[64];

	(void)state;
	open_plain(&pair);
	close(pair.peer.fd);
	pair.peer.fd = -1;
	assert_int_equal(pair_read(&pair, bytes, 64), 0);
	assert_int_equal(pair_write(&pair, "x", 1), -ECONNRESET);
	assert_int_equal(pair_shut(&pair), 0);
	pair_fini(&pair);
}

static void local_header_leaves_the_sockets_address(void **state)
{
	struct pair pair;
	char bytes[64];

	(void)state;
	open_plain(&pair);
	send_all(&pair, LOCAL "x", sizeof(LOCAL "x") - 1);
	assert_int_equal(pair_read(&pair, bytes, 64), 1);
	assert_null(pair.filter->ops->peer(pair.filter));
	pair_fini(&pair);
}

static void what_is_no_header_is_refused(void **state)
{
	struct pair pair;
	char bytes[64];

	(void)state;
	open_plain(&pair);
	send_all(&pair, BEHIND, strlen(BEHIND));
	assert_int_equal(pair_write(&pair, "x", 1), -EPROTO);
	assert_int_equal(pair_read(&pair, bytes, 64), -EPROTO);
	assert_int_equal(pair_read(&pair, bytes, 64), -EPROTO);
	assert_int_equal(recv(pair.peer.fd, bytes, 64, 0), -1); /* nothing was said */
	pair_fini(&pair);
}

static void nothing_is_written_before_the_header(void **state)
{
	struct pair pair;
	char bytes[64];

	(void)state;
	open_plain(&pair);
	assert_int_equal(pair_write(&pair, "x", 1), -EAGAIN);
	assert_true(pair.filter->write_wants_read);
	send_all(&pair, V1, 20);
	assert_int_equal(pair_write(&pair, "x", 1), -EAGAIN);
	send_all(&pair, &V1[20], strlen(V1) - 20);
	assert_int_equal(pair_write(&pair, "x", 1), 1);
	assert_false(pair.filter->write_wants_read);
	assert_int_equal(recv(pair.peer.fd, bytes, 64, 0), 1);
	pair_fini(&pair);
}

static void open_tls(struct pair *pair)
{
	pair_init(pair, TLS1_3_VERSION);
	pair->filter = proxy_accept(pair->filter);
	assert_non_null(pair->filter);
}

/* In one piece with the first bytes of the handshake, and in two. */
static void tls_begins_behind_the_header(void **state)
{
	(void)state;
	for (size_t first = 0; first <= sizeof(V2) - 1; first++) {
		struct pair pair;
		char bytes[64];

		open_tls(&pair);
		send_all(&pair, V2, first);
		assert_int_equal(pair_read(&pair, bytes, 64), -EAGAIN);
		assert_int_equal(pair_write(&pair, "x", 1), -EAGAIN);
		assert_true(pair.filter->write_wants_read);
		send_all(&pair, &V2[first], sizeof(V2) - 1 - first);
		assert_int_equal(pair_shake(&pair), 0);
		assert_peer(&pair);
		assert_int_equal(pair_write(&pair, "x", 1), 1);
		assert_false(pair.filter->write_wants_read);
		assert_int_equal(SSL_shutdown(pair.peer.ssl), 0);
		(void)peer_push(&pair.peer, SIZE_MAX);
		assert_int_equal(pair_read_on(&pair, bytes, 64), 0);
		assert_int_equal(pair_shut(&pair), 0);
		assert_true(peer_pull(&pair.peer));
		assert_int_equal(SSL_read(pair.peer.ssl, bytes, 64), 1);
		assert_int_equal(SSL_read(pair.peer.ssl, bytes, 64), 0);
		assert_int_equal(SSL_get_error(pair.peer.ssl, 0), SSL_ERROR_ZERO_RETURN);
		pair_fini(&pair);
	}
}

static void tls_without_a_header_is_refused(void **state)
{
	struct pair pair;

	(void)state;
	open_tls(&pair);
	assert_int_equal(pair_shake(&pair), -EPROTO);
	assert_int_equal(pair_shut(&pair), 0);
	pair_fini(&pair);
}

static void any_allocation_may_fail(void **state)
{
	bool failed = true;
	int n;

	(void)state;
	for (n = 1; failed; n++) {
		struct stream_filter *inner = tls_accept(server);
		struct stream_filter *filter;
		char bytes[64];
		ssize_t result = 0;
		int fds[2];

		pair_open(fds);
		assert_int_equal(send(fds[0], V1, 10, 0), 10);
		allocation_fail(n);
		errno = 0;
		filter = proxy_accept(inner);
		if (filter) {
			result = filter->ops->read(filter, fds[1], bytes, 64);
		}
		failed = allocation_failed();
		assert_int_equal(filter ? result : -errno, failed ? -ENOMEM : -EAGAIN);
		filter = filter ? filter : inner;
		filter->ops->free(filter);
		close(fds[0]);
		close(fds[1]);
	}
	assert_int_equal(n, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_behind_the_header_is_taken),
		cmocka_unit_test(header_comes_in_any_two_pieces),
		cmocka_unit_test(header_comes_byte_by_byte),
		cmocka_unit_test(header_may_end_at_any_byte),
		cmocka_unit_test(balancer_may_ask_whether_we_live),
		cmocka_unit_test(local_header_leaves_the_sockets_address),
		cmocka_unit_test(what_is_no_header_is_refused),
		cmocka_unit_test(nothing_is_written_before_the_header),
		cmocka_unit_test(tls_begins_behind_the_header),
		cmocka_unit_test(tls_without_a_header_is_refused),
		cmocka_unit_test(any_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, script_set_up, script_tear_down);
}
