/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "serve/arguments_script.h"
#include "tests/allocation.h"

#define COSTLY ((size_t)4 * 1024 * 1024) /* bytes of a body */

#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"

/* A body is {"x":VALUE}; without an error it is taken as it is, but for what `taken` says. */
static const struct {
	const char *schema, *value;
	const char *type, *place, *message; /* the place is behind "x" */
	const char *taken;
} values[] = {
	{.schema = "{}", .value = "[1, {\"a\": \"b\\n\"}]"},
	{.schema = "{\"type\":\"null\"}", .value = "null"},
	{"{\"type\":\"null\"}", "0", "none_required", "", "Input should be None", NULL},
	{.schema = "{\"type\":\"boolean\"}", .value = "true"},
	{.schema = "{\"type\":\"boolean\"}", .value = "false"},
	{"{\"type\":\"boolean\"}", "1", "bool_type", "", "Input should be a valid boolean", NULL},
	{"{\"type\":\"boolean\"}", "\"true\"", "bool_type", "", "Input should be a valid boolean",
		NULL},
	{.schema = "{\"type\":\"integer\"}", .value = "123456789012345678901234567890"},
	{.schema = "{\"type\":\"integer\"}", .value = "1.0"},
	{.schema = "{\"type\":\"integer\"}", .value = "-1.5e1"},
	{"{\"type\":\"integer\"}", "1.5", "int_from_float", "",
		"Input should be a valid integer, got a number with a fractional part", NULL},
	{"{\"type\":\"integer\"}", "\"1\"", "int_type", "", "Input should be a valid integer",
		NULL},
	{"{\"type\":\"integer\"}", "true", "int_type", "", "Input should be a valid integer", NULL},
	{"{\"type\":\"integer\"}", "null", "int_type", "", "Input should be a valid integer", NULL},
	{.schema = "{\"type\":\"number\"}", .value = "1.50E+3"},
	{.schema = "{\"type\":\"number\"}", .value = "-0"},
	{"{\"type\":\"number\"}", "\"1\"", "float_type", "", "Input should be a valid number",
		NULL},
	{"{\"type\":\"number\"}", "false", "float_type", "", "Input should be a valid number",
		NULL},
	{.schema = "{\"type\":\"string\"}", .value = "\"\\u00e4\\ud800\\u0000\""},
	{.schema = "{\"type\":\"string\",\"is_path\":true}", .value = "\"/tmp\""},
	{"{\"type\":\"string\"}", "1", "string_type", "", "Input should be a valid string", NULL},
	{"{\"type\":\"string\",\"is_path\":true}", "[]", "string_type", "",
		"Input should be a valid string", NULL},
	{.schema = "{\"type\":\"array\"}", .value = "[1,[],{}]"},
	{"{\"type\":\"array\"}", "{}", "list_type", "", "Input should be a valid list", NULL},
	{.schema = "{\"type\":\"array\",\"items\":{}}", .value = "[]"},
	{.schema = "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}",
		.value = "[ 1 , 2.0\t]",
		.taken = "[1,2.0]"},
	{"{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}", "[1,\"2\"]", "int_type", ",1",
		"Input should be a valid integer", NULL},
	{.schema = "{\"type\":\"object\"}", .value = "{\"a\":1,\"a\":2}"},
	{.schema = "{\"type\":\"object\",\"is_file_data\":true}",
		.value = "{\"identifier\":\n\r\n\"a\"}",
		.taken = "{\"identifier\":\"a\"}"},
	{"{\"type\":\"object\"}", "[]", "dict_type", "", "Input should be a valid dictionary",
		NULL},
	{.schema = "{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},\"value\":{}}}",
		.value = "{ \"\\u0061\" : 1 , \"b\" : [ 2 ] }",
		.taken = "{\"\\u0061\":1,\"b\":[ 2 ]}"},
	{.schema = "{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},\"value\":{}}}",
		.value = "{}"},
	{"{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},\"value\":{\"type\":"
	 "\"boolean\"}}}",
		"{\"a\":true,\"b\\n\":\"true\"}", "bool_type", ",\"b\\n\"",
		"Input should be a valid boolean", NULL},
	{"{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\",\"enum\":[\"a\"]},"
	 "\"value\":{}}}",
		"{\"b\":1}", "enum", ",\"b\",\"[key]\"", "Input should be 'a'", NULL},
	{.schema = "{\"type\":\"string\",\"enum\":[\"a\",\"\\u00e4\"]}", .value = "\"\xc3\xa4\""},
	{.schema = "{\"type\":\"string\",\"enum\":[\"a\",\"\xc3\xa4\"]}", .value = "\"\\u00E4\""},
	{"{\"type\":\"string\",\"enum\":[\"a\",\"b\",\"c\"]}", "\"d\"", "enum", "",
		"Input should be 'a', 'b' or 'c'", NULL},
	{"{\"type\":\"string\",\"enum\":[\"a\"]}", "1", "enum", "", "Input should be 'a'", NULL},
	{"{\"enum\":[\"it's\",\"a\\\"'\\\\\\n\\u0001\"]}", "1", "enum", "",
		"Input should be \\\"it's\\\" or 'a\\\"\\\\'\\\\\\\\\\\\n\\\\x01'", NULL},
	{.schema = "{\"type\":\"integer\",\"enum\":[1,2]}", .value = "20e-1"},
	{"{\"type\":\"integer\",\"enum\":[1,2]}", "\"1\"", "enum", "", "Input should be 1 or 2",
		NULL},
	{"{\"enum\":[true]}", "false", "enum", "", "Input should be True", NULL},
	{"{\"enum\":[false]}", "0", "enum", "", "Input should be False", NULL},
	{"{\"enum\":[null]}", "false", "enum", "", "Input should be None", NULL},
	{.schema = "{\"enum\":[null]}", .value = "null"},
	{"{\"enum\":[1.50]}", "1.51", "enum", "", "Input should be 1.50", NULL},
	{.schema = OBJECT("\"a\":{}"),
		.value = "{ \"b\" : 1 , \"a\" : 2 , \"a\" : 3 }",
		.taken = "{\"a\":3}"},
	{.schema = OBJECT("\"a\\n\":{\"default\":1},\"b\":{}"),
		.value = "{\"b\":2,\"\\u0061\\u000a\":3}",
		.taken = "{\"a\\n\":3,\"b\":2}"},
	{.schema = OBJECT(""), .value = "{\"a\":1}", .taken = "{}"},
	{OBJECT("\"a\":{}"), "1", "dict_type", "", "Input should be a valid dictionary", NULL},
	{OBJECT("\"a\":{\"type\":\"null\"}"), "{\"a\":1}", "none_required", ",\"a\"",
		"Input should be None", NULL},
};

