/* SPDX-License-Identifier: Apache-2.0 */
#include "load/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "load/result_sample.h"
#include "tests/allocation.h"

#define FILES 3

static char *files[FILES + 1];

static void write_text(char *file, const char *text, size_t length)
{
	FILE *stream = fopen(file, "w");

	assert_non_null(stream);
	assert_int_equal(fwrite(text, 1, length, stream), length);
	assert_int_equal(fclose(stream), 0);
}

/* One that differs from the others by its seed; its requests fill the first 400 ms. */
static void write_sample(int at, int64_t began_ms, bool is_open)
{
	struct buffer text = {0};
	struct result result;

	assert_int_equal(result_init(&result, 1), 0);
	result.target = "http://localhost/";
	result.is_open = is_open;
	result.seed = (uint64_t)at;
	result.began_ms = began_ms;
	result.ran_ns = result.ended_ns = 400 * SAMPLE_MS;
	sample_requests(&result.tally, 400, 0);
	result_write(&text, &result);
	write_text(files[at], text.data, text.length);
	buffer_fini(&text);
	result_fini(&result);
}

static int make_files(void **state)
{
	(void)state;
	for (int i = 0; i < FILES; i++) {
		char name[] = "/tmp/load-merge-XXXXXX";
		int fd = mkstemp(name);

		assert_true(fd >= 0);
		close(fd);
		files[i] = strdup(name);
	}
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	for (int i = 0; i < FILES; i++) {
		unlink(files[i]);
		free(files[i]);
	}
	return 0;
}

static void merge_all(struct result *result)
{
	struct buffer refusal = {0};

	if (merge_files(result, files, &refusal)) {
		fail_msg("%s", buffer_text(&refusal));
	}
	assert_int_equal(result->runs, FILES);
	assert_int_equal(result->tally.admitted, FILES * 400);
	assert_null(tally_contradiction(&result->tally));
}

/* By the calendar, whatever the order in which they are named. */
static void lays_together_what_ran_together(void **state)
{
	struct result result;

	(void)state;
	write_sample(0, 1200, true);
	write_sample(1, 1000, true);
	write_sample(2, 1100, true);
	merge_all(&result);
	assert_int_equal(result.began_ms, 1000);
	assert_int_equal(result.ended_ns, 600 * SAMPLE_MS);
	assert_int_equal(result.ran_ns, 600 * SAMPLE_MS);
	assert_int_equal(result.tally.timeline.rows[5].admitted, 10);
	assert_int_equal(result.tally.timeline.rows[15].admitted, 20);
	assert_int_equal(result.tally.timeline.rows[25].admitted, 30);
	assert_int_equal(result.tally.timeline.rows[55].admitted, 10);
	result_fini(&result);
}

/* One of them began when another was over. */
static void lays_others_from_their_begins(void **state)
{
	struct result result;

	(void)state;
	write_sample(0, 1400, true);
	write_sample(1, 1000, true);
	write_sample(2, 1100, true);
	merge_all(&result);
	assert_int_equal(result.began_ms, 1000);
	assert_int_equal(result.ended_ns, 400 * SAMPLE_MS);
	assert_int_equal(result.tally.timeline.rows[5].admitted, 30);
	assert_int_equal(result.tally.timeline.rows[39].admitted, 30);
	result_fini(&result);
}

static void assert_refused(const char *words)
{
	struct buffer refusal = {0};
	struct result result;

	assert_int_equal(merge_files(&result, files, &refusal), -1);
	if (!strstr(buffer_text(&refusal), words) || strchr(buffer_text(&refusal), '\n')) {
		fail_msg("'%s' instead of '%s'", buffer_text(&refusal), words);
	}
	result_fini(&result);
	buffer_fini(&refusal);
}

static void names_what_it_refuses(void **state)
{
	char words[100];

	(void)state;
	write_sample(0, 1000, true);
	write_sample(1, 1000, true);
	write_text(files[2], "{", 1);
	snprintf(words, sizeof(words), "'%s': it is no JSON: byte 1: ", files[2]);
	assert_refused(words);
	write_text(files[2], "", 0);
	assert_refused("it is no JSON: byte 0: there is no value");
	write_sample(2, 1000, false);
	snprintf(words, sizeof(words), "'%s': its run was a closed loop", files[2]);
	assert_refused(words);
	assert_int_equal(truncate(files[2], MERGE_FILE_MOST + 1), 0);
	assert_refused("File too large");
	write_sample(2, 1000, true);
	unlink(files[1]);
	snprintf(words, sizeof(words), "'%s': No such file or directory", files[1]);
	assert_refused(words);
	write_sample(1, 1000, true);
}

static void takes_none_twice(void **state)
{
	char *last = files[2];

	(void)state;
	write_sample(0, 1000, true);
	write_sample(1, 1000, true);
	files[2] = files[0];
	assert_refused("it is the same result as another one of these");
	files[2] = last;
}

static void tells_of_missing_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int i = 0; i < FILES; i++) {
		write_sample(i, 1000, true);
	}
	for (int n = 1; failed; n++) {
		struct buffer refusal = {0};
		struct result result;
		int status;

		allocation_fail(n);
		status = merge_files(&result, files, &refusal);
		failed = allocation_failed();
		assert_int_equal(status, failed ? -1 : 0);
		result_fini(&result);
		buffer_fini(&refusal);
		assert_true(n < 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lays_together_what_ran_together),
		cmocka_unit_test(lays_others_from_their_begins),
		cmocka_unit_test(names_what_it_refuses),
		cmocka_unit_test(takes_none_twice),
		cmocka_unit_test(tells_of_missing_memory),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
