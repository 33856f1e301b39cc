/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 (Aumasson and Bernstein): a hash for tables whose keys come from outside, so that
 * nobody who does not know the random key can choose what falls together.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* Fills in a random key. */
void siphash_key(uint64_t key[2]);

uint64_t siphash(const uint64_t key[2], const void *bytes, size_t length);

#endif
