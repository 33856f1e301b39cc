/* SPDX-License-Identifier: Apache-2.0 */
/* How sources begin, together and alone, and those whose transactions are signed. */
#include "load/evm_source_script.h"

#include <fcntl.h>

#define CHAIN_HELD "eth_chainId"

static char path[64];

/* Writes a file of transactions, one a line, of the accounts in turn. */
static void write_presigned(const char *more)
{
	struct buffer text = {0};
	int fd;

	evm->setting.chain_id = 0x539;
	(void)snprintf(path, sizeof(path), "/tmp/curfew-presigned-%d", (int)getpid());
	for (uint64_t i = 0; i < 3; i++) {
		struct buffer raw = {0};
		uint8_t hash[ETHEREUM_HASH];

		assert_int_equal(evm_sign(evm, &evm->accounts[i], 1, i, &raw, hash), 0);
		ethereum_hex(&text, raw.data, raw.length);
		buffer_append_char(&text, '\n');
		buffer_fini(&raw);
	}
	buffer_append_text(&text, more);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text.data, text.length), text.length);
	close(fd);
	buffer_fini(&text);
	evm->setting.presigned = strdup(path);
}

static int presigned_teardown(void **state)
{
	(void)unlink(path);
	return source_teardown(state);
}

#define presigned_test(test) cmocka_unit_test_setup_teardown(test, source_setup, presigned_teardown)

/* What is for all is asked once; then each asks for its own accounts. */
static void the_others_wait_for_the_first(void **state)
{
	struct transfer transfers[2] = {0};

	(void)state;
	plan.threads = 2;
	assert_non_null(make(0));
	assert_non_null(make(1));
	node_can(CHAIN_HELD, NULL);
	prepare(1);
	prepare(0);
	(void)node_await(CHAIN_HELD);
	node_settle();
	assert_int_equal(prepared[0] + prepared[1], 0);
	assert_int_equal(node_count_asked(NONCE), 0);
	node_result(node_await(CHAIN_HELD), "\"0x539\"");
	run_until(prepared[0] && prepared[1]);
	assert_int_equal(node_count_asked(CHAIN_HELD), 1);
	assert_int_equal(node_count_asked(NONCE), ACCOUNTS);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(failures[i], "");
		assert_int_equal(next_of(i, &transfers[i], (uint64_t)i), 0);
		assert_signed(&transfers[i], (size_t)i, 5);
		buffer_fini(&transfers[i].room);
	}
}

static void one_that_comes_late_finds_it_done(void **state)
{
	(void)state;
	plan.threads = 2;
	assert_non_null(make(0));
	assert_non_null(make(1));
	prepare(0);
	run_until(prepared[0]);
	prepare(1);
	run_until(prepared[1]);
	assert_string_equal(failures[1], "");
	assert_int_equal(node_count_asked(CHAIN_HELD), 1);
}

static void a_failure_is_told_to_all(void **state)
{
	(void)state;
	plan.threads = 2;
	assert_non_null(make(0));
	assert_non_null(make(1));
	node_can(CHAIN_HELD, NULL);
	prepare(0);
	prepare(1);
	node_error(node_await(CHAIN_HELD), -32000, "it is not synced");
	run_until(prepared[0] && prepared[1]);
	assert_non_null(strstr(failures[0], "for its chain's id, the node says: it is not synced"));
	assert_string_equal(failures[0], failures[1]);
	node_settle();
	assert_int_equal(prepared[0] + prepared[1], 2);
}

static void an_account_without_money_is_told(void **state)
{
	(void)state;
	node_can("eth_getBalance", "\"0x0\"");
	assert_non_null(make(0));
	prepare(0);
	run_until(prepared[0]);
	assert_non_null(strstr(failures[0], "lacks money (it has 0 wei"));
	assert_non_null(strstr(failures[0],
		"as do 3 more: fund them, or say who does "
		"(\"fund_from\")"));
}

/* Of the one that asks for all: the others hear of it. */
static void the_first_may_be_stopped(void **state)
{
	(void)state;
	plan.threads = 2;
	assert_non_null(make(0));
	assert_non_null(make(1));
	node_can(CHAIN_HELD, NULL);
	prepare(0);
	prepare(1);
	(void)node_await(CHAIN_HELD);
	sources[0]->ops->stop(sources[0]);
	run_until(prepared[0] && prepared[1]);
	assert_string_equal(failures[0], "the run was stopped");
	assert_string_equal(failures[1], "the run was stopped");
	node_result(node_await(CHAIN_HELD), "\"0x539\"");
	node_settle();
	assert_int_equal(prepared[0] + prepared[1], 2);
}

/* Whatever it waits for: once prepared() comes, and then nothing. */
static void it_may_be_stopped_at_any_point(void **state)
{
	for (int point = 0; point < 60; point += 3) {
		plan.threads = 2;
		assert_non_null(make(0));
		assert_non_null(make(1));
		prepare(0);
		prepare(1);
		for (int i = 0; i < point; i++) {
			round_now();
		}
		for (int i = 0; i < 2; i++) {
			sources[i]->ops->stop(sources[i]);
		}
		run_until(prepared[0] && prepared[1]);
		node_settle();
		assert_int_equal(prepared[0], 1);
		assert_int_equal(prepared[1], 1);
		source_teardown(state);
		source_setup(state);
	}
}

