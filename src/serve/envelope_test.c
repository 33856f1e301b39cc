/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/envelope.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/allocation.h"
#include "json/reader.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

#define EMPTY                                                                                      \
	"{\"usage\":[],\"status_code\":200,\"file_data\":null,"                                    \
	"\"filedata_meta\":{\"terminate_current\":false,\"new_records\":[]},"                      \
	"\"status_code_text\":null,\"output\":null,"                                               \
	"\"message_channels\":{\"infos\":[],\"warnings\":[]}}"

static void assert_written(const struct envelope *envelope, const char *text)
{
	struct buffer out = {0};

	envelope_write(&out, envelope);
	assert_string_equal(buffer_text(&out), text);
	buffer_fini(&out);
}

static void a_zeroed_one_is_200_and_nothing(void **state)
{
	struct envelope envelope = {0};

	(void)state;
	assert_written(&envelope, EMPTY);
	assert_false(envelope.touched);
	envelope_fini(&envelope);
}

/* Fills in every member. Returns 0 or the first error. */
static int fill(struct envelope *envelope)
{
	int error = envelope_add_usage(envelope, "tokens", 12);

	error = error ? error : envelope_add_usage(envelope, "pages \"x\"", INT64_MIN);
	error = error ? error : envelope_add_info(envelope, "one");
	error = error ? error : envelope_add_info(envelope, "");
	error = error ? error : envelope_add_warning(envelope, "line\nend");
	error = error ? error : envelope_add_new_record(envelope, "{\"contents\": 1}", 15);
	error = error ? error : envelope_add_new_record(envelope, " [] ", 4);
	error = error ? error : envelope_set_file_data(envelope, "{\"a\":1}", 7);
	error = error ? error : envelope_set_output(envelope, "\"first\"", 7);
	return error ? error : envelope_set_output(envelope, "\n1.50e3\t", 8);
}

#define FILLED                                                                                     \
	"{\"usage\":[{\"value\":12,\"name\":\"tokens\"},"                                          \
	"{\"value\":-9223372036854775808,\"name\":\"pages \\\"x\\\"\"}],"                          \
	"\"status_code\":200,\"file_data\":{\"a\":1},"                                             \
	"\"filedata_meta\":{\"terminate_current\":true,\"new_records\":[{\"contents\": 1},[]]},"   \
	"\"status_code_text\":null,\"output\":1.50e3,"                                             \
	"\"message_channels\":{\"infos\":[\"one\",\"\"],\"warnings\":[\"line\\nend\"]}}"

static void all_members_have_their_order(void **state)
{
	struct envelope envelope = {0};

	(void)state;
	assert_int_equal(fill(&envelope), 0);
	envelope.terminate_current = true;
	assert_true(envelope.touched);
	assert_written(&envelope, FILLED);
	envelope_fini(&envelope);
	assert_written(&envelope, EMPTY);
}

static void a_reset_forgets_all_but_memory(void **state)
{
	struct envelope envelope = {0};
	const char *memory;

	(void)state;
	assert_int_equal(fill(&envelope), 0);
	envelope.terminate_current = true;
	memory = envelope.output.data;
	envelope_fail(&envelope, 500, "no", 2);
	envelope_reset(&envelope);
	assert_ptr_equal(envelope.output.data, memory);
	assert_string_equal(buffer_text(&envelope.output), "");
	assert_string_equal(buffer_text(&envelope.text), "");
	assert_false(envelope.touched);
	assert_written(&envelope, EMPTY);
	envelope_fini(&envelope);
}

/* JSON text, and how it is written; NULL: it is none. */
static const struct {
	const char *json, *written;
} outputs[] = {
	{"{}", "{}"},
	{" \r\n\t[1, 2] \n", "[1, 2]"},
	{"{\n  \"a\": [\r\n1,\n\n2\r],\t\"b\n\": 3}", NULL},
	{"{\n  \"a\": [\r\n1,\n\n2\r],\t\"b\": 3\n}", "{  \"a\": [1,2],\t\"b\": 3}"},
	{"\"a\\n\\u2028\xe2\x80\xa8\"", "\"a\\n\\u2028\xe2\x80\xa8\""},
	{"\"\\ud800\"", "\"\\ud800\""},
	{"123456789012345678901234567890.10", "123456789012345678901234567890.10"},
	{"null", "null"},
	{"", NULL},
	{" ", NULL},
	{"{", NULL},
	{"1 2", NULL},
	{"1\n2", NULL},
	{"'a'", NULL},
	{"\"\xff\"", NULL},
	{"\"\xc3\"", NULL},
	{"\"a\nb\"", NULL},
	{"NaN", NULL},
	{"\xef\xbb\xbf{}", NULL},
};

