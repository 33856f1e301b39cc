/* SPDX-License-Identifier: Apache-2.0 */
/* Which alternative counts, and where errors are said to be; and how much is told. */
#include "serve/arguments.h"

#include <stdlib.h>

#include "serve/arguments_script.h"

#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"
#define REQUIRING(name, properties)                                                                \
	"{\"type\":\"object\",\"required\":[\"" name "\"],\"properties\":{" properties "}}"
#define UNION(alternatives) "{\"anyOf\":[" alternatives "]}"
#define LIST(item) "{\"type\":\"array\",\"items\":" item "}"
#define MAP(value)                                                                                 \
	"{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},\"value\":" value "}}"
#define INTEGER "{\"type\":\"integer\"}"
#define STRING "{\"type\":\"string\"}"
#define NUMBER "{\"type\":\"number\"}"
#define BOOLEAN "{\"type\":\"boolean\"}"
#define NOTHING "{\"type\":\"null\"}"

static void assert_x_taken(const char *schema, const char *value, const char *taken)
{
	struct schema *inputs = schema_of_x(schema);
	struct buffer body = {0}, expected = {0};

	buffer_appendf(&body, "{\"x\":%s}", value);
	buffer_appendf(&expected, "{\"x\":%s}", taken);
	assert_taken(inputs, buffer_text(&body), buffer_text(&expected));
	schema_free(inputs);
	buffer_fini(&body);
	buffer_fini(&expected);
}

static void takes_what_an_alternative_takes(void **state)
{
	(void)state;
	assert_x_taken(UNION(INTEGER "," STRING), "1", "1");
	assert_x_taken(UNION(INTEGER "," STRING), "\"1\"", "\"1\"");
	assert_x_taken(UNION(INTEGER "," NOTHING), "null", "null");
	assert_x_taken(UNION(INTEGER "," NUMBER), "1.5", "1.5");
	assert_x_taken(UNION(LIST(INTEGER) "," LIST(STRING)), "[\"a\"]", "[\"a\"]");
	assert_x_taken(
		UNION(UNION(INTEGER "," NOTHING) "," UNION(STRING "," BOOLEAN)), "true", "true");
	assert_x_taken(LIST(UNION(INTEGER "," MAP(STRING))), "[1,{\"a\":\"b\"},{}]",
		"[1,{\"a\":\"b\"},{}]");
}

#define A OBJECT("\"a\":{\"default\":1}")
#define B OBJECT("\"b\":{},\"c\":{\"default\":2}")
#define AB OBJECT("\"a\":{},\"b\":{\"default\":3}")

/* Of several that fit, the one most of whose members are there; else the first. */
static void takes_the_best_alternative(void **state)
{
	(void)state;
	assert_x_taken(UNION(A "," B), "{}", "{\"a\":1}");
	assert_x_taken(UNION(B "," A), "{}", "{\"c\":2}");
	assert_x_taken(UNION(A "," B), "{\"b\":5}", "{\"b\":5,\"c\":2}");
	assert_x_taken(UNION(A "," B), "{\"a\":4,\"b\":5}", "{\"a\":4}");
	assert_x_taken(UNION(A "," B "," AB), "{\"a\":4,\"b\":5}", "{\"a\":4,\"b\":5}");
	assert_x_taken(UNION(AB "," B "," A), "{\"b\":5,\"c\":6}", "{\"b\":5,\"c\":6}");
	assert_x_taken(UNION(LIST(A) "," LIST(B)), "[{},{\"b\":1},{\"b\":2}]",
		"[{\"c\":2},{\"b\":1,\"c\":2},{\"b\":2,\"c\":2}]");
	assert_x_taken(LIST(UNION(A "," B)), "[{},{\"b\":1},{\"a\":2}]",
		"[{\"a\":1},{\"b\":1,\"c\":2},{\"a\":2}]");
	assert_x_taken(UNION(OBJECT("\"p\":" A) "," OBJECT("\"p\":" B)), "{\"p\":{\"b\":1}}",
		"{\"p\":{\"b\":1,\"c\":2}}");
	assert_x_taken(UNION(OBJECT("\"a\":{},\"u\":" UNION(INTEGER "," STRING)) "," OBJECT(
			       "\"u\":{},\"c\":{}")),
		"{\"a\":1,\"u\":2,\"c\":3}", "{\"a\":1,\"u\":2}");
	assert_x_taken(UNION("{}," A), "{\"a\":2,\"z\":3}", "{\"a\":2}");
	assert_x_taken(UNION("{}," A), "{\"z\":3}", "{\"z\":3}");
}

