/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: sources of transfers, up to two on one worker, with a scripted node and its chain; the
 * test is the connection over which their requests go.
 */
#ifndef LOAD_EVM_SOURCE_SCRIPT_H
#define LOAD_EVM_SOURCE_SCRIPT_H

#include "load/chain_script.h"
#include "load/evm.h"
#include "load/presigned.h"
#include "load/source.h"

#define ACCOUNTS 4
#define POLL_MS 250
#define NONCE "eth_getTransactionCount"

static struct plan plan;
static struct evm *evm;
static struct load_source *sources[2];
static int prepared[2], finished[2];
static char failures[2][SOURCE_FAILURE_MOST]; /* "": none */

/* A request, and what it is composed in. */
struct transfer {
	struct load_request request;
	struct buffer room;
};

static inline void note_prepared(void *arg, const char *failure)
{
	int thread = (int)((struct load_source **)arg - sources);

	prepared[thread]++;
	(void)snprintf(failures[thread], SOURCE_FAILURE_MOST, "%s", failure ? failure : "");
}

static inline void note_finished(void *arg)
{
	finished[(struct load_source **)arg - sources]++;
}

static inline struct load_source *make(int thread)
{
	sources[thread] = evm_source_new(&plan, worker, thread);
	prepared[thread] = finished[thread] = 0;
	return sources[thread];
}

static inline void prepare(int thread)
{
	sources[thread]->ops->prepare(sources[thread], note_prepared, &sources[thread]);
	assert_int_equal(prepared[thread], 0);
}

/* One that may send, and knows that its accounts' nonces are 5. */
static inline void prepare_all(int threads)
{
	plan.threads = threads;
	for (int i = 0; i < threads; i++) {
		assert_non_null(make(i));
		prepare(i);
	}
	for (int i = 0; i < threads; i++) {
		run_until(prepared[i]);
		assert_string_equal(failures[i], "");
	}
	node_can(NONCE, NULL);
	buffer_consume(&node.asked, node.asked.length);
}

static inline int next_of(int thread, struct transfer *transfer, uint64_t number)
{
	buffer_fini(&transfer->room);
	transfer->request = (struct load_request){.number = number, .room = &transfer->room};
	return sources[thread]->ops->next(sources[thread], &transfer->request);
}

/* Once an account is free. */
static inline void next(struct transfer *transfer, uint64_t number)
{
	int result;

	run_until((result = next_of(0, transfer, number)) != SOURCE_BUSY);
	assert_int_equal(result, 0);
}

static inline const uint8_t *hash_of(const struct transfer *transfer)
{
	return (const uint8_t *)transfer->room.data + transfer->request.body_length;
}

/* The raw transaction of a request, as its hexadecimal digits, in memory until the next call. */
static inline const char *raw_of(const struct transfer *transfer)
{
	static char digits[1024];
	const char *begin = strstr(transfer->room.data, "[\"") + 2;

	(void)snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(begin, "\""), begin);
	return digits;
}

/* Checks that it is the transfer of this account with this nonce. */
static inline void assert_signed(const struct transfer *transfer, size_t account, uint64_t nonce)
{
	struct buffer raw = {0}, digits = {0};
	uint8_t hash[ETHEREUM_HASH];

	assert_int_equal(
		evm_sign(evm, &evm->accounts[account], nonce, transfer->request.number, &raw, hash),
		0);
	ethereum_hex(&digits, raw.data, raw.length);
	assert_string_equal(raw_of(transfer), buffer_text(&digits));
	assert_memory_equal(hash_of(transfer), hash, ETHEREUM_HASH);
	buffer_fini(&raw);
	buffer_fini(&digits);
}

/* It ended so, with this body; returns what it is counted as. */
static inline enum load_outcome end_with(
	struct transfer *transfer, enum load_outcome outcome, const char *body)
{
	const struct load_answer answer = {
		.outcome = outcome,
		.status = body ? 200 : 0,
		.body = body,
		.length = body ? strlen(body) : 0,
	};

	return sources[0]->ops->over(sources[0], &transfer->request, &answer);
}

/* The id that its message has. */
static inline const char *id_of(const struct transfer *transfer)
{
	static char id[32];
	const char *begin = strstr(transfer->room.data, "\"id\":") + 5;

	(void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(begin, ","), begin);
	return id;
}

static inline enum load_outcome refuse(struct transfer *transfer, const char *message)
{
	char body[300];

	(void)snprintf(body, sizeof(body),
		"{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32000,\"message\":\"%s\"}}",
		id_of(transfer), message);
	return end_with(transfer, LOAD_OK, body);
}

static inline enum load_outcome accept_it(struct transfer *transfer)
{
	struct buffer body = {0};
	enum load_outcome outcome;

	buffer_appendf(&body, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":\"", id_of(transfer));
	ethereum_hex(&body, hash_of(transfer), ETHEREUM_HASH);
	buffer_append_text(&body, "\"}");
	outcome = end_with(transfer, LOAD_OK, buffer_text(&body));
	buffer_fini(&body);
	return outcome;
}

static inline struct inclusion_counts counted(void)
{
	struct inclusion_counts now;

	inclusion_counts_now(&evm->inclusion, &now);
	return now;
}

static inline void free_sources(void)
{
	for (int i = 0; i < 2; i++) {
		if (sources[i]) {
			sources[i]->ops->free(sources[i]);
		}
		sources[i] = NULL;
	}
}

static inline void make_evm(void)
{
	evm = evm_new(&plan);
	assert_non_null(evm);
	evm->setting.account_count = ACCOUNTS;
	evm->setting.collecting = EVM_COLLECT_POLLING;
	evm->collects = true;
	evm->endpoint_count = 1;
	evm->scenario = 3;
	assert_int_equal(evm_derive_accounts(evm), 0);
	plan.shared = evm;
}

static inline int source_setup(void **state)
{
	int error = node_setup(state);

	plan = (struct plan){.seed = 7, .threads = 1, .endpoint_count = 1};
	plan.endpoints[0] = node.endpoint;
	make_evm();
	chain_setup(5);
	node_can("eth_chainId", "\"0x539\"");
	node_can("eth_gasPrice", "\"0x3b9aca00\"");
	node_can("eth_getBalance", "\"0xde0b6b3a7640000\"");
	node_can(NONCE, "\"0x5\"");
	return error;
}

static inline int source_teardown(void **state)
{
	free_sources();
	evm_free(evm);
	chain_teardown();
	return node_teardown(state);
}

#define source_test(test) cmocka_unit_test_setup_teardown(test, source_setup, source_teardown)

#endif
