/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/schema.h"

static void append_text(struct buffer *out, const char *word, const struct schema_text *text)
{
	if (text->bytes) {
		buffer_append_text(out, word);
		buffer_append(out, text->bytes, text->length);
		buffer_append_char(out, ',');
	}
}

static void append_schema(struct buffer *out, const char *word, const struct schema *schema)
{
	buffer_append_text(out, word);
	schema_write(out, schema);
	buffer_append_char(out, ',');
}

/* Puts the bracket in the place of the last comma. */
static void close_bracket(struct buffer *out, char bracket)
{
	if (!out->failed && out->data[out->length - 1] == ',') {
		out->length--;
	}
	buffer_append_char(out, bracket);
}

/* Those of a schema that was not read tell by themselves. */
static void append_required(struct buffer *out, const struct schema *schema)
{
	bool any = false;

	if (schema->required.bytes) {
		append_text(out, "\"required\":", &schema->required);
		return;
	}
	for (size_t i = 0; i < schema->member_count; i++) {
		const struct schema_member *member = &schema->members[i];

		if (member->is_required) {
			buffer_append_text(out, any ? "" : "\"required\":[");
			buffer_append_json(out, member->name, member->name_length);
			buffer_append_char(out, ',');
			any = true;
		}
	}
	if (any) {
		close_bracket(out, ']');
		buffer_append_char(out, ',');
	}
}

static void append_members(struct buffer *out, const struct schema *schema)
{
	buffer_append_text(out, "\"properties\":{");
	for (size_t i = 0; i < schema->member_count; i++) {
		const struct schema_member *member = &schema->members[i];

		buffer_append_json(out, member->name, member->name_length);
		append_schema(out, ":", member->schema);
	}
	close_bracket(out, '}');
	buffer_append_char(out, ',');
}

static void append_items(struct buffer *out, const struct schema *schema)
{
	static const struct schema any;

	if (schema->kind == SCHEMA_ARRAY) {
		append_schema(out, "\"items\":", schema->items);
		return;
	}
	buffer_append_text(out, "\"items\":{");
	append_schema(out, "\"key\":", schema->keys ? schema->keys : &any);
	append_schema(out, "\"value\":", schema->items);
	close_bracket(out, '}');
	buffer_append_char(out, ',');
}

static void append_alternatives(struct buffer *out, const struct schema *schema)
{
	buffer_append_text(out, "\"anyOf\":[");
	for (size_t i = 0; i < schema->alternative_count; i++) {
		append_schema(out, "", schema->alternatives[i]);
	}
	close_bracket(out, ']');
	buffer_append_char(out, ',');
}

static void append_choices(struct buffer *out, const struct schema *schema)
{
	buffer_append_text(out, "\"enum\":[");
	for (size_t i = 0; i < schema->choice_count; i++) {
		append_text(out, "", &schema->choices[i]);
	}
	close_bracket(out, ']');
	buffer_append_char(out, ',');
}

void schema_write(struct buffer *out, const struct schema *schema)
{
	buffer_append_char(out, '{');
	if (schema->kind == SCHEMA_UNION) {
		append_alternatives(out, schema);
	} else if (schema->kind != SCHEMA_ANY) {
		buffer_appendf(out, "\"type\":\"%s\",", schema_kind_name(schema->kind));
	}
	buffer_append_text(out, schema->is_path ? "\"is_path\":true," : "");
	buffer_append_text(out, schema->is_file_data ? "\"is_file_data\":true," : "");
	append_required(out, schema);
	if (schema->members) {
		append_members(out, schema);
	} else if (schema->items) {
		append_items(out, schema);
	}
	if (schema->choices) {
		append_choices(out, schema);
	}
	append_text(out, "\"default\":", &schema->preset);
	append_text(out, "\"description\":", &schema->description);
	close_bracket(out, '}');
}
