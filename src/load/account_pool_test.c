/* SPDX-License-Identifier: Apache-2.0 */
#include "load/account_pool.h"

#include "load/node_script.h"

#define ACCOUNTS 20
#define AGAIN_MS 100
#define QUESTION_MS 5000
#define FIRST_QUESTION_MS 30000
#define NONCE "eth_getTransactionCount"
#define BALANCE "eth_getBalance"

static struct plan plan;
static struct evm *evm;
static struct rpc_client *client;
static struct account_pool the_pool;
static int loaded;
static char failure[400]; /* "": none */
static bool stops;        /* in loaded() */

static void note_loaded(void *arg, const char *why)
{
	assert_ptr_equal(arg, &the_pool);
	loaded++;
	(void)snprintf(failure, sizeof(failure), "%s", why ? why : "");
	if (stops) {
		account_pool_stop(&the_pool);
	}
}

static int setup(void **state)
{
	int error = node_setup(state);

	plan = (struct plan){.seed = 7};
	loaded = 0;
	stops = false;
	evm = evm_new(&plan);
	assert_non_null(evm);
	evm->setting.account_count = ACCOUNTS;
	evm->setting.max_fee = 1000;
	assert_int_equal(evm_derive_accounts(evm), 0);
	client = rpc_client_new(worker, &node.endpoint, NULL);
	assert_int_equal(account_pool_init(&the_pool, evm, worker, 0, 1), 0);
	node_can(BALANCE, "\"0xde0b6b3a7640000\"");
	return error;
}

static int teardown(void **state)
{
	account_pool_fini(&the_pool);
	rpc_client_close(client);
	evm_free(evm);
	return node_teardown(state);
}

#define pool_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void load(void)
{
	account_pool_load(&the_pool, client, note_loaded, &the_pool);
	assert_int_equal(loaded, 0);
}

/* All know their nonce, 5. */
static void load_all(void)
{
	node_can(NONCE, "\"0x5\"");
	load();
	run_until(loaded);
	assert_string_equal(failure, "");
	node_settle();
	assert_int_equal(loaded, 1);
	node_can(NONCE, NULL);
	buffer_consume(&node.asked, node.asked.length);
}

static bool is_about(const struct node_question *question, const struct account *account)
{
	struct buffer hex = {0};
	bool is;

	ethereum_hex(&hex, account->keys->address, ETHEREUM_ADDRESS);
	is = strstr(question->params, buffer_text(&hex));
	buffer_fini(&hex);
	return is;
}

static int count_waiting(void)
{
	int count = 0;

	list_each(link, &node.waiting) {
		count++;
	}
	return count;
}

static void asks_for_nonce_and_balance(void **state)
{
	struct buffer expected = {0};

	(void)state;
	account_pool_fini(&the_pool);
	evm->account_count = 1;
	assert_int_equal(account_pool_init(&the_pool, evm, worker, 0, 1), 0);
	node_can(NONCE, "\"0x0\"");
	load();
	run_until(loaded);
	for (int i = 0; i < 2; i++) {
		buffer_append_text(&expected, i ? BALANCE " [\"" : NONCE " [\"");
		ethereum_hex(&expected, evm->accounts[0].address, ETHEREUM_ADDRESS);
		buffer_append_text(&expected, i ? "\",\"latest\"]\n" : "\",\"pending\"]\n");
	}
	node_expect_asked(buffer_text(&expected));
	buffer_fini(&expected);
}

