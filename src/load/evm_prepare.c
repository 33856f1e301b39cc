/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question after the other: ask() puts the one of the step, answered() hands the answer to
 * take(), which decides which step is next. What cannot be answered ends it with a failure, at
 * once: a node that is not there yet is for whoever starts us to wait for.
 */
#include "load/evm_prepare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"

#define QUESTION_MS 30000
#define FUNDING_MS 120000 /* for transfers to be included */
#define AGAIN_MS 100
#define GWEI UINT64_C(1000000000)

static void ask(struct evm_prepare *prepare);

static void end(struct evm_prepare *prepare, const char *failure)
{
	prepare->step = EVM_PREPARED;
	prepare->done(prepare, failure);
}

__attribute__((format(printf, 2, 3))) static void refuse(
	struct evm_prepare *prepare, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(prepare->failure, sizeof(prepare->failure), format, arguments);
	va_end(arguments);
	end(prepare, prepare->failure);
}

static void go_on(struct evm_prepare *prepare, enum evm_step step)
{
	prepare->step = step;
	ask(prepare);
}

static void ask_again(struct evm_prepare *prepare)
{
	deadline_set(&prepare->again, curfew_after_ms(AGAIN_MS));
}

static void again(struct deadline *deadline)
{
	ask(container_of(deadline, struct evm_prepare, again));
}

/* Answers. */

/* What the profile does not say has to be asked. */
static bool needs_price(const struct evm_setting *setting)
{
	return setting->kind == ETHEREUM_LEGACY ? !setting->gas_price
						: !setting->max_fee || !setting->max_priority;
}

static void go_on_with_money(struct evm_prepare *prepare)
{
	go_on(prepare, prepare->evm->setting.has_rich ? EVM_ASK_RICH : EVM_COLLECT);
}

static void take_chain(struct evm_prepare *prepare, uint64_t id)
{
	struct evm_setting *setting = &prepare->evm->setting;

	if (setting->chain_id && setting->chain_id != id) {
		refuse(prepare,
			"the node's chain has the id %" PRIu64 ", and \"chain_id\" is %" PRIu64
			": name the node that is meant (\"rpc\"), or leave \"chain_id\" out",
			id, setting->chain_id);
		return;
	}
	setting->chain_id = id;
	if (setting->presigned) {
		go_on(prepare, EVM_COLLECT);
	} else if (needs_price(setting)) {
		go_on(prepare, EVM_ASK_PRICE);
	} else {
		go_on_with_money(prepare);
	}
}

/* Twice what it costs now, since a base fee may rise while we send. */
static void take_price(struct evm_prepare *prepare, uint64_t price)
{
	struct evm_setting *setting = &prepare->evm->setting;
	uint64_t twice = price < UINT64_MAX / 4 ? price * 2 : UINT64_MAX / 2;

	if (!setting->gas_price) {
		setting->gas_price = twice;
	}
	if (!setting->max_priority) {
		setting->max_priority =
			setting->max_fee && setting->max_fee < GWEI ? setting->max_fee : GWEI;
	}
	if (!setting->max_fee) {
		setting->max_fee = twice + setting->max_priority;
	}
	go_on_with_money(prepare);
}

/* The next account; or what comes when all have been looked at. */
static void look_on(struct evm_prepare *prepare)
{
	if (prepare->account < prepare->evm->account_count) {
		go_on(prepare, EVM_ASK_BALANCE);
	} else {
		prepare->until = curfew_after_ms(FUNDING_MS);
		go_on(prepare, prepare->has_funded ? EVM_AWAIT_FUNDED : EVM_COLLECT);
	}
}

static void take_balance(struct evm_prepare *prepare, const struct rpc_answer *answer)
{
	struct wei balance;

	if (!wei_read(
		    answer->text + answer->result.start + 1, answer->result.length - 2, &balance)) {
		refuse(prepare, "the node answers a question for a balance with what is none");
		return;
	}
	balance = wei_multiply(&balance, 2);
	if (wei_compare(&balance, &prepare->evm->setting.fund) < 0) {
		go_on(prepare, EVM_FUND);
	} else {
		prepare->account++;
		look_on(prepare);
	}
}

static void take_funded(struct evm_prepare *prepare)
{
	prepare->has_funded = true;
	prepare->rich_nonce++;
	prepare->account++;
	look_on(prepare);
}

