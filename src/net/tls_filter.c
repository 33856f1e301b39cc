/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL reads and writes a socket through a BIO of our own: it never raises SIGPIPE, it keeps the
 * socket's error, and it knows when the socket is empty. The last saves a system call for every
 * message: the stream reads until -EAGAIN, and a read that got less than it asked for has emptied
 * the socket; so the next one says -EAGAIN without asking, once. Should something have come
 * meanwhile, the poll tells: it goes by the level, not by the edge.
 *
 * A socket is read as far as it goes into OpenSSL's buffer (read-ahead), and that buffer is given
 * back when it is empty. So bytes can wait in there of which no poll will tell: read goes on until
 * they are used up.
 *
 * Each of the handshake's steps happens inside a read or a write; both may have to wait for the
 * other direction, which read_wants_write and write_wants_read say. After it neither does, since
 * there is no renegotiation.
 */
#include "net/tls_filter.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/log.h"
#include "net/tls.h"

struct tls_filter {
	struct stream_filter filter;
	SSL *ssl;
	int fd;
	int socket_error;         /* a negative errno, of the last call */
	int failure;              /* a negative errno: OpenSSL must not be called any more */
	const char *failure_text; /* NULL: not known */
	int unwritable; /* the same for writing; what the peer said before can still be read */
	bool drained;   /* the last read took all that the socket had */
	bool ended;     /* the socket has */
	bool shut;      /* close_notify was sent */
	void (*connected)(void *arg); /* NULL: nobody wants to know, or knows already */
	void *connected_arg;
};

/* The BIO. */

static int receive(BIO *bio, char *bytes, int length)
{
	struct tls_filter *tls = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (tls->drained) {
		BIO_set_retry_read(bio);
		return -1;
	}
	do {
		n = recv(tls->fd, bytes, (size_t)length, 0);
	} while (n < 0 && errno == EINTR);
	tls->drained = n > 0 && n < length;
	tls->ended = n == 0;
	if (n < 0 && errno == EAGAIN) {
		BIO_set_retry_read(bio);
	} else if (n < 0) {
		tls->socket_error = -errno;
	}
	return (int)n;
}

static int transmit(BIO *bio, const char *bytes, int length)
{
	struct tls_filter *tls = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	do {
		n = send(tls->fd, bytes, (size_t)length, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		BIO_set_retry_write(bio);
	} else if (n < 0) {
		tls->socket_error = -errno;
	}
	return (int)n;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH; /* nothing is kept */
}

static BIO_METHOD *method;

static void make_method(void)
{
	BIO_METHOD *made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");

	if (made && BIO_meth_set_read(made, receive) && BIO_meth_set_write(made, transmit) &&
		BIO_meth_set_ctrl(made, control)) {
		method = made;
	} else {
		BIO_meth_free(made);
	}
}

static BIO *new_bio(struct tls_filter *tls)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	BIO *bio;

	pthread_once(&once, make_method);
	bio = method ? BIO_new(method) : NULL;
	if (bio) {
		BIO_set_data(bio, tls);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* The filter. */

/* OpenSSL asks the queue of errors whether its last call was one. */
static void begin(struct tls_filter *tls, int fd)
{
	tls->fd = fd;
	tls->socket_error = 0;
	if (ERR_peek_error()) {
		ERR_clear_error();
	}
}

static int classify(const struct tls_filter *tls, int kind, unsigned long error)
{
	if (kind == SSL_ERROR_SYSCALL) {
		return tls->socket_error ? tls->socket_error : tls->ended ? -ECONNRESET : -EPROTO;
	}
	if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
		return -ENOMEM;
	}
	return SSL_get_verify_result(tls->ssl) == X509_V_OK ? -EPROTO : -EKEYREJECTED;
}

/* OpenSSL has a word of its own for a peer that speaks something else. */
static const char *reason_of(const struct tls_filter *tls, int failure, unsigned long error)
{
	if (failure == -EKEYREJECTED) {
		return X509_verify_cert_error_string(SSL_get_verify_result(tls->ssl));
	}
	if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
		ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER) {
		return "what came is not TLS";
	}
	return ERR_reason_error_string(error);
}

static void note_failure(struct tls_filter *tls, int failure, unsigned long error)
{
	const char *when = SSL_is_init_finished(tls->ssl) ? "connection" : "handshake";

	tls->failure_text = reason_of(tls, failure, error);
	if (tls->failure_text) {
		log_message(CURFEW_LEVEL_DEBUG, "TLS %s failed: %s", when, tls->failure_text);
	}
}

const char *tls_failure_text(const struct stream_filter *filter)
{
	return container_of(filter, const struct tls_filter, filter)->failure_text;
}

/*
 * What a call that did nothing means: -EAGAIN, 0 for the peer's close_notify, or the failure, which
 * is kept in *failure.
 */