/* The errors in short: type and place, behind x, of each. */
static void assert_errors(const char *schema, const char *value, const char *expected)
{
	static const struct json_path paths[] = {{{"detail"}}};
	static const struct json_path error_paths[] = {{{"type"}}, {{"loc"}}};
	struct schema *inputs = schema_of_x(schema);
	struct buffer body = {0}, told = {0}, seen = {0};
	struct arguments arguments = {0};
	struct json_value detail, parts[2], error = {0};
	struct json_reader reader = {.paths = paths, .values = &detail, .count = 1};

	buffer_appendf(&body, "{\"x\":%s}", value);
	assert_int_equal(arguments_read(&arguments, inputs, body.data, body.length, &told),
		ARGUMENTS_INVALID);
	assert_int_equal(json_read(&reader, told.data, told.length), JSON_OK);
	while (json_element_next(told.data, &detail, &error)) {
		const char *text = told.data + error.start;
		struct json_reader inner = {.paths = error_paths, .values = parts, .count = 2};

		assert_int_equal(json_read(&inner, text, error.length), JSON_OK);
		json_string_decode(&seen, text, &parts[0]);
		assert_memory_equal(text + parts[1].start, "[\"body\",\"x\"", 11);
		buffer_append(&seen, text + parts[1].start + 11, parts[1].length - 12);
		buffer_append_char(&seen, ' ');
	}
	assert_string_equal(buffer_text(&seen), expected);
	schema_free(inputs);
	buffer_fini(&body);
	buffer_fini(&told);
	buffer_fini(&seen);
}

static void tells_of_each_alternative(void **state)
{
	(void)state;
	assert_errors(UNION(INTEGER "," STRING), "[]", "int_type,\"int\" string_type,\"str\" ");
	assert_errors(UNION(INTEGER "," NOTHING), "[]", "int_type ");
	assert_errors(UNION(NOTHING "," INTEGER "," STRING), "1.5",
		"int_from_float,\"int\" string_type,\"str\" ");
	assert_errors(UNION(NOTHING "," NOTHING), "1", "none_required ");
	assert_errors(UNION(NUMBER "," BOOLEAN "," LIST(INTEGER) ",{\"enum\":[1]}"), "[\"a\"]",
		"float_type,\"float\" bool_type,\"bool\" int_type,\"list[int]\",0 "
		"enum,\"enum\" ");
	assert_errors(UNION("{\"type\":\"string\",\"is_path\":true},{\"type\":\"array\"},"
			    "{\"type\":\"object\"}"),
		"1", "string_type,\"path\" list_type,\"list[any]\" dict_type,\"dict[any,any]\" ");
	assert_errors(UNION(REQUIRING("a", "\"a\":{}") "," MAP(INTEGER)), "{\"b\":\"c\"}",
		"missing,\"dict\",\"a\" int_type,\"dict[str,int]\",\"b\" ");
	assert_errors(LIST(UNION(INTEGER "," STRING)), "[1,null,\"a\",true]",
		"int_type,1,\"int\" string_type,1,\"str\" int_type,3,\"int\" "
		"string_type,3,\"str\" ");
	assert_errors(UNION(LIST(UNION(INTEGER "," STRING)) "," STRING), "[[]]",
		"int_type,\"list[union[int,str]]\",0,\"int\" "
		"string_type,\"list[union[int,str]]\",0,\"str\" string_type,\"str\" ");
	assert_errors(UNION(LIST(UNION(INTEGER "," NOTHING)) "," STRING), "[[]]",
		"int_type,\"list[nullable[int]]\",0 string_type,\"str\" ");
	assert_errors(UNION(LIST(UNION(NOTHING "," BOOLEAN "," STRING)) "," STRING), "1",
		"list_type,\"list[nullable[union[bool,str]]]\" string_type,\"str\" ");
}

/* A hundred errors at most, whatever they are in. */
static void bounds_what_is_told(void **state)
{
	struct schema *inputs = schema_of_x(UNION(LIST(UNION(INTEGER "," STRING)) "," STRING));
	struct buffer body = {0}, told = {0};
	struct arguments arguments = {0};
	size_t errors = 0;

	(void)state;
	buffer_append_text(&body, "{\"x\":[");
	for (int i = 0; i < 10000; i++) {
		buffer_append_text(&body, i ? ",[]" : "[]");
	}
	buffer_append_text(&body, "]}");
	assert_int_equal(arguments_read(&arguments, inputs, body.data, body.length, &told),
		ARGUMENTS_INVALID);
	for (const char *at = told.data; (at = strstr(at, "\"type\":")); at++) {
		errors++;
	}
	assert_int_equal(errors, ARGUMENTS_ERRORS_MOST);
	assert_non_null(strstr(told.data, ",49,\"str\"]"));
	schema_free(inputs);
	buffer_fini(&body);
	buffer_fini(&told);
}

static struct buffer told_of(const struct schema *inputs, const struct buffer *body)
{
	struct arguments arguments = {0};
	struct buffer told = {0};

	assert_int_equal(arguments_read(&arguments, inputs, body->data, body->length, &told),
		ARGUMENTS_INVALID);
	return told;
}

static void append_times(struct buffer *out, const char *text, int n)
{
	for (int i = 0; i < n; i++) {
		buffer_append_text(out, text);
	}
}

