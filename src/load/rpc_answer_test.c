/* SPDX-License-Identifier: Apache-2.0 */
#include "load/rpc_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "load/block.h"

#define ANSWER(rest) "{\"jsonrpc\":\"2.0\",\"id\":7," rest "}"
#define ERROR(message) ANSWER("\"error\":{\"code\":-32000,\"message\":\"" message "\"}")
#define HASH "0x1111111111111111111111111111111111111111111111111111111111111111"
#define PARENT "0x2222222222222222222222222222222222222222222222222222222222222222"

static struct rpc_answer read_answer(const char *text)
{
	struct rpc_answer answer;

	rpc_answer_read(&answer, 7, text, strlen(text));
	return answer;
}

static void judges_answers(void **state)
{
	static const struct {
		const char *text;
		enum rpc_verdict verdict;
	} rows[] = {
		{ANSWER("\"result\":\"0x1\""), RPC_RESULT},
		{ANSWER("\"result\":null"), RPC_RESULT},
		{ANSWER("\"result\":1,\"error\":null"), RPC_RESULT},
		{ERROR("x"), RPC_ERROR},
		{"{\"id\":null,\"error\":{}}", RPC_ERROR},
		{ANSWER("\"error\":\"x\""), RPC_GARBAGE},
		{"{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":1}", RPC_GARBAGE},
		{"{\"jsonrpc\":\"2.0\",\"id\":8,\"error\":{}}", RPC_GARBAGE},
		{"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":1}", RPC_GARBAGE},
		{"{\"jsonrpc\":\"2.0\",\"id\":7}", RPC_GARBAGE},
		{"[]", RPC_GARBAGE},
		{"", RPC_GARBAGE},
		{"{\"id\":7,\"result\":", RPC_GARBAGE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(read_answer(rows[i].text).verdict, rows[i].verdict);
	}
	assert_int_equal(read_answer(ERROR("x")).code, -32000);
}

/* As these nodes say it. */
static void understands_refusals(void **state)
{
	static const struct {
		const char *text;
		enum rpc_refusal refusal;
	} rows[] = {
		{ERROR("already known"), RPC_KNOWN},
		{ERROR("transaction already imported"), RPC_KNOWN},
		{ERROR("AlreadyKnown"), RPC_KNOWN},
		{ERROR("tx already in mempool"), RPC_KNOWN},
		{ERROR("known transaction: 12"), RPC_KNOWN},
		{ERROR("nonce too low: next nonce 5, tx nonce 3"), RPC_NONCE},
		{ERROR("Nonce too high"), RPC_NONCE},
		{ERROR("account sequence mismatch, expected 5, got 3"), RPC_NONCE},
		{ERROR("replacement transaction underpriced"), RPC_NONCE},
		{ERROR("insufficient funds for gas * price + value"), RPC_FUNDS},
		{ERROR("Insufficient funds for gas"), RPC_FUNDS},
		{ERROR("txpool is full"), RPC_OTHER},
		{ANSWER("\"error\":{\"code\":1}"), RPC_OTHER},
		{ANSWER("\"error\":{\"message\":1}"), RPC_OTHER},
		{ANSWER("\"result\":\"nonce\""), RPC_OTHER},
	};
	struct rpc_answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer = read_answer(rows[i].text);
		assert_int_equal(rpc_refusal_of(&answer), rows[i].refusal);
	}
}

static void reads_notices(void **state)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":"
		"{\"subscription\":\"0x1\",\"result\":{\"number\":\"0x2a\"}}}";
	static const char other[] = "{\"method\":\"eth_subscription\",\"params\":{}}";
	struct rpc_notice notice;
	uint64_t number = 0;

	(void)state;
	assert_true(rpc_notice_read(&notice, text, sizeof(text) - 1));
	assert_true(block_read_number(notice.text, &notice.result, &number));
	assert_int_equal(number, 42);
	assert_false(rpc_notice_read(&notice, other, sizeof(other) - 1));
	assert_false(rpc_notice_read(&notice, "{}", 2));
}

