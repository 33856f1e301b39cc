/* SPDX-License-Identifier: Apache-2.0 */
#include "load/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "json/reader.h"

#define ONES "0x1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS "0x2222222222222222222222222222222222222222222222222222222222222222"

static struct json_value read_whole(const char *text)
{
	struct json_reader reader = {0};

	assert_int_equal(json_read(&reader, text, strlen(text)), JSON_OK);
	return reader.root;
}

static bool is_block(const char *text, struct chain_head *head, struct json_value *transactions)
{
	struct json_value value = read_whole(text);

	return block_read(text, &value, head, transactions);
}

/* A member that comes twice is what it was said to be last. */
static void reads_blocks(void **state)
{
	static const char text[] =
		"{\"number\":\"0x1\",\"hash\":\"" ONES "\",\"parentHash\":\"" TWOS
		"\",\"gasUsed\":\"0x64\",\"transactions\":[\"" TWOS "\",{},\"" ONES
		"\"],\"number\":\"0x2\"}";
	struct json_value transactions, element = {0};
	uint8_t hash[ETHEREUM_HASH];
	struct chain_head head;

	(void)state;
	assert_true(is_block(text, &head, &transactions));
	assert_int_equal(head.number, 2);
	assert_int_equal(head.gas_used, 100);
	assert_int_equal(head.transactions, 3);
	assert_int_equal(head.hash[0], 0x11);
	assert_int_equal(head.parent[31], 0x22);
	assert_true(block_transaction_next(text, &transactions, &element, hash));
	assert_int_equal(hash[0], 0x22);
	assert_true(block_transaction_next(text, &transactions, &element, hash));
	assert_int_equal(hash[0], 0x11);
	assert_false(block_transaction_next(text, &transactions, &element, hash));
}

static void refuses_what_is_no_block(void **state)
{
	static const char *const texts[] = {
		"null",
		"{\"number\":\"0x1\",\"hash\":\"" ONES "\",\"parentHash\":\"" TWOS
		"\",\"gasUsed\":\"0x64\"}",
		"{\"number\":\"0x1\",\"hash\":\"" ONES
		"\",\"gasUsed\":\"0x64\",\"transactions\":[]}",
		"{\"number\":1,\"hash\":\"" ONES "\",\"parentHash\":\"" TWOS
		"\",\"gasUsed\":\"0x64\",\"transactions\":[]}",
		"{\"number\":\"0x1\",\"hash\":\"0x11\",\"parentHash\":\"" TWOS
		"\",\"gasUsed\":\"0x64\",\"transactions\":[]}",
		"{\"number\":\"0x1\",\"hash\":\"" ONES "\",\"parentHash\":\"" TWOS
		"\",\"transactions\":[]}",
	};
	struct json_value transactions;
	struct chain_head head;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(is_block(texts[i], &head, &transactions));
	}
}

static bool is_receipt(const char *text, bool *succeeded)
{
	struct json_value value = read_whole(text);
	uint8_t hash[ETHEREUM_HASH];

	return receipt_read(text, &value, hash, succeeded);
}

static void reads_receipts(void **state)
{
	bool succeeded = false;

	(void)state;
	assert_true(
		is_receipt("{\"transactionHash\":\"" ONES "\",\"status\":\"0x1\"}", &succeeded));
	assert_true(succeeded);
	assert_true(
		is_receipt("{\"transactionHash\":\"" ONES "\",\"status\":\"0x0\"}", &succeeded));
	assert_false(succeeded);
	assert_false(is_receipt("{\"transactionHash\":\"" ONES "\"}", &succeeded));
	assert_false(is_receipt("{\"status\":\"0x1\"}", &succeeded));
	assert_false(is_receipt("[]", &succeeded));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_blocks),
		cmocka_unit_test(refuses_what_is_no_block),
		cmocka_unit_test(reads_receipts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
