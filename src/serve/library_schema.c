/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/library_schema.h"

#include "serve/library_document.h"
#include "serve/library_table.h"
#include "json/reader.h"

/* Reads the document that was written, which frees it. */
static struct schema *read_back(struct library_writer *writer, const char *name)
{
	struct json_reader reader = {.length_most = SCHEMA_BYTES_MOST};
	const char *text = buffer_text(&writer->text);
	struct schema *schema = NULL;

	if (writer->text.failed) {
		buffer_append_text(writer->refusal, "out of memory");
	} else if (json_read(&reader, text, writer->text.length) != JSON_OK) {
		buffer_appendf(writer->refusal, "%s: %s", name, json_error_text(reader.error));
	} else {
		schema = schema_read(text, &reader.root, name, writer->refusal);
	}
	buffer_fini(&writer->text);
	return schema;
}

/* Notes what a parameter of the program's own allows. Returns whether it is one. */
static bool note_use(uint32_t type, struct response_uses *uses)
{
	uses->usage = uses->usage || type == CURFEW_USAGE;
	uses->message_channels = uses->message_channels || type == CURFEW_MESSAGE_CHANNELS;
	uses->filedata_meta = uses->filedata_meta || type == CURFEW_FILEDATA_META;
	return library_injected(type);
}

/* Notes all, and returns how many are in the request; -1 after a refusal. */
static int note_uses(struct library_writer *writer, const struct curfew_parameter *parameters,
	const struct library_place *place, struct response_uses *uses)
{
	int count = library_count(writer, parameters, place);
	int left = count;

	for (int i = 0; i < count; i++) {
		struct curfew_parameter row;

		(void)library_parameter(writer->table, parameters, (size_t)i, &row);
		if (note_use(row.type, uses)) {
			left--;
		}
		if (library_injected(row.type) && (row.preset || row.parts || row.choices)) {
			const struct library_place own = {place, row.name ? row.name : "?"};

			(void)library_refuse(writer, &own,
				"what the program gives has no preset, parts or choices");
			return -1;
		}
	}
	return left;
}

struct schema *library_inputs(const struct curfew_plugin *table,
	const struct curfew_parameter *parameters, struct response_uses *uses,
	struct buffer *refusal)
{
	const struct library_place place = {NULL, "inputs"};
	struct library_writer writer = {.table = table, .refusal = refusal};
	const struct curfew_parameter whole = {.type = CURFEW_OBJECT, .parts = parameters};
	int count = note_uses(&writer, parameters, &place, uses);

	if (count < 0) {
		return NULL;
	}
	if (!count) {
		buffer_append_text(&writer.text, "{\"type\":\"null\"}");
	} else if (!library_write(&writer, &whole, &place)) {
		buffer_fini(&writer.text);
		return NULL;
	}
	return read_back(&writer, place.name);
}

struct schema *library_outputs(const struct curfew_plugin *table,
	const struct curfew_parameter *output, struct buffer *refusal)
{
	const struct library_place place = {NULL, "outputs"};
	struct library_writer writer = {.table = table, .refusal = refusal};
	struct curfew_parameter row = {.type = CURFEW_NULL};

	if (output && library_parameter(table, output, 0, &row) < 0) {
		(void)library_refuse(&writer, &place,
			"uses something that this version of curfew does not know");
		return NULL;
	}
	if (!library_write(&writer, &row, &place)) {
		buffer_fini(&writer.text);
		return NULL;
	}
	return read_back(&writer, place.name);
}

bool library_precheck(const struct curfew_plugin *table, const struct curfew_parameter *parameters,
	struct response_uses *uses, struct buffer *refusal)
{
	const struct library_place place = {NULL, "precheck"};
	struct library_writer writer = {.table = table, .refusal = refusal};
	int count = library_count(&writer, parameters, &place);

	for (int i = 0; i < count; i++) {
		struct curfew_parameter row;

		(void)library_parameter(table, parameters, (size_t)i, &row);
		if (row.type != CURFEW_USAGE && row.type != CURFEW_CANCELLATION_TOKEN) {
			const struct library_place own = {&place, row.name ? row.name : "?"};

			return library_refuse(&writer, &own,
				"a precheck takes usage and the token, nothing else");
		}
		(void)note_use(row.type, uses);
	}
	return count >= 0;
}
