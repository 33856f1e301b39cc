/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a client believes, and what it says to whom. */
#include <curfew/log.h>

#include "net/tls_script.h"

static struct tls_client *client;
static struct identity stranger;

static int set_up(void **state)
{
	struct buffer refusal = {0};

	script_set_up(state);
	stranger = identity_make("stranger", NULL, NULL, 30);
	client = tls_client_new(certificate_write("ca", &stranger, &authority), &refusal);
	assert_non_null(client);
	return 0;
}

static int tear_down(void **state)
{
	tls_client_free(client);
	identity_free(&stranger);
	return script_tear_down(state);
}

/* A server that is OpenSSL alone, and the client's filter on the other end of its socket. */
struct call {
	SSL_CTX *context;
	struct pair pair;
};

static void call_init(struct call *call, const struct identity *identity, const char *host)
{
	struct peer *peer = &call->pair.peer;
	int fds[2];

	pair_open(fds);
	call->context = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(call->context, identity->certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(call->context, identity->key), 1);
	*peer = (struct peer){.ssl = SSL_new(call->context), .fd = fds[0]};
	peer->in = BIO_new(BIO_s_mem());
	peer->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(peer->in, -1);
	SSL_set_bio(peer->ssl, peer->in, peer->out);
	SSL_set_accept_state(peer->ssl);
	call->pair.fd = fds[1];
	call->pair.filter = tls_connect(client, host);
	assert_non_null(call->pair.filter);
}

static void call_fini(struct call *call)
{
	ERR_clear_error(); /* the peer's */
	pair_fini(&call->pair);
	SSL_CTX_free(call->context);
}

/* Shakes hands; the client has the first word. Returns 0, or what its read has failed with. */
static ssize_t shake(struct call *call)
{
	struct pair *pair = &call->pair;
	ssize_t n = -EAGAIN;
	char byte;

	for (int turn = 0; n == -EAGAIN && turn < 4; turn++) {
		n = pair_read_on(pair, &byte, 1);
		peer_shake(&pair->peer);
		(void)peer_push(&pair->peer, SIZE_MAX);
	}
	return pair->peer.is_done && n == -EAGAIN ? 0 : n;
}

static ssize_t believes(const struct identity *identity, const char *host)
{
	struct call call;
	ssize_t n;

	call_init(&call, identity, host);
	n = shake(&call);
	call_fini(&call);
	return n;
}

static void names_and_addresses_are_verified(void **state)
{
	static const struct expectation {
		const char *names, *host;
		ssize_t result;
	} expectations[] = {
		{"DNS:a.example", "a.example", 0},
		{"DNS:a.example", "A.EXAMPLE", 0},
		{"DNS:a.example", "a.example.", 0},
		{"DNS:b.example,DNS:a.example", "a.example", 0},
		{"DNS:a.example", "b.example", -EKEYREJECTED},
		{"DNS:a.example", "example", -EKEYREJECTED},
		{"DNS:a.example", "x.a.example", -EKEYREJECTED},
		{"DNS:*.a.example", "x.a.example", 0},
		{"DNS:*.a.example", "x.y.a.example", -EKEYREJECTED},
		{"DNS:*.a.example", "a.example", -EKEYREJECTED},
		{"DNS:x*.a.example", "xy.a.example", -EKEYREJECTED},
		{"IP:127.0.0.1", "127.0.0.1", 0},
		{"IP:127.0.0.1", "127.0.0.2", -EKEYREJECTED},
		{"DNS:127.0.0.1", "127.0.0.1", -EKEYREJECTED},
		{"IP:::1", "::1", 0},
		{"IP:::1", "0:0:0:0:0:0:0:1", 0},
		{"IP:::1", "::2", -EKEYREJECTED},
		{"IP:127.0.0.1", "localhost", -EKEYREJECTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expectations) / sizeof(*expectations); i++) {
		const struct expectation *each = &expectations[i];
		struct identity identity = identity_make("subject", each->names, &authority, 30);
		ssize_t result = believes(&identity, each->host);

		if (result != each->result) {
			fail_msg("%s for %s: %zd", each->names, each->host, result);
		}
		identity_free(&identity);
	}
}

