/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursive length prefix (Ethereum's yellow paper, appendix B), written; what we read of a node is
 * JSON, and of files of transactions only the form. A list is written behind its length, so its
 * items are written first, into a buffer of their own.
 */
#ifndef ETHEREUM_RLP_H
#define ETHEREUM_RLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* A string of bytes. */
void rlp_bytes(struct buffer *out, const void *bytes, size_t length);

/* A number: big-endian, without zeros in front; 0 is the empty string. */
void rlp_number(struct buffer *out, uint64_t number);

/* A number of up to 32 bytes, big-endian: leading zeros are left out. */
void rlp_big(struct buffer *out, const uint8_t *bytes, size_t length);

/* A list of what items has, which is already written. */
void rlp_list(struct buffer *out, const struct buffer *items);

/* Whether these bytes are one list with whole items in it, and nothing behind it. */
bool rlp_is_list(const uint8_t *bytes, size_t length);

#endif