/* Whoever counts blocks up to the last number of all never comes to an end. */
static void takes_no_number_that_none_follows(void **state)
{
	static const struct {
		const char *text;
		bool taken;
	} rows[] = {
		{ANSWER("\"result\":{\"number\":\"0x7fffffffffffffff\"}"), true},
		{ANSWER("\"result\":{\"number\":\"0x8000000000000000\"}"), false},
		{ANSWER("\"result\":{\"number\":\"0xffffffffffffffff\"}"), false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rpc_answer answer = read_answer(rows[i].text);
		uint64_t number;

		assert_int_equal(
			block_read_number(answer.text, &answer.result, &number), rows[i].taken);
	}
}

static bool read_block(const char *text, struct chain_head *head, size_t *hashes)
{
	struct rpc_answer answer = read_answer(text);
	struct json_value transactions, element = {0};
	uint8_t hash[ETHEREUM_HASH];

	*hashes = 0;
	if (!block_read(answer.text, &answer.result, head, &transactions)) {
		return false;
	}
	while (block_transaction_next(answer.text, &transactions, &element, hash)) {
		++*hashes;
	}
	return true;
}

#define BLOCK(members)                                                                             \
	ANSWER("\"result\":{\"hash\":\"" HASH "\",\"parentHash\":\"" PARENT "\"" members "}")

static void reads_blocks(void **state)
{
	struct chain_head head;
	size_t hashes;

	(void)state;
	assert_true(read_block(BLOCK(",\"number\":\"0x10\",\"gasUsed\":\"0x5208\","
				     "\"transactions\":[\"" HASH "\",\"" PARENT "\",{},\"0x1\"]"),
		&head, &hashes));
	assert_int_equal(head.number, 16);
	assert_int_equal(head.gas_used, 21000);
	assert_int_equal(head.transactions, 4);
	assert_int_equal(head.hash[31], 0x11);
	assert_int_equal(head.parent[0], 0x22);
	assert_int_equal(hashes, 2);
	assert_false(
		read_block(BLOCK(",\"number\":\"0x10\",\"gasUsed\":\"0x5208\""), &head, &hashes));
	assert_false(read_block(
		BLOCK(",\"number\":16,\"gasUsed\":\"0x1\",\"transactions\":[]"), &head, &hashes));
	assert_false(read_block(
		BLOCK(",\"number\":null,\"gasUsed\":\"0x1\",\"transactions\":[]"), &head, &hashes));
	assert_false(read_block(BLOCK(",\"number\":\"0xffffffffffffffff\",\"gasUsed\":\"0x1\","
				      "\"transactions\":[]"),
		&head, &hashes));
	assert_false(read_block(ANSWER("\"result\":null"), &head, &hashes));
}

static void reads_receipts(void **state)
{
	static const struct {
		const char *text;
		bool is_one, succeeded;
	} rows[] = {
		{ANSWER("\"result\":{\"transactionHash\":\"" HASH "\",\"status\":\"0x1\"}"), true,
			true},
		{ANSWER("\"result\":{\"transactionHash\":\"" HASH "\",\"status\":\"0x0\"}"), true,
			false},
		{ANSWER("\"result\":{\"transactionHash\":\"" HASH "\"}"), false, false},
		{ANSWER("\"result\":{\"transactionHash\":\"0x11\",\"status\":\"0x1\"}"), false,
			false},
		{ANSWER("\"result\":null"), false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rpc_answer answer = read_answer(rows[i].text);
		uint8_t hash[ETHEREUM_HASH];
		bool succeeded = false;

		assert_int_equal(receipt_read(answer.text, &answer.result, hash, &succeeded),
			rows[i].is_one);
		assert_int_equal(succeeded, rows[i].succeeded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_answers),
		cmocka_unit_test(understands_refusals),
		cmocka_unit_test(reads_notices),
		cmocka_unit_test(takes_no_number_that_none_follows),
		cmocka_unit_test(reads_blocks),
		cmocka_unit_test(reads_receipts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