/* The value that the error is about, from the places of the table: the last number or string. */
static const char *input_of(const char *value, const char *place)
{
	static const struct {
		const char *value, *place, *input;
	} inner[] = {
		{"[1,\"2\"]", ",1", "\"2\""},
		{"{\"a\":true,\"b\\n\":\"true\"}", ",\"b\\n\"", "\"true\""},
		{"{\"b\":1}", ",\"b\",\"[key]\"", "\"b\""},
		{"{\"a\":1}", ",\"a\"", "1"},
	};

	for (size_t i = 0; *place && i < sizeof(inner) / sizeof(inner[0]); i++) {
		if (!strcmp(value, inner[i].value) && !strcmp(place, inner[i].place)) {
			return inner[i].input;
		}
	}
	return value;
}

static void checks_every_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct schema *inputs = schema_of_x(values[i].schema);
		const char *value = values[i].value;
		struct buffer body = {0}, expected = {0};

		buffer_appendf(&body, "{\"x\":%s}", value);
		if (values[i].type) {
			buffer_appendf(&expected,
				"{\"type\":\"%s\",\"loc\":[\"body\",\"x\"%s],\"msg\":\"%s\","
				"\"input\":%s}",
				values[i].type, values[i].place, values[i].message,
				input_of(value, values[i].place));
			assert_invalid(inputs, buffer_text(&body), buffer_text(&expected));
		} else {
			buffer_appendf(
				&expected, "{\"x\":%s}", values[i].taken ? values[i].taken : value);
			assert_taken(inputs, buffer_text(&body), buffer_text(&expected));
		}
		schema_free(inputs);
		buffer_fini(&body);
		buffer_fini(&expected);
	}
}

#define ERROR(type, loc, message, input)                                                           \
	"{\"type\":\"" type "\",\"loc\":[\"body\"" loc "],\"msg\":\"" message                      \
	"\",\"input\":" input "}"
#define MISSING(loc, input) ERROR("missing", loc, "Field required", input)
#define FILES "{\"files\":[{\"f\":0},{\"n\":1,\"f\":true},3,{}],\"q\\\"\":1}"

