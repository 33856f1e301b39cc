/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin asks for is found when it asks. A string that is asked for twice is decoded once,
 * so that a loop takes no more memory than the request has texts.
 */
#include "serve/request.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/number.h"

/* A precheck has no arguments, though the schema has parameters. */
static bool find(const struct curfew_request *request, const char *name, struct json_value *value)
{
	return name && request->arguments->text.length &&
		arguments_find(request->arguments, request->inputs, name, value);
}

static const char *text_of(const struct curfew_request *request)
{
	return buffer_text(&request->arguments->text);
}

/* Returns 0 if the value is of one of two kinds, or why it is not. */
static int find_kind(const struct curfew_request *request, const char *name, enum json_kind kind,
	enum json_kind other, struct json_value *value)
{
	if (!find(request, name, value) || value->kind == JSON_NULL) {
		return -ENOENT;
	}
	return value->kind == kind || value->kind == other ? 0 : -EINVAL;
}

struct curfew_token *curfew_request_token(const struct curfew_request *request)
{
	return request->token;
}

static const struct request_text *known_text(
	const struct curfew_request *request, const struct json_value *value, bool is_decoded)
{
	const struct request_text *text = *request->texts;

	while (text && (text->start != value->start || text->is_decoded != is_decoded)) {
		text = text->next;
	}
	return text;
}

static const struct request_text *keep_text(const struct curfew_request *request,
	const struct json_value *value, bool is_decoded, const char *bytes, size_t length)
{
	struct request_text *text = malloc(sizeof(*text) + length + 1);

	if (!text) {
		return NULL;
	}
	text->next = *request->texts;
	text->start = value->start;
	text->is_decoded = is_decoded;
	text->length = length;
	memcpy(text->bytes, bytes, length);
	text->bytes[length] = '\0';
	*request->texts = text;
	return text;
}

/* What a string says: mostly the bytes between its quotes. */
static const struct request_text *decode(
	const struct curfew_request *request, const struct json_value *value)
{
	const char *inside = text_of(request) + value->start + 1;
	size_t length = value->length - 2;
	const struct request_text *text = NULL;
	struct buffer decoded = {0};

	if (!memchr(inside, '\\', length)) {
		return keep_text(request, value, true, inside, length);
	}
	json_string_decode(&decoded, text_of(request), value);
	if (!decoded.failed) {
		text = keep_text(request, value, true, buffer_text(&decoded), decoded.length);
	}
	buffer_fini(&decoded);
	return text;
}

static const char *give(const struct request_text *text, size_t *length)
{
	if (length) {
		*length = text ? text->length : 0;
	}
	return text ? text->bytes : NULL;
}

const char *curfew_request_string(
	const struct curfew_request *request, const char *name, size_t *length)
{
	const struct request_text *text = NULL;
	struct json_value value;

	if (!find_kind(request, name, JSON_STRING, JSON_STRING, &value)) {
		text = known_text(request, &value, true);
		text = text ? text : decode(request, &value);
	}
	return give(text, length);
}

int curfew_request_boolean(const struct curfew_request *request, const char *name, bool *value)
{
	struct json_value found;
	int error = find_kind(request, name, JSON_TRUE, JSON_FALSE, &found);

	if (!error) {
		*value = found.kind == JSON_TRUE;
	}
	return error;
}

int curfew_request_integer(const struct curfew_request *request, const char *name, int64_t *value)
{
	struct json_value found;
	int error = find_kind(request, name, JSON_NUMBER, JSON_NUMBER, &found);

	return error ? error : json_whole(text_of(request), &found, value);
}

/*
 * A number ends where its text does, since what follows is a comma, a bracket or the text's NUL. A
 * plugin may have set a locale with another point.
 */
int curfew_request_number(const struct curfew_request *request, const char *name, double *value)
{
	struct json_value found;
	int error = find_kind(request, name, JSON_NUMBER, JSON_NUMBER, &found);
	locale_t c_locale;
	double number;

	if (error) {
		return error;
	}
	c_locale = newlocale(LC_ALL_MASK, "C", NULL); /* glibc's own: nothing is allocated */
	number = strtod_l(text_of(request) + found.start, NULL, c_locale);
	freelocale(c_locale);
	if (isinf(number)) {
		return -ERANGE;
	}
	*value = number;
	return 0;
}

size_t curfew_request_count(const struct curfew_request *request, const char *name)
{
	struct json_value name_found = {0};
	struct json_value part = {0};
	struct json_value value;
	size_t count = 0;

	if (!find(request, name, &value)) {
		return 0;
	}
	if (value.kind == JSON_ARRAY) {
		while (json_element_next(text_of(request), &value, &part)) {
			count++;
		}
	} else if (value.kind == JSON_OBJECT) {
		while (json_member_next(text_of(request), &value, &name_found, &part)) {
			count++;
		}
	}
	return count;
}

const char *curfew_request_json(
	const struct curfew_request *request, const char *name, size_t *length)
{
	const struct buffer *whole = &request->arguments->text;
	const struct request_text *text = NULL;
	struct json_value value;

	if (name && !*name) {
		if (length) {
			*length = whole->length ? whole->length : strlen("{}");
		}
		return whole->length ? buffer_text(whole) : "{}";
	}
	if (find(request, name, &value)) {
		text = known_text(request, &value, false);
		text = text ? text
			    : keep_text(request, &value, false, text_of(request) + value.start,
				      value.length);
	}
	return give(text, length);
}

void request_fini(struct curfew_request *request)
{
	while (*request->texts) {
		struct request_text *text = *request->texts;

		*request->texts = text->next;
		free(text);
	}
}
