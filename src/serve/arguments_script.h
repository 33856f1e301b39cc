/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of arguments share. */
#ifndef SERVE_ARGUMENTS_SCRIPT_H
#define SERVE_ARGUMENTS_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "serve/arguments.h"
#include "json/reader.h"

static inline struct schema *schema_of(const char *text)
{
	struct json_reader reader = {0};
	struct buffer refusal = {0};
	struct schema *schema;

	if (json_read(&reader, text, strlen(text))) {
		fail_msg("%s: %s", text, json_error_text(reader.error));
	}
	schema = schema_read(text, &reader.root, "inputs", &refusal);
	if (!schema) {
		fail_msg("%s", buffer_text(&refusal));
	}
	return schema;
}

/* A function of one parameter, x. */
static inline struct schema *schema_of_x(const char *schema)
{
	struct schema *inputs;
	struct buffer text = {0};

	buffer_appendf(&text,
		"{\"type\":\"object\",\"required\":[\"x\"],\"properties\":{\"x\":%s}}", schema);
	inputs = schema_of(buffer_text(&text));
	buffer_fini(&text);
	return inputs;
}

/* The values are where the text has them. */
static inline void assert_values(const struct arguments *arguments, const struct schema *inputs)
{
	const char *text = buffer_text(&arguments->text);
	struct json_value name = {0}, value = {0};

	assert_int_equal(arguments->root.kind, JSON_OBJECT);
	assert_int_equal(arguments->root.length, arguments->text.length);
	for (size_t i = 0; i < inputs->member_count; i++) {
		const struct schema_member *member = &inputs->members[i];

		if (!arguments->values[i].kind) {
			assert_false(arguments_find(arguments, inputs, member->name, &value));
			continue;
		}
		assert_true(json_member_next(text, &arguments->root, &name, &value));
		assert_true(json_string_equal(text, &name, member->name, member->name_length));
		assert_int_equal(value.kind, arguments->values[i].kind);
		assert_int_equal(value.start, arguments->values[i].start);
		assert_int_equal(value.length, arguments->values[i].length);
	}
	assert_false(json_member_next(text, &arguments->root, &name, &value));
}

static inline void assert_taken(const struct schema *inputs, const char *body, const char *expected)
{
	struct arguments arguments = {0};
	struct buffer told = {0};

	if (arguments_read(&arguments, inputs, body, strlen(body), &told) != ARGUMENTS_OK) {
		fail_msg("%s: %s", body, buffer_text(&told));
	}
	assert_int_equal(told.length, 0);
	assert_string_equal(buffer_text(&arguments.text), expected);
	assert_values(&arguments, inputs);
	arguments_fini(&arguments);
	buffer_fini(&told);
}

/* The errors are those, as one JSON text without the brackets around them. */
static inline void assert_invalid(const struct schema *inputs, const char *body, const char *errors)
{
	struct arguments arguments = {0};
	struct buffer told = {0}, expected = {0};

	if (arguments_read(&arguments, inputs, body, strlen(body), &told) != ARGUMENTS_INVALID) {
		fail_msg("%s: not invalid: %s", body, buffer_text(&told));
	}
	buffer_appendf(&expected, "{\"detail\":[%s]}", errors);
	assert_string_equal(buffer_text(&told), buffer_text(&expected));
	assert_null(arguments.values);
	assert_null(arguments.text.data);
	buffer_fini(&told);
	buffer_fini(&expected);
}

#endif
