/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS as a filter of a stream (OpenSSL; TLS 1.2 and later; ALPN http/1.1, and a client that wants
 * only others is refused by an alert). The handshake happens inside the first reads and writes; its
 * bound in time is the stream's owner's. Renegotiation is refused; sessions are resumed by tickets.
 *
 * The peer's close_notify is the end of its input. A stream fails with
 *
 *	-ECONNRESET	the peer went away without one, so that what came may be cut off (RFC 8446,
 *			6.1); of an idle connection nothing to speak of: many clients leave it so
 *	-EKEYREJECTED	its certificate does not verify
 *	-EPROTO		all else that is wrong with it, before and behind the handshake
 *
 * and as the socket does; what OpenSSL says to it is logged for debugging. An idle connection holds
 * 14 kB of OpenSSL's, of which its own struct is half.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buffer.h"
#include "net/stream.h"

/* A server's certificate and key; connections that were begun with an older one keep it. */
struct tls_server;

/*
 * Reads a chain of certificates and its key, PEM files. NULL with one line in refusal: unreadable,
 * not PEM, of a passphrase, the key is not the certificate's, ...; expired is no reason.
 */
struct tls_server *tls_server_new(const char *cert, const char *key, struct buffer *refusal);
void tls_server_free(struct tls_server *server);

/*
 * The same of files that are still to come: until the first tls_server_reload that reads them,
 * tls_accept refuses.
 */
struct tls_server *tls_server_new_later(const char *cert, const char *key, struct buffer *refusal);

/*
 * Reads the same files again (SIGHUP). Returns 0, or -1 with a refusal: then the old ones stay. Any
 * thread, while others make filters.
 */
int tls_server_reload(struct tls_server *server, struct buffer *refusal);

/*
 * Returns a filter for an accepted connection, or NULL with errno ENOMEM; ENOKEY: there is no
 * certificate yet. Any thread.
 */
struct stream_filter *tls_accept(struct tls_server *server);

/* A client's trust: the system's CAs, or those of a PEM file. NULL with a refusal. */
struct tls_client;
struct tls_client *tls_client_new(const char *ca_file, struct buffer *refusal);
/* One that takes every certificate, of whomever: for tests only. */
struct tls_client *tls_client_new_insecure(struct buffer *refusal);
void tls_client_free(struct tls_client *client);

/*
 * Returns a filter that connects, and verifies that the server is this host: a name, which is sent
 * to it (SNI), or an address. The client outlives it. Any thread. NULL with errno ENOMEM, or EINVAL
 * for a host that cannot be one.
 */
struct stream_filter *tls_connect(struct tls_client *client, const char *host);

/*
 * Why a filter has failed with -EKEYREJECTED or -EPROTO: words that fit behind "TLS failed:",
 * static. NULL: it has not, or nobody knows.
 */
const char *tls_failure_text(const struct stream_filter *filter);

/*
 * Has connected(arg) called once, when the handshake of a filter that tls_connect made is over. It
 * comes within a read or a write of the stream, of which nothing may be asked in it.
 */
void tls_on_connected(struct stream_filter *filter, void (*connected)(void *arg), void *arg);

#endif
