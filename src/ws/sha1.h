/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-1 (RFC 3174) of what is in memory: for the handshake only (RFC 6455, 10.8: nothing there
 * depends on its strength).
 */
#ifndef WS_SHA1_H
#define WS_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_BYTES 20

void ws_sha1(const void *bytes, size_t length, uint8_t digest[SHA1_BYTES]);

#endif
