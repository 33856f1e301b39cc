/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/message.h"

#include <assert.h>
#include <string.h>

#include "json/edit.h"
#include "json/escape.h"

enum {
	JSONRPC,
	ID,
	METHOD,
	RESULT,
	ERROR,
	TOKEN,
	PROGRESS,
	CANCELLED,
	PROTOCOL,
	ERA,
	NAME,
	URI,
	PATHS
};

static const struct json_path paths[PATHS] = {
	[JSONRPC] = {{"jsonrpc"}},
	[ID] = {{"id"}},
	[METHOD] = {{"method"}},
	[RESULT] = {{"result"}},
	[ERROR] = {{"error"}},
	[TOKEN] = {{"params", "_meta", "progressToken"}},
	[PROGRESS] = {{"params", "progressToken"}},
	[CANCELLED] = {{"params", "requestId"}},
	[PROTOCOL] = {{"params", "protocolVersion"}},
	[ERA] = {{"params", "_meta", "io.modelcontextprotocol/protocolVersion"}},
	[NAME] = {{"params", "name"}},
	[URI] = {{"params", "uri"}},
};

/*
 * Readers differ in which of two members of one name counts. With ours spliced into one of them,
 * the other could be an id that belongs to somebody else.
 */
static bool any_repeated(const struct json_value *values)
{
	for (int i = 0; i < PATHS; i++) {
		if (values[i].repeated) {
			return true;
		}
	}
	return false;
}

static enum message_kind kind_of_call(const char *text, const struct json_value *values)
{
	const struct json_value *id = &values[ID];

	if (values[METHOD].kind != JSON_STRING || values[RESULT].kind || values[ERROR].kind ||
		!json_string_equal(text, &values[JSONRPC], "2.0", 3) || any_repeated(values)) {
		return MESSAGE_INVALID;
	}
	if (!id->kind) {
		return MESSAGE_NOTIFICATION;
	}
	return id->kind == JSON_STRING || id->kind == JSON_NUMBER ? MESSAGE_REQUEST
								  : MESSAGE_INVALID;
}

static enum message_kind kind_of_object(const char *text, const struct json_value *values)
{
	if (values[METHOD].kind) {
		return kind_of_call(text, values);
	}
	return values[ID].kind && (values[RESULT].kind || values[ERROR].kind) ? MESSAGE_RESPONSE
									      : MESSAGE_INVALID;
}

static enum message_kind kind_of_array(const char *text, const struct json_value *array)
{
	struct json_value element = {0};

	return json_element_next(text, array, &element) ? MESSAGE_BATCH : MESSAGE_INVALID;
}

static void keep_values(struct message *message, const struct json_value *values)
{
	message->id = values[ID];
	message->method = values[METHOD];
	message->error = values[ERROR];
	message->token = values[TOKEN];
	message->progress = values[PROGRESS];
	message->cancelled = values[CANCELLED];
	message->protocol = values[PROTOCOL];
	message->era = values[ERA];
	message->name = values[NAME];
	message->uri = values[URI];
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
		at++;
	}
	return at;
}

enum json_error message_read(
	struct message *message, const char *text, size_t length, size_t *offset)
{
	const char *first = skip_space(text, text + length);
	struct json_value values[PATHS];
	struct json_reader reader = {.paths = paths, .values = values, .count = PATHS};

	json_read(&reader, first, (size_t)(text + length - first));
	if (offset) {
		*offset = (size_t)(first - text) + reader.offset;
	}
	message->kind = MESSAGE_INVALID;
	message->text = first;
	message->length = reader.root.length;
	keep_values(message, values);
	if (!reader.error && reader.root.kind == JSON_OBJECT) {
		message->kind = kind_of_object(first, values);
	} else if (!reader.error && reader.root.kind == JSON_ARRAY) {
		message->kind = kind_of_array(first, &reader.root);
	}
	return reader.error;
}

bool message_next(const struct message *batch, struct json_value *element, struct message *message)
{
	struct json_value array = {.kind = JSON_ARRAY, .length = batch->length};

	if (batch->kind != MESSAGE_BATCH || !json_element_next(batch->text, &array, element)) {
		return false;
	}
	message_read(message, batch->text + element->start, element->length, NULL);
	if (message->kind == MESSAGE_BATCH) {
		message->kind = MESSAGE_INVALID;
	}
	return true;
}

bool message_is(const struct message *message, const char *method)
{
	return json_string_equal(message->text, &message->method, method, strlen(method));
}

/* Whether the insides of two strings say the same, of which one at least has escapes. */
static bool says_the_same(const char *at, const char *end, const char *other, const char *other_end)
{
	struct json_run run = {.bytes = ""}, other_run = {.bytes = ""};

	for (;;) {
		size_t both;

		if (!run.length && at < end) {
			json_run_read(&run, &at, end);
		}
		if (!other_run.length && other < other_end) {
			json_run_read(&other_run, &other, other_end);
		}
		if (!run.bytes || !other_run.bytes) {
			return false;
		}
		both = run.length < other_run.length ? run.length : other_run.length;
		if (!both) {
			return run.length == other_run.length;
		}
		if (memcmp(run.bytes, other_run.bytes, both) != 0) {
			return false;
		}
		run.bytes += both;
		run.length -= both;
		other_run.bytes += both;
		other_run.length -= both;
	}
}

bool message_same_id(
	const char *text, const struct json_value *id, const char *other, size_t other_length)
{
	const char *bytes = text + id->start;

	if (!id->kind || !other_length) {
		return false;
	}
	if (id->length == other_length && memcmp(bytes, other, other_length) == 0) {
		return true;
	}
	if (id->kind != JSON_STRING || *other != '"' ||
		(!memchr(bytes, '\\', id->length) && !memchr(other, '\\', other_length))) {
		return false;
	}
	return says_the_same(
		bytes + 1, bytes + id->length - 1, other + 1, other + other_length - 1);
}

/* They are rare in what programs write: two quick searches as a rule. */
static void replace_breaks(char *at, const char *end, char line_break)
{
	while ((at = memchr(at, line_break, (size_t)(end - at)))) {
		*at++ = ' ';
	}
}

void message_write(struct buffer *out, const struct message *message,
	const struct message_change *changes, size_t count)
{
	struct json_value whole = {.kind = JSON_OBJECT, .length = message->length};
	struct json_edit edits[MESSAGE_CHANGES_MOST];
	size_t edited = 0, before = out->length;

	assert(count <= MESSAGE_CHANGES_MOST);
	for (size_t i = 0; i < count; i++) {
		if (changes[i].bytes) {
			edits[edited++] = (struct json_edit){
				changes[i].value, changes[i].bytes, changes[i].length};
		}
	}
	json_splice(out, message->text, &whole, edits, edited);
	if (out->length > before) {
		char *end = out->data + out->length;

		replace_breaks(out->data + before, end, '\n');
		replace_breaks(out->data + before, end, '\r');
	}
}

void message_write_line(struct buffer *out, const struct message *message,
	const struct message_change *changes, size_t count)
{
	message_write(out, message, changes, count);
	buffer_append_char(out, '\n');
}

void message_write_error(
	struct buffer *out, const char *id, size_t id_length, int code, const char *text)
{
	buffer_append_text(out, "{\"jsonrpc\":\"2.0\"");
	if (id) {
		buffer_append_text(out, ",\"id\":");
		buffer_append(out, id, id_length);
	}
	buffer_appendf(out, ",\"error\":{\"code\":%d,\"message\":", code);
	buffer_append_json(out, text, strlen(text));
	buffer_append_text(out, "}}");
}