/* The receipt of the last transfer: those before it have smaller nonces, so they are in, too. */
static void take_receipt(struct evm_prepare *prepare, const struct rpc_answer *answer)
{
	if (answer->result.kind != JSON_NULL) {
		go_on(prepare, EVM_COLLECT);
	} else if (curfew_now() < prepare->until) {
		ask_again(prepare);
	} else {
		refuse(prepare,
			"the accounts could not be funded: the last transfer to them was in no "
			"block after %d s (does the chain go on? may \"max_fee\" be too low?)",
			FUNDING_MS / 1000);
	}
}

static void take(struct evm_prepare *prepare, const struct rpc_answer *answer)
{
	bool is_number = prepare->step <= EVM_ASK_RICH;
	uint64_t number = 0;

	if (is_number && !rpc_quantity(answer->text, &answer->result, &number)) {
		refuse(prepare, "the node answers with what is no quantity");
		return;
	}
	if (!is_number && prepare->step != EVM_AWAIT_FUNDED && answer->result.kind != JSON_STRING) {
		refuse(prepare, "the node answers with what is no string");
		return;
	}
	switch (prepare->step) {
	case EVM_ASK_CHAIN:
		take_chain(prepare, number);
		break;
	case EVM_ASK_PRICE:
		take_price(prepare, number);
		break;
	case EVM_ASK_RICH:
		prepare->rich_nonce = number;
		look_on(prepare);
		break;
	case EVM_ASK_BALANCE:
		take_balance(prepare, answer);
		break;
	case EVM_FUND:
		take_funded(prepare);
		break;
	case EVM_AWAIT_FUNDED:
		take_receipt(prepare, answer);
		break;
	case EVM_COLLECT:
	case EVM_PREPARED:
		break;
	}
}

/* And how to mend it where it says no. */
static const struct {
	const char *text, *cure;
} questions[] = {
	[EVM_ASK_CHAIN] = {"for its chain's id", "is it an Ethereum node? (\"rpc\")"},
	[EVM_ASK_PRICE] = {"for the price of gas",
		"say \"max_fee\" and \"max_priority\", or \"gas_price\""},
	[EVM_ASK_RICH] = {"for the nonce of who funds", "name another node (\"rpc\")"},
	[EVM_ASK_BALANCE] = {"for a balance", "name another node (\"rpc\")"},
	[EVM_FUND] = {"to take a transfer to an account of ours",
		"\"fund_from\" has to have \"fund\" for each account, and gas"},
	[EVM_AWAIT_FUNDED] = {"for a receipt", "name another node (\"rpc\")"},
};

static void answered(struct rpc_call *call, const struct rpc_answer *answer, const char *failure)
{
	struct evm_prepare *prepare = container_of(call, struct evm_prepare, call);
	struct buffer message = {0};

	if (answer && answer->verdict == RPC_RESULT) {
		take(prepare, answer);
		return;
	}
	if (answer && answer->message.kind == JSON_STRING) {
		json_string_decode(&message, answer->text, &answer->message);
	}
	if (answer) {
		refuse(prepare, "asked %s, the node says: %.200s (%" PRId64 "): %s",
			questions[prepare->step].text, buffer_text(&message), answer->code,
			questions[prepare->step].cure);
	} else {
		refuse(prepare,
			"asked %s, the node %s: see that %s is there, or name another (\"rpc\")",
			questions[prepare->step].text, failure,
			prepare->evm->plan->endpoints[prepare->evm->rpc].host);
	}
	buffer_fini(&message);
}

/* Questions. */

static void put(struct evm_prepare *prepare, const char *method, const void *bytes, size_t length,
	const char *more)
{
	struct buffer hex = {0};

	if (length) {
		buffer_append_char(&hex, '"');
		ethereum_hex(&hex, bytes, length);
		buffer_append_char(&hex, '"');
	}
	if (hex.failed) {
		refuse(prepare, "out of memory");
	} else {
		rpc_call(prepare->client, &prepare->call, curfew_after_ms(QUESTION_MS), method,
			"%s%s", buffer_text(&hex), more);
	}
	buffer_fini(&hex);
}