static void json_is_checked_and_put_on_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(outputs); i++) {
		const char *json = outputs[i].json;
		const char *written = outputs[i].written;
		struct envelope envelope = {0};
		int error = written ? 0 : -EINVAL;

		assert_int_equal(envelope_set_output(&envelope, json, strlen(json)), error);
		assert_int_equal(envelope_set_file_data(&envelope, json, strlen(json)), error);
		assert_int_equal(envelope_add_new_record(&envelope, json, strlen(json)), error);
		assert_string_equal(buffer_text(&envelope.output), written ? written : "");
		assert_string_equal(buffer_text(&envelope.file_data), written ? written : "");
		assert_string_equal(buffer_text(&envelope.new_records), written ? written : "");
		assert_int_equal(envelope.touched, !error);
		envelope_fini(&envelope);
	}
}

static void a_nul_within_json_is_none(void **state)
{
	struct envelope envelope = {0};

	(void)state;
	assert_int_equal(envelope_set_output(&envelope, "[1]\0", 4), -EINVAL);
	assert_int_equal(envelope_set_output(&envelope, "[1\0]", 4), -EINVAL);
	assert_int_equal(envelope_set_output(&envelope, "[1]x", 3), 0);
	assert_string_equal(buffer_text(&envelope.output), "[1]");
	envelope_fini(&envelope);
}

/* Deeper than the quick check goes, and deeper than anybody. */
static void depth_is_bounded(void **state)
{
	(void)state;
	for (size_t depth = 60; depth < 600; depth += 4) {
		struct envelope envelope = {0};
		char *json = malloc(2 * depth);

		memset(json, '[', depth);
		memset(json + depth, ']', depth);
		assert_int_equal(envelope_set_output(&envelope, json, 2 * depth),
			depth <= JSON_DEPTH_MOST ? 0 : -EINVAL);
		assert_int_equal(envelope.output.length, depth <= JSON_DEPTH_MOST ? 2 * depth : 0);
		free(json);
		envelope_fini(&envelope);
	}
}

static const struct {
	const char *text, *written; /* NULL: refused */
} texts[] = {
	{"plain", "\"plain\""},
	{"", "\"\""},
	{"\"q\" \\ /", "\"\\\"q\\\" \\\\ /\""},
	{"\x01\x1b[0m\r\n\t\x7f", "\"\\u0001\\u001b[0m\\r\\n\\t\\u007f\""},
	{"caf\xc3\xa9 \xf0\x9f\x9a\xa2", "\"caf\xc3\xa9 \xf0\x9f\x9a\xa2\""},
	{"\xc2\x85", "\"\\u0085\""},
	{"a\xff", NULL},
	{"\xc3", NULL},
	{"\xed\xa0\x80", NULL},
	{"\xc0\xaf", NULL},
};

static void texts_are_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(texts); i++) {
		struct envelope envelope = {0};
		int error = texts[i].written ? 0 : -EINVAL;
		const char *written = texts[i].written ? texts[i].written : "";

		assert_int_equal(envelope_add_info(&envelope, texts[i].text), error);
		assert_int_equal(envelope_add_warning(&envelope, texts[i].text), error);
		assert_int_equal(envelope_add_usage(&envelope, texts[i].text, 1), error);
		assert_string_equal(buffer_text(&envelope.infos), written);
		assert_string_equal(buffer_text(&envelope.warnings), written);
		assert_int_equal(envelope.usage.length,
			error ? 0 : strlen("{\"value\":1,\"name\":}") + strlen(written));
		assert_int_equal(envelope.touched, !error);
		envelope_fini(&envelope);
	}
}

static const struct {
	const char *text, *written;
} failures[] = {
	{"[ENOENT] No such file", "\"[ENOENT] No such file\""},
	{"", "\"\""},
	{"two\nlines\r\n\x1b[2J\x7f!", "\"two lines   [2J !\""},
	{"\xc2\x9b\xc2\xa0", "\" \xc2\xa0\""},
	{"\xff\xc2", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\"\\", "\"\\\"\\\\\""},
};

