/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "load/evm.h"

static struct plan plan;
static struct evm *evm;
static struct buffer told;

static int setup(void **state)
{
	(void)state;
	evm = evm_new(&plan);
	assert_non_null(evm);
	evm->collects = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	evm_free(evm);
	buffer_fini(&told);
	return 0;
}

#define told_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* The rows as people see them. */
static const char *tell(void)
{
	struct result_section *sections = NULL;

	evm_tell(evm, &sections);
	assert_ptr_equal(sections, &evm->section);
	assert_null(sections->next);
	assert_string_equal(sections->name, "evm");
	told.length = 0;
	for (size_t i = 0; i < sections->row_count; i++) {
		buffer_appendf(&told, "%s %s\n", sections->rows[i].name, sections->rows[i].text);
	}
	return buffer_text(&told);
}

static double value_of(const char *name)
{
	for (size_t i = 0; i < evm->section.row_count; i++) {
		if (!strcmp(evm->section.rows[i].name, name)) {
			return evm->section.rows[i].value;
		}
	}
	fail_msg("no row %s", name);
	return 0;
}

static void nothing_has_happened(void **state)
{
	(void)state;
	assert_string_equal(tell(),
		"blocks 0\nreorganizations 0\noutages 0\naccepted 0\nunanswered 0\nincluded 0\n"
		"included_unanswered 0\nnot_included 0\nreorganized_out 0\nreceipts_succeeded 0\n"
		"receipts_failed 0\nreceipts_missing 0\nresyncs 0\nnonce_errors 0\n"
		"already_known 0\nfunds_errors 0\n");
}

static void what_is_not_collected_is_not_told(void **state)
{
	(void)state;
	evm->setting.receipts = false;
	assert_null(strstr(tell(), "receipts"));
	evm->collects = false;
	evm->resyncs = 3;
	assert_string_equal(tell(), "resyncs 3\nnonce_errors 0\nalready_known 0\nfunds_errors 0\n");
}

/* So many blocks, 2 s between two, of a transaction and so much gas each. */
static void grow(int count, uint64_t gas)
{
	for (int i = 1; i <= count; i++) {
		struct chain_head head = {
			.number = (uint64_t)i, .gas_used = gas, .transactions = 1};

		head.hash[0] = (uint8_t)i;
		head.parent[0] = (uint8_t)(i - 1);
		if (i == 1) {
			chain_begin(&evm->chain, &(struct chain_head){0});
		}
		assert_true(chain_append(&evm->chain, &head, 2 * i * NS_PER_S));
	}
}

/* The first block was made before the time that is looked at: its gas is not of it. */
static void rates_are_of_the_time_between_blocks(void **state)
{
	static const struct {
		uint64_t gas;
		const char *rate;
	} cases[] = {{1998, "999"}, {3000, "1.5 k"}, {3000000, "1.5 M"},
		{UINT64_C(3000000000), "1.5 G"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char row[64];

		grow(5, cases[i].gas);
		(void)snprintf(row, sizeof(row), "\ngas_per_second %s\n", cases[i].rate);
		assert_non_null(strstr(tell(), row));
		assert_true(value_of("gas_per_second") == (double)cases[i].gas / 2);
		assert_non_null(strstr(tell(), "\nblock_time_mean_seconds 2 s\n"));
		assert_non_null(strstr(tell(), "\ntransactions_per_block 1\n"));
		teardown(state);
		setup(state);
	}
	grow(1, 1000);
	assert_null(strstr(tell(), "gas_per_second"));
	assert_null(strstr(tell(), "block_time"));
}

static void short_times_are_milliseconds(void **state)
{
	struct chain_head head = {0};

	(void)state;
	chain_begin(&evm->chain, &head);
	for (int i = 0; i < 3; i++) {
		head.number++;
		assert_true(chain_append(&evm->chain, &head, 1000 + i * 250 * NS_PER_MS));
	}
	assert_non_null(strstr(tell(), "\nblock_time_mean_seconds 250 ms\n"));
	assert_true(value_of("block_time_p99_seconds") > 0.249);
}

/* As it is now; and in the section that was told before. */
static void it_is_told_anew_each_time(void **state)
{
	struct result_section other = {.name = "other"}, *sections = &other;
	const uint8_t hash[ETHEREUM_HASH] = {1};
	struct inclusion_entry entry;

	(void)state;
	evm_tell(evm, &sections);
	inclusion_sent(&evm->inclusion, hash, 1000);
	inclusion_answered(&evm->inclusion, hash, INCLUSION_ACCEPTED);
	evm_tell(evm, &sections);
	assert_true(value_of("not_included") == 1);
	assert_true(inclusion_found(&evm->inclusion, hash, 1000 + NS_PER_S, &entry));
	evm_tell(evm, &sections);
	evm_tell(evm, &sections);
	assert_true(value_of("not_included") == 0);
	assert_true(value_of("included") == 1);
	assert_ptr_equal(sections, &other);
	assert_ptr_equal(other.next, &evm->section);
	assert_null(evm->section.next);
	assert_string_equal(evm->section.latency_name, "inclusion");
	assert_int_equal(evm->section.latency.total, 1);
	assert_int_equal(evm->section.latency.most_us, 1000000);
}

/* Whatever there is to tell has a row. */
static void all_of_it_fits(void **state)
{
	(void)state;
	grow(3, 1000);
	evm->inclusion.counts.unfollowed = 5;
	evm->inclusion.counts.included = evm->chain.succeeded + evm->chain.failed + 6;
	evm->collected = (struct collector_counts){.outages = 7};
	evm->nonce_refused = 8;
	evm->known = 9;
	evm->funds_refused = 10;
	assert_non_null(strstr(tell(), "\nnot_followed 5\n"));
	assert_non_null(strstr(tell(), "\nreceipts_missing 6\n"));
	assert_non_null(strstr(tell(), "\noutages 7\n"));
	assert_non_null(strstr(tell(), "\nnonce_errors 8\nalready_known 9\nfunds_errors 10\n"));
	assert_true(evm->section.row_count <= RESULT_SECTION_ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		told_test(nothing_has_happened),
		told_test(what_is_not_collected_is_not_told),
		told_test(rates_are_of_the_time_between_blocks),
		told_test(short_times_are_milliseconds),
		told_test(it_is_told_anew_each_time),
		told_test(all_of_it_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
