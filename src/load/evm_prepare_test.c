/* SPDX-License-Identifier: Apache-2.0 */
#include "load/evm_prepare.h"

#include "load/chain_script.h"

#define ACCOUNTS 4
#define AGAIN_MS 100
#define QUESTION_MS 30000
#define GWEI UINT64_C(1000000000)
#define NONCE "eth_getTransactionCount"
#define BALANCE "eth_getBalance"
#define SEND "eth_sendRawTransaction"
#define RECEIPT "eth_getTransactionReceipt"

static struct plan plan;
static struct evm *evm;
static struct evm_prepare prepare;
static int done;
static char failure[SOURCE_FAILURE_MOST]; /* "": none */

static void note_done(struct evm_prepare *ended, const char *why)
{
	assert_ptr_equal(ended, &prepare);
	done++;
	(void)snprintf(failure, sizeof(failure), "%s", why ? why : "");
}

/* An evm as the profile would make it; nothing is collected unless a test says so. */
static int setup(void **state)
{
	int error = node_setup(state);

	plan = (struct plan){.seed = 7, .endpoint_count = 2};
	plan.endpoints[0] = node.endpoint;
	plan.endpoints[1] = node.websocket;
	evm = evm_new(&plan);
	assert_non_null(evm);
	evm->websocket = 1;
	evm->setting.account_count = ACCOUNTS;
	assert_int_equal(evm_derive_accounts(evm), 0);
	done = 0;
	prepare = (struct evm_prepare){
		.evm = evm,
		.worker = worker,
		.client = rpc_client_new(worker, &node.endpoint, NULL),
		.done = note_done,
	};
	node_can("eth_chainId", "\"0x539\"");
	node_can("eth_gasPrice", "\"0x3b9aca00\"");
	return error;
}

static int teardown(void **state)
{
	collector_free(prepare.collector);
	evm_prepare_fini(&prepare);
	rpc_client_close(prepare.client);
	evm_free(evm);
	chain_teardown();
	return node_teardown(state);
}

#define prepare_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void start(void)
{
	evm_prepare_start(&prepare);
	assert_int_equal(done, 0);
}

static void expect(const char *why)
{
	run_until(done);
	node_settle();
	assert_int_equal(done, 1);
	assert_string_equal(failure, why);
}

/* Somebody has money for all of them. */
static void have_rich(void)
{
	evm->setting.has_rich = true;
	ethereum_account_of_seed(evm->ethereum, 99, 0, &evm->setting.rich);
	node_can(NONCE, "\"0x11\"");
}

static void asks_for_chain_and_price(void **state)
{
	(void)state;
	start();
	expect("");
	node_expect_asked("eth_chainId []\neth_gasPrice []\n");
	assert_int_equal(evm->setting.chain_id, 0x539);
	assert_int_equal(evm->setting.max_priority, GWEI);
	assert_int_equal(evm->setting.max_fee, 3 * GWEI);
	assert_null(prepare.collector);
}

