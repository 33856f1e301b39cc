/* SPDX-License-Identifier: Apache-2.0 */
/* The server's handshake: versions, protocols, tickets, and bytes that come late or never. */
#include "net/tls_script.h"

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void bytes_go_both_ways(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		char bytes[16];

		pair_init(&pair, versions[i]);
		assert_int_equal(pair_shake(&pair), 0);
		assert_int_equal(SSL_version(pair.peer.ssl), versions[i]);
		assert_int_equal(SSL_write(pair.peer.ssl, "question", 8), 8);
		(void)peer_push(&pair.peer, SIZE_MAX);
		assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), 8);
		assert_memory_equal(bytes, "question", 8);
		assert_int_equal(pair_write(&pair, "answer", 6), 6);
		assert_true(peer_pull(&pair.peer));
		assert_int_equal(SSL_read(pair.peer.ssl, bytes, sizeof(bytes)), 6);
		assert_memory_equal(bytes, "answer", 6);
		pair_fini(&pair);
	}
}

static void versions_before_1_2_are_refused(void **state)
{
	struct pair pair;

	(void)state;
	pair_init(&pair, TLS1_1_VERSION);
	SSL_set_min_proto_version(pair.peer.ssl, TLS1_VERSION);
	SSL_set_security_level(pair.peer.ssl, 0);
	assert_int_equal(pair_shake(&pair), -EPROTO);
	peer_shake(&pair.peer);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
	pair_fini(&pair);
}

static void offer(struct pair *pair, const char *protocols, size_t length)
{
	assert_int_equal(SSL_set_alpn_protos(pair->peer.ssl, (const unsigned char *)protocols,
				 (unsigned)length),
		0);
}

static void http_1_1_is_chosen_where_it_is_offered(void **state)
{
	static const char *const offers[] = {"\x08http/1.1", "\x02h2\x08http/1.1",
		"\x08http/1.1\x02h2", "\x08http/1.0\x08http/1.1\x03zzz"};

	(void)state;
	for (size_t i = 0; i < sizeof(offers) / sizeof(*offers); i++) {
		const unsigned char *chosen;
		struct pair pair;
		unsigned length;

		pair_init(&pair, versions[i % 2]);
		offer(&pair, offers[i], strlen(offers[i]));
		assert_int_equal(pair_shake(&pair), 0);
		SSL_get0_alpn_selected(pair.peer.ssl, &chosen, &length);
		assert_int_equal(length, 8);
		assert_memory_equal(chosen, "http/1.1", 8);
		pair_fini(&pair);
	}
}

static void other_protocols_get_an_alert(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;

		pair_init(&pair, versions[i]);
		offer(&pair, "\x02h2\x08http/1.0", 12);
		assert_int_equal(pair_shake(&pair), -EPROTO);
		peer_shake(&pair.peer);
		assert_int_equal(
			ERR_GET_REASON(ERR_get_error()), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
		assert_int_equal(pair_read(&pair, NULL, 0), -EPROTO); /* as before */
		assert_int_equal(pair_shut(&pair), 0);
		pair_fini(&pair);
	}
}

static void other_ciphers_are_refused(void **state)
{
	static const char *const ciphers[] = {"ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;

		pair_init(&pair, TLS1_2_VERSION);
		assert_int_equal(SSL_set_cipher_list(pair.peer.ssl, ciphers[i]), 1);
		assert_int_equal(pair_shake(&pair), -EPROTO);
		pair_fini(&pair);
	}
}

