/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/request.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"
#include "json/reader.h"

/* Every parameter may be anything, so that each function meets each kind. */
static const char schema_text[] =
	"{\"type\":\"object\",\"required\":[],\"properties\":{"
	"\"text\":{\"default\":null},\"number\":{\"default\":null},\"flag\":{\"default\":null},"
	"\"list\":{\"default\":null},\"options\":{\"default\":null}}}";

static struct schema *inputs;
static struct arguments arguments;
static struct request_text *texts;
static struct curfew_request request;

static int read_schema(void **state)
{
	struct json_reader reader = {0};
	struct buffer refusal = {0};

	(void)state;
	if (json_read(&reader, schema_text, strlen(schema_text)) != JSON_OK) {
		return -1;
	}
	inputs = schema_read(schema_text, &reader.root, "inputs", &refusal);
	return inputs ? 0 : -1;
}

static int free_schema(void **state)
{
	(void)state;
	schema_free(inputs);
	return 0;
}

static void ask(const char *body)
{
	struct buffer told = {0};

	assert_int_equal(
		arguments_read(&arguments, inputs, body, strlen(body), &told), ARGUMENTS_OK);
	request =
		(struct curfew_request){.arguments = &arguments, .inputs = inputs, .texts = &texts};
	buffer_fini(&told);
}

static void over(void)
{
	request_fini(&request);
	assert_null(texts);
	arguments_fini(&arguments);
}

static void assert_string(const char *name, const char *wanted, size_t wanted_length)
{
	size_t length = 99;
	const char *text = curfew_request_string(&request, name, &length);

	assert_int_equal(length, wanted_length);
	if (wanted) {
		assert_non_null(text);
		assert_memory_equal(text, wanted, wanted_length + 1); /* and its NUL */
	} else {
		assert_null(text);
	}
}

static void strings_are_decoded(void **state)
{
	(void)state;
	ask("{\"text\":\"plain\",\"list\":[\"\",\"a\\u00e4\\n\",\"a\\u0000b\",\"\\ud800\",7],"
	    "\"options\":{\"a/b\":\"slash\"}}");
	assert_string("text", "plain", 5);
	assert_string("/text", "plain", 5);
	assert_string("/list/0", "", 0);
	assert_string("/list/1", "a\xc3\xa4\n", 4);
	assert_string("/list/2", "a\0b", 3);
	assert_string("/list/3", "\xef\xbf\xbd", 3);
	assert_string("/options/a~1b", "slash", 5);
	assert_string("/list/4", NULL, 0); /* no string */
	assert_string("/list/5", NULL, 0);
	assert_string("flag", NULL, 0); /* null */
	assert_string("nobody", NULL, 0);
	assert_string(NULL, NULL, 0);
	over();
}

static void a_string_that_is_asked_for_again_is_the_same(void **state)
{
	const char *first;

	(void)state;
	ask("{\"text\":\"a\\tb\",\"list\":[\"c\"]}");
	first = curfew_request_string(&request, "text", NULL);
	assert_string("/list/0", "c", 1);
	assert_ptr_equal(curfew_request_string(&request, "text", NULL), first);
	assert_ptr_equal(curfew_request_string(&request, "/text", NULL), first);
	assert_string_equal(curfew_request_json(&request, "text", NULL), "\"a\\tb\"");
	assert_string_equal(first, "a\tb");
	over();
}

static void booleans_are_read(void **state)
{
	bool value = false;

	(void)state;
	ask("{\"flag\":true,\"list\":[false],\"text\":\"true\"}");
	assert_int_equal(curfew_request_boolean(&request, "flag", &value), 0);
	assert_true(value);
	assert_int_equal(curfew_request_boolean(&request, "/list/0", &value), 0);
	assert_false(value);
	assert_int_equal(curfew_request_boolean(&request, "text", &value), -EINVAL);
	assert_int_equal(curfew_request_boolean(&request, "number", &value), -ENOENT);
	assert_int_equal(curfew_request_boolean(&request, "nobody", &value), -ENOENT);
	over();
}

static const struct {
	const char *json;
	int error;
	int64_t integer;
} integers[] = {
	{"0", 0, 0},
	{"-0", 0, 0},
	{"42", 0, 42},
	{"1.0", 0, 1},
	{"10e-1", 0, 1},
	{"12e2", 0, 1200},
	{"9223372036854775807", 0, INT64_MAX},
	{"-9223372036854775808", 0, INT64_MIN},
	{"9223372036854775808", -ERANGE, 0},
	{"1e400", -ERANGE, 0},
	{"1.5", -EINVAL, 0},
	{"1e-1", -EINVAL, 0},
	{"\"1\"", -EINVAL, 0},
	{"true", -EINVAL, 0},
	{"null", -ENOENT, 0},
};