/* So many at a time, and in the end in their order, whichever was answered first. */
static void accounts_stand_in_their_order(void **state)
{
	(void)state;
	load();
	for (int i = 0; i < ACCOUNTS; i++) {
		struct curfew_link *last;
		int wanted = ACCOUNTS - i < ACCOUNT_POOL_QUESTIONS ? ACCOUNTS - i
								   : ACCOUNT_POOL_QUESTIONS;

		run_until(count_waiting() == wanted);
		last = node.waiting.prev;
		node_result(container_of(last, struct node_question, link), "\"0x5\"");
	}
	run_until(loaded);
	for (size_t i = 0; i < 2 * ACCOUNTS; i++) {
		struct account *account = account_pool_take(&the_pool);

		assert_ptr_equal(account, &the_pool.accounts[i % ACCOUNTS]);
		assert_ptr_equal(account->keys, &evm->accounts[i % ACCOUNTS]);
		assert_int_equal(account->nonce, 5 + i / ACCOUNTS);
		account_pool_give(&the_pool, account, ACCOUNT_USED);
	}
	assert_int_equal(evm->resyncs, 0);
}

static void each_thread_has_its_share(void **state)
{
	(void)state;
	for (int thread = 0; thread < 3; thread++) {
		account_pool_fini(&the_pool);
		assert_int_equal(account_pool_init(&the_pool, evm, worker, thread, 3), 0);
		assert_int_equal(the_pool.count, thread < 2 ? 7 : 6);
		for (size_t i = 0; i < the_pool.count; i++) {
			assert_ptr_equal(
				the_pool.accounts[i].keys, &evm->accounts[(size_t)thread + 3 * i]);
		}
	}
	account_pool_fini(&the_pool);
	assert_int_equal(account_pool_init(&the_pool, evm, worker, ACCOUNTS, ACCOUNTS + 1), 0);
	assert_int_equal(the_pool.count, 0);
	load();
	run_until(loaded);
	assert_string_equal(failure, "");
	assert_null(account_pool_take(&the_pool));
	node_expect_asked("");
}

/* How many, who, what it has and what it would need: the whole of it. */
static void accounts_without_money(void **state)
{
	struct buffer expected = {0};

	(void)state;
	node_can(NONCE, "\"0x0\"");
	node_can(BALANCE, "\"0x10\"");
	load();
	run_until(loaded);
	ethereum_hex(&expected, evm->accounts[0].address, ETHEREUM_ADDRESS);
	buffer_append_text(&expected,
		" lacks money (it has 16 wei, and a transfer may cost 21000001), as do 19 more: "
		"fund them, or say who does (\"fund_from\")");
	assert_string_equal(failure, buffer_text(&expected));
	assert_int_equal(loaded, 1);
	buffer_fini(&expected);
}

static void one_account_without_money(void **state)
{
	(void)state;
	node_can(NONCE, "\"0x0\"");
	node_can(BALANCE, NULL);
	load();
	for (int i = 0; i < ACCOUNTS; i++) {
		struct node_question *question = node_await(BALANCE);

		node_result(question, i == 13 ? "\"0x0\"" : "\"0x1406f41\""); /* just enough */
		node_settle();
	}
	run_until(loaded);
	assert_non_null(strstr(failure,
		" lacks money (it has 0 wei, and a transfer may cost 21000001): fund it, or say"));
}

