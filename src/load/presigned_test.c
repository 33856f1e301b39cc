/* SPDX-License-Identifier: Apache-2.0 */
/* Files of signed transactions, written and read, and files of keys. */
#include "load/presigned.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "load/evm.h"

#define KEY "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

static char path[] = "/tmp/curfew-presigned-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text, size_t length)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void reads_lines(void **state)
{
	static const char text[] = "0x0102\n\n  \n03\r\n0x\n0x1\nzz\n040506";
	struct presigned presigned;
	struct buffer raw = {0};

	(void)state;
	write_file(text, sizeof(text) - 1);
	assert_int_equal(presigned_open(&presigned, path), 0);
	assert_int_equal(presigned_read(&presigned, 0, &raw), 0);
	assert_int_equal(raw.length, 2);
	assert_int_equal(presigned_read(&presigned, 1, &raw), 0);
	assert_memory_equal(raw.data, "\1\2\3", 3);
	assert_int_equal(presigned_read(&presigned, 2, &raw), -EINVAL);
	assert_int_equal(presigned_read(&presigned, 3, &raw), -EINVAL);
	assert_int_equal(presigned_read(&presigned, 4, &raw), -EINVAL);
	raw.length = 0;
	assert_int_equal(presigned_read(&presigned, 5, &raw), 0);
	assert_memory_equal(raw.data, "\4\5\6", 3);
	assert_int_equal(presigned_read(&presigned, 6, &raw), 1);
	assert_int_equal(presigned_read(&presigned, 7, &raw), 1);
	presigned_close(&presigned);
	buffer_fini(&raw);
}

static void passes_lines_over(void **state)
{
	static const char text[] = "01\n02\n03\n04\n";
	struct presigned presigned;
	struct buffer raw = {0};

	(void)state;
	write_file(text, sizeof(text) - 1);
	assert_int_equal(presigned_open(&presigned, path), 0);
	assert_int_equal(presigned_read(&presigned, 1, &raw), 0);
	assert_int_equal(presigned_read(&presigned, 3, &raw), 0);
	assert_memory_equal(raw.data, "\2\4", 2);
	assert_int_equal(presigned_read(&presigned, 5, &raw), 1);
	presigned_close(&presigned);
	buffer_fini(&raw);
}

static void refuses_lines_without_end(void **state)
{
	size_t length = PRESIGNED_MOST + 100;
	struct presigned presigned;
	char *text = malloc(length);
	struct buffer raw = {0};

	(void)state;
	assert_non_null(text);
	memset(text, '1', length);
	write_file(text, length);
	assert_int_equal(presigned_open(&presigned, path), 0);
	assert_int_equal(presigned_read(&presigned, 0, &raw), -EINVAL);
	presigned_close(&presigned);
	buffer_fini(&raw);
	free(text);
}

static struct evm *evm_of(uint64_t accounts)
{
	static struct plan plan = {.seed = 1};
	struct evm *evm = evm_new(&plan);

	assert_non_null(evm);
	evm->setting.account_count = accounts;
	evm->setting.chain_id = 5;
	evm->setting.max_fee = 7;
	assert_int_equal(evm_derive_accounts(evm), 0);
	return evm;
}

/* In turn of all accounts, each with its nonces; and the same each time. */
static void writes_what_it_reads(void **state)
{
	struct evm *evm = evm_of(3);
	struct buffer refusal = {0}, raw = {0}, expected = {0};
	uint8_t hash[ETHEREUM_HASH];
	struct presigned presigned;

	(void)state;
	assert_int_equal(evm_presign(evm, 10, path, &refusal), 0);
	assert_int_equal(presigned_open(&presigned, path), 0);
	for (uint64_t i = 0; i < 10; i++) {
		raw.length = expected.length = 0;
		assert_int_equal(presigned_read(&presigned, i, &raw), 0);
		assert_int_equal(
			evm_sign(evm, &evm->accounts[i % 3], i / 3, i, &expected, hash), 0);
		assert_int_equal(raw.length, expected.length);
		assert_memory_equal(raw.data, expected.data, raw.length);
	}
	assert_int_equal(presigned_read(&presigned, 10, &raw), 1);
	presigned_close(&presigned);
	assert_int_equal(evm_presign(evm, 1, "/nowhere/at/all", &refusal), -EINVAL);
	assert_non_null(strstr(buffer_text(&refusal), "/nowhere/at/all"));
	buffer_fini(&refusal);
	buffer_fini(&raw);
	buffer_fini(&expected);
	evm_free(evm);
}

