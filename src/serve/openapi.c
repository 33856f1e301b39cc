/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document is built in the order of its parts: info, paths, components. A schema of ours is
 * nearly one of JSON Schema 2020-12, which OpenAPI 3.1 takes; what it says in words of its own is
 * said in those of JSON Schema, or with x- in front.
 */
#include "serve/openapi.h"

#include <string.h>

/* Schemas. */

static void append_name(struct buffer *out, const char *name, size_t length)
{
	buffer_append_json(out, name, length);
	buffer_append_char(out, ':');
}

/* A comma, but in front of the first. Something has been written by then. */
static void append_comma(struct buffer *out)
{
	const char *last = buffer_text(out) + out->length - 1;

	if (*last != '{' && *last != '[') {
		buffer_append_char(out, ',');
	}
}

static void append_text(struct buffer *out, const char *name, const struct schema_text *text)
{
	if (text->bytes) {
		append_comma(out);
		append_name(out, name, strlen(name));
		buffer_append(out, text->bytes, text->length);
	}
}

static void append_schema(struct buffer *out, const struct schema *schema);

static void append_part(struct buffer *out, const char *name, const struct schema *schema)
{
	if (schema) {
		append_comma(out);
		append_name(out, name, strlen(name));
		append_schema(out, schema);
	}
}

static void append_required(struct buffer *out, const struct schema *schema)
{
	append_comma(out);
	buffer_append_text(out, "\"required\":[");
	for (size_t i = 0; i < schema->member_count; i++) {
		const struct schema_member *member = &schema->members[i];

		if (member->is_required) {
			append_comma(out);
			buffer_append_json(out, member->name, member->name_length);
		}
	}
	buffer_append_char(out, ']');
}

static void append_members(struct buffer *out, const struct schema *schema)
{
	append_required(out, schema);
	buffer_append_text(out, ",\"properties\":{");
	for (size_t i = 0; i < schema->member_count; i++) {
		const struct schema_member *member = &schema->members[i];

		append_comma(out);
		append_name(out, member->name, member->name_length);
		append_schema(out, member->schema);
	}
	buffer_append_char(out, '}');
}

static void append_alternatives(struct buffer *out, const struct schema *schema)
{
	buffer_append_text(out, "\"anyOf\":[");
	for (size_t i = 0; i < schema->alternative_count; i++) {
		append_comma(out);
		append_schema(out, schema->alternatives[i]);
	}
	buffer_append_char(out, ']');
}

static void append_choices(struct buffer *out, const struct schema *schema)
{
	if (!schema->choice_count) {
		return;
	}
	append_comma(out);
	buffer_append_text(out, "\"enum\":[");
	for (size_t i = 0; i < schema->choice_count; i++) {
		append_comma(out);
		buffer_append(out, schema->choices[i].bytes, schema->choices[i].length);
	}
	buffer_append_char(out, ']');
}

static void append_kind(struct buffer *out, const struct schema *schema)
{
	switch (schema->kind) {
	case SCHEMA_ANY:
		break;
	case SCHEMA_UNION:
		append_alternatives(out, schema);
		break;
	default:
		buffer_appendf(out, "\"type\":\"%s\"", schema_kind_name(schema->kind));
	}
	if (schema->kind == SCHEMA_ARRAY) {
		append_part(out, "items", schema->items);
	}
	if (schema->kind == SCHEMA_OBJECT) {
		append_part(out, "propertyNames", schema->keys);
		append_part(out, "additionalProperties", schema->items);
	}
	if (schema->member_count) {
		append_members(out, schema);
	}
}

static void append_schema(struct buffer *out, const struct schema *schema)
{
	buffer_append_char(out, '{');
	append_kind(out, schema);
	append_choices(out, schema);
	append_text(out, "default", &schema->preset);
	append_text(out, "description", &schema->description);
	if (schema->is_path) {
		append_comma(out);
		buffer_append_text(out, "\"x-is-path\":true");
	}
	if (schema->is_file_data) {
		append_comma(out);
		buffer_append_text(out, "\"x-is-file-data\":true");
	}
	buffer_append_char(out, '}');
}

/* The parts of the document. */

#define REFERENCE(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define CONTENT(type, schema) "\"content\":{\"" type "\":{\"schema\":" schema "}}"
#define JSON_CONTENT(schema) CONTENT("application/json", schema)
#define STRINGS "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define ANYTHING "{\"type\":\"array\",\"items\":{}}"

static void append_info(struct buffer *out, const struct function *function)
{
	buffer_append_text(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":");
	buffer_append_json(out, function->name, strlen(function->name));
	buffer_append_text(out, ",\"version\":");
	buffer_append_json(out, function->id, strlen(function->id));
	if (function->description) {
		buffer_append_text(out, ",\"description\":");
		buffer_append_json(out, function->description, strlen(function->description));
	}
	buffer_append_text(out, "},\"paths\":{");
}

static bool needs_body(const struct schema *inputs)
{
	for (size_t i = 0; i < inputs->member_count; i++) {
		if (inputs->members[i].is_required) {
			return true;
		}
	}
	return false;
}

/* The answers to a call that have an envelope, and so may be lines of a stream. */
static void append_envelopes(struct buffer *out, bool in_lines)
{
	static const struct {
		const char *status;
		const char *text;
	} answers[] = {
		{"200", "The output; a line for each item, where the function streams"},
		{"500", "The function has failed"},
		{"502", "Its process has died"},
		{"503", "No room for the call, or the service ends: again later (Retry-After)"},
		{"504", "The call's time is over"},
		{"default", "A failure with a status of the function's own"},
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		append_comma(out);
		buffer_appendf(
			out, "\"%s\":{\"description\":\"%s\",", answers[i].status, answers[i].text);
		buffer_append_text(out,
			in_lines ? CONTENT("application/x-ndjson", REFERENCE("Envelope"))
				 : JSON_CONTENT(REFERENCE("Envelope")));
		buffer_append_char(out, '}');
	}
}

