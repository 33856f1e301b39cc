/* SPDX-License-Identifier: Apache-2.0 */
/* What --dry-run shows of a chain: the first transactions, as far as no node is asked. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ethereum/keccak.h"
#include "load/evm.h"
#include "load/presigned.h"

static int show_signed(const struct evm *evm, struct buffer *out, uint64_t number)
{
	uint64_t nonce;
	const struct ethereum_account *from = evm_turn(evm, number, &nonce);
	uint8_t to[ETHEREUM_ADDRESS], hash[ETHEREUM_HASH];
	struct buffer raw = {0};
	int error = evm_sign(evm, from, nonce, number, &raw, hash);

	if (!error) {
		evm_choose_receiver(evm, from, number, to);
		buffer_appendf(out, "transaction %" PRIu64 ": from ", number);
		ethereum_hex(out, from->address, ETHEREUM_ADDRESS);
		buffer_appendf(out, ", nonce %" PRIu64 ", to ", nonce);
		ethereum_hex(out, to, ETHEREUM_ADDRESS);
		buffer_append_text(out, ", value ");
		wei_write(out, &evm->setting.value);
		buffer_append_text(out, ", hash ");
		ethereum_hex(out, hash, ETHEREUM_HASH);
		buffer_append_char(out, '\n');
	}
	buffer_fini(&raw);
	return error;
}

static int sign_some(const struct evm *evm, struct buffer *out, uint64_t count)
{
	struct buffer names = {0};
	bool lacks = evm_lacks(evm, &names);
	int error = 0;

	if (lacks) {
		buffer_appendf(out,
			"\nno transaction is signed without a node: the profile does not say %s\n",
			buffer_text(&names));
	} else {
		buffer_append_text(out, "\nsigned without a node, which is asked for nonces:\n");
	}
	buffer_fini(&names);
	for (uint64_t number = 0; !lacks && !error && number < count; number++) {
		error = show_signed(evm, out, number);
	}
	return error;
}

/* The file was checked, but that was before. */
static int show_presigned(const char *path, struct buffer *out, uint64_t count)
{
	struct presigned presigned;
	struct buffer raw = {0};
	uint8_t hash[ETHEREUM_HASH];
	int error = presigned_open(&presigned, path);

	buffer_appendf(out, "\nof %s:\n", path);
	for (uint64_t number = 0; !error && number < count; number++) {
		buffer_clear(&raw);
		error = presigned_read(&presigned, number, &raw);
		if (!error) {
			keccak256(raw.data, raw.length, hash);
			buffer_appendf(out, "transaction %" PRIu64 ": %zu bytes, hash ", number,
				raw.length);
			ethereum_hex(out, hash, ETHEREUM_HASH);
			buffer_append_char(out, '\n');
		}
	}
	presigned_close(&presigned);
	buffer_fini(&raw);
	return error < 0 ? error : 0;
}

int evm_show(const void *shared, struct buffer *out, uint64_t count)
{
	const struct evm *evm = shared;

	return evm->setting.presigned ? show_presigned(evm->setting.presigned, out, count)
				      : sign_some(evm, out, count);
}
