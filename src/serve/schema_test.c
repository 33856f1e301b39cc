/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"
#include "json/reader.h"

static struct schema *read_text(const char *text, struct buffer *refusal)
{
	struct json_reader reader = {0};

	if (json_read(&reader, text, strlen(text))) {
		fail_msg("%s: %s", text, json_error_text(reader.error));
	}
	return schema_read(text, &reader.root, "inputs", refusal);
}

static struct schema *read_good(const char *text)
{
	struct buffer refusal = {0};
	struct schema *schema = read_text(text, &refusal);

	if (!schema) {
		fail_msg("%s: %s", text, buffer_text(&refusal));
	}
	assert_int_equal(refusal.length, 0);
	return schema;
}

static void assert_refused(const char *text, const char *sentence)
{
	struct buffer refusal = {0};
	struct schema *schema = read_text(text, &refusal);

	if (schema) {
		fail_msg("%s was taken, not refused: %s", text, sentence);
	}
	assert_string_equal(buffer_text(&refusal), sentence);
	buffer_fini(&refusal);
}

/* What is written of one, which is read and written again as it is. */
static const struct {
	const char *text, *written; /* NULL: as it is */
} good[] = {
	{"{}", NULL},
	{"{\"type\":\"null\"}", NULL},
	{"{\"type\":\"boolean\",\"default\":false}", NULL},
	{"{\"type\":\"integer\",\"default\":1e2}", NULL},
	{"{\"type\":\"integer\",\"enum\":[1,2.0,-3],\"default\":2}", NULL},
	{"{\"type\":\"number\",\"default\":123456789012345678901234567890.10}", NULL},
	{"{\"type\":\"string\",\"is_path\":true}", NULL},
	{"{\"type\":\"string\",\"enum\":[\"a\",\"\\u00e4\"],\"default\":\"\xc3\xa4\"}", NULL},
	{"{\"enum\":[true,false]}", NULL},
	{"{\"enum\":[null]}", NULL},
	{"{\"default\":{ \"a b\" : [ 1 , \"\\\" \\\\\" ] , \"c\" :\nnull } }",
		"{\"default\":{\"a b\":[1,\"\\\" \\\\\"],\"c\":null}}"},
	{"{\"type\":\"array\"}", NULL},
	{"{\"type\":\"array\",\"items\":{}}", NULL},
	{"{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"default\":[1,2.5]}", NULL},
	{"{\"type\":\"object\"}", NULL},
	{"{\"type\":\"object\",\"is_file_data\":true}", NULL},
	{"{\"type\":\"object\",\"is_file_data\":false,\"required\":[]}",
		"{\"type\":\"object\",\"required\":[]}"},
	{"{\"type\":\"object\",\"properties\":{}}", NULL},
	{"{\"type\":\"object\",\"items\":{\"value\":{},\"key\":{\"type\":\"string\"}}}",
		"{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},\"value\":{}}}"},
	{" { \"properties\" : { \"b\" : { } , \"a\" : { \"description\" : \"x\\u0020y\" } } ,"
	 "\"required\" : [ \"a\" , \"b\" ] , \"\\u0074ype\" : \"object\" } ",
		"{\"type\":\"object\",\"required\":[\"a\",\"b\"],\"properties\":{\"b\":{},"
		"\"a\":{\"description\":\"x\\u0020y\"}}}"},
	{"{\"type\":\"object\",\"properties\":{\"\\u00e4\\\"\":{},\"\":{}}}",
		"{\"type\":\"object\",\"properties\":{\"\xc3\xa4\\\"\":{},\"\":{}}}"},
	{"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],\"default\":null}", NULL},
	/* Null is a default of any type. */
	{"{\"type\":\"integer\",\"default\":null}", NULL},
	{"{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"default\":null}", NULL},
	{"{\"type\":\"string\",\"enum\":[\"a\"],\"default\":null}", NULL},
	{"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}],\"default\":null}", NULL},
	{"{\"anyOf\":[{\"anyOf\":[{},{}]},{\"type\":\"array\",\"items\":{\"type\":\"null\"}}]}",
		NULL},
};

static void reads_and_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *expected = good[i].written ? good[i].written : good[i].text;
		struct buffer written = {0}, again = {0};
		struct schema *schema = read_good(good[i].text);

		schema_write(&written, schema);
		assert_string_equal(buffer_text(&written), expected);
		schema_free(schema);
		schema = read_good(expected);
		schema_write(&again, schema);
		assert_string_equal(buffer_text(&again), expected);
		schema_free(schema);
		buffer_fini(&written);
		buffer_fini(&again);
	}
}