static void append_refusals(struct buffer *out)
{
	static const struct {
		const char *status;
		const char *text;
		const char *content;
	} answers[] = {
		{"400", "The body is no JSON", JSON_CONTENT(REFERENCE("Refusal"))},
		{"413", "The body is too long", JSON_CONTENT(REFERENCE("Refusal"))},
		{"415", "The body is not application/json", JSON_CONTENT(REFERENCE("Refusal"))},
		{"422", "The parameters do not fit the schema",
			JSON_CONTENT(REFERENCE("ValidationError"))},
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		buffer_appendf(out, ",\"%s\":{\"description\":\"%s\",%s}", answers[i].status,
			answers[i].text, answers[i].content);
	}
}

static void append_invoke(struct buffer *out, const struct function *function)
{
	buffer_append_text(
		out, "\"/invoke\":{\"post\":{\"operationId\":\"invoke\",\"summary\":\"A call\"");
	if (function->inputs->member_count) {
		buffer_appendf(out, ",\"requestBody\":{\"required\":%s,%s}",
			needs_body(function->inputs) ? "true" : "false",
			JSON_CONTENT(REFERENCE("Inputs")));
	}
	buffer_append_text(out, ",\"responses\":{");
	append_envelopes(out, function->streams);
	append_refusals(out);
	buffer_append_text(out, "}}}");
}

static void append_questions(struct buffer *out)
{
	static const struct {
		const char *path; /* its name too, behind the slash */
		const char *summary;
		const char *schema;
	} questions[] = {
		{"/schema", "What a call takes and gives",
			"{\"type\":\"object\",\"required\":[\"inputs\",\"outputs\"],\"properties\":"
			"{"
			"\"inputs\":{\"type\":\"object\"},\"outputs\":{\"type\":\"object\"}}}"},
		{"/id", "The plugin's id", "{\"type\":\"string\"}"},
		{"/metadata", "What it can do besides",
			"{\"type\":\"object\",\"properties\":{\"api_version\":{\"type\":\"string\"}"
			","
			"\"identifier\":{\"type\":\"string\"},\"capabilities\":" STRINGS "}}"},
		{"/precheck", "Whether the function could do its work", REFERENCE("Precheck")},
	};

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		buffer_appendf(out,
			",\"%s\":{\"get\":{\"operationId\":\"%s\",\"summary\":\"%s\","
			"\"responses\":{\"200\":{\"description\":\"The answer\",",
			questions[i].path, questions[i].path + 1, questions[i].summary);
		buffer_append_text(out, "\"content\":{\"application/json\":{\"schema\":");
		buffer_append_text(out, questions[i].schema);
		buffer_append_text(out, "}}}}}}");
	}
}

#define USAGE                                                                                      \
	"\"usage\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"            \
	"\"value\":{\"type\":\"integer\"},\"name\":{\"type\":\"string\"}}}}"
#define STATUS_CODE "\"status_code\":{\"type\":\"integer\"}"
#define STATUS_TEXT "\"status_code_text\":{\"type\":[\"string\",\"null\"]}"

static void append_envelope(struct buffer *out, const struct schema *outputs)
{
	buffer_append_text(out,
		"\"Envelope\":{\"type\":\"object\",\"required\":[\"usage\",\"status_code\","
		"\"file_data\",\"filedata_meta\",\"status_code_text\",\"output\","
		"\"message_channels\"],\"properties\":{" USAGE "," STATUS_CODE ",\"file_data\":{},"
		"\"filedata_meta\":{\"type\":\"object\",\"properties\":{"
		"\"terminate_current\":{\"type\":\"boolean\"},\"new_records\":" ANYTHING
		"}}," STATUS_TEXT ",\"output\":{\"anyOf\":[");
	append_schema(out, outputs);
	buffer_append_text(out,
		",{\"type\":\"null\"}]},\"message_channels\":{\"type\":\"object\",\"properties\":{"
		"\"infos\":" ANYTHING ",\"warnings\":" ANYTHING "}}}}");
}

static void append_components(struct buffer *out, const struct function *function)
{
	buffer_append_text(out, "},\"components\":{\"schemas\":{\"Inputs\":");
	append_schema(out, function->inputs);
	buffer_append_char(out, ',');
	append_envelope(out, function->outputs);
	buffer_append_text(out,
		",\"Precheck\":{\"type\":\"object\",\"properties\":{" USAGE "," STATUS_CODE
		"," STATUS_TEXT "}},"
		"\"Refusal\":{\"type\":\"object\",\"properties\":{\"detail\":{\"type\":\"string\"}}"
		"},"
		"\"ValidationError\":{\"type\":\"object\",\"properties\":{\"detail\":{\"type\":"
		"\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"type\":{\"type\":"
		"\"string\"},\"loc\":{\"type\":\"array\",\"items\":{\"type\":[\"string\","
		"\"integer\"]}},\"msg\":{\"type\":\"string\"},\"input\":{}}}}}}}}}");
}

void openapi_write(struct buffer *out, const struct function *function)
{
	append_info(out, function);
	append_invoke(out, function);
	append_questions(out);
	append_components(out, function);
}