/* Seconds of the processor that a long body takes, of one part again and again. */
static double cost(
	const struct schema *inputs, const char *begin, const char *part, const char *end)
{
	struct arguments arguments = {0};
	struct buffer body = {0}, told = {0};
	clock_t begun;
	double seconds;

	buffer_append_text(&body, begin);
	while (body.length < COSTLY) {
		buffer_append_text(&body, part);
		buffer_append_char(&body, ',');
	}
	buffer_append_text(&body, part);
	buffer_append_text(&body, end);
	begun = clock();
	assert_int_equal(arguments_read(&arguments, inputs, buffer_text(&body), body.length, &told),
		ARGUMENTS_OK);
	seconds = (double)(clock() - begun) / CLOCKS_PER_SEC;
	arguments_fini(&arguments);
	buffer_fini(&body);
	buffer_fini(&told);
	return seconds;
}

/* A function of many parameters, one of which is a list with as many choices. */
static struct schema *schema_of_many(int count)
{
	struct buffer text = {0};
	struct schema *schema;

	buffer_append_text(&text, "{\"type\":\"object\",\"properties\":{");
	for (int i = 1; i < count; i++) {
		buffer_appendf(&text, "\"p%05d\":{},", i);
	}
	buffer_append_text(&text, "\"a\":{\"type\":\"array\",\"items\":{\"enum\":[\"c\"");
	for (int i = 1; i < count; i++) {
		buffer_appendf(&text, ",\"c%05d\"", i);
	}
	buffer_append_text(&text, "]}}}}");
	schema = schema_of(buffer_text(&text));
	buffer_fini(&text);
	return schema;
}

/* It is read in the loop's thread: what a client writes may not make it long. */
static void costs_what_it_is_long(void **state)
{
	struct schema *many = schema_of_many(SCHEMA_PARTS_MOST);
	struct schema *few = schema_of_many(3);

	(void)state;
	assert_true(cost(many, "{", "\"qqqqqq\":1", "}") <
		0.1 + 10 * cost(few, "{", "\"qqqqqq\":1", "}"));
	assert_true(cost(many, "{", "\"\\u0070qqqqq\":1", "}") <
		0.1 + 10 * cost(few, "{", "\"\\u0070qqqqq\":1", "}"));
	assert_true(cost(many, "{\"a\":[", "\"c00999\"", "]}") <
		0.1 + 10 * cost(few, "{\"a\":[", "\"c00002\"", "]}"));
	schema_free(many);
	schema_free(few);
}

static void tells_all_that_is_wrong(void **state)
{
	static const char *const errors[] = {
		MISSING(",\"path\"", FILES),
		MISSING(",\"files\",0,\"n\"", "{\"f\":0}"),
		ERROR("bool_type", ",\"files\",0,\"f\"", "Input should be a valid boolean", "0"),
		ERROR("dict_type", ",\"files\",2", "Input should be a valid dictionary", "3"),
		MISSING(",\"files\",3,\"n\"", "{}"),
		ERROR("none_required", ",\"q\\\"\"", "Input should be None", "1"),
	};
	struct schema *inputs = schema_of(
		"{\"type\":\"object\",\"required\":[\"path\",\"files\"],\"properties\":{"
		"\"path\":{\"type\":\"string\"},\"files\":{\"type\":\"array\",\"items\":"
		"{\"type\":\"object\",\"required\":[\"n\"],\"properties\":{\"n\":{\"type\":"
		"\"integer\"},\"f\":{\"type\":\"boolean\"}}}},\"q\\\"\":{\"type\":\"null\"}}}");
	struct buffer expected = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		buffer_append_text(&expected, i ? "," : "");
		buffer_append_text(&expected, errors[i]);
	}
	assert_invalid(inputs, FILES, buffer_text(&expected));
	buffer_consume(&expected, expected.length);
	buffer_append_text(&expected, MISSING(",\"path\"", "{ }"));
	buffer_append_text(&expected, "," MISSING(",\"files\"", "{ }"));
	assert_invalid(inputs, "{ }", buffer_text(&expected));
	buffer_fini(&expected);
	schema_free(inputs);
}