#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"

static const struct {
	const char *text, *sentence;
} bad[] = {
	{"[]", "inputs: a schema is an object"},
	{"{\"minimum\":1}", "inputs: \"minimum\" is no word of a schema"},
	{"{\"type\":\"null\",\"type\":\"null\"}", "inputs: it has \"type\" twice"},
	{"{\"type\":\"strin\"}",
		"inputs: its type is none of null, boolean, integer, number, "
		"string, array, object"},
	{"{\"type\":\"any\"}",
		"inputs: its type is none of null, boolean, integer, number, "
		"string, array, object"},
	{"{\"type\":[\"null\",\"string\"]}",
		"inputs: its type is none of null, boolean, integer, number, "
		"string, array, object"},
	{"{\"type\":\"null\",\"anyOf\":[{},{}]}", "inputs: it has both \"type\" and \"anyOf\""},
	{"{\"anyOf\":[{}]}", "inputs: its anyOf is no list of two or more schemas"},
	{"{\"anyOf\":{}}", "inputs: its anyOf is no list of two or more schemas"},
	{"{\"anyOf\":[{},{\"x\":0}]}", "inputs.anyOf[1]: \"x\" is no word of a schema"},
	{"{\"is_path\":1,\"type\":\"string\"}", "inputs: its is_path is neither true nor false"},
	{"{\"is_path\":true,\"type\":\"object\"}", "inputs: is_path is for type \"string\" only"},
	{"{\"is_file_data\":true}", "inputs: is_file_data is for type \"object\" only"},
	{"{\"properties\":{}}", "inputs: properties are for type \"object\" only"},
	{"{\"type\":\"object\",\"properties\":[]}", "inputs: its properties are no object"},
	{OBJECT("\"path\":{},\"depth\":{},\"p\\u0061th\":{}"), "inputs.path: it is there twice"},
	{OBJECT("\"a\\u0000b\":{}"), "inputs: a name has a NUL in it"},
	{OBJECT("\"\\ud800\":{}"), "inputs: a name has half of a character in it"},
	{OBJECT("\"a\":{\"type\":\"object\",\"properties\":{\"b\":1}}"),
		"inputs.a.b: a schema is an object"},
	{OBJECT("\"a\\n\":[]"), "inputs.a?: a schema is an object"},
	{"{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"path\"]}",
		"inputs.path: it is required, but is none of the properties"},
	{"{\"type\":\"object\",\"required\":[\"path\"]}",
		"inputs.path: it is required, but is none of the properties"},
	{"{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\",\"a\"]}",
		"inputs.a: it is required twice"},
	{"{\"type\":\"object\",\"required\":\"a\"}", "inputs: its required is no list of names"},
	{"{\"type\":\"object\",\"required\":[1]}", "inputs: its required is no list of names"},
	{"{\"required\":[]}", "inputs: required is for type \"object\" only"},
	{"{\"items\":{}}", "inputs: items are for types \"array\" and \"object\" only"},
	{"{\"type\":\"array\",\"items\":[]}", "inputs[]: a schema is an object"},
	{"{\"type\":\"object\",\"items\":{}}",
		"inputs: the items of an object are {\"key\":SCHEMA,\"value\":SCHEMA}"},
	{"{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},\"value\":{},\"x\":{}}}",
		"inputs: the items of an object are {\"key\":SCHEMA,\"value\":SCHEMA}"},
	{"{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"integer\"},\"value\":{}}}",
		"inputs[key]: its type is not \"string\""},
	{"{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},\"value\":0}}",
		"inputs[value]: a schema is an object"},
	{"{\"type\":\"object\",\"properties\":{},\"items\":{\"key\":{\"type\":\"string\"},"
	 "\"value\":{}}}",
		"inputs: it has both \"properties\" and \"items\""},
	{OBJECT("\"colour\":{\"enum\":[1,\"two\"]}"),
		"inputs.colour: the choices of its enum differ in type"},
	{OBJECT("\"colour\":{\"type\":\"string\",\"enum\":[\"a\",null]}"),
		"inputs.colour: the choices of its enum differ in type"},
	{"{\"type\":\"string\",\"enum\":[1]}", "inputs: a choice of its enum is no string"},
	{"{\"type\":\"integer\",\"enum\":[1,1.5]}", "inputs: a choice of its enum is no integer"},
	{"{\"enum\":[[1]]}", "inputs: a choice of its enum is a list or an object"},
	{"{\"enum\":[]}", "inputs: its enum is no list of choices"},
	{"{\"enum\":\"a\"}", "inputs: its enum is no list of choices"},
	{"{\"type\":\"array\",\"enum\":[]}", "inputs: an enum is for single values only"},
	{"{\"anyOf\":[{},{}],\"enum\":[1]}", "inputs: an enum is for single values only"},
	{OBJECT("\"depth\":{\"type\":\"integer\",\"default\":\"1\"}"),
		"inputs.depth: its default is no integer"},
	{OBJECT("\"depth\":{\"default\":1.5,\"type\":\"integer\"}"),
		"inputs.depth: its default is no integer"},
	{"{\"type\":\"null\",\"default\":0}", "inputs: its default is no null"},
	{"{\"type\":\"string\",\"enum\":[\"a\"],\"default\":\"b\"}",
		"inputs: its default is none of its choices"},
	{"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],\"default\":\"a\"}",
		"inputs: its default is none of its alternatives"},
	{"{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":[\"a\",1]}",
		"inputs: its default does not fit at [1]: Input should be a valid string"},
	{"{\"type\":\"object\",\"properties\":{\"x\":{}},\"required\":[\"x\"],\"default\":{}}",
		"inputs: its default does not fit at [\"x\"]: Field required"},
	{"{\"description\":1}", "inputs: its description is no string"},
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_refused(bad[i].text, bad[i].sentence);
	}
}