static void what_the_profile_says_stays(void **state)
{
	static const struct {
		enum ethereum_kind kind;
		uint64_t gas_price, max_fee, max_priority; /* as given */
		uint64_t cost, tip;                        /* as they are then */
		bool is_asked;
	} cases[] = {
		{ETHEREUM_LEGACY, 0, 0, 0, 2 * GWEI, 0, true},
		{ETHEREUM_LEGACY, 7, 0, 0, 7, 0, false},
		{ETHEREUM_EIP1559, 0, 9 * GWEI, 0, 9 * GWEI, GWEI, true},
		{ETHEREUM_EIP1559, 0, 100, 0, 100, 100, true},
		{ETHEREUM_EIP1559, 0, 0, 5, 2 * GWEI + 5, 5, true},
		{ETHEREUM_EIP1559, 0, 100, 5, 100, 5, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is_legacy = cases[i].kind == ETHEREUM_LEGACY;

		evm->setting.kind = cases[i].kind;
		evm->setting.gas_price = cases[i].gas_price;
		evm->setting.max_fee = cases[i].max_fee;
		evm->setting.max_priority = cases[i].max_priority;
		done = 0;
		start();
		expect("");
		assert_int_equal(
			is_legacy ? evm->setting.gas_price : evm->setting.max_fee, cases[i].cost);
		assert_true(is_legacy || evm->setting.max_priority == cases[i].tip);
		assert_int_equal(node_count_asked("eth_gasPrice"), cases[i].is_asked);
		buffer_consume(&node.asked, node.asked.length);
	}
}

static void a_price_that_has_no_double(void **state)
{
	(void)state;
	node_can("eth_gasPrice", "\"0xffffffffffffffff\"");
	evm->setting.kind = ETHEREUM_LEGACY;
	start();
	expect("");
	assert_int_equal(evm->setting.gas_price, UINT64_MAX / 2);
}

static void the_chain_has_to_be_the_one_that_is_meant(void **state)
{
	(void)state;
	evm->setting.chain_id = 0x539;
	start();
	expect("");
	evm->setting.chain_id = 1;
	done = 0;
	start();
	expect("the node's chain has the id 1337, and \"chain_id\" is 1: name the node that is "
	       "meant (\"rpc\"), or leave \"chain_id\" out");
}

static void what_is_signed_needs_no_price(void **state)
{
	(void)state;
	evm->setting.presigned = strdup("/nowhere");
	start();
	expect("");
	node_expect_asked("eth_chainId []\n");
}

/* The transfer that is asked for, decoded as far as its fields are of one length. */
static bool funds(const struct node_question *question, size_t account)
{
	struct buffer address = {0};
	bool is;

	ethereum_hex(&address, evm->accounts[account].address, ETHEREUM_ADDRESS);
	is = strstr(question->params, buffer_text(&address) + 2);
	buffer_fini(&address);
	return is;
}

/* Who has less than half gets as much as it is to have; then the last transfer is waited for. */
static void accounts_are_funded(void **state)
{
	struct node_question *question;
	uint8_t first[ETHEREUM_HASH];
	struct buffer wanted = {0};

	(void)state;
	have_rich();
	evm->setting.fund = wei_of(1000);
	start();
	for (size_t i = 0; i < ACCOUNTS; i++) {
		question = node_await(BALANCE);
		node_result(question, i % 2 ? "\"0x1f4\"" : "\"0x1f3\""); /* 500, 499 */
		if (i % 2 == 0) {
			question = node_await(SEND);
			assert_true(funds(question, i));
			memcpy(first, prepare.funded, sizeof(first));
			node_result(question, "\"0x1\"");
		}
	}
	ethereum_hex(&wanted, first, ETHEREUM_HASH);
	for (int i = 0; i < 3; i++) {
		question = node_await(RECEIPT);
		assert_non_null(strstr(question->params, buffer_text(&wanted)));
		node_result(question, "null");
		run_until(prepare.again.due != CURFEW_NEVER);
		pass_ms(AGAIN_MS - 1);
		assert_null(node_find(RECEIPT));
		pass_ms(1);
	}
	node_result(node_await(RECEIPT), "{\"status\":\"0x1\"}");
	expect("");
	assert_int_equal(prepare.rich_nonce, 0x13);
	assert_int_equal(node_count_asked(NONCE), 1);
	buffer_fini(&wanted);
}

static void accounts_that_have_money_are_left_alone(void **state)
{
	(void)state;
	have_rich();
	node_can(BALANCE, "\"0xffffffffffffffffffff\"");
	start();
	expect("");
	assert_int_equal(node_count_asked(SEND), 0);
	assert_int_equal(node_count_asked(RECEIPT), 0);
	assert_int_equal(node_count_asked(BALANCE), ACCOUNTS);
}

static void funds_that_come_in_no_block(void **state)
{
	(void)state;
	have_rich();
	node_can(BALANCE, "\"0x0\"");
	node_can(SEND, "\"0x1\"");
	node_can(RECEIPT, "null");
	start();
	run_until(node_count_asked(RECEIPT));
	for (int i = 0; i < 13 && !done; i++) {
		pass_ms(10000);
		node_settle();
	}
	expect("the accounts could not be funded: the last transfer to them was in no block after "
	       "120 s (does the chain go on? may \"max_fee\" be too low?)");
}

static void who_funds_has_no_money_either(void **state)
{
	(void)state;
	have_rich();
	node_can(BALANCE, "\"0x0\"");
	start();
	node_error(node_await(SEND), -32000, "insufficient funds for gas * price + value");
	expect("asked to take a transfer to an account of ours, the node says: insufficient funds "
	       "for gas * price + value (-32000): \"fund_from\" has to have \"fund\" for each "
	       "account, and gas");
}

/* Every step, and each way in which it can go wrong. */
static void what_goes_wrong_is_told_in_full(void **state)
{
	static const char *const methods[] = {
		"eth_chainId", "eth_gasPrice", NONCE, BALANCE, SEND, RECEIPT};
	static const char *const words[] = {"for its chain's id", "for the price of gas",
		"for the nonce of who funds", "for a balance", "to take a transfer",
		"for a receipt"};

	(void)state;
	for (int i = 0; i < 24; i++) {
		const char *method = methods[i / 4];

		have_rich();
		node_can("eth_chainId", "\"0x539\"");
		node_can("eth_gasPrice", "\"0x1\"");
		node_can(BALANCE, "\"0x0\"");
		node_can(SEND, "\"0x1\"");
		node_can(RECEIPT, "null");
		node_can(method, NULL);
		evm->setting.max_fee = evm->setting.max_priority = 0;
		done = 0;
		prepare.account = 0;
		start();
		if (i % 4 == 0) {
			node_error(node_await(method), -32601, "no such method");
			run_until(done);
			assert_non_null(
				strstr(failure, "the node says: no such method (-32601): "));
		} else if (i % 4 == 1) {
			node_status(node_await(method), 502, "");
			run_until(done);
			assert_non_null(strstr(failure,
				"the node answers with status 502: see that "
				"127.0.0.1:"));
		} else if (i % 4 == 2) {
			node_forget(node_await(method));
			pass_ms(QUESTION_MS);
			assert_non_null(strstr(failure, "the node does not answer in time: see"));
		} else {
			node_result(node_await(method), i / 4 == 5 ? "null" : "{}");
			run_until(done || prepare.again.due != CURFEW_NEVER);
			assert_int_equal(done, i / 4 != 5);
			assert_true(!done || strstr(failure, "the node answers with what is no "));
			evm_prepare_stop(&prepare);
			continue;
		}
		assert_int_equal(done, 1);
		assert_non_null(strstr(failure, words[i / 4]));
	}
}

static void a_balance_that_is_none(void **state)
{
	(void)state;
	have_rich();
	node_can(BALANCE, "\"much\"");
	start();
	expect("the node answers a question for a balance with what is none");
}

static void nobody_listens(void **state)
{
	char wanted[200];

	(void)state;
	node_die();
	(void)snprintf(wanted, sizeof(wanted),
		"asked for its chain's id, the node refuses connections: see that 127.0.0.1:%d is "
		"there, or name another (\"rpc\")",
		node.port);
	start();
	expect(wanted);
}

/* Then the collector is begun, and is its owner's. */
static void blocks_are_collected_from_then_on(void **state)
{
	(void)state;
	chain_setup(5);
	evm->collects = true;
	for (int by_websocket = 0; by_websocket < 2; by_websocket++) {
		evm->setting.collecting =
			by_websocket ? EVM_COLLECT_WEBSOCKET : EVM_COLLECT_POLLING;
		done = 0;
		start();
		expect("");
		assert_non_null(prepare.collector);
		run_until(!by_websocket || node_ws());
		assert_int_equal(chain_next(&evm->chain), 6);
		chain_fork(4, 3);
		pass_ms(evm->setting.poll_ms);
		collector_hurry(prepare.collector);
		run_until(evm->epoch > (uint64_t)by_websocket);
		collector_free(prepare.collector);
		prepare.collector = NULL;
		chain_fork(5, 1);
	}
}

static void a_node_without_blocks(void **state)
{
	(void)state;
	chain_setup(5);
	evm->collects = true;
	node_can("eth_blockNumber", "null");
	start();
	expect("asked for its blocks, the node answers with an error: name another "
	       "(\"rpc\"), or do without (\"collector\": \"none\")");
}

/* done() does not come any more, from the collector neither. */
static void it_may_be_stopped_at_any_step(void **state)
{
	static const char *const held[] = {"eth_chainId", "eth_gasPrice", NONCE, BALANCE, SEND,
		RECEIPT, "eth_blockNumber", "eth_getBlockByNumber"};

	(void)state;
	chain_setup(5);
	evm->collects = true;
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
		have_rich();
		node_can("eth_chainId", "\"0x539\"");
		node_can("eth_gasPrice", "\"0x1\"");
		node_can(BALANCE, "\"0x0\"");
		node_can(SEND, "\"0x1\"");
		node_can(RECEIPT, "{}");
		node_can(held[i], NULL);
		node_chain.holds = held[i];
		evm->setting.max_fee = evm->setting.max_priority = 0;
		prepare.account = 0;
		start();
		(void)node_await(held[i]);
		evm_prepare_stop(&prepare);
		while (node_first()) {
			node_result(node_first(), "\"0x5\"");
		}
		node_settle();
		pass_ms(QUESTION_MS);
		assert_int_equal(done, 0);
		collector_free(prepare.collector);
		prepare.collector = NULL;
	}
	evm_prepare_stop(&prepare);
}

