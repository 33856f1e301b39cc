/* SPDX-License-Identifier: Apache-2.0 */
/* The document is JSON, and says of the function what its schema does, in words of OpenAPI. */
#include "serve/openapi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "json/reader.h"

static struct buffer document;

static struct schema *schema_of(const char *text)
{
	struct json_reader reader = {.count = 0};
	struct buffer refusal = {0};
	struct schema *schema;

	assert_int_equal(json_read(&reader, text, strlen(text)), JSON_OK);
	schema = schema_read(text, &reader.root, "inputs", &refusal);
	assert_string_equal(buffer_text(&refusal), "");
	return schema;
}

static void write_of(const char *inputs, const char *outputs, bool streams)
{
	struct function function = {
		.name = "extract \"it\"",
		.id = "the-id",
		.inputs = schema_of(inputs),
		.outputs = schema_of(outputs),
		.streams = streams,
	};
	struct json_reader reader = {.count = 0};

	document = (struct buffer){0};
	openapi_write(&document, &function);
	assert_false(document.failed);
	assert_int_equal(json_read(&reader, buffer_text(&document), document.length), JSON_OK);
	schema_free(function.inputs);
	schema_free(function.outputs);
}

static void assert_says(const char *part)
{
	if (!strstr(buffer_text(&document), part)) {
		fail_msg("not there: %s\n%s", part, buffer_text(&document));
	}
}

static void inputs_become_a_json_schema(void **state)
{
	(void)state;
	write_of("{\"type\":\"object\",\"required\":[\"path\"],\"properties\":{"
		 "\"path\":{\"type\":\"string\",\"is_path\":true,\"description\":\"A file\"},"
		 "\"depth\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],\"default\":"
		 "null},"
		 "\"kind\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"default\":\"a\"},"
		 "\"any\":{\"default\":1},"
		 "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"default\":[]},"
		 "\"map\":{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},\"value\":"
		 "{\"type\":\"boolean\"}},\"default\":{}}}}",
		"{\"type\":\"null\"}", false);
	assert_says("{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"extract \\\"it\\\"\","
		    "\"version\":\"the-id\"},");
	assert_says(
		"\"Inputs\":{\"type\":\"object\",\"required\":[\"path\"],\"properties\":{"
		"\"path\":{\"type\":\"string\",\"description\":\"A file\",\"x-is-path\":true},");
	assert_says("\"depth\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],"
		    "\"default\":null},");
	assert_says("\"kind\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"default\":\"a\"},");
	assert_says("\"any\":{\"default\":1},");
	assert_says(
		"\"list\":{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"default\":[]},");
	assert_says("\"map\":{\"type\":\"object\",\"propertyNames\":{\"type\":\"string\"},"
		    "\"additionalProperties\":{\"type\":\"boolean\"},\"default\":{}}}}");
	assert_says("\"requestBody\":{\"required\":true,");
	assert_says("\"200\":{\"description\":\"The output; a line for each item, where the "
		    "function streams\",\"content\":{\"application/json\":");
	buffer_fini(&document);
}

static void a_body_may_be_optional_or_not_there(void **state)
{
	(void)state;
	write_of("{\"type\":\"object\",\"required\":[],\"properties\":{\"n\":{\"type\":\"integer\","
		 "\"default\":1}}}",
		"{\"type\":\"integer\"}", true);
	assert_says("\"requestBody\":{\"required\":false,");
	assert_says("\"application/x-ndjson\"");
	assert_says("\"output\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}");
	buffer_fini(&document);
	write_of("{\"type\":\"null\"}", "{}", false);
	assert_null(strstr(buffer_text(&document), "requestBody"));
	assert_says("\"output\":{\"anyOf\":[{},{\"type\":\"null\"}]}");
	buffer_fini(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inputs_become_a_json_schema),
		cmocka_unit_test(a_body_may_be_optional_or_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