static void put_transfer(struct evm_prepare *prepare)
{
	const struct evm *evm = prepare->evm;
	const struct evm_setting *setting = &evm->setting;
	struct ethereum_transaction transaction = {
		.kind = setting->kind,
		.chain_id = setting->chain_id,
		.nonce = prepare->rich_nonce,
		.gas_limit = EVM_GAS_OF_TRANSFER,
		.gas_price = setting->gas_price,
		.max_fee = setting->max_fee,
		.max_priority = setting->max_priority,
	};
	struct buffer raw = {0};

	memcpy(transaction.to, evm->accounts[prepare->account].address, ETHEREUM_ADDRESS);
	memcpy(transaction.value, setting->fund.bytes, sizeof(transaction.value));
	if (ethereum_sign(evm->ethereum, &setting->rich, &transaction, &raw, prepare->funded) < 0) {
		refuse(prepare, "out of memory");
	} else {
		put(prepare, "eth_sendRawTransaction", raw.data, raw.length, "");
	}
	buffer_fini(&raw);
}

static void reorganized(void *arg)
{
	struct evm *evm = arg;

	(void)atomic_fetch_add(&evm->epoch, 1);
}

/* What the collector calls with the evm, and with us. */

static void collecting(void *arg, const char *why)
{
	struct evm_prepare *prepare = arg;

	if (prepare->step != EVM_COLLECT) {
		return; /* it was stopped */
	}
	if (why) {
		refuse(prepare,
			"asked for its blocks, the node %s: name another (\"rpc\"), or do "
			"without (\"collector\": \"none\")",
			why);
	} else {
		end(prepare, NULL);
	}
}

static void chain_changed(void *arg)
{
	struct evm_prepare *prepare = arg;

	reorganized(prepare->evm);
}

static void collect(struct evm_prepare *prepare)
{
	struct evm *evm = prepare->evm;
	bool by_websocket = evm->setting.collecting == EVM_COLLECT_WEBSOCKET;
	const struct collector_config config = {
		.worker = prepare->worker,
		.client = prepare->client,
		.websocket = by_websocket ? &evm->plan->endpoints[evm->websocket] : NULL,
		.tls = evm->plan->tls,
		.poll_ms = evm->setting.poll_ms,
		.receipts = evm->setting.receipts,
		.inclusion = &evm->inclusion,
		.chain = &evm->chain,
		.counts = &evm->collected,
		.started = collecting,
		.reorganized = chain_changed,
		.arg = prepare,
	};

	if (!evm->collects) {
		end(prepare, NULL);
		return;
	}
	prepare->collector = collector_new(&config);
	if (!prepare->collector) {
		refuse(prepare, "out of memory");
	}
}

static void ask(struct evm_prepare *prepare)
{
	const struct evm *evm = prepare->evm;

	switch (prepare->step) {
	case EVM_ASK_CHAIN:
		put(prepare, "eth_chainId", NULL, 0, "");
		break;
	case EVM_ASK_PRICE:
		put(prepare, "eth_gasPrice", NULL, 0, "");
		break;
	case EVM_ASK_RICH:
		put(prepare, "eth_getTransactionCount", evm->setting.rich.address, ETHEREUM_ADDRESS,
			",\"pending\"");
		break;
	case EVM_ASK_BALANCE:
		put(prepare, "eth_getBalance", evm->accounts[prepare->account].address,
			ETHEREUM_ADDRESS, ",\"latest\"");
		break;
	case EVM_FUND:
		put_transfer(prepare);
		break;
	case EVM_AWAIT_FUNDED:
		put(prepare, "eth_getTransactionReceipt", prepare->funded, ETHEREUM_HASH, "");
		break;
	case EVM_COLLECT:
		collect(prepare);
		break;
	case EVM_PREPARED:
		break;
	}
}

void evm_prepare_start(struct evm_prepare *prepare)
{
	prepare->call.done = answered;
	deadline_init(&prepare->again, &prepare->worker->loop->agenda, again);
	go_on(prepare, EVM_ASK_CHAIN);
}

void evm_prepare_stop(struct evm_prepare *prepare)
{
	if (prepare->client) {
		prepare->step = EVM_PREPARED;
		rpc_cancel(&prepare->call);
		deadline_set(&prepare->again, CURFEW_NEVER);
	}
}

void evm_prepare_fini(struct evm_prepare *prepare)
{
	if (prepare->client) {
		evm_prepare_stop(prepare);
		rpc_call_fini(&prepare->call);
		deadline_fini(&prepare->again);
	}
}