static void reads_bodies_that_are_absent(void **state)
{
	struct schema *none = schema_of("{\"type\":\"null\"}");
	struct schema *optional =
		schema_of(OBJECT("\"a\":{\"default\":1},\"b\":{},\"c\":{\"default\":null}"));
	struct schema *required = schema_of_x("{}");

	(void)state;
	assert_taken(none, "", "{}");
	assert_taken(none, " \r\n", "{}");
	assert_taken(none, "null", "{}");
	assert_taken(none, "{\"a\":1}", "{}");
	assert_invalid(
		none, "[]", ERROR("dict_type", "", "Input should be a valid dictionary", "[]"));
	assert_taken(optional, "", "{\"a\":1,\"c\":null}");
	assert_taken(optional, "\t", "{\"a\":1,\"c\":null}");
	assert_taken(optional, "{\"b\":2}", "{\"a\":1,\"b\":2,\"c\":null}");
	assert_invalid(optional, "null",
		ERROR("dict_type", "", "Input should be a valid dictionary", "null"));
	assert_invalid(required, "", MISSING("", "null"));
	assert_invalid(required, " ", MISSING("", "null"));
	schema_free(none);
	schema_free(optional);
	schema_free(required);
}

static void assert_not_json(const struct schema *inputs, const char *body, const char *sentence)
{
	struct arguments arguments = {0};
	struct buffer told = {0};

	assert_int_equal(
		arguments_read(&arguments, inputs, body, strlen(body), &told), ARGUMENTS_NOT_JSON);
	assert_string_equal(buffer_text(&told), sentence);
	assert_null(arguments.values);
	arguments_fini(&arguments);
	buffer_fini(&told);
}

static void refuses_what_is_not_json(void **state)
{
	struct schema *inputs = schema_of_x("{}");

	(void)state;
	assert_not_json(
		inputs, "{\"x\":01}", "the body is not JSON: byte 6: a number is malformed");
	assert_not_json(
		inputs, "{\"x\":1", "the body is not JSON: byte 6: the text ends within a value");
	assert_not_json(
		inputs, "{\"x\":\"\xff\"}", "the body is not JSON: byte 6: a string is not UTF-8");
	schema_free(inputs);
}

static void fills_in_presets_at_every_depth(void **state)
{
	struct schema *inputs = schema_of(OBJECT(
		"\"list\":{\"type\":\"array\",\"default\":[{},{\"a\":9}],"
		"\"items\":" OBJECT("\"a\":{\"default\":1},\"b\":" OBJECT(
			"\"c\":{\"default\":[1,2]}")) "},"
						      "\"map\":{\"type\":\"object\","
						      "\"default\":"
						      "{\"k\":{}},\"items\":{"
						      "\"key\":{\"type\":"
						      "\"string\"},"
						      "\"value\":" OBJECT(
							      "\"d\":{\"default\":"
							      "\"D\"}") "}},"
									"\"either\":"
									"{\"default"
									"\":{},"
									"\"anyOf\":["
									"{\"type\":"
									"\"null\"}"
									"," OBJECT("\"e"
										   "\":"
										   "{\""
										   "def"
										   "aul"
										   "t\""
										   ":5"
										   "}") "]}"));

	(void)state;
	assert_taken(inputs, "{}",
		"{\"list\":[{\"a\":1},{\"a\":9}],\"map\":{\"k\":{\"d\":\"D\"}},"
		"\"either\":{\"e\":5}}");
	assert_taken(inputs,
		"{\"list\":[{\"b\":{}},{\"b\":{\"c\":null,\"x\":0}}],\"either\":null,"
		"\"map\":{\"x\":{},\"y\":{\"d\":\"d\"}}}",
		"{\"list\":[{\"a\":1,\"b\":{\"c\":[1,2]}},{\"a\":1,\"b\":{\"c\":null}}],"
		"\"map\":{\"x\":{\"d\":\"D\"},\"y\":{\"d\":\"d\"}},\"either\":null}");
	schema_free(inputs);
}

/* As a preset null stands for what is absent, whatever the type; who says it has to mean it. */
static void null_may_be_a_preset_of_any_type(void **state)
{
	struct schema *inputs =
		schema_of(OBJECT("\"l\":{\"type\":\"array\",\"items\":{\"type\":\"number\"},"
				 "\"default\":null},\"e\":{\"enum\":[\"a\"],\"default\":null}"));

	(void)state;
	assert_taken(inputs, "{}", "{\"l\":null,\"e\":null}");
	assert_taken(inputs, "{\"l\":[1],\"e\":\"\\u0061\"}", "{\"l\":[1],\"e\":\"\\u0061\"}");
	assert_invalid(inputs, "{\"l\":null}",
		"{\"type\":\"list_type\",\"loc\":[\"body\",\"l\"],\"msg\":\"Input should be a "
		"valid list\",\"input\":null}");
	schema_free(inputs);
}