/* Or freed without a word. */
static void it_may_be_freed_at_any_point(void **state)
{
	for (int point = 0; point < 60; point += 3) {
		assert_non_null(make(0));
		prepare(0);
		for (int i = 0; i < point; i++) {
			round_now();
		}
		free_sources();
		node_settle();
		source_teardown(state);
		source_setup(state);
	}
	assert_non_null(make(0)); /* before it has begun */
}

static void there_is_no_memory(void **state)
{
	bool failed = true;

	for (int n = 1; failed; n++) {
		allocation_fail(n);
		if (make(0)) {
			prepare(0);
			run_until(prepared[0]);
		} else {
			assert_int_equal(errno, ENOMEM);
		}
		failed = allocation_failed();
		source_teardown(state);
		source_setup(state);
	}
	assert_string_equal(failures[0], "");
}

/* A file of transactions. */

static void signed_ones_are_sent_as_they_are(void **state)
{
	struct transfer transfer = {0};

	(void)state;
	write_presigned("");
	prepare_all(1);
	node_expect_asked(""); /* neither price nor nonces: see evm_prepare_test */
	for (uint64_t i = 0; i < 3; i++) {
		next(&transfer, i);
		assert_signed(&transfer, i, 1);
		assert_int_equal(i == 1 ? refuse(&transfer, "nonce too low") : accept_it(&transfer),
			i == 1 ? LOAD_RPC_ERROR : LOAD_OK);
	}
	assert_int_equal(next_of(0, &transfer, 3), SOURCE_END);
	assert_int_equal(next_of(0, &transfer, 4), SOURCE_END);
	assert_int_equal(counted().accepted, 2);
	assert_int_equal(evm->nonce_refused, 1);
	assert_int_equal(evm->resyncs, 0);
	buffer_fini(&transfer.room);
}

/* Each takes its own lines of it. */
static void threads_share_a_file(void **state)
{
	struct transfer transfer = {0};

	(void)state;
	write_presigned("");
	prepare_all(2);
	assert_int_equal(next_of(1, &transfer, 1), 0);
	assert_signed(&transfer, 1, 1);
	assert_int_equal(next_of(0, &transfer, 0), 0);
	assert_signed(&transfer, 0, 1);
	assert_int_equal(next_of(0, &transfer, 2), 0);
	assert_signed(&transfer, 2, 1);
	assert_int_equal(next_of(1, &transfer, 3), SOURCE_END);
	buffer_fini(&transfer.room);
}

static void nothing_of_a_file_warms_up(void **state)
{
	struct transfer transfer = {0};

	(void)state;
	write_presigned("");
	prepare_all(1);
	next(&transfer, LOAD_WARMING_FROM);
	assert_non_null(strstr(transfer.request.body, "eth_chainId"));
	next(&transfer, 0);
	assert_signed(&transfer, 0, 1);
	buffer_fini(&transfer.room);
}

/* It is for the node to refuse. */
static void a_line_that_is_none(void **state)
{
	struct transfer transfer = {0};

	(void)state;
	write_presigned("0xnonsense\n");
	prepare_all(1);
	next(&transfer, 3);
	assert_string_equal(raw_of(&transfer), "0x");
	assert_int_equal(refuse(&transfer, "rlp: no"), LOAD_RPC_ERROR);
	assert_int_equal(next_of(0, &transfer, 4), SOURCE_END);
	buffer_fini(&transfer.room);
}

static void a_file_that_is_not_there(void **state)
{
	(void)state;
	evm->setting.presigned = strdup("/nowhere/transactions");
	assert_non_null(make(0));
	prepare(0);
	run_until(prepared[0]);
	assert_string_equal(failures[0],
		"cannot read the transactions of '/nowhere/transactions': No such file or "
		"directory (have \"presigned\" name a file that --presign wrote)");
}

static void a_line_for_which_there_is_no_memory(void **state)
{
	struct transfer transfer = {0};
	bool failed = true;

	for (int n = 1; failed; n++) {
		int result;

		write_presigned("");
		prepare_all(1);
		allocation_fail(n);
		result = next_of(0, &transfer, 0);
		failed = allocation_failed();
		assert_true(result == 0 || result == -ENOMEM);
		next(&transfer, 1);
		assert_signed(&transfer, 1, 1);
		source_teardown(state);
		source_setup(state);
	}
	buffer_fini(&transfer.room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		source_test(the_others_wait_for_the_first),
		source_test(one_that_comes_late_finds_it_done),
		source_test(a_failure_is_told_to_all),
		source_test(an_account_without_money_is_told),
		source_test(the_first_may_be_stopped),
		source_test(it_may_be_stopped_at_any_point),
		source_test(it_may_be_freed_at_any_point),
		source_test(there_is_no_memory),
		presigned_test(signed_ones_are_sent_as_they_are),
		presigned_test(threads_share_a_file),
		presigned_test(nothing_of_a_file_warms_up),
		presigned_test(a_line_that_is_none),
		presigned_test(a_file_that_is_not_there),
		presigned_test(a_line_for_which_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
