/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/handshake.h"

#include <string.h>

#include "ws/sha1.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* 1.3 */
#define GUID_CHARS (sizeof(GUID) - 1)

#define PAD 64

/* RFC 4648, 4; the sign that fills up stands behind them. */
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

/* Writes four characters for every three bytes begun, and a NUL. */
static void base64(const uint8_t *bytes, size_t length, char *text)
{
	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t group = (uint32_t)bytes[i] << 16;

		group |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		group |= left > 2 ? bytes[i + 2] : 0;
		for (unsigned shift = 18, j = 0; j < 4; j++, shift -= 6) {
			*text++ = digits[j <= left ? group >> shift & 63 : PAD];
		}
	}
	*text = '\0';
}

void ws_handshake_key(const uint8_t nonce[WS_NONCE_BYTES], char key[WS_KEY_CHARS + 1])
{
	base64(nonce, WS_NONCE_BYTES, key);
}

bool ws_handshake_key_valid(const char *key, size_t length)
{
	if (length != WS_KEY_CHARS || memcmp(key + length - 2, "==", 2) != 0) {
		return false;
	}
	for (size_t i = 0; i < length - 2; i++) {
		if (!memchr(digits, key[i], PAD)) {
			return false;
		}
	}
	return true;
}

void ws_handshake_accept(const char key[WS_KEY_CHARS], char accept[WS_ACCEPT_CHARS + 1])
{
	char text[WS_KEY_CHARS + GUID_CHARS];
	uint8_t digest[SHA1_BYTES];

	memcpy(text, key, WS_KEY_CHARS);
	memcpy(text + WS_KEY_CHARS, GUID, GUID_CHARS);
	ws_sha1(text, sizeof(text), digest);
	base64(digest, sizeof(digest), accept);
}

bool ws_handshake_accepted(const char key[WS_KEY_CHARS], const char *accept, size_t length)
{
	char expected[WS_ACCEPT_CHARS + 1];

	ws_handshake_accept(key, expected);
	return length == WS_ACCEPT_CHARS && !memcmp(accept, expected, length);
}