/* Lets the first bytes of the peer arrive, then a read, then the rest. Returns how many it sent. */
static size_t shake_in_two(int version, size_t first)
{
	struct pair pair;
	char bytes[8];
	ssize_t n = -EAGAIN;

	pair_init(&pair, version);
	for (int turn = 0; n == -EAGAIN && turn < 4; turn++) {
		peer_shake(&pair.peer);
		if (pair.peer.is_done && turn) {
			(void)SSL_write(pair.peer.ssl, "hello", 5);
		}
		if (pair.peer.sent < first) {
			(void)peer_push(&pair.peer, first - pair.peer.sent);
			assert_int_equal(pair_read_on(&pair, bytes, sizeof(bytes)), -EAGAIN);
			assert_false(pair.filter->read_wants_write);
		}
		(void)peer_push(&pair.peer, SIZE_MAX);
		n = pair_read_on(&pair, bytes, sizeof(bytes));
	}
	assert_int_equal(n, 5);
	first = pair.peer.sent;
	pair_fini(&pair);
	return first;
}

static void handshake_comes_in_any_two_pieces(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		size_t all = shake_in_two(versions[i], 0);

		assert_true(all > 200);
		for (size_t first = 1; first < all; first++) {
			(void)shake_in_two(versions[i], first);
		}
	}
}

static void handshake_comes_byte_by_byte(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		char byte;

		pair_init(&pair, versions[i]);
		for (int turn = 0; turn < 3; turn++) {
			peer_shake(&pair.peer);
			if (!pair.peer.is_done) { /* there is nothing to end yet */
				assert_int_equal(pair_shut(&pair), 0);
			}
			while (peer_push(&pair.peer, 1)) {
				assert_int_equal(pair_read_on(&pair, &byte, 1), -EAGAIN);
			}
		}
		assert_true(pair.peer.is_done);
		assert_int_equal(pair_write(&pair, "x", 1), 1);
		pair_fini(&pair);
	}
}

/* The peer goes away after so many bytes. Returns whether that was within its handshake. */
static bool shake_and_leave(int version, size_t after, bool writes)
{
	struct pair pair;
	char byte;
	bool whole;
	ssize_t n;

	pair_init(&pair, version);
	for (int turn = 0; turn < 3; turn++) {
		peer_shake(&pair.peer);
		(void)peer_push(&pair.peer, after - pair.peer.sent);
		assert_int_equal(pair_read_on(&pair, &byte, 1), -EAGAIN);
	}
	whole = pair.peer.is_done && !BIO_pending(pair.peer.out);
	assert_int_equal(shutdown(pair.peer.fd, SHUT_WR), 0);
	n = writes ? pair_write(&pair, "x", 1) : pair_read_on(&pair, &byte, 1);
	if (n == -EAGAIN) {
		n = pair_write(&pair, "x", 1);
	}
	assert_int_equal(n, writes && whole ? 1 : -ECONNRESET);
	assert_int_equal(pair_shut(&pair), 0);
	if (!whole) { /* nothing could be said */
		assert_int_equal(pair_read(&pair, &byte, 1), writes ? -ECONNRESET : n);
	}
	pair_fini(&pair);
	return !whole;
}

static void handshake_may_end_at_any_byte(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		size_t after = 0;

		while (shake_and_leave(versions[i], after, after % 2)) {
			after++;
		}
		assert_true(after > 200);
	}
}