static void authorities_are_verified(void **state)
{
	struct identity other = identity_make("authority", NULL, NULL, 30); /* of the same name */
	struct identity forged = identity_make("server", "DNS:localhost", &other, 30);
	struct identity expired = identity_make("server", "DNS:localhost", &authority, -1);
	struct identity own = identity_make("server", "DNS:localhost", NULL, 30);
	struct identity below = identity_make("server", "DNS:localhost", &server_identity, 30);

	(void)state;
	assert_int_equal(believes(&forged, "localhost"), -EKEYREJECTED);
	assert_int_equal(believes(&expired, "localhost"), -EKEYREJECTED);
	assert_int_equal(believes(&own, "localhost"), -EKEYREJECTED);
	assert_int_equal(believes(&below, "localhost"), -EKEYREJECTED);
	identity_free(&other);
	identity_free(&forged);
	identity_free(&expired);
	identity_free(&own);
	identity_free(&below);
}

static char logged[256];

static void keep_message(enum curfew_level level, const char *message, void *arg)
{
	(void)arg;
	assert_int_equal(level, CURFEW_LEVEL_DEBUG);
	(void)snprintf(logged, sizeof(logged), "%s", message);
}

/* The server hears why, and so does the log. */
static void who_is_not_believed_gets_an_alert(void **state)
{
	struct call call;
	char byte;

	(void)state;
	curfew_log_set(keep_message, NULL);
	call_init(&call, &server_identity, "else.where");
	assert_int_equal(shake(&call), -EKEYREJECTED);
	assert_string_equal(logged, "TLS handshake failed: hostname mismatch");
	assert_string_equal(tls_failure_text(call.pair.filter), "hostname mismatch");
	assert_int_equal(pair_write(&call.pair, "secret", 6), -EKEYREJECTED);
	assert_int_equal(pair_read(&call.pair, &byte, 1), -EKEYREJECTED);
	peer_shake(&call.pair.peer);
	assert_false(call.pair.peer.is_done);
	assert_int_equal(ERR_GET_LIB(ERR_peek_error()), ERR_LIB_SSL);
	assert_true(ERR_GET_REASON(ERR_peek_error()) > SSL_AD_REASON_OFFSET);
	call_fini(&call);
	curfew_log_set(NULL, NULL);
}

static void name_is_sent_but_no_address(void **state)
{
	struct call call;

	(void)state;
	call_init(&call, &server_identity, "localhost.");
	assert_int_equal(shake(&call), 0);
	assert_null(tls_failure_text(call.pair.filter));
	assert_string_equal(
		SSL_get_servername(call.pair.peer.ssl, TLSEXT_NAMETYPE_host_name), "localhost");
	call_fini(&call);
	call_init(&call, &server_identity, "127.0.0.1");
	assert_int_equal(shake(&call), 0);
	assert_null(SSL_get_servername(call.pair.peer.ssl, TLSEXT_NAMETYPE_host_name));
	call_fini(&call);
}

static int choose_first(SSL *ssl, const unsigned char **chosen, unsigned char *length,
	const unsigned char *offered, unsigned offered_length, void *arg)
{
	(void)ssl;
	assert_int_equal(offered_length, 9);
	assert_memory_equal(offered, "\x08http/1.1", 9);
	*chosen = arg ? arg : offered + 1;
	*length = arg ? 2 : 8;
	return SSL_TLSEXT_ERR_OK;
}

static void http_1_1_is_offered(void **state)
{
	static char h2[] = "h2";
	struct call call;

	(void)state;
	call_init(&call, &server_identity, "localhost");
	SSL_CTX_set_alpn_select_cb(call.context, choose_first, NULL);
	assert_int_equal(shake(&call), 0);
	call_fini(&call);
	call_init(&call, &server_identity, "localhost");
	SSL_CTX_set_alpn_select_cb(call.context, choose_first, h2); /* unasked */
	assert_int_equal(shake(&call), -EPROTO);
	call_fini(&call);
}

static void it_speaks_first(void **state)
{
	struct call call;
	char byte;

	(void)state;
	call_init(&call, &server_identity, "localhost");
	assert_true(call.pair.filter->read_wants_write);
	assert_int_equal(pair_read(&call.pair, &byte, 1), -EAGAIN);
	assert_false(call.pair.filter->read_wants_write);
	peer_shake(&call.pair.peer);
	assert_true(BIO_pending(call.pair.peer.out) > 0);
	assert_int_equal(pair_write(&call.pair, "x", 1), -EAGAIN);
	assert_true(call.pair.filter->write_wants_read);
	(void)peer_push(&call.pair.peer, SIZE_MAX);
	assert_int_equal(pair_write(&call.pair, "x", 1), 1);
	assert_false(call.pair.filter->write_wants_read);
	call_fini(&call);
}

