/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema that is read and written is read again to the same text, and the same id. One that is
 * refused says where. Bodies do what they like to it: the document itself, and nothing.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/arguments.h"
#include "serve/identifier.h"
#include "json/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct schema *read_text(const char *text, size_t length)
{
	struct json_reader reader = {0};
	struct buffer refusal = {0};
	struct schema *schema = NULL;

	if (!json_read(&reader, text, length)) {
		schema = schema_read(text, &reader.root, "inputs", &refusal);
		assert(!refusal.failed);
		assert(schema ? !refusal.length : !strncmp(refusal.data, "inputs", 6));
	}
	buffer_fini(&refusal);
	return schema;
}

static void check_body(const struct schema *schema, const char *body, size_t length)
{
	struct arguments arguments = {0};
	struct json_reader reader = {0};
	struct buffer told = {0};
	enum arguments_outcome outcome = arguments_read(&arguments, schema, body, length, &told);

	assert(outcome == ARGUMENTS_OK || outcome == ARGUMENTS_INVALID);
	if (outcome == ARGUMENTS_OK) {
		assert(!told.length);
		assert(!json_read(&reader, arguments.text.data, arguments.text.length));
	} else {
		assert(!json_read(&reader, told.data, told.length));
	}
	arguments_fini(&arguments);
	buffer_fini(&told);
}

static void check_written(const struct schema *schema)
{
	char id[IDENTIFIER_DIGITS + 1], again_id[IDENTIFIER_DIGITS + 1];
	struct buffer written = {0}, rewritten = {0};
	struct schema *again;

	schema_write(&written, schema);
	assert(!memchr(written.data, '\n', written.length));
	again = read_text(written.data, written.length);
	assert(again);
	schema_write(&rewritten, again);
	assert(rewritten.length == written.length);
	assert(!memcmp(rewritten.data, written.data, written.length));
	assert(!identifier_make(id, schema, again) && !identifier_make(again_id, again, schema));
	assert(!strcmp(id, again_id));
	schema_free(again);
	buffer_fini(&written);
	buffer_fini(&rewritten);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct schema *schema = read_text(text, size);
	struct buffer refusal = {0};

	if (schema) {
		check_written(schema);
		if (schema_takes_parameters(schema, &refusal)) {
			check_body(schema, text, size);
			check_body(schema, "", 0);
		} else {
			assert(refusal.length);
		}
	}
	schema_free(schema);
	buffer_fini(&refusal);
	return 0;
}
