/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/identifier.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "serve/sorted_json.h"
#include "tests/allocation.h"
#include "json/reader.h"

static struct schema *read_text(const char *text)
{
	struct json_reader reader = {0};
	struct buffer refusal = {0};
	struct schema *schema;

	assert_int_equal(json_read(&reader, text, strlen(text)), JSON_OK);
	schema = schema_read(text, &reader.root, "inputs", &refusal);
	if (!schema) {
		fail_msg("%s", buffer_text(&refusal));
	}
	return schema;
}

/*
 * The ids are Python's: hashlib.sha256(json.dumps({"inputs": ..., "outputs": ...},
 * sort_keys=True).encode()).hexdigest()[:32]
 */
static const struct {
	const char *inputs, *outputs, *id;
} golden[] = {
	{"{\"type\":\"null\"}", "{\"type\":\"null\"}", "ee1d26a0cff19574ecb2ded6661dcb1d"},
	{"{\"type\":\"object\",\"required\":[\"path\"],\"properties\":{\"path\":{\"ty"
	 "pe\":\"string\",\"is_path\":true},\"depth\":{\"anyOf\":[{\"type\":\"integer"
	 "\"},{\"type\":\"null\"}],\"default\":null}}}",
		"{\"type\":\"array\",\"items\":{\"type\":\"string\"}}",
		"4fd93c84dbc2e9a33e21caf5b242857a"},
	{"{\"type\":\"object\",\"properties\":{\"ratio\":{\"type\":\"number\",\"defau"
	 "lt\":5.46},\"tiny\":{\"type\":\"number\",\"default\":1e-07},\"big\":{\"type"
	 "\":\"integer\",\"default\":123456789012345678901234567890},\"off\":{\"type"
	 "\":\"boolean\",\"default\":false}}}",
		"{}", "13face75291135e08c86ba71c1ab8231"},
	{"{\"type\":\"object\",\"required\":[\"\xc3\xa4\",\"z\"],\"properties\":{\"z"
	 "\":{},\"\xc3\xa4\":{\"type\":\"string\",\"default\":\"\xe2\x82\xac \xf0\x9f"
	 "\x98\x80 \x7f\\n\\\"\\\\/\"},\"Z\":{},\"\xef\xbf\xbf\":{},\"\xf0\x9f\x98"
	 "\x80\":{},\"a\":{\"description\":\"\xc3\xbc\\tber\"}}}",
		"{\"enum\":[\"\xc3\xa9\",\"e\"]}", "54b00e840b9e27507e01af1134f7212c"},
	{"{\"type\":\"object\",\"properties\":{\"o\":{\"type\":\"object\",\"propertie"
	 "s\":{\"b\":{\"type\":\"integer\"},\"a\":{\"type\":\"object\",\"items\":{\"k"
	 "ey\":{\"type\":\"string\"},\"value\":{\"type\":\"boolean\"}},\"default\":{"
	 "\"y\":true,\"x\":false}}},\"required\":[\"b\"],\"default\":{\"b\":1,\"a\":{"
	 "\"q\":true,\"p\":false}}}}}",
		"{\"anyOf\":[{\"type\":\"object\",\"is_file_data\":true},{\"type\":\"null\"}"
		"]}",
		"f1e7038326ee52c8c0a58f07ec68f929"},
	{"{\"type\": \"object\", \"required\": [\"\\u00e4\", \"z\"], \"properties\": "
	 "{\"z\": {}, \"\\u00e4\": {\"type\": \"string\", \"default\": \"\\u20ac \\ud"
	 "83d\\ude00 \\u007f\\n\\\"\\\\/\"}, \"Z\": {}, \"\\uffff\": {}, \"\\ud83d\\u"
	 "de00\": {}, \"a\": {\"description\": \"\\u00fc\\tber\"}}}",
		"{\"enum\": [\"\\u00e9\", \"e\"]}", "54b00e840b9e27507e01af1134f7212c"},
};

static void makes_what_python_makes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		struct schema *inputs = read_text(golden[i].inputs);
		struct schema *outputs = read_text(golden[i].outputs);
		char id[IDENTIFIER_DIGITS + 1];

		assert_int_equal(identifier_make(id, inputs, outputs), 0);
		assert_string_equal(id, golden[i].id);
		schema_free(inputs);
		schema_free(outputs);
	}
}