static void a_failure_is_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(failures); i++) {
		struct envelope envelope = {0};
		struct buffer out = {0};
		struct buffer expected = {0};

		assert_int_equal(envelope_set_output(&envelope, "1", 1), 0);
		assert_int_equal(envelope_set_file_data(&envelope, "{}", 2), 0);
		assert_int_equal(envelope_add_usage(&envelope, "a", 1), 0);
		envelope_fail(&envelope, 503, "another", 7);
		envelope_fail(&envelope, 502, failures[i].text, strlen(failures[i].text));
		envelope_write_precheck(&out, &envelope);
		buffer_appendf(&expected,
			"{\"usage\":[{\"value\":1,\"name\":\"a\"}],\"status_code\":502,"
			"\"status_code_text\":%s}",
			failures[i].written);
		assert_string_equal(buffer_text(&out), buffer_text(&expected));
		assert_int_equal(envelope.output.length, 0);
		assert_int_equal(envelope.file_data.length, 0);
		buffer_fini(&out);
		buffer_fini(&expected);
		envelope_fini(&envelope);
	}
}

static void a_failure_may_have_a_nul(void **state)
{
	struct envelope envelope = {0};

	(void)state;
	envelope_fail(&envelope, 500, "a\0b", 3);
	assert_int_equal(envelope.text.length, 3);
	assert_string_equal(buffer_text(&envelope.text), "a b");
	envelope_fini(&envelope);
}

static void the_precheck_answers_less(void **state)
{
	struct envelope envelope = {0};
	struct buffer out = {0};

	(void)state;
	envelope_write_precheck(&out, &envelope);
	assert_string_equal(
		buffer_text(&out), "{\"usage\":[],\"status_code\":200,\"status_code_text\":null}");
	buffer_fini(&out);
	envelope_fini(&envelope);
}

/* Whatever is not there for want of memory, what is there is whole, and more can be set. */
static void every_allocation_may_fail(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct envelope envelope = {0};
		int error;

		allocation_fail(n);
		error = fill(&envelope);
		failed = allocation_failed();
		assert_int_equal(error, failed ? -ENOMEM : 0);
		if (failed) {
			envelope_reset(&envelope);
			assert_written(&envelope, EMPTY);
			assert_int_equal(fill(&envelope), 0);
		}
		envelope.terminate_current = true;
		assert_written(&envelope, FILLED);
		envelope_fini(&envelope);
	}
}

static void what_fails_for_memory_changes_nothing(void **state)
{
	static char text[1000];
	struct envelope envelope = {0};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[0] = '"';
	text[sizeof(text) - 2] = '"';
	assert_int_equal(fill(&envelope), 0);
	envelope.terminate_current = true;
	for (int i = 0; i < 6; i++) {
		allocation_fail(1);
		assert_int_equal(i == 0  ? envelope_set_output(&envelope, text, 999)
				: i == 1 ? envelope_set_file_data(&envelope, text, 999)
				: i == 2 ? envelope_add_new_record(&envelope, text, 999)
				: i == 3 ? envelope_add_usage(&envelope, text, 1)
				: i == 4 ? envelope_add_info(&envelope, text)
					 : envelope_add_warning(&envelope, text),
			-ENOMEM);
		assert_true(allocation_failed());
		assert_written(&envelope, FILLED);
	}
	allocation_fail(1);
	envelope_fail(&envelope, 500, text, 999);
	assert_true(allocation_failed());
	assert_int_equal(envelope.status_code, 500);
	assert_false(envelope.has_text);
	envelope_fini(&envelope);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_one_is_200_and_nothing),
		cmocka_unit_test(all_members_have_their_order),
		cmocka_unit_test(a_reset_forgets_all_but_memory),
		cmocka_unit_test(json_is_checked_and_put_on_one_line),
		cmocka_unit_test(a_nul_within_json_is_none),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(texts_are_utf8),
		cmocka_unit_test(a_failure_is_one_line),
		cmocka_unit_test(a_failure_may_have_a_nul),
		cmocka_unit_test(the_precheck_answers_less),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(what_fails_for_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
