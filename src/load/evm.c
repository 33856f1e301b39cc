/* SPDX-License-Identifier: Apache-2.0 */
#include "load/evm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "load/random.h"

#define ETHER UINT64_C(1000000000000000000)
#define ACCOUNTS 10
#define POLL_MS 250

struct evm *evm_new(const struct plan *plan)
{
	struct evm *evm = calloc(1, sizeof(*evm));

	if (!evm) {
		errno = ENOMEM;
		return NULL;
	}
	evm->plan = plan;
	evm->seed = plan->seed;
	evm->setting = (struct evm_setting){
		.account_count = ACCOUNTS,
		.account_seed = plan->seed,
		.kind = ETHEREUM_EIP1559,
		.gas_limit = EVM_GAS_OF_TRANSFER,
		.value = wei_of(1),
		.fund = wei_of(ETHER),
		.poll_ms = POLL_MS,
		.receipts = true,
	};
	list_init(&evm->awaiting);
	(void)pthread_mutex_init(&evm->lock, NULL);
	evm->ethereum = ethereum_new();
	if (inclusion_init(&evm->inclusion) < 0 || chain_init(&evm->chain, &evm->inclusion) < 0 ||
		histogram_init(&evm->section.latency) < 0 || !evm->ethereum) {
		evm_free(evm);
		errno = ENOMEM;
		return NULL;
	}
	return evm;
}

/* Keys do not stay in memory that somebody else gets. */
static void forget(void *bytes, size_t length)
{
	if (bytes) {
		explicit_bzero(bytes, length);
	}
}

void evm_free(struct evm *evm)
{
	if (!evm) {
		return;
	}
	histogram_fini(&evm->section.latency);
	chain_fini(&evm->chain);
	inclusion_fini(&evm->inclusion);
	forget(evm->accounts, evm->account_count * sizeof(*evm->accounts));
	free(evm->accounts);
	free(evm->setting.data);
	free(evm->setting.presigned);
	ethereum_free(evm->ethereum);
	(void)pthread_mutex_destroy(&evm->lock);
	forget(&evm->setting, sizeof(evm->setting));
	free(evm);
}

int evm_derive_accounts(struct evm *evm)
{
	size_t count = evm->setting.account_count;

	evm->accounts = calloc(count, sizeof(*evm->accounts));
	if (!evm->accounts) {
		return -ENOMEM;
	}
	evm->account_count = count;
	for (size_t i = 0; i < count; i++) {
		ethereum_account_of_seed(
			evm->ethereum, evm->setting.account_seed, i, &evm->accounts[i]);
	}
	return 0;
}

void evm_choose_receiver(const struct evm *evm, const struct ethereum_account *from,
	uint64_t number, uint8_t to[ETHEREUM_ADDRESS])
{
	const uint8_t *receiver = from->address;
	struct random random;

	switch (evm->setting.receiver) {
	case EVM_TO_ACCOUNTS:
		random_init(&random, evm->seed, number);
		receiver = evm->accounts[random_below(&random, evm->account_count)].address;
		break;
	case EVM_TO_RANDOM:
		random_init(&random, evm->seed, number);
		for (size_t i = 0; i < ETHEREUM_ADDRESS; i++) {
			to[i] = (uint8_t)random_bits(&random);
		}
		return;
	case EVM_TO_SELF:
		break;
	case EVM_TO_ADDRESS:
		receiver = evm->setting.to;
		break;
	}
	memcpy(to, receiver, ETHEREUM_ADDRESS);
}

int evm_sign(const struct evm *evm, const struct ethereum_account *from, uint64_t nonce,
	uint64_t number, struct buffer *raw, uint8_t hash[ETHEREUM_HASH])
{
	const struct evm_setting *setting = &evm->setting;
	struct ethereum_transaction transaction = {
		.kind = setting->kind,
		.chain_id = setting->chain_id,
		.nonce = nonce,
		.gas_limit = setting->gas_limit,
		.gas_price = setting->gas_price,
		.max_fee = setting->max_fee,
		.max_priority = setting->max_priority,
		.data = setting->data,
		.data_length = setting->data_length,
	};

	evm_choose_receiver(evm, from, number, transaction.to);
	memcpy(transaction.value, setting->value.bytes, sizeof(transaction.value));
	return ethereum_sign(evm->ethereum, from, &transaction, raw, hash);
}

const struct ethereum_account *evm_turn(const struct evm *evm, uint64_t number, uint64_t *nonce)
{
	*nonce = evm->setting.first_nonce + number / evm->account_count;
	return &evm->accounts[number % evm->account_count];
}

bool evm_lacks(const struct evm *evm, struct buffer *names)
{
	const struct evm_setting *setting = &evm->setting;
	bool is_legacy = setting->kind == ETHEREUM_LEGACY;
	bool has_price = is_legacy ? setting->gas_price : setting->max_fee;

	if (!setting->chain_id) {
		buffer_append_text(names, "\"chain_id\"");
	}
	if (!has_price) {
		buffer_appendf(names, "%s\"%s\"", setting->chain_id ? "" : " and ",
			is_legacy ? "gas_price" : "max_fee");
	}
	return !setting->chain_id || !has_price;
}

struct wei evm_cost(const struct evm *evm)
{
	const struct evm_setting *setting = &evm->setting;
	struct wei cost =
		wei_of(setting->kind == ETHEREUM_LEGACY ? setting->gas_price : setting->max_fee);

	cost = wei_multiply(&cost, setting->gas_limit);
	return wei_add(&cost, &setting->value);
}

static void free_shared(void *shared)
{
	evm_free(shared);
}

const struct source_kind evm_source_kind = {
	.new = evm_source_new,
	.free_shared = free_shared,
	.tell = evm_tell,
	.show = evm_show,
};
