/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of sessions that only we can have given: REPLICA.RANDOM.MAC, 128 random bits, and an HMAC
 * of what is before it (RFC 2104, SHA-256, 128 bits of it), both in base64url. All of it is within
 * 0x21-0x7E, as MCP asks for. Whoever shows such a name was given it by a replica that has the same
 * key, so that it is safe to pass his request on to that replica.
 */
#ifndef MCP_SESSION_ID_H
#define MCP_SESSION_ID_H

#include <openssl/sha.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

#define SESSION_REPLICA_MOST 64 /* characters of a replica's name: letters, digits, - and _ */
#define SESSION_ID_BYTES 128    /* of the longest name, its NUL included */
#define SESSION_KEY_BYTES 32    /* of a key file at least */
#define SESSION_KEY_MOST 4096   /* and at most */

/*
 * The two halves of the HMAC, each behind the block that the key makes (RFC 2104, 4). Zeroed: none.
 *
 * They are OpenSSL's plain SHA-256, which it calls deprecated, and random bytes are the kernel's:
 * what it has instead loads its providers, a third of all the memory of a process without TLS.
 */
struct session_key {
	SHA256_CTX inner, outer;
	bool is_there;
};

/*
 * Reads the key from a file, which is made, for the owner alone, where there is none, also where
 * others make it at the same time: then all have the same one. path NULL: a random one. A file has
 * 32 bytes at least; their SHA-256 is the key. Returns 0, or -1 with one line in refusal.
 */
int session_key_load(struct session_key *key, const char *path, struct buffer *refusal);
void session_key_fini(struct session_key *key);

/* Whether a replica's name can stand in a session's. */
bool session_replica_valid(const char *replica);

/* Makes a new one. Returns 0, or -EIO if there are no random bytes. */
int session_id_mint(char id[SESSION_ID_BYTES], const struct session_key *key, const char *replica);

/*
 * Whether this is one of ours, compared in constant time. If so *replica is the length of the
 * replica's name, with which id begins.
 */
bool session_id_check(
	const struct session_key *key, const char *id, size_t length, size_t *replica);

#endif