/* Long inputs are not told, long names in part, many choices neither. */
static void bounds_each_part(void **state)
{
	struct schema *map = schema_of_x(MAP(INTEGER));
	struct schema *choice;
	struct buffer body = {0}, told, schema = {0};

	(void)state;
	for (int length = ARGUMENTS_INPUT_MOST - 2; length <= ARGUMENTS_INPUT_MOST - 1; length++) {
		buffer_append_text(&body, "{\"x\":{\"k\":\"");
		append_times(&body, "y", length);
		buffer_append_text(&body, "\"}}");
		told = told_of(map, &body);
		assert_int_equal(
			!strstr(told.data, "\"input\":null"), length == ARGUMENTS_INPUT_MOST - 2);
		buffer_fini(&told);
		buffer_fini(&body);
	}
	buffer_append_text(&body, "{\"x\":{\"");
	append_times(&body, "\\u00e4\xe2\x82\xac", 1000);
	buffer_append_text(&body, "\":\"\"}}");
	told = told_of(map, &body);
	assert_in_range(told.length, 256, 512);
	assert_non_null(strstr(told.data, "\"x\",\"\xc3\xa4\xe2\x82\xac\xc3\xa4"));
	buffer_fini(&told);
	buffer_fini(&body);
	buffer_append_text(&schema, "{\"enum\":[\"seven\"");
	append_times(&schema, ",\"choices\"", 999);
	buffer_append_text(&schema, "]}");
	choice = schema_of_x(buffer_text(&schema));
	buffer_append_text(&body, "{\"x\":1}");
	told = told_of(choice, &body);
	assert_in_range(told.length, 1024, 1200);
	assert_non_null(strstr(told.data, "\"Input should be 'seven', 'choices', "));
	assert_non_null(strstr(told.data, " others\",\"input\":1}"));
	buffer_fini(&told);
	buffer_fini(&body);
	buffer_fini(&schema);
	schema_free(choice);
	schema_free(map);
}

/* A short body cannot be made long by presets without end. */
static void bounds_presets(void **state)
{
	struct buffer schema = {0}, body = {0}, told;
	struct schema *inputs;

	(void)state;
	buffer_append_text(&schema,
		"{\"type\":\"array\",\"items\":{\"type\":\"object\","
		"\"properties\":{\"p\":{\"default\":\"");
	append_times(&schema, "0123456789abcdef", 65536 / 16);
	buffer_append_text(&schema, "\"}}}}");
	inputs = schema_of_x(buffer_text(&schema));
	buffer_append_text(&body, "{\"x\":[{}");
	append_times(&body, ",{}", 300);
	buffer_append_text(&body, "]}");
	told = told_of(inputs, &body);
	assert_string_equal(told.data,
		"{\"detail\":[{\"type\":\"too_long\",\"loc\":[\"body\",\"x\",255,\"p\"],\"msg\":"
		"\"Input should not leave more than 16 MB to be filled in with defaults\","
		"\"input\":null}]}");
	buffer_fini(&told);
	buffer_fini(&body);
	buffer_fini(&schema);
	schema_free(inputs);
}

/* What alternatives would have filled in that are not taken does not count. */
static void counts_the_presets_that_are_taken(void **state)
{
	struct buffer big = {0}, schema = {0}, body = {0}, told = {0};
	struct arguments arguments = {0};
	struct schema *inputs;

	(void)state;
	buffer_append_text(&big, "{\"type\":\"object\",\"properties\":{\"p\":{\"default\":\"");
	append_times(&big, "0123456789abcdef", 65536 / 16);
	buffer_appendf(&schema,
		"{\"type\":\"array\",\"items\":{\"anyOf\":[%s\"},\"q\":{\"type\":\"null\"}}},"
		"{\"type\":\"object\",\"properties\":{\"q\":{},\"r\":{\"default\":1}}},%s\"}}}]}}",
		buffer_text(&big), buffer_text(&big));
	inputs = schema_of_x(buffer_text(&schema));
	buffer_append_text(&body, "{\"x\":[{\"q\":0}");
	append_times(&body, ",{\"q\":0}", 300);
	buffer_append_text(&body, "]}");
	assert_int_equal(
		arguments_read(&arguments, inputs, body.data, body.length, &told), ARGUMENTS_OK);
	assert_memory_equal(arguments.text.data, "{\"x\":[{\"q\":0,\"r\":1},{\"q\":0,", 24);
	arguments_fini(&arguments);
	buffer_fini(&told);
	buffer_fini(&body);
	buffer_fini(&schema);
	buffer_fini(&big);
	schema_free(inputs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_an_alternative_takes),
		cmocka_unit_test(takes_the_best_alternative),
		cmocka_unit_test(tells_of_each_alternative),
		cmocka_unit_test(bounds_what_is_told),
		cmocka_unit_test(bounds_each_part),
		cmocka_unit_test(bounds_presets),
		cmocka_unit_test(counts_the_presets_that_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