/* A word that is not known is not shown at its whole length. */
static void refuses_long_words(void **state)
{
	char text[1024], sentence[128];

	(void)state;
	(void)snprintf(text, sizeof(text), "{\"%0500d\":1}", 0);
	(void)snprintf(sentence, sizeof(sentence), "inputs: \"%063d is no word of a schema", 0);
	assert_refused(text, sentence);
	(void)snprintf(text, sizeof(text), OBJECT("\"%0257d\":{}"), 0);
	assert_refused(text, "inputs: a name is longer than 256 bytes");
	(void)snprintf(text, sizeof(text), OBJECT("\"%0256d\":{}"), 0);
	schema_free(read_good(text));
}

/* Begins and ends n times. */
static char *repeat(const char *begin, const char *middle, const char *end, int n)
{
	struct buffer out = {0};

	for (int i = 0; i < n; i++) {
		buffer_append_text(&out, begin);
	}
	buffer_append_text(&out, middle);
	for (int i = 0; i < n; i++) {
		buffer_append_text(&out, end);
	}
	return buffer_take(&out);
}

static void bounds_depth_and_size(void **state)
{
	char *text = repeat("{\"type\":\"array\",\"items\":", "{}", "}", SCHEMA_DEPTH_MOST - 1);

	(void)state;
	schema_free(read_good(text));
	free(text);
	text = repeat("{\"anyOf\":[{},", "{}", "]}", SCHEMA_DEPTH_MOST);
	{
		struct buffer refusal = {0};

		assert_null(read_text(text, &refusal));
		assert_non_null(
			strstr(buffer_text(&refusal), ": it is within more than 32 others"));
		buffer_fini(&refusal);
	}
	free(text);
	text = repeat(" ", "", "", SCHEMA_BYTES_MOST);
	text[0] = '{';
	text[SCHEMA_BYTES_MOST - 1] = '}';
	schema_free(read_good(text));
	free(text);
	text = repeat(" ", "", "", SCHEMA_BYTES_MOST + 1);
	text[0] = '{';
	text[SCHEMA_BYTES_MOST] = '}';
	assert_refused(text, "inputs: it is longer than 1048576 bytes");
	free(text);
}

static void assert_parts(const char *begin, const char *part, const char *end, const char *sentence)
{
	for (int n = SCHEMA_PARTS_MOST; n <= SCHEMA_PARTS_MOST + 1; n++) {
		struct buffer text = {0};

		buffer_append_text(&text, begin);
		for (int i = 0; i < n; i++) {
			buffer_append_text(&text, i ? "," : "");
			if (strchr(part, '%')) {
				buffer_appendf(&text, "\"%d\":{}", i);
			} else {
				buffer_append_text(&text, part);
			}
		}
		buffer_append_text(&text, end);
		if (n > SCHEMA_PARTS_MOST) {
			assert_refused(buffer_text(&text), sentence);
		} else {
			schema_free(read_good(buffer_text(&text)));
		}
		buffer_fini(&text);
	}
}

