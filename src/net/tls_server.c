/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate and its key make a context, and a reload makes another one; each connection holds
 * the one that it was begun with, and the last of them frees it.
 *
 * Sessions are resumed by tickets, whose key is the context's: nothing is kept for a client that
 * has gone, and a reload makes older tickets void.
 */
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "net/pem.h"
#include "net/tls.h"
#include "net/tls_filter.h"

/* Of TLS 1.2 what has forward secrecy and authenticates what it encrypts, as all of 1.3 does. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tls_server {
	char *cert, *key; /* paths */
	pthread_mutex_t lock;
	SSL_CTX *context; /* guarded by the lock; NULL: no certificate yet */
};

/* RFC 7301, 3.2: a client that names protocols, and not ours, is refused by an alert. */
static int select_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *length,
	const unsigned char *offered, unsigned offered_length, void *arg)
{
	static const unsigned char ours[] = TLS_PROTOCOLS;
	unsigned char *found;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&found, length, ours, sizeof(ours) - 1, offered,
		    offered_length) != OPENSSL_NPN_NEGOTIATED) {
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	*chosen = found;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(struct buffer *refusal)
{
	static const unsigned char name[] = "curfew"; /* whose sessions they are */
	SSL_CTX *context = tls_context_new(TLS_server_method());

	if (!context || !SSL_CTX_set_cipher_list(context, CIPHERS) ||
		!SSL_CTX_set_session_id_context(context, name, sizeof(name) - 1)) {
		SSL_CTX_free(context);
		ERR_clear_error();
		buffer_append_text(refusal, "cannot set up TLS: out of memory");
		return NULL;
	}
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
	return context;
}

/* The first is the server's own; the rest leads to the authority. */
static bool use_chain(
	SSL_CTX *context, STACK_OF(X509) * chain, const char *path, struct buffer *refusal)
{
	bool used = SSL_CTX_use_certificate(context, sk_X509_value(chain, 0)) == 1;

	for (int i = 1; used && i < sk_X509_num(chain); i++) {
		used = SSL_CTX_add1_chain_cert(context, sk_X509_value(chain, i)) == 1;
	}
	if (!used) {
		pem_refuse(refusal, "certificate", path);
	}
	return used;
}

static bool use_files(SSL_CTX *context, const struct tls_server *server, struct buffer *refusal)
{
	STACK_OF(X509) *chain = pem_certificates("certificate", server->cert, refusal);
	EVP_PKEY *key = chain ? pem_key(server->key, refusal) : NULL;
	bool used = false;

	if (!key) {
		goto out;
	}
	if (X509_check_private_key(sk_X509_value(chain, 0), key) != 1) {
		buffer_appendf(refusal, "the key %s is not that of the certificate %s", server->key,
			server->cert);
		goto out;
	}
	used = use_chain(context, chain, server->cert, refusal);
	if (used && SSL_CTX_use_PrivateKey(context, key) != 1) {
		pem_refuse(refusal, "key", server->key);
		used = false;
	}
out:
	ERR_clear_error();
	EVP_PKEY_free(key);
	pem_certificates_free(chain);
	return used;
}

int tls_server_reload(struct tls_server *server, struct buffer *refusal)
{
	SSL_CTX *fresh = new_context(refusal);
	SSL_CTX *old;

	if (!fresh) {
		return -1;
	}
	if (!use_files(fresh, server, refusal)) {
		SSL_CTX_free(fresh);
		return -1;
	}
	pthread_mutex_lock(&server->lock);
	old = server->context;
	server->context = fresh;
	pthread_mutex_unlock(&server->lock);
	SSL_CTX_free(old);
	return 0;
}

struct tls_server *tls_server_new_later(const char *cert, const char *key, struct buffer *refusal)
{
	struct tls_server *server = calloc(1, sizeof(*server));

	if (!server) {
		buffer_append_text(refusal, "cannot set up TLS: out of memory");
		return NULL;
	}
	pthread_mutex_init(&server->lock, NULL);
	server->cert = strdup(cert);
	server->key = strdup(key);
	if (!server->cert || !server->key) {
		buffer_append_text(refusal, "cannot set up TLS: out of memory");
		tls_server_free(server);
		return NULL;
	}
	return server;
}

struct tls_server *tls_server_new(const char *cert, const char *key, struct buffer *refusal)
{
	struct tls_server *server = tls_server_new_later(cert, key, refusal);

	if (server && tls_server_reload(server, refusal) < 0) {
		tls_server_free(server);
		return NULL;
	}
	return server;
}

void tls_server_free(struct tls_server *server)
{
	if (server) {
		SSL_CTX_free(server->context);
		pthread_mutex_destroy(&server->lock);
		free(server->cert);
		free(server->key);
		free(server);
	}
}

struct stream_filter *tls_accept(struct tls_server *server)
{
	struct stream_filter *filter;
	SSL_CTX *context;
	SSL *ssl;

	pthread_mutex_lock(&server->lock);
	context = server->context;
	if (context) {
		(void)SSL_CTX_up_ref(context);
	}
	pthread_mutex_unlock(&server->lock);
	if (!context) {
		errno = ENOKEY;
		return NULL;
	}
	filter = tls_filter_new(context, &ssl);
	SSL_CTX_free(context);
	if (filter) {
		SSL_set_accept_state(ssl);
	}
	return filter;
}
