/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/envelope.h"

#include <stdio.h>
#include <string.h>

#include "json/check.h"
#include "json/reader.h"

enum field { NAME, FRAME, CLOSE_CODE, FIELDS };

static const struct json_path paths[FIELDS] = {
	[NAME] = {{"conn_id"}},
	[FRAME] = {{"frame"}},
	[CLOSE_CODE] = {{"close_code"}},
};

void envelope_escape(struct buffer *out, const char *name, size_t length)
{
	struct buffer quoted = {0};

	buffer_append_json(&quoted, name, length);
	if (quoted.failed) {
		out->failed = true;
	} else {
		buffer_append(out, quoted.data + 1, quoted.length - 2);
	}
	buffer_fini(&quoted);
}

size_t envelope_close(char text[ENVELOPE_CLOSE_MOST], uint16_t code)
{
	return (size_t)snprintf(text, ENVELOPE_CLOSE_MOST, "\",\"close_code\":%u}", code);
}

/* As deep as what an envelope may have around it. */
const char *envelope_frame_fault(const char *bytes, size_t length)
{
	struct json_reader reader = {.depth_most = JSON_DEPTH_MOST - 1};

	if (json_check(bytes, length)) {
		return NULL;
	}
	return json_read(&reader, bytes, length) ? json_error_text(reader.error) : NULL;
}

/*
 * null is what some write for a field that they have not. As a frame it is a value like others: a
 * client may have said it.
 */
static bool is_there(const struct json_value *value)
{
	return value->kind != JSON_ABSENT && value->kind != JSON_NULL;
}

static const char *read_name(
	struct envelope *envelope, const char *bytes, const struct json_value *value)
{
	if (!is_there(value)) {
		return "it has no conn_id";
	}
	if (value->kind != JSON_STRING) {
		return "its conn_id is no string";
	}
	envelope->name = bytes + value->start + 1;
	envelope->name_length = value->length - 2;
	if (!memchr(envelope->name, '\\', envelope->name_length)) {
		return NULL;
	}
	json_string_decode(&envelope->decoded, bytes, value);
	envelope->name = buffer_text(&envelope->decoded);
	envelope->name_length = envelope->decoded.length;
	return envelope->decoded.failed ? "there is no memory for its conn_id" : NULL;
}

static const char *read_code(
	struct envelope *envelope, const char *bytes, const struct json_value *value)
{
	int64_t code;

	if (!is_there(value)) {
		return NULL;
	}
	if (!json_integer(bytes, value, &code) || code < 0 || code > UINT16_MAX) {
		return "its close_code is none";
	}
	envelope->close_code = (unsigned)code;
	return NULL;
}

static const char *read_fields(
	struct envelope *envelope, const char *bytes, const struct json_value values[FIELDS])
{
	const struct json_value *frame = &values[FRAME];
	const char *fault = read_name(envelope, bytes, &values[NAME]);

	if (!fault) {
		fault = read_code(envelope, bytes, &values[CLOSE_CODE]);
	}
	if (fault) {
		return fault;
	}
	if (frame->kind != JSON_ABSENT) {
		envelope->frame = bytes + frame->start;
		envelope->frame_length = frame->length;
	}
	return envelope->frame || envelope->close_code ? NULL
						       : "it has neither a frame nor a close_code";
}

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/*
 * An envelope as it is nearly always written: ENVELOPE_NAME, ENVELOPE_FRAME, ENVELOPE_END, nothing
 * else and nothing escaped. False: it may be one all the same.
 */
static bool read_usual(struct envelope *envelope, const char *bytes, size_t length)
{
	const size_t before = sizeof(ENVELOPE_NAME) - 1, between = sizeof(ENVELOPE_FRAME) - 1;
	const char *end = bytes + length, *name_end, *frame;

	if (length < before || memcmp(bytes, ENVELOPE_NAME, before) != 0) {
		return false;
	}
	end--;
	name_end = json_check_string(bytes + before - 1, (size_t)(end - bytes) - before + 1);
	if (!name_end || (size_t)(end - name_end) < between || *end != '}' ||
		memcmp(name_end, ENVELOPE_FRAME, between) != 0) {
		return false;
	}
	frame = name_end + between;
	if (is_space(*frame) || is_space(end[-1]) || !json_check(frame, (size_t)(end - frame))) {
		return false;
	}
	envelope->name = bytes + before;
	envelope->name_length = (size_t)(name_end - envelope->name);
	envelope->frame = frame;
	envelope->frame_length = (size_t)(end - frame);
	return true;
}

const char *relay_envelope_read(struct envelope *envelope, const char *bytes, size_t length)
{
	struct json_value values[FIELDS];
	struct json_reader reader = {.paths = paths, .values = values, .count = FIELDS};

	buffer_fini(&envelope->decoded);
	*envelope = (struct envelope){0};
	if (read_usual(envelope, bytes, length)) {
		return NULL;
	}
	if (json_read(&reader, bytes, length)) {
		return json_error_text(reader.error);
	}
	if (reader.root.kind != JSON_OBJECT) {
		return "it is no object";
	}
	return read_fields(envelope, bytes, values);
}

void relay_envelope_fini(struct envelope *envelope)
{
	buffer_fini(&envelope->decoded);
}
