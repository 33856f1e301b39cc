/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED /* the header says why */
#include "mcp/session_id.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_BYTES 16
#define CODED 22 /* characters of 16 bytes in base64url: of the MAC, its first half */
#define BEHIND_REPLICA (1 + CODED + 1 + CODED)

static_assert(SESSION_REPLICA_MOST + BEHIND_REPLICA < SESSION_ID_BYTES, "a name has its room");

static bool is_replica(const char *text, size_t length)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-_";

	if (length < 1 || length > SESSION_REPLICA_MOST) {
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		if (!memchr(allowed, text[i], sizeof(allowed) - 1)) {
			return false;
		}
	}
	return true;
}

bool session_replica_valid(const char *replica)
{
	return is_replica(replica, strlen(replica));
}

/* RFC 4648, 5, without padding. */
static void encode(char coded[CODED], const unsigned char bytes[16])
{
	unsigned char text[CODED + 3]; /* two of padding, and a NUL */

	EVP_EncodeBlock(text, bytes, 16);
	for (int i = 0; i < CODED; i++) {
		coded[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
	}
}

static void write_mac(
	const struct session_key *key, const char *text, size_t length, char coded[CODED])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	SHA256_CTX inner = key->inner, outer = key->outer;

	(void)SHA256_Update(&inner, text, length);
	(void)SHA256_Final(hash, &inner);
	(void)SHA256_Update(&outer, hash, sizeof(hash));
	(void)SHA256_Final(hash, &outer);
	encode(coded, hash);
}

int session_id_mint(char id[SESSION_ID_BYTES], const struct session_key *key, const char *replica)
{
	unsigned char bytes[RANDOM_BYTES];
	size_t length = strlen(replica);

	assert(key->is_there && session_replica_valid(replica));
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		return -EIO;
	}
	memcpy(id, replica, length);
	id[length++] = '.';
	encode(id + length, bytes);
	length += CODED;
	write_mac(key, id, length, id + length + 1);
	id[length] = '.';
	id[length + 1 + CODED] = '\0';
	return 0;
}

bool session_id_check(const struct session_key *key, const char *id, size_t length, size_t *replica)
{
	size_t name = length - BEHIND_REPLICA;
	char mac[CODED];

	assert(key->is_there);
	if (length <= BEHIND_REPLICA || !is_replica(id, name) || id[name] != '.' ||
		id[name + 1 + CODED] != '.') {
		return false;
	}
	write_mac(key, id, name + 1 + CODED, mac);
	if (CRYPTO_memcmp(mac, id + length - CODED, CODED) != 0) {
		return false;
	}
	*replica = name;
	return true;
}