static void there_is_no_memory(void **state)
{
	bool failed = true;

	(void)state;
	chain_setup(5);
	evm->collects = true;
	have_rich();
	node_can(BALANCE, "\"0x0\"");
	node_can(SEND, "\"0x1\"");
	node_can(RECEIPT, "{}");
	for (int n = 1; failed; n++) {
		done = 0;
		prepare.account = 0;
		allocation_fail(n);
		start();
		run_until(done);
		failed = allocation_failed();
		collector_free(prepare.collector);
		prepare.collector = NULL;
	}
	assert_string_equal(failure, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		prepare_test(asks_for_chain_and_price),
		prepare_test(what_the_profile_says_stays),
		prepare_test(a_price_that_has_no_double),
		prepare_test(the_chain_has_to_be_the_one_that_is_meant),
		prepare_test(what_is_signed_needs_no_price),
		prepare_test(accounts_are_funded),
		prepare_test(accounts_that_have_money_are_left_alone),
		prepare_test(funds_that_come_in_no_block),
		prepare_test(who_funds_has_no_money_either),
		prepare_test(what_goes_wrong_is_told_in_full),
		prepare_test(a_balance_that_is_none),
		prepare_test(nobody_listens),
		prepare_test(blocks_are_collected_from_then_on),
		prepare_test(a_node_without_blocks),
		prepare_test(it_may_be_stopped_at_any_step),
		prepare_test(there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
