/* SPDX-License-Identifier: Apache-2.0 */
#include "json/pointer.h"

#include <string.h>

#include "json/escape.h"

#define INDEX_DIGITS 9

/* Returns the length of the byte that a token says here, in *byte; 0 for a bad escape. */
static size_t token_byte(const char *token, char *byte)
{
	if (*token != '~') {
		*byte = *token;
		return 1;
	}
	*byte = token[1] == '0' ? '~' : '/';
	return token[1] == '0' || token[1] == '1' ? 2 : 0;
}

/* Whether the token says these bytes from *token on, which is moved behind them. */
static bool token_continues(const char **token, const char *end, const char *bytes, size_t length)
{
	while (length) {
		char byte;
		size_t n = *token < end ? token_byte(*token, &byte) : 0;

		if (!n || byte != *bytes) {
			return false;
		}
		*token += n;
		bytes++;
		length--;
	}
	return true;
}

static bool token_equal(
	const char *token, const char *end, const char *text, const struct json_value *name)
{
	const char *at = text + name->start + 1;
	const char *last = at + name->length - 2;

	while (at < last) {
		struct json_run run;

		json_run_read(&run, &at, last);
		if (!run.bytes || !token_continues(&token, end, run.bytes, run.length)) {
			return false;
		}
	}
	return token == end;
}

static bool step_into_object(const char *text, const struct json_value *object, const char *token,
	const char *end, struct json_value *found)
{
	struct json_value name = {0}, value = {0};
	bool any = false;

	while (json_member_next(text, object, &name, &value)) {
		if (token_equal(token, end, text, &name)) {
			*found = value;
			any = true;
		}
	}
	return any;
}

/* An index is digits, no zero before others. */
static bool read_index(const char *token, const char *end, size_t *index)
{
	if (token == end || end - token > INDEX_DIGITS || (*token == '0' && end - token > 1)) {
		return false;
	}
	for (*index = 0; token < end; token++) {
		if (*token < '0' || *token > '9') {
			return false;
		}
		*index = *index * 10 + (size_t)(*token - '0');
	}
	return true;
}

static bool step_into_array(const char *text, const struct json_value *array, const char *token,
	const char *end, struct json_value *found)
{
	struct json_value element = {0};
	size_t index;

	if (!read_index(token, end, &index)) {
		return false;
	}
	for (size_t i = 0; json_element_next(text, array, &element); i++) {
		if (i == index) {
			*found = element;
			return true;
		}
	}
	return false;
}

bool json_point(const char *text, const struct json_value *whole, const char *pointer,
	struct json_value *found)
{
	struct json_value at = *whole, next;

	while (*pointer) {
		const char *token = pointer + 1;
		bool there;

		if (*pointer != '/') {
			return false;
		}
		pointer = strchrnul(token, '/');
		there = at.kind == JSON_OBJECT ? step_into_object(text, &at, token, pointer, &next)
					       : step_into_array(text, &at, token, pointer, &next);
		if (!there) {
			return false;
		}
		at = next;
	}
	if (at.kind) {
		*found = at;
	}
	return at.kind;
}