#define NOISE(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static void what_is_no_tls_is_refused(void **state)
{
	static const struct noise {
		const char *bytes;
		size_t length;
	} noises[] = {
		NOISE("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		NOISE("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n"),
		NOISE("\x16\x03\x01\xff\xff\xff\xff\xff\xff\xff\xff"), /* a huge record */
		NOISE("\x16\x03\x01\0\x04\x02\0\0\0"),                 /* a ServerHello */
		NOISE("\x15\x03\x01\0\x02\x02\x28"),                   /* an alert */
		NOISE("\x17\x03\x03\0\x02hi"),                         /* data */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(noises) / sizeof(*noises); i++) {
		const struct noise *noise = &noises[i];
		struct pair pair;
		char byte;

		pair_init(&pair, TLS1_3_VERSION);
		assert_int_equal(send(pair.peer.fd, noise->bytes, noise->length, 0), noise->length);
		assert_int_equal(pair_read(&pair, &byte, 1), -EPROTO);
		assert_int_equal(pair_write(&pair, "x", 1), -EPROTO);
		assert_int_equal(pair_shut(&pair), 0);
		pair_fini(&pair);
	}
}

/* Sessions of a peer: the last that its server gave. */
static SSL_SESSION *session;

static int keep_session(SSL *ssl, SSL_SESSION *given)
{
	(void)ssl;
	SSL_SESSION_free(session);
	session = given;
	return 1;
}

/* Returns whether a session, if there is one, was resumed. */
static bool connects_again(int version)
{
	struct pair pair;
	char byte;
	bool reused;

	pair_init(&pair, version);
	if (session) {
		assert_int_equal(SSL_set_session(pair.peer.ssl, session), 1);
	}
	assert_int_equal(pair_shake(&pair), 0);
	assert_int_equal(SSL_read(pair.peer.ssl, &byte, 1), -1); /* tickets come behind it */
	reused = SSL_session_reused(pair.peer.ssl);
	assert_int_equal(pair_write(&pair, "x", 1), 1);
	assert_int_equal(SSL_shutdown(pair.peer.ssl), 0);
	pair_fini(&pair);
	return reused;
}

static void sessions_are_resumed_until_a_reload(void **state)
{
	struct buffer refusal = {0};

	(void)state;
	SSL_CTX_sess_set_new_cb(peers, keep_session);
	for (int i = 0; i < 2; i++) {
		assert_false(connects_again(versions[i]));
		assert_non_null(session);
		assert_true(connects_again(versions[i]));
		assert_true(connects_again(versions[i]));
		assert_int_equal(tls_server_reload(server, &refusal), 0);
		assert_false(connects_again(versions[i]));
		assert_true(connects_again(versions[i]));
		SSL_SESSION_free(session);
		session = NULL;
	}
	SSL_CTX_sess_set_new_cb(peers, NULL);
}

static void assert_presents(struct pair *pair, const struct identity *identity)
{
	X509 *certificate;

	assert_int_equal(pair_shake(pair), 0);
	certificate = SSL_get1_peer_certificate(pair->peer.ssl);
	assert_int_equal(X509_cmp(certificate, identity->certificate), 0);
	assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(pair->peer.ssl)), 2);
	X509_free(certificate);
}

static void connections_keep_the_certificate_they_began_with(void **state)
{
	struct identity renewed = identity_make("renewed", "DNS:localhost", &authority, 60);
	struct buffer refusal = {0};
	struct pair before, begun, after;

	(void)state;
	pair_init(&before, TLS1_3_VERSION);
	assert_presents(&before, &server_identity);
	pair_init(&begun, TLS1_3_VERSION); /* not a byte of it was read */
	certificate_write("cert", &renewed, &authority);
	key_write("key", &renewed);
	assert_int_equal(tls_server_reload(server, &refusal), 0);
	pair_init(&after, TLS1_3_VERSION);
	assert_presents(&after, &renewed);
	assert_presents(&begun, &server_identity);
	assert_int_equal(pair_write(&before, "x", 1), 1);
	certificate_write("cert", &server_identity, &authority);
	key_write("key", &server_identity);
	assert_int_equal(tls_server_reload(server, &refusal), 0);
	pair_fini(&before);
	pair_fini(&begun);
	pair_fini(&after);
	identity_free(&renewed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(versions_before_1_2_are_refused),
		cmocka_unit_test(http_1_1_is_chosen_where_it_is_offered),
		cmocka_unit_test(other_protocols_get_an_alert),
		cmocka_unit_test(other_ciphers_are_refused),
		cmocka_unit_test(handshake_comes_in_any_two_pieces),
		cmocka_unit_test(handshake_comes_byte_by_byte),
		cmocka_unit_test(handshake_may_end_at_any_byte),
		cmocka_unit_test(what_is_no_tls_is_refused),
		cmocka_unit_test(sessions_are_resumed_until_a_reload),
		cmocka_unit_test(connections_keep_the_certificate_they_began_with),
	};

	return cmocka_run_group_tests(tests, script_set_up, script_tear_down);
}
