/* SPDX-License-Identifier: Apache-2.0 */
#include "json/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "json/reader.h"

enum { ID, TOKEN, CALL, PATHS };

static const struct json_path paths[PATHS] = {
	[ID] = {{"id"}},
	[TOKEN] = {{"params", "_meta", "progressToken"}},
	[CALL] = {{"params", "requestId"}},
};

static struct json_value values[PATHS], root;

static void read_text(const char *text)
{
	struct json_reader reader = {.paths = paths, .values = values, .count = PATHS};

	if (json_read(&reader, text, strlen(text))) {
		fail_msg("%s: %s", text, json_error_text(reader.error));
	}
	root = reader.root;
}

static void assert_edited(const char *text, const char *id, const char *token, const char *expected)
{
	struct json_edit edits[] = {
		{&values[ID], id, strlen(id)},
		{&values[CALL], "9", 1},
		{&values[TOKEN], token, strlen(token)},
	};
	struct buffer out = {0};

	read_text(text);
	json_splice(&out, text, &root, edits, 3);
	assert_string_equal(buffer_text(&out), expected);
	buffer_fini(&out);
}

static void replaces_values_and_nothing_else(void **state)
{
	(void)state;
	assert_edited("{\"big\":9007199254740993,\"id\":1,\"e\":\"\\u0061\\/\"}", "77", "",
		"{\"big\":9007199254740993,\"id\":77,\"e\":\"\\u0061\\/\"}");
	assert_edited(" {\"id\" : \"long one\"}\n", "", "", "{\"id\" : }");
	assert_edited("{\"id\":null}", "\"a\"", "", "{\"id\":\"a\"}");
	assert_edited("{}", "1", "2", "{}");
	assert_edited("[1]", "1", "2", "[1]");
}

/* The order of the members is the text's, whatever that of the edits. */
static void takes_edits_in_any_order(void **state)
{
	(void)state;
	assert_edited("{\"params\":{\"requestId\":5,\"_meta\":{\"progressToken\":\"t\"}},\"id\":1}",
		"77", "[]",
		"{\"params\":{\"requestId\":9,\"_meta\":{\"progressToken\":[]}},\"id\":77}");
	assert_edited("{\"id\":1,\"params\":{\"_meta\":{\"progressToken\":\"t\"},\"requestId\":5}}",
		"77", "[]",
		"{\"id\":77,\"params\":{\"_meta\":{\"progressToken\":[]},\"requestId\":9}}");
}

/* There and back: a wire id for the client's, and the client's own bytes again. */
static void gives_back_the_very_bytes(void **state)
{
	static const char *const texts[] = {
		"{\"id\":1}",
		" {\"x\":1e400, \"id\" : \"\\u0069\\ud800\" ,\"y\":[ ] } ",
		"{\"params\":{\"_meta\":{\"progressToken\":18446744073709551616}}}",
		"{\"params\":{\"requestId\":{\"a\":[1, 2]}},\"id\":[null ]}",
		"{\"id\":0,\"\\u0069d\":-0.0}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_edit there[] = {
			{&values[TOKEN], "\"wire\"", 6}, {&values[ID], "4711", 4}};
		struct json_edit back[2];
		struct json_value first[PATHS], first_root;
		struct buffer wire = {0}, again = {0};

		read_text(texts[i]);
		memcpy(first, values, sizeof(first));
		first_root = root;
		json_splice(&wire, texts[i], &root, there, 2);
		read_text(buffer_text(&wire));
		back[0] = (struct json_edit){
			&values[ID], texts[i] + first[ID].start, first[ID].length};
		back[1] = (struct json_edit){
			&values[TOKEN], texts[i] + first[TOKEN].start, first[TOKEN].length};
		json_splice(&again, buffer_text(&wire), &root, back, 2);
		assert_int_equal(again.length, first_root.length);
		assert_memory_equal(buffer_text(&again), texts[i] + first_root.start, again.length);
		buffer_fini(&wire);
		buffer_fini(&again);
	}
}

static void edits_a_part_of_a_text(void **state)
{
	static const char text[] = "[{\"id\":1},{\"id\":2}]";
	struct json_value second = {.kind = JSON_OBJECT, .start = 10, .length = 8};
	struct json_value id = {.kind = JSON_NUMBER, .start = 16, .length = 1};
	struct json_edit edit = {&id, "22", 2};
	struct buffer out = {0};

	(void)state;
	buffer_append_text(&out, "data: ");
	json_splice(&out, text, &second, &edit, 1);
	json_splice(&out, text, &second, NULL, 0);
	assert_string_equal(buffer_text(&out), "data: {\"id\":22}{\"id\":2}");
	buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_values_and_nothing_else),
		cmocka_unit_test(takes_edits_in_any_order),
		cmocka_unit_test(gives_back_the_very_bytes),
		cmocka_unit_test(edits_a_part_of_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