static void what_fails_before_the_run_is_told_once(void **state)
{
	static const struct {
		int status;
		const char *body, *failure;
	} cases[] = {
		{200, "", "the node does not answer with JSON-RPC"},
		{500, "", "the node answers with status 500"},
		{200, "{\"id\":null,\"error\":{\"code\":1,\"message\":\"no\"}}",
			"the node has no answer to a question for nonce and balance"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const char *method = i % 2 ? BALANCE : NONCE;

		stops = i > 2;
		account_pool_fini(&the_pool);
		assert_int_equal(account_pool_init(&the_pool, evm, worker, 0, 1), 0);
		loaded = 0;
		node_can(NONCE, i % 2 ? "\"0x0\"" : NULL);
		node_can(BALANCE, NULL);
		load();
		node_status(node_await(method), cases[i / 2].status, cases[i / 2].body);
		run_until(loaded);
		assert_string_equal(failure, cases[i / 2].failure);
		node_settle();
		while (node_first()) {
			node_forget(node_first());
		}
		buffer_consume(&node.asked, node.asked.length);
		pass_ms(FIRST_QUESTION_MS);
		node_expect_asked("");
		assert_int_equal(loaded, 1);
	}
}

static void a_node_that_does_not_answer_before_the_run(void **state)
{
	(void)state;
	load();
	(void)node_await(NONCE);
	pass_ms(FIRST_QUESTION_MS - 1);
	assert_int_equal(loaded, 0);
	pass_ms(1);
	assert_int_equal(loaded, 1);
	assert_string_equal(failure, "the node does not answer in time");
}

static void what_was_sent_decides_about_the_nonce(void **state)
{
	struct account *account;

	(void)state;
	load_all();
	for (int i = 1; i < ACCOUNTS; i++) {
		assert_non_null(account_pool_take(&the_pool)); /* so that there is one */
	}
	account = account_pool_take(&the_pool);
	assert_null(account_pool_take(&the_pool));
	account_pool_give(&the_pool, account, ACCOUNT_UNUSED);
	assert_ptr_equal(account_pool_take(&the_pool), account);
	assert_int_equal(account->nonce, 5);
	account_pool_give(&the_pool, account, ACCOUNT_USED);
	assert_ptr_equal(account_pool_take(&the_pool), account);
	assert_int_equal(account->nonce, 6);
	account_pool_give(&the_pool, account, ACCOUNT_DOUBTED);
	assert_null(account_pool_take(&the_pool));
	assert_int_equal(evm->resyncs, 1);
	assert_true(is_about(node_await(NONCE), account));
	assert_null(account_pool_take(&the_pool));
	node_result(node_await(NONCE), "\"0x9\"");
	run_until((account = account_pool_take(&the_pool)));
	assert_int_equal(account->nonce, 9);
	assert_int_equal(node_count_asked(BALANCE), 0);
}

/* The node was away, or the chain is another one: all of them. */
static void a_new_epoch_doubts_all(void **state)
{
	(void)state;
	load_all();
	evm->epoch++;
	assert_null(account_pool_take(&the_pool));
	assert_int_equal(evm->resyncs, ACCOUNTS);
	for (int i = 0; i < ACCOUNTS; i++) {
		node_result(node_await(NONCE), "\"0x0\"");
		node_settle();
	}
	assert_int_equal(account_pool_take(&the_pool)->nonce, 0);
	assert_int_equal(node_count_asked(NONCE), ACCOUNTS);
}

/* What is answered then may be true of before. */
static void an_epoch_that_begins_while_it_asks(void **state)
{
	struct account *account;

	(void)state;
	load_all();
	account_pool_give(&the_pool, account_pool_take(&the_pool), ACCOUNT_DOUBTED);
	(void)node_await(NONCE);
	evm->epoch++;
	node_result(node_await(NONCE), "\"0x9\"");
	node_settle();
	assert_null(account_pool_take(&the_pool));
	for (int i = 0; i < ACCOUNTS; i++) {
		node_result(node_await(NONCE), "\"0x2\"");
		node_settle();
	}
	for (int i = 0; i < ACCOUNTS; i++) {
		run_until((account = account_pool_take(&the_pool)));
		assert_int_equal(account->nonce, 2);
	}
}

static void a_node_that_is_away_is_asked_until_it_is_back(void **state)
{
	(void)state;
	load_all();
	node_die();
	node_settle();
	account_pool_give(&the_pool, account_pool_take(&the_pool), ACCOUNT_DOUBTED);
	for (int i = 0; i < 5; i++) {
		uint64_t epoch = evm->epoch;

		run_until(the_pool.again.due != CURFEW_NEVER);
		pass_ms(AGAIN_MS);
		run_until(evm->epoch > epoch);
	}
	node_listen();
	node_can(NONCE, "\"0x3\"");
	assert_null(account_pool_take(&the_pool)); /* so that all are doubted */
	pass_ms(AGAIN_MS);
	for (int i = 0; i < ACCOUNTS; i++) {
		struct account *account;

		run_until((account = account_pool_take(&the_pool)));
		assert_int_equal(account->nonce, 3);
	}
}

static void garbage_is_asked_for_again(void **state)
{
	static const char *const garbage[] = {"null", "5", "{}", "\"0x11111111111111111\"", "\"\""};
	struct account *account;

	(void)state;
	load_all();
	account_pool_give(&the_pool, account_pool_take(&the_pool), ACCOUNT_DOUBTED);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		node_result(node_await(NONCE), garbage[i]);
		run_until(the_pool.again.due != CURFEW_NEVER);
		pass_ms(AGAIN_MS - 1);
		assert_null(node_find(NONCE));
		pass_ms(1);
	}
	node_error(node_await(NONCE), -32005, "too many requests");
	run_until(the_pool.again.due != CURFEW_NEVER);
	assert_int_equal(evm->epoch, 0); /* it was there */
	pass_ms(AGAIN_MS);
	node_result(node_await(NONCE), "\"0x8\"");
	for (int i = 0; i < ACCOUNTS; i++) {
		run_until((account = account_pool_take(&the_pool)));
	}
	assert_int_equal(account->nonce, 8);
}

