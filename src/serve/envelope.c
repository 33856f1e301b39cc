/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list, such as usage, is kept as it will be written: its elements with commas between them. What
 * is set is appended first; it takes effect, or is taken back, once it is known whether there was
 * memory for it.
 */
#include "serve/envelope.h"

#include <errno.h>
#include <inttypes.h>

#include "base/utf8.h"
#include "serve/envelope_text.h"
#include "json/check.h"
#include "json/reader.h"

void envelope_fini(struct envelope *envelope)
{
	buffer_fini(&envelope->usage);
	buffer_fini(&envelope->infos);
	buffer_fini(&envelope->warnings);
	buffer_fini(&envelope->new_records);
	buffer_fini(&envelope->output);
	buffer_fini(&envelope->file_data);
	buffer_fini(&envelope->text);
	*envelope = (struct envelope){0};
}

/* Nothing of the last one is left, not even behind an end that a reader of strings goes by. */
static struct buffer emptied(struct buffer buffer)
{
	if (buffer.data) {
		buffer.data[0] = '\0';
	}
	buffer.length = 0;
	buffer.failed = false;
	return buffer;
}

void envelope_reset(struct envelope *envelope)
{
	*envelope = (struct envelope){
		.usage = emptied(envelope->usage),
		.infos = emptied(envelope->infos),
		.warnings = emptied(envelope->warnings),
		.new_records = emptied(envelope->new_records),
		.output = emptied(envelope->output),
		.file_data = emptied(envelope->file_data),
		.text = emptied(envelope->text),
	};
}

int envelope_settle(struct envelope *envelope, struct buffer *buffer, size_t before)
{
	if (!buffer->failed) {
		envelope->touched = true;
		return 0;
	}
	buffer->failed = false;
	buffer->length = before;
	return -ENOMEM;
}

/* In a JSON text no line ends but between two tokens, where nothing need stand. */
void envelope_append_line(struct buffer *out, const char *json, size_t length)
{
	const char *end = json + length;

	while (json < end) {
		const char *at = json;

		while (at < end && *at != '\n' && *at != '\r') {
			at++;
		}
		buffer_append(out, json, (size_t)(at - json));
		json = at + 1;
	}
}

void envelope_append_comma(struct buffer *list)
{
	if (list->length) {
		buffer_append_char(list, ',');
	}
}

/* Sets *value to the text without the white space around it. Returns whether it is JSON. */
static bool find_value(const char *json, size_t length, struct json_value *value)
{
	struct json_reader reader = {0};

	if (json_check(json, length)) {
		size_t start = 0;

		while ((unsigned char)json[length - 1] <= ' ') {
			length--;
		}
		while ((unsigned char)json[start] <= ' ') {
			start++;
		}
		*value = (struct json_value){.start = start, .length = length - start};
		return true;
	}
	if (json_read(&reader, json, length) != JSON_OK) {
		return false;
	}
	*value = reader.root;
	return true;
}

static int set_json(
	struct envelope *envelope, struct buffer *member, const char *json, size_t length)
{
	struct json_value value;
	size_t before = member->length;
	int error;

	if (!find_value(json, length, &value)) {
		return -EINVAL;
	}
	envelope_append_line(member, json + value.start, value.length);
	error = envelope_settle(envelope, member, before);
	if (!error) {
		buffer_consume(member, before);
	}
	return error;
}

int envelope_set_output(struct envelope *envelope, const char *json, size_t length)
{
	return set_json(envelope, &envelope->output, json, length);
}

int envelope_set_file_data(struct envelope *envelope, const char *json, size_t length)
{
	return set_json(envelope, &envelope->file_data, json, length);
}

int envelope_add_new_record(struct envelope *envelope, const char *json, size_t length)
{
	struct buffer *list = &envelope->new_records;
	struct json_value value;
	size_t before = list->length;

	if (!find_value(json, length, &value)) {
		return -EINVAL;
	}
	envelope_append_comma(list);
	envelope_append_line(list, json + value.start, value.length);
	return envelope_settle(envelope, list, before);
}

static bool is_utf8(const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		size_t run = *text & 0x80 ? utf8_run(text, (size_t)(end - text)) : 1;

		if (!run) {
			return false;
		}
		text += run;
	}
	return true;
}