static void integers_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
		int64_t value = -77;
		char body[64];

		(void)snprintf(body, sizeof(body), "{\"number\":%s}", integers[i].json);
		ask(body);
		assert_int_equal(
			curfew_request_integer(&request, "number", &value), integers[i].error);
		assert_true(value == (integers[i].error ? -77 : integers[i].integer));
		over();
	}
}

static void numbers_are_read_whatever_the_locale(void **state)
{
	double value;

	(void)state;
	(void)setlocale(LC_NUMERIC, "de_DE.UTF-8"); /* where there is one */
	ask("{\"number\":1.5e3,\"list\":[-0.25,1e999,1e-999,\"1\",9]}");
	assert_int_equal(curfew_request_number(&request, "number", &value), 0);
	assert_true(value == 1500);
	assert_int_equal(curfew_request_number(&request, "/list/0", &value), 0);
	assert_true(value == -0.25);
	assert_int_equal(curfew_request_number(&request, "/list/1", &value), -ERANGE);
	assert_int_equal(curfew_request_number(&request, "/list/2", &value), 0);
	assert_true(value == 0);
	assert_int_equal(curfew_request_number(&request, "/list/3", &value), -EINVAL);
	assert_int_equal(curfew_request_number(&request, "/list/4", &value), 0);
	assert_true(value == 9);
	assert_int_equal(curfew_request_number(&request, "text", &value), -ENOENT);
	over();
	(void)setlocale(LC_NUMERIC, "C");
}

static void parts_are_counted(void **state)
{
	(void)state;
	ask("{\"list\":[1,[2,3],{}],\"options\":{\"a\":1,\"b\":[]},\"text\":\"abc\"}");
	assert_int_equal(curfew_request_count(&request, "list"), 3);
	assert_int_equal(curfew_request_count(&request, "/list/1"), 2);
	assert_int_equal(curfew_request_count(&request, "/list/2"), 0);
	assert_int_equal(curfew_request_count(&request, "options"), 2);
	assert_int_equal(curfew_request_count(&request, ""), 5);
	assert_int_equal(curfew_request_count(&request, "text"), 0);
	assert_int_equal(curfew_request_count(&request, "nobody"), 0);
	over();
}

static void json_comes_as_it_came(void **state)
{
	size_t length = 0;

	(void)state;
	ask("{\"number\":1.50E+1,\"options\":{\"a\":[1]}}");
	assert_string_equal(curfew_request_json(&request, "number", &length), "1.50E+1");
	assert_int_equal(length, 7);
	assert_string_equal(curfew_request_json(&request, "options", NULL), "{\"a\":[1]}");
	assert_string_equal(curfew_request_json(&request, "flag", NULL), "null");
	assert_null(curfew_request_json(&request, "nobody", &length));
	assert_int_equal(length, 0);
	assert_string_equal(curfew_request_json(&request, "", &length),
		"{\"text\":null,\"number\":1.50E+1,\"flag\":null,\"list\":null,\"options\":{\"a\":["
		"1]}}");
	assert_int_equal(length, strlen(curfew_request_json(&request, "", NULL)));
	over();
}

static void a_request_without_arguments_is_an_empty_object(void **state)
{
	size_t length = 0;

	(void)state;
	request =
		(struct curfew_request){.arguments = &arguments, .inputs = inputs, .texts = &texts};
	arguments = (struct arguments){0};
	assert_string_equal(curfew_request_json(&request, "", &length), "{}");
	assert_int_equal(length, 2);
	assert_null(curfew_request_json(&request, "text", NULL));
	assert_null(curfew_request_string(&request, "text", NULL));
	over();
}

static void no_memory_is_no_string(void **state)
{
	size_t length = 99;

	(void)state;
	ask("{\"text\":\"a\\tb\",\"list\":[\"plain\"]}");
	allocation_fail(1);
	assert_null(curfew_request_string(&request, "/list/0", &length));
	assert_true(allocation_failed());
	assert_int_equal(length, 0);
	for (int n = 1; n <= 2; n++) {
		allocation_fail(n);
		assert_null(curfew_request_string(&request, "text", &length));
		assert_true(allocation_failed());
	}
	assert_string("text", "a\tb", 3);
	over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(a_string_that_is_asked_for_again_is_the_same),
		cmocka_unit_test(booleans_are_read),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(numbers_are_read_whatever_the_locale),
		cmocka_unit_test(parts_are_counted),
		cmocka_unit_test(json_comes_as_it_came),
		cmocka_unit_test(a_request_without_arguments_is_an_empty_object),
		cmocka_unit_test(no_memory_is_no_string),
	};

	return cmocka_run_group_tests(tests, read_schema, free_schema);
}
