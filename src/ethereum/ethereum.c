/* SPDX-License-Identifier: Apache-2.0 */
#include "ethereum/ethereum.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/random.h>

#include <secp256k1.h>
#include <secp256k1_preallocated.h>
#include <secp256k1_recovery.h>

#include "ethereum/keccak.h"
#include "ethereum/rlp.h"

#define TYPE_EIP1559 0x02
#define TYPE_MOST 0x7f /* of EIP-2718; what is larger begins a list */
#define SIGNATURE 64   /* r and s */
#define POINT 65       /* of a public key: a byte 0x04, x and y */
#define POINT_HEAD 1

/* In memory of ours, since the library's own allocation aborts where there is none. */
struct ethereum {
	secp256k1_context *context;
	alignas(max_align_t) uint8_t memory[];
};

struct ethereum *ethereum_new(void)
{
	size_t size = secp256k1_context_preallocated_size(SECP256K1_CONTEXT_NONE);
	struct ethereum *ethereum = malloc(sizeof(*ethereum) + size);
	uint8_t seed[ETHEREUM_KEY];
	bool randomized;

	if (!ethereum) {
		return NULL;
	}
	ethereum->context =
		secp256k1_context_preallocated_create(ethereum->memory, SECP256K1_CONTEXT_NONE);
	randomized = getrandom(seed, sizeof(seed), 0) == sizeof(seed) &&
		secp256k1_context_randomize(ethereum->context, seed);
	(void)randomized; /* it signs the same without */
	return ethereum;
}

void ethereum_free(struct ethereum *ethereum)
{
	if (ethereum) {
		secp256k1_context_preallocated_destroy(ethereum->context);
	}
	free(ethereum);
}

bool ethereum_account_of_key(const struct ethereum *ethereum, struct ethereum_account *account)
{
	uint8_t point[POINT], digest[KECCAK_BYTES];
	size_t length = sizeof(point);
	secp256k1_pubkey public;

	if (!secp256k1_ec_pubkey_create(ethereum->context, &public, account->key)) {
		return false;
	}
	(void)secp256k1_ec_pubkey_serialize(
		ethereum->context, point, &length, &public, SECP256K1_EC_UNCOMPRESSED);
	keccak256(point + POINT_HEAD, sizeof(point) - POINT_HEAD, digest);
	memcpy(account->address, digest + KECCAK_BYTES - ETHEREUM_ADDRESS, ETHEREUM_ADDRESS);
	return true;
}

static void write_big_endian(uint8_t bytes[8], uint64_t number)
{
	for (size_t i = 8; i > 0; i--, number >>= 8) {
		bytes[i - 1] = (uint8_t)number;
	}
}

void ethereum_account_of_seed(const struct ethereum *ethereum, uint64_t seed, uint64_t number,
	struct ethereum_account *account)
{
	uint8_t both[16];

	write_big_endian(both, seed);
	write_big_endian(both + 8, number);
	keccak256(both, sizeof(both), account->key);
	while (!ethereum_account_of_key(ethereum, account)) {
		keccak256(account->key, sizeof(account->key), account->key);
	}
}

/* What both the hash that is signed and the transaction itself begin with. */
static void write_fields(struct buffer *items, const struct ethereum_transaction *transaction)
{
	if (transaction->kind == ETHEREUM_EIP1559) {
		rlp_number(items, transaction->chain_id);
	}
	rlp_number(items, transaction->nonce);
	if (transaction->kind == ETHEREUM_EIP1559) {
		rlp_number(items, transaction->max_priority);
		rlp_number(items, transaction->max_fee);
	} else {
		rlp_number(items, transaction->gas_price);
	}
	rlp_number(items, transaction->gas_limit);
	rlp_bytes(items, transaction->to, ETHEREUM_ADDRESS);
	rlp_big(items, transaction->value, ETHEREUM_VALUE);
	rlp_bytes(items, transaction->data, transaction->data_length);
	if (transaction->kind == ETHEREUM_EIP1559) {
		static const struct buffer no_access = {0};

		rlp_list(items, &no_access);
	}
}

/* EIP-155: the chain takes the place of the signature in what is signed. */
static void write_chain(struct buffer *items, const struct ethereum_transaction *transaction)
{
	if (transaction->kind == ETHEREUM_LEGACY) {
		rlp_number(items, transaction->chain_id);
		rlp_number(items, 0);
		rlp_number(items, 0);
	}
}

