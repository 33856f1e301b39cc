/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies against a schema that has every kind. What is accepted is one line of JSON, in the order
 * of the schema, and is accepted again; what is not is told in JSON, within bounds.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/arguments.h"
#include "json/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOLD_MOST ((size_t)ARGUMENTS_ERRORS_MOST * 16384)

static const char text_of_inputs[] =
	"{\"type\":\"object\",\"required\":[\"s\"],\"properties\":{"
	"\"s\":{\"type\":\"string\"},"
	"\"p\":{\"type\":\"string\",\"is_path\":true,\"default\":\"/\"},"
	"\"n\":{\"type\":\"null\"},"
	"\"b\":{\"type\":\"boolean\",\"default\":false},"
	"\"i\":{\"type\":\"integer\",\"default\":1},"
	"\"f\":{\"type\":\"number\"},"
	"\"any\":{},"
	"\"e\":{\"type\":\"string\",\"enum\":[\"a\",\"\\u00e4\",\"'\"],\"default\":\"a\"},"
	"\"en\":{\"enum\":[1,2.5]},"
	"\"l\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},"
	"\"r\":{\"type\":\"array\"},"
	"\"m\":{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},"
	"\"value\":{\"anyOf\":[{\"type\":\"boolean\"},{\"type\":\"string\"}]}}},"
	"\"k\":{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\",\"enum\":[\"x\"]},"
	"\"value\":{}}},"
	"\"fd\":{\"type\":\"object\",\"is_file_data\":true},"
	"\"u\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],\"default\":null},"
	"\"o\":{\"type\":\"object\",\"required\":[\"x\"],\"default\":{\"x\":0},\"properties\":{"
	"\"x\":{\"type\":\"integer\"},\"y\\n\":{\"default\":[1]},"
	"\"in\":{\"type\":\"object\",\"default\":{},\"properties\":{\"z\":{\"default\":null}}}}},"
	"\"v\":{\"anyOf\":[{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"integer\"},"
	"{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{\"default\":2}}},"
	"{\"type\":\"object\",\"required\":[\"c\"],\"properties\":{\"c\":{},\"a\":{}}}]}},"
	"{\"type\":\"object\",\"items\":{\"key\":{\"type\":\"string\"},\"value\":"
	"{\"type\":\"object\",\"properties\":{\"d\":{\"type\":\"null\"}}}}},"
	"{\"type\":\"string\"}]}"
	"}}";

static struct schema *inputs;

static void read_inputs(void)
{
	struct json_reader reader = {0};
	struct buffer refusal = {0};

	assert(!json_read(&reader, text_of_inputs, strlen(text_of_inputs)));
	inputs = schema_read(text_of_inputs, &reader.root, "inputs", &refusal);
	assert(inputs);
}

static void check_values(const struct arguments *arguments)
{
	const char *text = arguments->text.data;
	struct json_value name = {0}, value = {0}, found;

	for (size_t i = 0; i < inputs->member_count; i++) {
		const struct schema_member *member = &inputs->members[i];

		if (!arguments->values[i].kind) {
			assert(!member->is_required && !member->schema->preset.bytes);
			continue;
		}
		assert(json_member_next(text, &arguments->root, &name, &value));
		assert(json_string_equal(text, &name, member->name, member->name_length));
		assert(value.kind == arguments->values[i].kind);
		assert(value.start == arguments->values[i].start);
		assert(value.length == arguments->values[i].length);
		assert(arguments_find(arguments, inputs, member->name, &found));
		assert(found.start == value.start);
	}
	assert(!json_member_next(text, &arguments->root, &name, &value));
}

static void check_taken(const struct arguments *arguments)
{
	struct json_reader reader = {0};
	struct arguments again = {0};
	struct buffer told = {0};
	const char *text = arguments->text.data;
	size_t length = arguments->text.length;

	assert(!json_read(&reader, text, length));
	assert(!memchr(text, '\n', length) && !memchr(text, '\r', length));
	assert(reader.root.length == length && arguments->root.length == length);
	check_values(arguments);
	assert(arguments_read(&again, inputs, text, length, &told) == ARGUMENTS_OK);
	arguments_fini(&again);
	buffer_fini(&told);
}

static void check_told(const struct buffer *told)
{
	static const struct json_path paths[] = {{{"detail"}}};
	struct json_value detail, error = {0};
	struct json_reader reader = {.paths = paths, .values = &detail, .count = 1};
	int count = 0;

	assert(told->length < TOLD_MOST);
	assert(!json_read(&reader, told->data, told->length));
	for (; json_element_next(told->data, &detail, &error); count++) {
		assert(!strncmp(told->data + error.start, "{\"type\":\"", 9));
	}
	assert(count > 0 && count <= ARGUMENTS_ERRORS_MOST);
}

/* The body as a pointer into what it says. */
static void check_pointer(const struct arguments *arguments, const char *body, size_t length)
{
	char *pointer = malloc(length + 1);
	struct json_value found;

	assert(pointer);
	memcpy(pointer, body, length);
	pointer[length] = '\0';
	if (arguments_find(arguments, inputs, pointer, &found)) {
		assert(found.kind && found.start + found.length <= arguments->text.length);
	}
	free(pointer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	struct arguments arguments = {0};
	struct json_reader reader = {0};
	struct buffer told = {0};
	enum arguments_outcome outcome;

	if (!inputs) {
		read_inputs();
	}
	outcome = arguments_read(&arguments, inputs, body, size, &told);
	json_read(&reader, body, size);
	assert((outcome == ARGUMENTS_NOT_JSON) == (reader.error && reader.error != JSON_EMPTY));
	if (outcome == ARGUMENTS_OK) {
		check_taken(&arguments);
		check_pointer(&arguments, body, size);
	} else if (outcome == ARGUMENTS_INVALID) {
		check_told(&told);
	} else {
		assert(outcome == ARGUMENTS_NOT_JSON && told.length);
	}
	arguments_fini(&arguments);
	buffer_fini(&told);
	return 0;
}
