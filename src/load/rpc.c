/* SPDX-License-Identifier: Apache-2.0 */
#include "load/rpc.h"

#include <string.h>

#include "json/number.h"
#include "json/reader.h"

/* Returns the length of a string, from its quote on. */
static size_t string_length(const char *text, const char *end)
{
	const char *at = text + 1;

	while (at < end && *at != '"') {
		at += *at == '\\' ? 2 : 1;
	}
	return (size_t)(at + 1 - text);
}

/* Appends a well-formed text without the white space between its words. */
static void compact(struct buffer *out, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		size_t word = *text == '"' ? string_length(text, end) : 1;

		if (!strchr(" \t\r\n", *text)) {
			buffer_append(out, text, word);
		}
		text += word;
	}
}

static bool add_params(struct pattern *pattern, const char *params, size_t length, bool has_places,
	struct buffer *refusal)
{
	struct json_reader reader = {0};
	struct buffer compacted = {0};
	bool read = true;

	if (json_read(&reader, params, length) != JSON_OK) {
		buffer_appendf(refusal, "is no JSON: %s", json_error_text(reader.error));
		return false;
	}
	if (reader.root.kind != JSON_ARRAY && reader.root.kind != JSON_OBJECT) {
		buffer_append_text(refusal, "is neither an array nor an object");
		return false;
	}
	compact(&compacted, params, length);
	pattern->text.failed = pattern->text.failed || compacted.failed;
	pattern_add(pattern, ",\"params\":", 10);
	if (has_places) {
		read = pattern_read_json(
			pattern, buffer_text(&compacted), compacted.length, refusal);
	} else {
		pattern_add(pattern, buffer_text(&compacted), compacted.length);
	}
	buffer_fini(&compacted);
	return read;
}

bool rpc_compose(struct pattern *pattern, const char *method, const char *params, size_t length,
	bool has_places, struct buffer *refusal)
{
	static const char begin[] = "{\"jsonrpc\":\"2.0\",\"id\":";

	pattern_add(pattern, begin, strlen(begin));
	pattern_add_number(pattern);
	pattern_add(pattern, ",\"method\":", 10);
	buffer_append_json(&pattern->text, method, strlen(method));
	if (params && !add_params(pattern, params, length, has_places, refusal)) {
		return false;
	}
	pattern_add(pattern, "}", 1);
	return true;
}

static bool is_id(const char *text, const struct json_value *value, uint64_t id)
{
	int64_t found;

	return value->kind == JSON_NUMBER && json_whole(text, value, &found) == 0 && found >= 0 &&
		(uint64_t)found == id;
}

enum load_outcome rpc_judge(uint64_t id, const char *body, size_t length)
{
	static const struct json_path paths[] = {{{"id"}}, {{"error"}}, {{"result"}}};
	struct json_value values[3];
	const struct json_value *found = &values[0], *error = &values[1], *result = &values[2];
	struct json_reader reader = {.paths = paths, .values = values, .count = 3};

	if (!body || json_read(&reader, body, length) != JSON_OK) {
		return LOAD_MALFORMED;
	}
	if (error->kind > JSON_NULL) {
		return found->kind == JSON_NULL || is_id(body, found, id) ? LOAD_RPC_ERROR
									  : LOAD_MALFORMED;
	}
	return result->kind && is_id(body, found, id) ? LOAD_OK : LOAD_MALFORMED;
}
