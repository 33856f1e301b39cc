/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keccak-256 as Ethereum has it: the sponge of FIPS 202 with the padding 0x01 of the original
 * submission, not SHA-3's 0x06; so OpenSSL's SHA3-256 is another function.
 */
#ifndef ETHEREUM_KECCAK_H
#define ETHEREUM_KECCAK_H

#include <stddef.h>
#include <stdint.h>

#define KECCAK_BYTES 32

void keccak256(const void *bytes, size_t length, uint8_t digest[KECCAK_BYTES]);

#endif