int envelope_add_usage(struct envelope *envelope, const char *name, int64_t value)
{
	struct buffer *list = &envelope->usage;
	size_t before = list->length;

	if (!is_utf8(name, strlen(name))) {
		return -EINVAL;
	}
	envelope_append_comma(list);
	buffer_appendf(list, "{\"value\":%" PRId64 ",\"name\":", value);
	buffer_append_json(list, name, strlen(name));
	buffer_append_char(list, '}');
	return envelope_settle(envelope, list, before);
}

static int add_text(struct envelope *envelope, struct buffer *list, const char *text)
{
	size_t before = list->length;

	if (!is_utf8(text, strlen(text))) {
		return -EINVAL;
	}
	envelope_append_comma(list);
	buffer_append_json(list, text, strlen(text));
	return envelope_settle(envelope, list, before);
}

int envelope_add_info(struct envelope *envelope, const char *text)
{
	return add_text(envelope, &envelope->infos, text);
}

int envelope_add_warning(struct envelope *envelope, const char *text)
{
	return add_text(envelope, &envelope->warnings, text);
}

/* Returns how many bytes a control character has, 0 if it is none: U+0080 to U+009F are two. */
static size_t control_length(const char *text, size_t length)
{
	unsigned char byte = (unsigned char)text[0];

	if (byte < 0x20 || byte == 0x7f) {
		return 1;
	}
	return byte == 0xc2 && length > 1 && (text[1] & 0xe0) == 0x80 ? 2 : 0;
}

void envelope_fail(struct envelope *envelope, int status, const char *text, size_t length)
{
	struct buffer *line = &envelope->text;

	envelope->status_code = status;
	envelope->output.length = 0;
	envelope->file_data.length = 0;
	line->length = 0;
	for (size_t i = 0, step; i < length; i += step) {
		size_t control = control_length(text + i, length - i);

		buffer_append(line, control ? " " : text + i, 1);
		step = control ? control : 1;
	}
	envelope->has_text = envelope_settle(envelope, line, 0) == 0;
	envelope->touched = true;
}

static void write_list(struct buffer *out, const char *before, const struct buffer *list)
{
	buffer_append_text(out, before);
	buffer_append(out, list->data, list->length);
	buffer_append_char(out, ']');
}

static void write_value(struct buffer *out, const char *before, const struct buffer *json)
{
	buffer_append_text(out, before);
	if (json->length) {
		buffer_append(out, json->data, json->length);
	} else {
		buffer_append_text(out, "null");
	}
}

static void write_status(struct buffer *out, const struct envelope *envelope)
{
	buffer_appendf(
		out, ",\"status_code\":%d", envelope->status_code ? envelope->status_code : 200);
}

static void write_text(struct buffer *out, const struct envelope *envelope)
{
	buffer_append_text(out, ",\"status_code_text\":");
	if (envelope->has_text) {
		buffer_append_json(out, buffer_text(&envelope->text), envelope->text.length);
	} else {
		buffer_append_text(out, "null");
	}
}

void envelope_write(struct buffer *out, const struct envelope *envelope)
{
	write_list(out, "{\"usage\":[", &envelope->usage);
	write_status(out, envelope);
	write_value(out, ",\"file_data\":", &envelope->file_data);
	buffer_append_text(out, ",\"filedata_meta\":{\"terminate_current\":");
	buffer_append_text(out, envelope->terminate_current ? "true" : "false");
	write_list(out, ",\"new_records\":[", &envelope->new_records);
	buffer_append_char(out, '}');
	write_text(out, envelope);
	write_value(out, ",\"output\":", &envelope->output);
	write_list(out, ",\"message_channels\":{\"infos\":[", &envelope->infos);
	write_list(out, ",\"warnings\":[", &envelope->warnings);
	buffer_append_text(out, "}}");
}

void envelope_write_precheck(struct buffer *out, const struct envelope *envelope)
{
	write_list(out, "{\"usage\":[", &envelope->usage);
	write_status(out, envelope);
	write_text(out, envelope);
	buffer_append_char(out, '}');
}
