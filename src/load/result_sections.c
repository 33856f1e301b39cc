/* SPDX-License-Identifier: Apache-2.0 */
#include "load/result_sections.h"

#include <errno.h>

#include "load/result.h"

#define ROW_TEXT(name)                                                                             \
	{                                                                                          \
#name, &field_text, offsetof(struct result_row, name),                             \
			sizeof(((struct result_row *)0)->name)                                     \
	}

static const struct field row_fields[] = {
	ROW_TEXT(name),
	ROW_TEXT(text),
	{"value", &field_double, offsetof(struct result_row, value), 0},
	{NULL, NULL, 0, 0},
};

static void write_rows(struct buffer *out, const void *value)
{
	const struct result_section *section = value;

	buffer_append_char(out, '[');
	for (size_t i = 0; i < section->row_count; i++) {
		buffer_append_text(out, i ? "," : "");
		fields_write(out, row_fields, &section->rows[i]);
	}
	buffer_append_char(out, ']');
}

static int read_rows(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct result_section *section = value;
	struct json_value element = {0};
	int status = 0;

	(void)field;
	if (json->kind != JSON_ARRAY) {
		return fields_refuse(reading, "is no array");
	}
	while (status == 0 && json_element_next(reading->text, json, &element)) {
		if (section->row_count == RESULT_SECTION_ROWS) {
			return fields_refuse(reading, "has too many elements");
		}
		status = fields_read(reading, &element, row_fields,
			&section->rows[section->row_count++], "a row");
	}
	return status;
}

static const struct field_kind rows_kind = {write_rows, read_rows};

static void write_latency(struct buffer *out, const void *value)
{
	const struct result_section *section = value;

	if (section->latency_name) {
		histogram_write(out, &section->latency);
	} else {
		buffer_append_text(out, "null");
	}
}

/* Behind its name. */
static int read_latency(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct result_section *section = value;

	if (!section->latency_name) {
		return json->kind == JSON_NULL
			? 0
			: fields_refuse(reading, "is there, but its name is not");
	}
	return histogram_init(&section->latency)
		? -ENOMEM
		: field_histogram.read(reading, field, json, &section->latency);
}

static const struct field_kind latency_kind = {write_latency, read_latency};

static const struct field section_fields[] = {
	{"name", &field_text, offsetof(struct result_section, name),
		sizeof(((struct result_section *)0)->name)},
	{"rows", &rows_kind, 0, 0},
	{"latency_name", &field_string, offsetof(struct result_section, latency_name), 0},
	{"latency", &latency_kind, 0, 0},
	{NULL, NULL, 0, 0},
};

static void write_sections(struct buffer *out, const void *value)
{
	const struct result_section *const *sections = value;

	buffer_append_char(out, '[');
	for (const struct result_section *section = *sections; section; section = section->next) {
		buffer_append_text(out, section == *sections ? "" : ",");
		fields_write(out, section_fields, section);
	}
	buffer_append_char(out, ']');
}

static int read_sections(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct result_section **end = value;
	struct json_value element = {0};
	int status = 0;

	(void)field;
	if (json->kind != JSON_ARRAY) {
		return fields_refuse(reading, "is no array");
	}
	while (status == 0 && json_element_next(reading->text, json, &element)) {
		*end = field_block_new(reading->blocks, sizeof(**end));
		if (!*end) {
			return -ENOMEM;
		}
		status = fields_read(reading, &element, section_fields, *end, "a section");
		end = &(*end)->next;
	}
	return status;
}

const struct field_kind result_sections_kind = {write_sections, read_sections};
