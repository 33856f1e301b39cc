/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, addresses and signed transfers of Ethereum, by libsecp256k1: what eth_sendRawTransaction
 * takes. Pure but for the context of the library, which is made once and used by all threads.
 */
#ifndef ETHEREUM_ETHEREUM_H
#define ETHEREUM_ETHEREUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define ETHEREUM_KEY 32 /* bytes */
#define ETHEREUM_ADDRESS 20
#define ETHEREUM_HASH 32
#define ETHEREUM_VALUE 32 /* a big-endian number */

struct ethereum; /* the library's context, randomized against side channels */

struct ethereum_account {
	uint8_t key[ETHEREUM_KEY];
	uint8_t address[ETHEREUM_ADDRESS];
};

enum ethereum_kind {
	ETHEREUM_LEGACY, /* EIP-155: with the chain's id in v */
	ETHEREUM_EIP1559 /* type 2 (EIP-2718, EIP-1559) */
};

struct ethereum_transaction {
	enum ethereum_kind kind;
	uint64_t chain_id;
	uint64_t nonce;
	uint64_t gas_limit;
	uint64_t gas_price;    /* wei; legacy */
	uint64_t max_fee;      /* wei; EIP-1559 */
	uint64_t max_priority; /* wei; EIP-1559 */
	uint8_t to[ETHEREUM_ADDRESS];
	uint8_t value[ETHEREUM_VALUE]; /* wei */
	const uint8_t *data;
	size_t data_length;
};

/* Returns NULL with errno ENOMEM. */
struct ethereum *ethereum_new(void);
void ethereum_free(struct ethereum *ethereum);

/* Fills in the address of a key. Returns false if it is none (0, or not below the order). */
bool ethereum_account_of_key(const struct ethereum *ethereum, struct ethereum_account *account);

/* The number-th account of a seed: Keccak-256 of both, as often as it needs to be a key. */
void ethereum_account_of_seed(const struct ethereum *ethereum, uint64_t seed, uint64_t number,
	struct ethereum_account *account);

/*
 * Appends the signed transaction, raw bytes; deterministic (RFC 6979), low s. hash: of the
 * transaction, by which receipts are asked for. Returns 0 or -ENOMEM.
 */
int ethereum_sign(const struct ethereum *ethereum, const struct ethereum_account *account,
	const struct ethereum_transaction *transaction, struct buffer *raw,
	uint8_t hash[ETHEREUM_HASH]);

/*
 * Whether these bytes have the form of a signed transaction: a list that ends where they do,
 * perhaps behind the byte of its type (EIP-2718). What is in it, and who signed it, is not looked
 * at.
 */
bool ethereum_is_transaction(const void *raw, size_t length);

/* Appends "0x" and hex digits. */
void ethereum_hex(struct buffer *out, const void *bytes, size_t length);

/* Appends a quantity: "0x0", "0x41", without zeros in front. */
void ethereum_quantity(struct buffer *out, uint64_t number);

/* Reads exactly `length` bytes of hex, with or without 0x. Returns false if it is none. */
bool ethereum_read_hex(const char *text, size_t text_length, uint8_t *bytes, size_t length);

/* Reads a quantity of 64 bits, zeros in front allowed. Returns false if it is none, or larger. */
bool ethereum_read_quantity(const char *text, size_t text_length, uint64_t *number);

#endif