static void survives_lack_of_memory(void **state)
{
	struct schema *inputs = read_text(golden[4].inputs);
	struct schema *outputs = read_text(golden[4].outputs);
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		char id[IDENTIFIER_DIGITS + 1];
		int result;

		allocation_fail(n);
		result = identifier_make(id, inputs, outputs);
		failed = allocation_failed();
		assert_int_equal(result, failed ? -ENOMEM : 0);
		assert_true(failed || !strcmp(id, golden[4].id));
	}
	schema_free(inputs);
	schema_free(outputs);
}

/* Each as json.dumps(json.loads(text), sort_keys=True) says. */
static const struct {
	const char *text, *sorted;
} sorted_texts[] = {
	{"null", "null"},
	{" [ 1 ,true,\"\" , [] ,{}] ", "[1, true, \"\", [], {}]"},
	{"{\"b\":1,\"a\":{\"d\":[{\"y\":0,\"x\":0}],\"c\":1.50}}",
		"{\"a\": {\"c\": 1.50, \"d\": [{\"x\": 0, \"y\": 0}]}, \"b\": 1}"},
	{"{\"a\":1,\"b\":2,\"\\u0061\":3,\"a\":4}", "{\"a\": 4, \"b\": 2}"},
	{"{\"aa\":1,\"a\":2,\"\":3,\"B\":4,\"a\\u0000\":5}",
		"{\"\": 3, \"B\": 4, \"a\": 2, \"a\\u0000\": 5, \"aa\": 1}"},
	{"\"\\u0000\\b\\f\\n\\r\\t\\/\\\"\\\\\\u001f ~\\u007f\\u0080\\u07ff\\u0800\\uFFFF\"",
		"\"\\u0000\\b\\f\\n\\r\\t/\\\"\\\\\\u001f ~\\u007f\\u0080\\u07ff\\u0800\\uffff\""},
	{"\"\x7f\xc2\x80\xdf\xbf\xe2\x82\xac\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
		"\"\\u007f\\u0080\\u07ff\\u20ac\\ud800\\udc00\\udbff\\udfff\""},
	{"\"\\uD83D\\uDE00\\uD83D\\udE00x\\uDe00\"", "\"\\ud83d\\ude00\\ud83d\\ude00x\\ude00\""},
	/* by code points, not by units of UTF-16; surrogates in between */
	{"{\"\\ud83d\\ude00\":1,\"\\uffff\":2,\"\\udfff\":3,\"\\ud7ff\":4,\"\\ue000\":5}",
		"{\"\\ud7ff\": 4, \"\\udfff\": 3, \"\\ue000\": 5, \"\\uffff\": 2, "
		"\"\\ud83d\\ude00\": 1}"},
};

static void sorts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sorted_texts) / sizeof(sorted_texts[0]); i++) {
		const char *text = sorted_texts[i].text;
		struct json_reader reader = {0};
		struct buffer out = {0};

		assert_int_equal(json_read(&reader, text, strlen(text)), JSON_OK);
		sorted_json_append(&out, text, &reader.root);
		assert_string_equal(buffer_text(&out), sorted_texts[i].sorted);
		buffer_fini(&out);
	}
}

static void tells_what_can_be_an_id(void **state)
{
	static const char *const bad[] = {
		"", " ", "a b", "a\n", "\x7f", "\xc3\xa4", "a\"", "a\\", "\x1b[m"};
	char text[IDENTIFIER_MOST + 2];

	(void)state;
	assert_true(identifier_valid("extract"));
	assert_true(identifier_valid("A-z_0.9:/@+"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(identifier_valid(bad[i]));
	}
	memset(text, 'a', sizeof(text));
	text[IDENTIFIER_MOST + 1] = '\0';
	assert_false(identifier_valid(text));
	text[IDENTIFIER_MOST] = '\0';
	assert_true(identifier_valid(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_what_python_makes),
		cmocka_unit_test(survives_lack_of_memory),
		cmocka_unit_test(sorts),
		cmocka_unit_test(tells_what_can_be_an_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