static int refused(struct tls_filter *tls, int *failure)
{
	int kind = SSL_get_error(tls->ssl, 0);
	unsigned long error = ERR_peek_error();

	if (kind == SSL_ERROR_ZERO_RETURN && tls->socket_error) {
		kind = SSL_ERROR_SYSCALL; /* of a write, behind the peer's close_notify */
	}
	switch (kind) {
	case SSL_ERROR_WANT_READ:
		tls->drained = false;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		tls->drained = false; /* no poll will tell any more */
		failure = kind == SSL_ERROR_SYSCALL ? failure : &tls->failure;
		*failure = classify(tls, kind, error);
		note_failure(tls, *failure, error);
		ERR_clear_error();
		return *failure;
	}
}

static void tell_connected(struct tls_filter *tls)
{
	void (*connected)(void *arg) = tls->connected;

	if (connected && SSL_is_init_finished(tls->ssl)) {
		tls->connected = NULL;
		connected(tls->connected_arg);
	}
}

void tls_on_connected(struct stream_filter *filter, void (*connected)(void *arg), void *arg)
{
	struct tls_filter *tls = container_of(filter, struct tls_filter, filter);

	tls->connected = connected;
	tls->connected_arg = arg;
}

static ssize_t tls_read(struct stream_filter *filter, int fd, void *bytes, size_t length)
{
	struct tls_filter *tls = container_of(filter, struct tls_filter, filter);
	size_t total = 0;
	size_t n;
	int error;

	if (tls->failure) {
		return tls->failure;
	}
	begin(tls, fd);
	filter->read_wants_write = false;
	while (SSL_read_ex(tls->ssl, (char *)bytes + total, length - total, &n)) {
		total += n;
		if (total == length || !SSL_has_pending(tls->ssl)) {
			return (ssize_t)total;
		}
	}
	if (total && SSL_get_error(tls->ssl, 0) == SSL_ERROR_WANT_READ) {
		return (ssize_t)total; /* and drained stays, for the next read */
	}
	tell_connected(tls);
	error = refused(tls, &tls->failure);
	filter->read_wants_write = error == -EAGAIN && SSL_want_write(tls->ssl);
	return total ? (ssize_t)total : error;
}

static int unwritable(const struct tls_filter *tls)
{
	return tls->failure ? tls->failure : tls->unwritable;
}

/*
 * One record at once: OpenSSL would go on with the next one behind a record that had to wait, and
 * not say what it has written until that one is through, too.
 */
static ssize_t tls_write(struct stream_filter *filter, int fd, const void *bytes, size_t length)
{
	struct tls_filter *tls = container_of(filter, struct tls_filter, filter);
	size_t n;
	int error;

	if (unwritable(tls)) {
		return unwritable(tls);
	}
	begin(tls, fd);
	filter->write_wants_read = false;
	if (length > SSL3_RT_MAX_PLAIN_LENGTH) {
		length = SSL3_RT_MAX_PLAIN_LENGTH;
	}
	if (SSL_write_ex(tls->ssl, bytes, length, &n)) {
		tell_connected(tls);
		return (ssize_t)n;
	}
	error = refused(tls, &tls->unwritable);
	filter->write_wants_read = error == -EAGAIN && SSL_want_read(tls->ssl);
	return error ? error : -EPROTO;
}

/* Before the handshake is done there is nothing that could be cut off, and no way to say so. */
static int tls_shut(struct stream_filter *filter, int fd)
{
	struct tls_filter *tls = container_of(filter, struct tls_filter, filter);

	if (tls->shut || unwritable(tls) || !SSL_is_init_finished(tls->ssl)) {
		return 0; /* asked again, OpenSSL would read */
	}
	begin(tls, fd);
	filter->write_wants_read = false;
	tls->shut = SSL_shutdown(tls->ssl) >= 0;
	return tls->shut ? 0 : refused(tls, &tls->unwritable);
}

static void tls_free(struct stream_filter *filter)
{
	struct tls_filter *tls = container_of(filter, struct tls_filter, filter);

	SSL_free(tls->ssl); /* and its BIO */
	free(tls);
}

struct stream_filter *tls_filter_new(SSL_CTX *context, SSL **ssl)
{
	static const struct stream_filter_ops ops = {
		.read = tls_read,
		.write = tls_write,
		.shut = tls_shut,
		.free = tls_free,
	};
	struct tls_filter *tls = calloc(1, sizeof(*tls));
	BIO *bio;

	if (!tls) {
		return NULL;
	}
	tls->filter.ops = &ops;
	tls->ssl = SSL_new(context);
	bio = tls->ssl ? new_bio(tls) : NULL;
	if (!bio) {
		ERR_clear_error();
		tls_free(&tls->filter);
		errno = ENOMEM;
		return NULL;
	}
	SSL_set_bio(tls->ssl, bio, bio);
	*ssl = tls->ssl;
	return &tls->filter;
}

SSL_CTX *tls_context_new(const SSL_METHOD *which)
{
	SSL_CTX *context = SSL_CTX_new(which);

	if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION)) {
		SSL_CTX_free(context);
		ERR_clear_error();
		return NULL;
	}
	(void)SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_mode(context,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(context, 1);
	return context;
}
