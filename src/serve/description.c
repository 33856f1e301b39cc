/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/description.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "json/reader.h"

#define EXAMPLE "{\"name\":..,\"inputs\":..,\"outputs\":..}"
#define QUOTED_MOST 80 /* bytes of what is wrong that are quoted */

/* Control characters: C0, DEL, and C1, which is two bytes in UTF-8. */
static bool is_control(const char *bytes, size_t length)
{
	unsigned char first = (unsigned char)bytes[0];

	return length == 1 ? first < ' ' || first == 0x7f
			   : first == 0xc2 && (unsigned char)bytes[1] < 0xa0;
}

void description_make_plain(struct buffer *refusal)
{
	size_t at = 0;

	while (at < refusal->length) {
		char *bytes = refusal->data + at;
		bool is_ascii = !(*bytes & 0x80), whole = is_ascii;
		size_t length = is_ascii ? 1 : utf8_sequence(bytes, refusal->length - at, &whole);

		if (!whole || is_control(bytes, length)) {
			memset(bytes, whole ? ' ' : '?', length);
		}
		at += length;
	}
}

int description_refuse(struct serve *serve, struct buffer *refusal, const char *what)
{
	buffer_appendf(
		refusal, "'%.200s " DESCRIPTION_WORD "' %s", serve->config->command[0], what);
	return -1;
}

enum { NAME, ID, INPUTS, OUTPUTS, STREAM, PRECHECK, DESCRIPTION, PARTS };

static const struct json_path paths[PARTS] = {
	[NAME] = {{"name"}},
	[ID] = {{"id"}},
	[INPUTS] = {{"inputs"}},
	[OUTPUTS] = {{"outputs"}},
	[STREAM] = {{"stream"}},
	[PRECHECK] = {{"precheck"}},
	[DESCRIPTION] = {{"description"}},
};

struct document {
	struct serve *serve;
	const char *text;
	struct json_value parts[PARTS];
	struct buffer *refusal;
};

/* "printed a document whose id is no string: 17" */
static int refuse_part(const struct document *document, int part, const char *what)
{
	const struct json_value *value = &document->parts[part];

	(void)description_refuse(document->serve, document->refusal, "printed a document ");
	if (!value->kind) {
		buffer_appendf(
			document->refusal, "without \"%s\" (" EXAMPLE ")", paths[part].keys[0]);
		return -1;
	}
	buffer_appendf(document->refusal, "whose \"%s\" %s: %.*s%s", paths[part].keys[0], what,
		(int)(value->length < QUOTED_MOST ? value->length : QUOTED_MOST),
		document->text + value->start, value->length < QUOTED_MOST ? "" : "..");
	return -1;
}

/* Both return 0 or -1; what is absent, or null, leaves NULL and false. */

static int read_string(const struct document *document, int part, char **string)
{
	const struct json_value *value = &document->parts[part];
	struct buffer text = {0};

	*string = NULL;
	if (value->kind == JSON_ABSENT || value->kind == JSON_NULL) {
		return 0;
	}
	if (value->kind != JSON_STRING) {
		return refuse_part(document, part, "is no string");
	}
	json_string_decode(&text, document->text, value);
	if (text.length && memchr(text.data, '\0', text.length)) {
		buffer_fini(&text);
		return refuse_part(document, part, "has a NUL in it");
	}
	*string = buffer_take(&text);
	return *string ? 0 : description_refuse(document->serve, document->refusal, "needs memory");
}

static int read_flag(const struct document *document, int part, bool *flag)
{
	enum json_kind kind = document->parts[part].kind;

	*flag = kind == JSON_TRUE;
	if (kind == JSON_STRING || kind == JSON_NUMBER || kind == JSON_ARRAY ||
		kind == JSON_OBJECT) {
		return refuse_part(document, part, "is neither true nor false");
	}
	return 0;
}

static int read_schema(const struct document *document, int part, struct schema **schema)
{
	struct buffer why = {0};
	bool is_good;

	if (!document->parts[part].kind) {
		return refuse_part(document, part, "");
	}
	*schema = schema_read(document->text, &document->parts[part], paths[part].keys[0], &why);
	is_good = *schema && (part != INPUTS || schema_takes_parameters(*schema, &why));
	if (!is_good) {
		(void)description_refuse(
			document->serve, document->refusal, "printed a wrong schema: ");
		buffer_append_text(document->refusal, buffer_text(&why));
	}
	buffer_fini(&why);
	return is_good ? 0 : -1;
}

static int read_names(const struct document *document, struct function *function)
{
	const char *wanted = document->serve->config->function;

	if (read_string(document, NAME, &function->name) < 0 ||
		read_string(document, ID, &function->id) < 0 ||
		read_string(document, DESCRIPTION, &function->description) < 0) {
		return -1;
	}
	if (!function->name) {
		return refuse_part(document, NAME, "is no string");
	}
	if (!identifier_valid(function->name)) {
		return refuse_part(document, NAME, "is no name (letters, digits, - and _)");
	}
	if (function->id && !identifier_valid(function->id)) {
		return refuse_part(
			document, ID, "cannot stand in an answer (letters, digits, - and _)");
	}
	if (wanted && strcmp(wanted, function->name) != 0) {
		buffer_appendf(document->refusal,
			"--function: '%.80s' is not what '%.200s " DESCRIPTION_WORD
			"' calls itself: %.80s",
			wanted, document->serve->config->command[0], function->name);
		return -1;
	}
	return 0;
}

/* --id, the document's own, or one that is made of the schemas. */
static int choose_id(struct serve *serve, struct function *function, struct buffer *refusal)
{
	char made[IDENTIFIER_DIGITS + 1];
	const char *given = serve->config->id;

	if (!given && function->id) {
		return 0;
	}
	if (!given && identifier_make(made, function->inputs, function->outputs) == 0) {
		given = made;
	}
	free(function->id);
	function->id = given ? strdup(given) : NULL;
	return function->id ? 0 : description_refuse(serve, refusal, "needs memory");
}

static int read_parts(const struct document *document, struct function *function)
{
	if (read_names(document, function) < 0 ||
		read_flag(document, STREAM, &function->streams) < 0 ||
		read_flag(document, PRECHECK, &function->has_precheck) < 0 ||
		read_schema(document, INPUTS, &function->inputs) < 0 ||
		read_schema(document, OUTPUTS, &function->outputs) < 0) {
		return -1;
	}
	return choose_id(document->serve, function, document->refusal);
}

int description_read(struct serve *serve, const char *text, size_t length, struct buffer *refusal)
{
	struct document document = {.serve = serve, .text = text, .refusal = refusal};
	struct json_reader reader = {.paths = paths, .values = document.parts, .count = PARTS};
	enum json_error error = json_read(&reader, text, length);

	if (error == JSON_EMPTY) {
		return description_refuse(
			serve, refusal, "printed nothing (one JSON object: " EXAMPLE ")");
	}
	if (error) {
		(void)description_refuse(serve, refusal, "printed no JSON: ");
		buffer_appendf(refusal, "byte %zu: %s", reader.offset, json_error_text(error));
		return -1;
	}
	if (reader.root.kind != JSON_OBJECT) {
		return description_refuse(serve, refusal, "printed no JSON object (" EXAMPLE ")");
	}
	return read_parts(&document, &serve->function);
}
