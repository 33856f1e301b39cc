/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader finds, and its limits. */
#include "json/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"

enum { ID, METHOD, PARAMS, REQUEST_ID, TOKEN, VERSION, PATHS };

static const struct json_path paths[PATHS] = {
	[ID] = {{"id"}},
	[METHOD] = {{"method"}},
	[PARAMS] = {{"params"}},
	[REQUEST_ID] = {{"params", "requestId"}},
	[TOKEN] = {{"params", "_meta", "progressToken"}},
	[VERSION] = {{"params", "_meta", "io.modelcontextprotocol/protocolVersion"}},
};

static struct json_value values[PATHS];

static const char *read_text(const char *text)
{
	struct json_reader reader = {.paths = paths, .values = values, .count = PATHS};

	memset(values, 0xff, sizeof(values));
	if (json_read(&reader, text, strlen(text))) {
		fail_msg("%s: %s", text, json_error_text(reader.error));
	}
	return text;
}

static void assert_found(
	const char *text, int path, enum json_kind kind, const char *bytes, bool repeated)
{
	const struct json_value *value = &values[path];

	assert_int_equal(value->kind, kind);
	assert_int_equal(value->repeated, repeated);
	assert_int_equal(value->length, strlen(bytes));
	assert_memory_equal(text + value->start, bytes, value->length);
}

static void finds_members_as_they_are_written(void **state)
{
	const char *text =
		read_text(" {\"jsonrpc\":\"2.0\", \"id\" : 12345678901234567890.10e+2 ,\n"
			  "\"method\":\"tools\\/call\",\"params\":{ \"_meta\":"
			  "{\"progressToken\":\"\\u0061\"},\"requestId\":null } } ");

	(void)state;
	assert_found(text, ID, JSON_NUMBER, "12345678901234567890.10e+2", false);
	assert_found(text, METHOD, JSON_STRING, "\"tools\\/call\"", false);
	assert_found(text, PARAMS, JSON_OBJECT,
		"{ \"_meta\":{\"progressToken\":\"\\u0061\"},\"requestId\":null }", false);
	assert_found(text, REQUEST_ID, JSON_NULL, "null", false);
	assert_found(text, TOKEN, JSON_STRING, "\"\\u0061\"", false);
	assert_int_equal(values[VERSION].kind, JSON_ABSENT);
}

static void finds_values_of_each_kind(void **state)
{
	static const struct {
		const char *bytes;
		enum json_kind kind;
	} cases[] = {
		{"null", JSON_NULL},
		{"true", JSON_TRUE},
		{"false", JSON_FALSE},
		{"-0.5", JSON_NUMBER},
		{"\"\"", JSON_STRING},
		{"[]", JSON_ARRAY},
		{"[{\"id\":[]}]", JSON_ARRAY},
		{"{}", JSON_OBJECT},
		{"{\"id\":{\"id\":3}}", JSON_OBJECT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];

		snprintf(text, sizeof(text), "{\"a\":1,\"id\":\t%s , \"b\":[]}", cases[i].bytes);
		read_text(text);
		assert_found(text, ID, cases[i].kind, cases[i].bytes, false);
	}
}

static void finds_escaped_names(void **state)
{
	const char *text = read_text("{\"\\u0069d\":1,\"p\\u0061rams\":{\"\\u005fmeta\":{"
				     "\"io.modelcontextprotocol\\/protocolVersion\":2}}}");

	(void)state;
	assert_found(text, ID, JSON_NUMBER, "1", false);
	assert_found(text, VERSION, JSON_NUMBER, "2", false);
}