static void server_may_not_renegotiate(void **state)
{
	struct call call;
	char byte;

	(void)state;
	call_init(&call, &server_identity, "localhost");
	SSL_set_max_proto_version(call.pair.peer.ssl, TLS1_2_VERSION);
	assert_int_equal(shake(&call), 0);
	assert_int_equal(SSL_renegotiate(call.pair.peer.ssl), 1);
	(void)SSL_do_handshake(call.pair.peer.ssl);
	assert_true(peer_push(&call.pair.peer, SIZE_MAX) > 0);
	assert_int_equal(pair_read_on(&call.pair, &byte, 1), -EAGAIN);
	assert_int_equal(pair_write(&call.pair, "x", 1), 1);
	assert_true(peer_pull(&call.pair.peer));
	assert_int_equal(SSL_read(call.pair.peer.ssl, &byte, 1), -1);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), SSL_R_NO_RENEGOTIATION);
	call_fini(&call);
}

/* Both sides are ours, and the server's tickets good for each of its connections. */
static bool resumes(const char *host)
{
	struct stream_filter *accepted = tls_accept(server);
	struct pair pair = {.filter = tls_connect(client, host)};
	ssize_t n = -EAGAIN;
	size_t sent = 0;
	char bytes[8192];
	int fds[2];

	pair_open(fds);
	pair.fd = fds[0];
	for (int turn = 0; n == -EAGAIN && turn < 6; turn++) {
		int there = 0;

		(void)pair_read_on(&pair, bytes, 1);
		(void)ioctl(fds[1], FIONREAD, &there);
		n = accepted->ops->read(accepted, fds[1], bytes, 1);
		(void)ioctl(fds[0], FIONREAD, &there);
		sent += (size_t)there;
		if (turn == 3) {
			assert_int_equal(pair_write(&pair, "x", 1), 1);
		}
	}
	assert_int_equal(n, 1);
	assert_int_equal(pair_shut(&pair), 0);
	accepted->ops->free(accepted);
	pair.filter->ops->free(pair.filter);
	close(fds[0]);
	close(fds[1]);
	return sent < 1000; /* of which the certificates alone would be more */
}

static void sessions_are_resumed_with_the_same_host(void **state)
{
	(void)state;
	assert_false(resumes("localhost"));
	assert_true(resumes("localhost"));
	assert_true(resumes("localhost."));
	assert_false(resumes("127.0.0.1"));
	assert_true(resumes("127.0.0.1"));
	assert_false(resumes("localhost")); /* the last one is kept */
}

static void refuse(const char *name, const char *expected)
{
	struct buffer refusal = {0};

	assert_null(tls_client_new(in_folder(name), &refusal));
	assert_non_null(strstr(buffer_text(&refusal), expected));
	assert_int_equal(ERR_peek_error(), 0);
	buffer_fini(&refusal);
}

static void trust_is_read_or_refused(void **state)
{
	struct buffer refusal = {0};
	struct tls_client *made = tls_client_new(NULL, &refusal); /* the system's */

	(void)state;
	assert_non_null(made);
	errno = 0;
	assert_null(tls_connect(made, ""));
	assert_int_equal(errno, EINVAL);
	tls_client_free(made);
	tls_client_free(NULL);
	refuse("none", "cannot read the CA file /tmp/");
	refuse("none", "/none: no such file or directory");
	refuse("", "it is a directory");
	refuse("key", "there is no PEM certificate in it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_addresses_are_verified),
		cmocka_unit_test(authorities_are_verified),
		cmocka_unit_test(who_is_not_believed_gets_an_alert),
		cmocka_unit_test(name_is_sent_but_no_address),
		cmocka_unit_test(http_1_1_is_offered),
		cmocka_unit_test(it_speaks_first),
		cmocka_unit_test(server_may_not_renegotiate),
		cmocka_unit_test(sessions_are_resumed_with_the_same_host),
		cmocka_unit_test(trust_is_read_or_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