static void bounds_parts(void **state)
{
	(void)state;
	assert_parts("{\"enum\":[", "1", "]}", "inputs: its enum has more than 1000 choices");
	assert_parts("{\"anyOf\":[", "{}", "]}", "inputs: it has more than 1000 alternatives");
	assert_parts("{\"type\":\"object\",\"properties\":{", "%", "}}",
		"inputs: it has more than 1000 properties");
}

static const char everything[] =
	"{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{\"anyOf\":[{\"type\":"
	"\"array\",\"items\":{\"type\":\"integer\"}},{\"type\":\"object\",\"items\":{\"key\":{"
	"\"type\":\"string\"},\"value\":{}}}],\"default\":[1]},\"b\":{\"type\":\"string\",\"enum\":"
	"["
	"\"\\u00e4\",\"b\"],\"default\":\"\xc3\xa4\",\"description\":\"B\"},\"c\":{\"type\":"
	"\"object\",\"properties\":{\"d\":{\"default\":null}},\"default\":{}}}}";

static void survives_lack_of_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct buffer refusal = {0}, written = {0};
		struct schema *schema;

		allocation_fail(n);
		schema = read_text(everything, &refusal);
		if (schema) {
			schema_write(&written, schema);
		}
		failed = allocation_failed();
		assert_true(!failed || !schema || written.failed);
		assert_true(failed || !strcmp(buffer_text(&written), everything));
		schema_free(schema);
		buffer_fini(&refusal);
		buffer_fini(&written);
	}
}

/* What was not read, but made. */
static void writes_required_of_its_own(void **state)
{
	struct schema integer = {.kind = SCHEMA_INTEGER}, any = {0};
	struct schema_member members[] = {{(char *)"a", 1, true, &integer},
		{(char *)"b", 1, false, &any}, {(char *)"c", 1, true, &any}};
	const struct schema schema = {.kind = SCHEMA_OBJECT, .members = members, .member_count = 3};
	struct buffer written = {0};

	(void)state;
	schema_write(&written, &schema);
	assert_string_equal(buffer_text(&written),
		"{\"type\":\"object\",\"required\":[\"a\",\"c\"],\"properties\":{\"a\":{\"type\":"
		"\"integer\"},\"b\":{},\"c\":{}}}");
	buffer_fini(&written);
}

static void finds_members(void **state)
{
	struct schema *schema = read_good(OBJECT("\"a\":{},\"ab\":{},\"\":{}"));

	(void)state;
	assert_ptr_equal(schema_member_find(schema, "a", 1), &schema->members[0]);
	assert_ptr_equal(schema_member_find(schema, "ab", 2), &schema->members[1]);
	assert_ptr_equal(schema_member_find(schema, "", 0), &schema->members[2]);
	assert_null(schema_member_find(schema, "b", 1));
	assert_null(schema_member_find(schema, "ax", 2));
	schema_free(schema);
	schema_free(NULL);
}

static void tells_what_takes_parameters(void **state)
{
	static const struct {
		const char *text;
		bool takes;
	} cases[] = {
		{"{\"type\":\"null\"}", true},
		{OBJECT("\"a\":{}"), true},
		{OBJECT(""), true},
		{"{\"type\":\"object\"}", false},
		{"{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},\"value\":{}}}",
			false},
		{"{\"type\":\"string\"}", false},
		{"{}", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct schema *schema = read_good(cases[i].text);
		struct buffer refusal = {0};

		assert_int_equal(schema_takes_parameters(schema, &refusal), cases[i].takes);
		assert_string_equal(buffer_text(&refusal),
			cases[i].takes ? ""
				       : "inputs: it is neither {\"type\":\"null\"} nor an object "
					 "with properties");
		buffer_fini(&refusal);
		schema_free(schema);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_long_words),
		cmocka_unit_test(bounds_depth_and_size),
		cmocka_unit_test(bounds_parts),
		cmocka_unit_test(survives_lack_of_memory),
		cmocka_unit_test(writes_required_of_its_own),
		cmocka_unit_test(finds_members),
		cmocka_unit_test(tells_what_takes_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