/* Twice the chain's id and 35 or 36, which may take a bit more than 64. */
static void write_v(struct buffer *items, uint64_t chain_id, unsigned parity)
{
	uint8_t bytes[9] = {0};
	uint64_t v = chain_id * 2 + 35 + parity;

	bytes[0] = (uint8_t)(chain_id >> 63) + (v < chain_id << 1);
	write_big_endian(bytes + 1, v);
	rlp_big(items, bytes, sizeof(bytes));
}

static void sign_hash(const struct ethereum *ethereum, const struct ethereum_account *account,
	const uint8_t hash[ETHEREUM_HASH], uint8_t signature[SIGNATURE], unsigned *parity)
{
	secp256k1_ecdsa_recoverable_signature recoverable;
	int signed_it, id = 0;

	signed_it = secp256k1_ecdsa_sign_recoverable(
		ethereum->context, &recoverable, hash, account->key, NULL, NULL);
	assert(signed_it); /* else it is no key, nor an account */
	(void)secp256k1_ecdsa_recoverable_signature_serialize_compact(
		ethereum->context, signature, &id, &recoverable);
	*parity = (unsigned)id & 1;
}

/* Appends a transaction of these items, and hashes it. */
static void write_envelope(struct buffer *raw, enum ethereum_kind kind, const struct buffer *items,
	uint8_t hash[ETHEREUM_HASH])
{
	size_t begin = raw->length;

	if (kind == ETHEREUM_EIP1559) {
		buffer_append_char(raw, TYPE_EIP1559);
	}
	rlp_list(raw, items);
	if (!raw->failed) {
		keccak256(raw->data + begin, raw->length - begin, hash);
	}
}

int ethereum_sign(const struct ethereum *ethereum, const struct ethereum_account *account,
	const struct ethereum_transaction *transaction, struct buffer *raw,
	uint8_t hash[ETHEREUM_HASH])
{
	size_t begin = raw->length, fields;
	uint8_t signature[SIGNATURE] = {0};
	struct buffer items = {0};
	unsigned parity = 0;
	bool failed;

	write_fields(&items, transaction);
	fields = items.length;
	write_chain(&items, transaction);
	write_envelope(raw, transaction->kind, &items, hash);
	if (!raw->failed) {
		sign_hash(ethereum, account, hash, signature, &parity);
		raw->length = begin;
		items.length = fields;
	}
	if (transaction->kind == ETHEREUM_EIP1559) {
		rlp_number(&items, parity);
	} else {
		write_v(&items, transaction->chain_id, parity);
	}
	rlp_big(&items, signature, SIGNATURE / 2);
	rlp_big(&items, signature + SIGNATURE / 2, SIGNATURE / 2);
	write_envelope(raw, transaction->kind, &items, hash);
	failed = raw->failed;
	buffer_fini(&items);
	return failed ? -ENOMEM : 0;
}

bool ethereum_is_transaction(const void *raw, size_t length)
{
	const uint8_t *bytes = raw;
	bool is_typed = length && bytes[0] <= TYPE_MOST;

	return rlp_is_list(bytes + is_typed, length - is_typed);
}

void ethereum_hex(struct buffer *out, const void *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char *room = buffer_reserve(out, 2 + 2 * length);

	if (!room) {
		return;
	}
	*room++ = '0';
	*room++ = 'x';
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = ((const uint8_t *)bytes)[i];

		*room++ = digits[byte >> 4];
		*room++ = digits[byte & 15];
	}
	buffer_commit(out, 2 + 2 * length);
}

void ethereum_quantity(struct buffer *out, uint64_t number)
{
	buffer_appendf(out, "0x%" PRIx64, number);
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9'    ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : -1;
}

static bool has_prefix(const char *text, size_t length)
{
	return length >= 2 && text[0] == '0' && text[1] == 'x';
}

bool ethereum_read_hex(const char *text, size_t text_length, uint8_t *bytes, size_t length)
{
	size_t prefix = has_prefix(text, text_length) ? 2 : 0;

	if (text_length - prefix != 2 * length) {
		return false;
	}
	text += prefix;
	for (size_t i = 0; i < length; i++) {
		int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			return false;
		}
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool ethereum_read_quantity(const char *text, size_t text_length, uint64_t *number)
{
	uint64_t sum = 0;

	if (text_length < 3 || !has_prefix(text, text_length)) {
		return false;
	}
	for (size_t i = 2; i < text_length; i++) {
		int digit = digit_of(text[i]);

		if (digit < 0 || sum >> 60) {
			return false;
		}
		sum = sum << 4 | (uint64_t)digit;
	}
	*number = sum;
	return true;
}
