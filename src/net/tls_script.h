/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS peer that is OpenSSL alone, on memory: what it has to say goes to a socket byte for byte as
 * the test wants it, and what comes from there to it.
 */
#ifndef NET_TLS_SCRIPT_H
#define NET_TLS_SCRIPT_H

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/certificate_script.h"
#include "net/tls.h"

static struct identity authority, server_identity;
static struct tls_server *server;
static SSL_CTX *peers; /* of clients */

static inline int script_set_up(void **state)
{
	struct buffer refusal = {0};

	(void)state;
	folder_make();
	authority = identity_make("authority", NULL, NULL, 30);
	server_identity = identity_make("server", "DNS:localhost,IP:127.0.0.1", &authority, 30);
	server = tls_server_new(certificate_write("cert", &server_identity, &authority),
		key_write("key", &server_identity), &refusal);
	assert_non_null(server);
	peers = SSL_CTX_new(TLS_client_method());
	assert_non_null(peers);
	SSL_CTX_set_session_cache_mode(peers, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	return 0;
}

static inline int script_tear_down(void **state)
{
	(void)state;
	SSL_CTX_free(peers);
	tls_server_free(server);
	identity_free(&authority);
	identity_free(&server_identity);
	folder_remove();
	return 0;
}

struct peer {
	SSL *ssl;
	BIO *in, *out;
	int fd;
	size_t sent;  /* bytes, to the socket */
	bool is_done; /* its handshake */
};

/* version: TLS1_2_VERSION, ..., the highest that it offers. */
static inline void peer_init(struct peer *peer, int fd, int version)
{
	*peer = (struct peer){.ssl = SSL_new(peers), .fd = fd};
	peer->in = BIO_new(BIO_s_mem());
	peer->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(peer->in, -1);
	SSL_set_bio(peer->ssl, peer->in, peer->out);
	SSL_set_connect_state(peer->ssl);
	SSL_set_max_proto_version(peer->ssl, version);
}

static inline void peer_fini(struct peer *peer)
{
	SSL_free(peer->ssl);
	ERR_clear_error();
	if (peer->fd >= 0) {
		close(peer->fd);
	}
}

/* Sends at most so many bytes of what it has to say, as far as there is room. Returns how many. */
static inline size_t peer_push(struct peer *peer, size_t most)
{
	size_t total = 0;

	while (total < most && BIO_pending(peer->out) > 0) {
		char *bytes;
		size_t length = (size_t)BIO_get_mem_data(peer->out, &bytes);
		char dropped[4096];
		ssize_t n;

		length = length < most - total ? length : most - total;
		length = length < sizeof(dropped) ? length : sizeof(dropped);
		n = send(peer->fd, bytes, length, MSG_NOSIGNAL);
		if (n < 0) {
			break;
		}
		assert_int_equal(BIO_read(peer->out, dropped, (int)n), n);
		total += (size_t)n;
	}
	peer->sent += total;
	return total;
}

/* Takes at most so many bytes of what came. Returns false at the end of it. */
static inline bool peer_pull_some(struct peer *peer, size_t most)
{
	char bytes[65536];
	ssize_t n = recv(peer->fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes), 0);

	if (n > 0) {
		assert_int_equal(BIO_write(peer->in, bytes, (int)n), n);
	}
	return n != 0;
}

static inline bool peer_pull(struct peer *peer)
{
	return peer_pull_some(peer, SIZE_MAX);
}

/* Goes on with the handshake, as far as what it has heard allows. */
static inline void peer_shake(struct peer *peer)
{
	(void)peer_pull(peer);
	peer->is_done = SSL_do_handshake(peer->ssl) == 1;
}

static inline void pair_open(int fds[2])
{
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
}

/* A peer, and the filter over the other end of its socket. */
struct pair {
	struct peer peer;
	struct stream_filter *filter;
	int fd;
};

static inline void pair_init(struct pair *pair, int version)
{
	int fds[2];

	pair_open(fds);
	peer_init(&pair->peer, fds[0], version);
	pair->fd = fds[1];
	pair->filter = tls_accept(server);
	assert_non_null(pair->filter);
}

static inline ssize_t pair_read(struct pair *pair, void *bytes, size_t length)
{
	return pair->filter->ops->read(pair->filter, pair->fd, bytes, length);
}

static inline ssize_t pair_write(struct pair *pair, const void *bytes, size_t length)
{
	return pair->filter->ops->write(pair->filter, pair->fd, bytes, length);
}

static inline int pair_shut(struct pair *pair)
{
	return pair->filter->ops->shut(pair->filter, pair->fd);
}

/* Reads past -EAGAIN that was said without asking the socket, which is once at most. */
static inline ssize_t pair_read_on(struct pair *pair, void *bytes, size_t length)
{
	ssize_t n = pair_read(pair, bytes, length);

	return n == -EAGAIN ? pair_read(pair, bytes, length) : n;
}

/* Shakes hands. Returns 0, or what the filter's read has failed with. */
static inline ssize_t pair_shake(struct pair *pair)
{
	char byte;
	ssize_t n = -EAGAIN;

	for (int turn = 0; n == -EAGAIN && turn < 4; turn++) {
		peer_shake(&pair->peer);
		(void)peer_push(&pair->peer, SIZE_MAX);
		n = pair_read_on(pair, &byte, 1);
	}
	(void)peer_pull(&pair->peer);
	return pair->peer.is_done && n == -EAGAIN ? 0 : n;
}

static inline void pair_fini(struct pair *pair)
{
	pair->filter->ops->free(pair->filter);
	assert_int_equal(ERR_peek_error(), 0);
	close(pair->fd);
	peer_fini(&pair->peer);
}

#endif
