/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder with what ACME has given us (--cert-cache), as uacme(1) lays it out: it is the CONFDIR
 * in which uacme runs.
 *
 *	private/key.pem			the account's key
 *	private/DOMAIN/key.pem		the certificate's key, which is kept when it is renewed
 *	DOMAIN/cert.pem			the certificate, and its chain
 *	DOMAIN/cert-TIME.pem		what it has replaced, at this time since 1970
 *	.challenges/TOKEN		what the CA asks for while it looks (no domain begins so)
 */
#ifndef RELAY_CACHE_H
#define RELAY_CACHE_H

#include <limits.h>
#include <stdbool.h>

#include "base/buffer.h"

#define CACHE_DOMAIN 254               /* bytes of the longest domain, its NUL included */
#define CACHE_CHALLENGES ".challenges" /* in the folder */

struct cache {
	const char *folder;        /* borrowed */
	char domain[CACHE_DOMAIN]; /* in small letters */
	char cert[PATH_MAX];
	char key[PATH_MAX];
	char account[PATH_MAX];
	char challenges[PATH_MAX];
};

/*
 * Makes the folder where it is absent, for us alone. Returns 0, or -1 with a refusal: the domain
 * cannot be one, the folder is not ours, or others may read or write it.
 */
int cache_open(struct cache *cache, const char *folder, const char *domain, struct buffer *refusal);

/* Whether there is a key of an account. */
bool cache_has_account(const struct cache *cache);

/* Whether there is a certificate, whatever it is worth. */
bool cache_has_certificate(const struct cache *cache);

/*
 * Removes what a uacme that was killed has left: its challenges, and the half of a certificate,
 * which it would not write over. None may be running. Returns 0 or a negative errno.
 */
int cache_sweep(const struct cache *cache);

/* Removes certificates that were replaced, all but the last: uacme keeps every one. */
void cache_prune(const struct cache *cache);

#endif