static void takes_no_other_name_for_it(void **state)
{
	(void)state;
	read_text("{\"i\":1,\"idd\":1,\"ID\":1,\"id\\u0000\":1,\"\\u0000id\":1,\"\":1,\"id \":1,"
		  "\"a\":{\"id\":1},\"b\":[{\"id\":1}],\"requestId\":1,\"_meta\":{"
		  "\"progressToken\":1},"
		  "\"params\":[{\"requestId\":1}],\"c\":{\"params\":{\"requestId\":1}},"
		  "\"id\\ud800\":1,\"params\\u0000\":{\"requestId\":1}}");
	for (int path = 0; path < PATHS; path++) {
		assert_int_equal(values[path].kind, path == PARAMS ? JSON_ARRAY : JSON_ABSENT);
	}
	read_text("[{\"id\":1}]");
	assert_int_equal(values[ID].kind, JSON_ABSENT);
	read_text("\"id\"");
	assert_int_equal(values[ID].kind, JSON_ABSENT);
}

static void lets_the_last_of_repeated_names_count(void **state)
{
	const char *text = read_text("{\"id\":1,\"id\":2,\"\\u0069d\":[3]}");

	(void)state;
	assert_found(text, ID, JSON_ARRAY, "[3]", true);
	text = read_text("{\"params\":{\"requestId\":1,\"_meta\":{\"progressToken\":1}},\"params\":"
			 "{\"_meta\":{\"progressToken\":2}},\"id\":1}");
	assert_found(text, ID, JSON_NUMBER, "1", false);
	assert_found(text, PARAMS, JSON_OBJECT, "{\"_meta\":{\"progressToken\":2}}", true);
	assert_found(text, TOKEN, JSON_NUMBER, "2", true);
	assert_int_equal(values[REQUEST_ID].kind, JSON_ABSENT);
	assert_true(values[REQUEST_ID].repeated);
	text = read_text("{\"params\":{\"requestId\":1,\"requestId\":2,\"_meta\":null}}");
	assert_found(text, REQUEST_ID, JSON_NUMBER, "2", true);
	assert_false(values[PARAMS].repeated || values[TOKEN].repeated);
}

static void leads_as_deep_as_a_path_may(void **state)
{
	static const struct json_path deep[] = {{{"a", "b", "c", "d"}}, {{"a", "b", "c"}}};
	static const char text[] = "{\"a\":{\"b\":{\"c\":{\"d\":{\"a\":{\"b\":1}},\"e\":[]}}}}";
	struct json_value found[2];
	struct json_reader reader = {.paths = deep, .values = found, .count = 2};

	(void)state;
	assert_int_equal(json_read(&reader, text, strlen(text)), JSON_OK);
	assert_int_equal(found[0].kind, JSON_OBJECT);
	assert_memory_equal(text + found[0].start, "{\"a\":{\"b\":1}},", found[0].length + 1);
	assert_memory_equal(
		text + found[1].start, "{\"d\":{\"a\":{\"b\":1}},\"e\":[]}}", found[1].length + 1);
}

static void takes_as_many_paths_as_there_may_be(void **state)
{
	static char names[JSON_PATHS][4];
	struct json_path many[JSON_PATHS] = {0};
	struct json_value found[JSON_PATHS];
	struct json_reader reader = {.paths = many, .values = found, .count = JSON_PATHS};
	struct buffer text = {0};

	(void)state;
	for (int i = 0; i < JSON_PATHS; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		many[i].keys[0] = names[i];
		buffer_appendf(&text, "%c\"%s\":%d", i ? ',' : '{', names[i], 10 + i);
	}
	buffer_append_char(&text, '}');
	assert_int_equal(json_read(&reader, text.data, text.length), JSON_OK);
	for (int i = 0; i < JSON_PATHS; i++) {
		assert_int_equal(found[i].kind, JSON_NUMBER);
		assert_int_equal(strtol(text.data + found[i].start, NULL, 10), 10 + i);
	}
	buffer_fini(&text);
}

static void tells_of_the_whole_value(void **state)
{
	struct json_reader reader = {0};

	(void)state;
	assert_int_equal(json_read(&reader, " [1, 2]\n", 8), JSON_OK);
	assert_int_equal(reader.root.kind, JSON_ARRAY);
	assert_int_equal(reader.root.start, 1);
	assert_int_equal(reader.root.length, 6);
	assert_int_equal(json_read(&reader, " [1, 2]]", 8), JSON_TRAILING);
	assert_int_equal(reader.root.kind, JSON_ABSENT);
}