/* What was written is whole; nothing that is cut off is, wherever; and the line is told. */
static void checks_files(void **state)
{
	struct evm *evm = evm_of(2);
	struct buffer refusal = {0}, raw = {0}, text = {0};
	uint8_t hash[ETHEREUM_HASH];

	(void)state;
	assert_int_equal(evm_presign(evm, 3, path, &refusal), 0);
	assert_int_equal(presigned_check(path, &refusal), 0);
	evm->setting.kind = ETHEREUM_LEGACY;
	assert_int_equal(evm_sign(evm, &evm->accounts[0], 0, 0, &raw, hash), 0);
	for (size_t length = 0; length <= raw.length; length++) {
		text.length = 0;
		ethereum_hex(&text, raw.data, raw.length);
		buffer_append_text(&text, "\n\r\n");
		ethereum_hex(&text, raw.data, length);
		write_file(text.data, text.length);
		assert_int_equal(
			presigned_check(path, &refusal), length < raw.length ? -EINVAL : 0);
		assert_int_equal(
			!strstr(buffer_text(&refusal), "line 3 is no whole"), length == raw.length);
		buffer_fini(&refusal);
	}
	buffer_fini(&raw);
	buffer_fini(&text);
	evm_free(evm);
}

static void refuses_files_without_transactions(void **state)
{
	static const struct {
		const char *path, *refusal;
	} rows[] = {
		{path, "no transaction"},
		{"/dev/null", "no regular file"},
		{"/", "no regular file"},
		{"/nowhere/at/all", "cannot be read: No such file"},
	};

	(void)state;
	write_file("\n \n", 3);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer refusal = {0};

		assert_int_equal(presigned_check(rows[i].path, &refusal), -EINVAL);
		assert_non_null(strstr(buffer_text(&refusal), rows[i].path));
		assert_non_null(strstr(buffer_text(&refusal), rows[i].refusal));
		buffer_fini(&refusal);
	}
}

static int read_keys(const char *text, struct buffer *refusal, size_t *count)
{
	static struct plan plan = {.seed = 1};
	struct evm *evm = evm_new(&plan);
	int error;

	assert_non_null(evm);
	write_file(text, strlen(text));
	error = evm_read_keys(evm, path, refusal);
	*count = evm->account_count;
	evm_free(evm);
	return error;
}

static void reads_keys(void **state)
{
	static const struct {
		const char *text, *refusal;
		size_t count;
	} rows[] = {
		{KEY "\n", NULL, 1},
		{"# two\n\n  " KEY " # one\r\n" KEY, NULL, 2},
		{"", "no key", 0},
		{"# none\n", "no key", 0},
		{KEY "\n0x12\n", "line 2", 1},
		{KEY "1\n", "line 1", 0},
	};
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer refusal = {0};

		assert_int_equal(
			read_keys(rows[i].text, &refusal, &count), rows[i].refusal ? -EINVAL : 0);
		assert_int_equal(count, rows[i].count);
		assert_true(!rows[i].refusal || strstr(buffer_text(&refusal), rows[i].refusal));
		assert_null(strstr(buffer_text(&refusal), "ac0974")); /* a key is never shown */
		buffer_fini(&refusal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lines),
		cmocka_unit_test(passes_lines_over),
		cmocka_unit_test(refuses_lines_without_end),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(checks_files),
		cmocka_unit_test(refuses_files_without_transactions),
		cmocka_unit_test(reads_keys),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
