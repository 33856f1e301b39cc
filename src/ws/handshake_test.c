/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ws/sha1.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* RFC 3174, 7.3, and the lengths at which the padding takes another block (from sha1sum). */
static void computes_sha1(void **state)
{
	static const struct {
		const char *text;
		size_t times;
		const char *digest;
	} vectors[] = {
		{"abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
			"84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
		{"a", 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
		{"0123456701234567012345670123456701234567012345670123456701234567", 10,
			"dea356a2cddd90c7a7ecedc5ebb563934f460452"},
		{"", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		{"a", 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
		{"a", 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
		{"a", 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
		{"a", 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
		{"a", 65, "11655326c708d70319be2610e8a57d9a5b959d3b"},
	};

	for (size_t i = 0; i < COUNT(vectors); i++) {
		size_t length = strlen(vectors[i].text);
		char *text = malloc(length * vectors[i].times + 1);
		char hex[2 * SHA1_BYTES + 1];
		uint8_t digest[SHA1_BYTES];

		assert_non_null(text);
		for (size_t j = 0; j < vectors[i].times; j++) {
			memcpy(text + j * length, vectors[i].text, length);
		}
		ws_sha1(text, length * vectors[i].times, digest);
		for (size_t j = 0; j < SHA1_BYTES; j++) {
			snprintf(hex + 2 * j, 3, "%02x", digest[j]);
		}
		assert_string_equal(hex, vectors[i].digest);
		free(text);
	}
	(void)state;
}

/* RFC 6455, 1.3 and 4.1. */
static void answers_a_key(void **state)
{
	const char *key = "dGhlIHNhbXBsZSBub25jZQ==";
	char accept[WS_ACCEPT_CHARS + 1];

	ws_handshake_accept(key, accept);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_true(ws_handshake_accepted(key, accept, WS_ACCEPT_CHARS));
	assert_false(ws_handshake_accepted(key, accept, WS_ACCEPT_CHARS - 1));
	accept[0] = 'S';
	assert_false(ws_handshake_accepted(key, accept, WS_ACCEPT_CHARS));
	(void)state;
}

static void makes_keys(void **state)
{
	uint8_t nonce[WS_NONCE_BYTES];
	char key[WS_KEY_CHARS + 1];

	ws_handshake_key((const uint8_t *)"the sample nonce", key);
	assert_string_equal(key, "dGhlIHNhbXBsZSBub25jZQ==");
	for (int i = 0; i < 256; i++) {
		memset(nonce, i, sizeof(nonce));
		ws_handshake_key(nonce, key);
		assert_true(ws_handshake_key_valid(key, strlen(key)));
	}
	(void)state;
}

static void refuses_what_is_no_key(void **state)
{
	static const char *const wrong[] = {
		"",
		"dGhlIHNhbXBsZSBub25jZQ",
		"dGhlIHNhbXBsZSBub25jZQ=",
		"dGhlIHNhbXBsZSBub25jZWE=",
		"dGhlIHNhbXBsZSBub25jZQ== ",
		" dGhlIHNhbXBsZSBub25jZQ=",
		"dGhlIHNhbXBsZSBub25j-Q==",
		"dGhlIHNhbXBsZSBub25=ZQ==",
		"dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
	};

	assert_true(ws_handshake_key_valid("dGhlIHNhbXBsZSBub25jZQ==", WS_KEY_CHARS));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_false(ws_handshake_key_valid(wrong[i], strlen(wrong[i])));
	}
	assert_false(ws_handshake_key_valid("dGhlIHNhbXBs\0SBub25jZQ==", WS_KEY_CHARS));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(computes_sha1),
		cmocka_unit_test(answers_a_key),
		cmocka_unit_test(makes_keys),
		cmocka_unit_test(refuses_what_is_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
