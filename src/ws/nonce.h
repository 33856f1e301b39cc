/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that nobody can foresee: masking keys (RFC 6455, 10.3), a handshake's nonce (4.1, 7). */
#ifndef WS_NONCE_H
#define WS_NONCE_H

#include <stddef.h>

#define WS_NONCE_MOST 16 /* bytes at once */

/* Each byte is given out once. Any thread. */
void ws_nonce(void *bytes, size_t length);

#endif