static void finds_values(void **state)
{
	struct schema *inputs = schema_of(OBJECT("\"a/b\":{},\"m~n\":{},\"list\":{},\"absent\":{},"
						 "\"preset\":{\"default\":{\"x\":[0,7]}}"));
	static const char body[] = "{\"list\":[{\"k\\u0031\":[true]}],\"m~n\":2,\"a/b\":1,\"u\":0}";
	static const struct {
		const char *name, *value;
	} cases[] = {
		{"a/b", "1"},
		{"/a~1b", "1"},
		{"m~n", "2"},
		{"/m~0n", "2"},
		{"list", "[{\"k\\u0031\":[true]}]"},
		{"/list/0/k1/0", "true"},
		{"preset", "{\"x\":[0,7]}"},
		{"/preset/x/1", "7"},
		{"",
			"{\"a/b\":1,\"m~n\":2,\"list\":[{\"k\\u0031\":[true]}],\"preset\":{"
			"\"x\":[0,7]}}"},
		{"absent", NULL},
		{"/absent", NULL},
		{"u", NULL},
		{"/u", NULL},
		{"/list/1", NULL},
		{"/list/00", NULL},
		{"/m~2n", NULL},
		{"list/0", NULL},
	};
	struct arguments arguments = {0};
	struct buffer told = {0};

	(void)state;
	assert_int_equal(arguments_read(&arguments, inputs, body, strlen(body), &told), 0);
	assert_values(&arguments, inputs);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_value value = {0};

		if (arguments_find(&arguments, inputs, cases[i].name, &value) !=
			(cases[i].value != NULL)) {
			fail_msg("%s", cases[i].name);
		}
		if (cases[i].value) {
			assert_int_equal(value.length, strlen(cases[i].value));
			assert_memory_equal(
				arguments.text.data + value.start, cases[i].value, value.length);
		}
	}
	arguments_fini(&arguments);
	schema_free(inputs);
	buffer_fini(&told);
}

static const char body_of_all[] =
	"{\"list\":[1,{\"q\":2}],\"map\":{\"k\":{}},\"colour\":\"\\u00e4\",\"more\":0}";
static const char schema_of_all[] = OBJECT(
	"\"list\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"anyOf\":[{"
	"\"type\":\"integer\"}," OBJECT(
		"\"p\":{\"default\":\"P\"},\"q\":{}") "]}}]},"
						      "\"map\":{\"type\":\"object\",\"items\":{"
						      "\"key\":{\"type\":\"string\"},\"value\":{}}}"
						      ","
						      "\"colour\":{\"enum\":[\"\\u00e5\","
						      "\"\xc3\xa4\"]},\"late\":{\"default\":[3]}");

static void survives_lack_of_memory(void **state)
{
	static const char *const bodies[] = {body_of_all, "{\"list\":[1,[]],\"colour\":3}", "{"};
	static const enum arguments_outcome outcomes[] = {
		ARGUMENTS_OK, ARGUMENTS_INVALID, ARGUMENTS_NOT_JSON};
	struct schema *inputs = schema_of(schema_of_all);

	(void)state;
	assert_taken(inputs, body_of_all,
		"{\"list\":[1,{\"p\":\"P\",\"q\":2}],\"map\":{\"k\":{}},\"colour\":\"\\u00e4\","
		"\"late\":[3]}");
	for (int i = 0; i < 3; i++) {
		bool failed = true;

		for (int n = 1; failed; n++) {
			struct arguments arguments = {0};
			struct buffer told = {0};
			enum arguments_outcome outcome;

			allocation_fail(n);
			outcome = arguments_read(
				&arguments, inputs, bodies[i], strlen(bodies[i]), &told);
			failed = allocation_failed();
			assert_int_equal(outcome, failed ? ARGUMENTS_NO_MEMORY : outcomes[i]);
			arguments_fini(&arguments);
			buffer_fini(&told);
		}
	}
	schema_free(inputs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_every_kind),
		cmocka_unit_test(costs_what_it_is_long),
		cmocka_unit_test(tells_all_that_is_wrong),
		cmocka_unit_test(reads_bodies_that_are_absent),
		cmocka_unit_test(refuses_what_is_not_json),
		cmocka_unit_test(fills_in_presets_at_every_depth),
		cmocka_unit_test(null_may_be_a_preset_of_any_type),
		cmocka_unit_test(finds_values),
		cmocka_unit_test(survives_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
