/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's trust is one context. The last session that a server gave is kept, for the next
 * connection to the same host: it saves that its signature and chain are made and checked again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/pem.h"
#include "net/tls.h"
#include "net/tls_filter.h"

#define HOST_MOST 256 /* bytes of a name, its NUL included */

struct tls_client {
	SSL_CTX *context;
	pthread_mutex_t lock; /* of what follows */
	SSL_SESSION *session; /* NULL: none yet */
	char session_peer[HOST_MOST];
};

/* The host as certificates name it: without the dot of the root. */
static bool copy_host(char copy[HOST_MOST], const char *host)
{
	size_t length = strlen(host);

	if (length && host[length - 1] == '.') {
		length--;
	}
	if (!length || length >= HOST_MOST) {
		return false;
	}
	memcpy(copy, host, length);
	copy[length] = '\0';
	return true;
}

static bool is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* What the connection's certificate has to name: a session of it is of use for no other. */
static void peer_key(SSL *ssl, char key[HOST_MOST])
{
	X509_VERIFY_PARAM *wanted = SSL_get0_param(ssl);
	const char *host = X509_VERIFY_PARAM_get0_host(wanted, 0);
	char *address = host ? NULL : X509_VERIFY_PARAM_get1_ip_asc(wanted);

	(void)snprintf(key, HOST_MOST, "%s", host ? host : address ? address : "");
	OPENSSL_free(address);
}

/* OpenSSL's callback: returns 1 if the reference to the session is kept. */
static int session_given(SSL *ssl, SSL_SESSION *session)
{
	struct tls_client *client = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	SSL_SESSION *old;

	pthread_mutex_lock(&client->lock);
	old = client->session;
	client->session = session;
	peer_key(ssl, client->session_peer);
	pthread_mutex_unlock(&client->lock);
	SSL_SESSION_free(old);
	return 1;
}

static void resume_session(struct tls_client *client, SSL *ssl)
{
	char key[HOST_MOST];

	peer_key(ssl, key);
	pthread_mutex_lock(&client->lock);
	if (client->session && *key && !strcmp(key, client->session_peer)) {
		(void)SSL_set_session(ssl, client->session); /* takes a reference of its own */
	}
	pthread_mutex_unlock(&client->lock);
}

static bool trust(SSL_CTX *context, const char *ca_file, struct buffer *refusal)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	STACK_OF(X509) * authorities;
	bool trusted = true;

	if (!ca_file) {
		return SSL_CTX_set_default_verify_paths(context) == 1;
	}
	authorities = pem_certificates("CA file", ca_file, refusal);
	if (!authorities) {
		return false;
	}
	for (int i = 0; trusted && i < sk_X509_num(authorities); i++) {
		trusted = X509_STORE_add_cert(store, sk_X509_value(authorities, i)) == 1;
	}
	if (!trusted) {
		pem_refuse(refusal, "CA file", ca_file);
	}
	pem_certificates_free(authorities);
	return trusted;
}

static bool init_client(
	struct tls_client *client, const char *ca_file, bool insecure, struct buffer *refusal)
{
	static const unsigned char protocols[] = TLS_PROTOCOLS;
	SSL_CTX *context = client->context = tls_context_new(TLS_client_method());

	if (!context || SSL_CTX_set_alpn_protos(context, protocols, sizeof(protocols) - 1) ||
		!SSL_CTX_set_app_data(context, client) ||
		(!insecure && !trust(context, ca_file, refusal))) {
		if (!refusal->length) {
			buffer_append_text(refusal, "cannot set up TLS: out of memory");
		}
		ERR_clear_error();
		return false;
	}
	SSL_CTX_set_verify(context, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_session_cache_mode(
		context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, session_given);
	return true;
}

static struct tls_client *new_client(const char *ca_file, bool insecure, struct buffer *refusal)
{
	struct tls_client *client = calloc(1, sizeof(*client));

	if (!client) {
		buffer_append_text(refusal, "cannot set up TLS: out of memory");
		return NULL;
	}
	pthread_mutex_init(&client->lock, NULL);
	if (!init_client(client, ca_file, insecure, refusal)) {
		tls_client_free(client);
		return NULL;
	}
	return client;
}

struct tls_client *tls_client_new(const char *ca_file, struct buffer *refusal)
{
	return new_client(ca_file, false, refusal);
}

struct tls_client *tls_client_new_insecure(struct buffer *refusal)
{
	return new_client(NULL, true, refusal);
}

void tls_client_free(struct tls_client *client)
{
	if (client) {
		SSL_CTX_free(client->context);
		SSL_SESSION_free(client->session);
		pthread_mutex_destroy(&client->lock);
		free(client);
	}
}

/* Whom to expect: an address among the certificate's addresses, or a name, which is sent, too. */
static bool expect(SSL *ssl, const char *host)
{
	char name[HOST_MOST];

	if (is_address(host)) {
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	}
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return copy_host(name, host) && SSL_set1_host(ssl, name) == 1 &&
		SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* It begins to write by itself, since servers wait for the client's first word. */
struct stream_filter *tls_connect(struct tls_client *client, const char *host)
{
	SSL *ssl;
	struct stream_filter *filter = tls_filter_new(client->context, &ssl);

	if (!filter) {
		return NULL;
	}
	if (!expect(ssl, host)) {
		ERR_clear_error();
		filter->ops->free(filter);
		errno = *host && strlen(host) < HOST_MOST ? ENOMEM : EINVAL;
		return NULL;
	}
	SSL_set_connect_state(ssl);
	resume_session(client, ssl);
	filter->read_wants_write = true;
	return filter;
}
