/* SPDX-License-Identifier: Apache-2.0 */
/* The key of the opening handshake, and the answer to it (RFC 6455, 4.1 and 4.2.2). */
#ifndef WS_HANDSHAKE_H
#define WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_NONCE_BYTES 16
#define WS_KEY_CHARS 24    /* of Sec-WebSocket-Key */
#define WS_ACCEPT_CHARS 28 /* of Sec-WebSocket-Accept */

/*
 * Writes a client's key from a nonce that was drawn at random for this connection (4.1, 7), and a
 * NUL behind it.
 */
void ws_handshake_key(const uint8_t nonce[WS_NONCE_BYTES], char key[WS_KEY_CHARS + 1]);

/*
 * Whether this is a key: base64 of 16 bytes (4.2.1, 5), without spaces around it. The bits that
 * the last digit has too many are not looked at.
 */
bool ws_handshake_key_valid(const char *key, size_t length);

/* Writes the answer to a key (4.2.2, 5.4), and a NUL behind it. */
void ws_handshake_accept(const char key[WS_KEY_CHARS], char accept[WS_ACCEPT_CHARS + 1]);

/* Whether a server's answer is the one to our key (4.1). */
bool ws_handshake_accepted(const char key[WS_KEY_CHARS], const char *accept, size_t length);

#endif