static void forgets_what_it_found_in_a_bad_text(void **state)
{
	struct json_reader reader = {.paths = paths, .values = values, .count = PATHS};

	(void)state;
	assert_int_equal(json_read(&reader, "{\"id\":1,}", 9), JSON_NO_NAME);
	assert_int_equal(values[ID].kind, JSON_ABSENT);
	assert_int_equal(json_read(&reader, "{\"id\":1}x", 9), JSON_TRAILING);
	assert_int_equal(values[ID].kind, JSON_ABSENT);
}

/* So many arrays and objects around each other. */
static size_t nest(char *text, unsigned depth)
{
	size_t length = 0;

	for (unsigned i = 0; i < depth; i++) {
		length += (size_t)sprintf(text + length, "%s",
			i % 3                   ? "["
				: i + 1 < depth ? "{\"a\":"
						: "{");
	}
	for (unsigned i = depth; i > 0; i--) {
		text[length++] = (i - 1) % 3 ? ']' : '}';
	}
	return length;
}

static void is_bounded_in_depth(void **state)
{
	static const unsigned bounds[] = {1, 2, 5, 63, 64, 65, 127, 128, JSON_DEPTH_MOST};
	static char text[(JSON_DEPTH_MOST + 1) * 8];

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		unsigned bound = bounds[i];
		struct json_reader reader = {
			.depth_most = bound == JSON_DEPTH_MOST ? 0 : bound,
		};
		size_t length = nest(text, bound);

		assert_int_equal(json_read(&reader, text, length), JSON_OK);
		length = nest(text, bound + 1);
		assert_int_equal(json_read(&reader, text, length), JSON_TOO_DEEP);
		assert_true(text[reader.offset] == (bound % 3 ? '[' : '{'));
	}
	memset(text, '[', sizeof(text));
	assert_int_equal(json_read(&(struct json_reader){.depth_most = 7}, text, sizeof(text)),
		JSON_TOO_DEEP);
	assert_int_equal(
		json_read(&(struct json_reader){.depth_most = 1}, "[1,[]]", 6), JSON_TOO_DEEP);
	assert_int_equal(
		json_read(&(struct json_reader){.depth_most = 2}, "[[],[],{},1]", 12), JSON_OK);
}

static void is_bounded_in_length(void **state)
{
	struct json_reader reader = {.length_most = 4};

	(void)state;
	assert_int_equal(json_read(&reader, "1234", 4), JSON_OK);
	assert_int_equal(json_read(&reader, "12345", 5), JSON_TOO_LONG);
	assert_int_equal(reader.offset, 4);
	assert_int_equal(json_read(&reader, "123 \n", 5), JSON_TOO_LONG);
}

static void allocates_nothing(void **state)
{
	struct json_reader reader = {.paths = paths, .values = values, .count = PATHS};
	static char text[JSON_DEPTH_MOST * 8];
	size_t length = nest(text, JSON_DEPTH_MOST);

	(void)state;
	allocation_fail(1);
	json_read(&reader, text, length);
	json_read(&reader, "{\"\\u0069d\":\"\\ud800\"}", 20);
	assert_false(allocation_failed());
	assert_int_equal(reader.error, JSON_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_members_as_they_are_written),
		cmocka_unit_test(finds_values_of_each_kind),
		cmocka_unit_test(finds_escaped_names),
		cmocka_unit_test(takes_no_other_name_for_it),
		cmocka_unit_test(lets_the_last_of_repeated_names_count),
		cmocka_unit_test(leads_as_deep_as_a_path_may),
		cmocka_unit_test(takes_as_many_paths_as_there_may_be),
		cmocka_unit_test(tells_of_the_whole_value),
		cmocka_unit_test(forgets_what_it_found_in_a_bad_text),
		cmocka_unit_test(is_bounded_in_depth),
		cmocka_unit_test(is_bounded_in_length),
		cmocka_unit_test(allocates_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