static void an_answer_that_does_not_come_is_asked_for_again(void **state)
{
	(void)state;
	load_all();
	account_pool_give(&the_pool, account_pool_take(&the_pool), ACCOUNT_DOUBTED);
	node_forget(node_await(NONCE));
	pass_ms(QUESTION_MS);
	assert_int_equal(evm->epoch, 1);
	pass_ms(AGAIN_MS);
	node_result(node_await(NONCE), "\"0x8\"");
}

static void it_may_be_stopped_at_any_point(void **state)
{
	(void)state;
	for (int point = 0; point < 30; point++) {
		int before;

		account_pool_fini(&the_pool);
		assert_int_equal(account_pool_init(&the_pool, evm, worker, 0, 1), 0);
		loaded = 0;
		load();
		for (int i = 0; i < point; i++) {
			round_now();
			if (node_find(NONCE)) {
				node_result(node_find(NONCE), "\"0x0\"");
			}
		}
		before = loaded;
		account_pool_stop(&the_pool);
		account_pool_stop(&the_pool);
		node_settle();
		assert_int_equal(loaded, before);
		while (node_first()) {
			node_forget(node_first());
		}
	}
}

/* All of them are loaded, or one is told why not. */
static void a_pool_for_which_there_is_no_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		int error;

		account_pool_fini(&the_pool);
		loaded = 0;
		node_can(NONCE, "\"0x5\"");
		allocation_fail(n);
		error = account_pool_init(&the_pool, evm, worker, 0, 1);
		if (!error) {
			load();
			run_until(loaded);
		}
		failed = allocation_failed();
		if (error) {
			assert_int_equal(error, -ENOMEM);
		} else if (!failure[0]) {
			assert_int_equal(account_pool_take(&the_pool)->nonce, 5);
		}
	}
	assert_string_equal(failure, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		pool_test(asks_for_nonce_and_balance),
		pool_test(accounts_stand_in_their_order),
		pool_test(each_thread_has_its_share),
		pool_test(accounts_without_money),
		pool_test(one_account_without_money),
		pool_test(what_fails_before_the_run_is_told_once),
		pool_test(a_node_that_does_not_answer_before_the_run),
		pool_test(what_was_sent_decides_about_the_nonce),
		pool_test(a_new_epoch_doubts_all),
		pool_test(an_epoch_that_begins_while_it_asks),
		pool_test(a_node_that_is_away_is_asked_until_it_is_back),
		pool_test(garbage_is_asked_for_again),
		pool_test(an_answer_that_does_not_come_is_asked_for_again),
		pool_test(it_may_be_stopped_at_any_point),
		pool_test(a_pool_for_which_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
