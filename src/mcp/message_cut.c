/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outermost members of an object of which the middle is not there. From its beginning they are
 * read forward; from its end backward, which is as certain: the last quote of all ends a string,
 * and the next one in front of it that no backslash escapes begins it.
 */
#include <string.h>

#include "mcp/message.h"

struct finding {
	const char *id;
	size_t id_length;
	bool call; /* it has a method, so that its id is not one of ours */
};

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Reads what lies between two marks as a value by itself; false: it is none. */
static bool read_part(struct json_reader *reader, const char *at, const char *end)
{
	return json_read(reader, at, (size_t)(end - at)) == JSON_OK;
}

/* A member's name, up to its colon. Returns whether it is an id's. */
static bool note_name(struct finding *finding, const char *name, const char *colon)
{
	struct json_reader reader = {0};

	if (!read_part(&reader, name, colon)) {
		return false;
	}
	finding->call = finding->call || json_string_equal(name, &reader.root, "method", 6);
	return json_string_equal(name, &reader.root, "id", 2);
}

static void note_id(struct finding *finding, const char *value, const char *end)
{
	struct json_reader reader = {0};

	if (read_part(&reader, value, end) &&
		(reader.root.kind == JSON_STRING || reader.root.kind == JSON_NUMBER)) {
		finding->id = value + reader.root.start;
		finding->id_length = reader.root.length;
	}
}

/* Returns the last quote of a string, of which the first is at a place; NULL: it is cut off. */
static const char *string_end(const char *first, const char *end)
{
	for (const char *at = first + 1; at < end; at++) {
		if (*at == '"') {
			return at;
		}
		at += *at == '\\';
	}
	return NULL;
}

/* Returns the first quote of a string, of which the last is at a place; NULL: it is cut off. */
static const char *string_begin(const char *last, const char *begin)
{
	const char *quote = last;

	while ((quote = memrchr(begin, '"', (size_t)(quote - begin)))) {
		const char *escapes = quote;

		while (escapes > begin && escapes[-1] == '\\') {
			escapes--;
		}
		if (escapes == begin) {
			return NULL; /* what is in front of the cut may escape it */
		}
		if ((quote - escapes) % 2 == 0) {
			return quote;
		}
	}
	return NULL;
}

static void read_head(struct finding *finding, const char *at, const char *end)
{
	const char *name = NULL; /* of the outermost member that is read */
	const char *id = NULL;   /* its value, where that is the id */
	unsigned depth = 1;

	for (at++; at < end && depth; at++) {
		switch (*at) {
		case '"':
			name = name ? name : at;
			at = string_end(at, end);
			if (!at) {
				return;
			}
			break;
		case ':':
			if (depth == 1 && name && !id && note_name(finding, name, at)) {
				id = at + 1;
			}
			break;
		case ',':
			if (depth > 1) {
				break;
			}
			if (id) {
				note_id(finding, id, at);
			}
			name = id = NULL;
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			depth--;
			break;
		default:
			break;
		}
	}
}

static void read_tail(struct finding *finding, const char *begin, const char *at)
{
	const char *end = at;     /* of the value of the outermost member that is read */
	const char *colon = NULL; /* in front of that value */
	unsigned depth = 1;

	while (at > begin && depth) {
		switch (*--at) {
		case '"':
			at = string_begin(at, begin);
			if (!at) {
				return;
			}
			if (colon && note_name(finding, at, colon)) {
				note_id(finding, colon + 1, end);
			}
			break;
		case ':':
			colon = depth == 1 ? at : colon;
			break;
		case ',':
			if (depth > 1) {
				break;
			}
			end = at;
			colon = NULL;
			break;
		case '}':
		case ']':
			depth++;
			break;
		case '{':
		case '[':
			depth--;
			break;
		default:
			break;
		}
	}
}

enum message_kind message_find_id(const char *head, size_t head_length, const char *tail,
	size_t tail_length, const char **id, size_t *id_length)
{
	struct finding finding = {0};
	const char *head_end = head + head_length, *tail_end = tail + tail_length;

	while (head < head_end && is_space(*head)) {
		head++;
	}
	while (tail_end > tail && is_space(tail_end[-1])) {
		tail_end--;
	}
	if (head == head_end || *head != '{') {
		return MESSAGE_INVALID;
	}
	read_head(&finding, head, head_end);
	if (tail_end > tail && tail_end[-1] == '}') {
		read_tail(&finding, tail, tail_end - 1);
	}
	*id = finding.id;
	*id_length = finding.id_length;
	if (!finding.id) {
		return MESSAGE_INVALID;
	}
	return finding.call ? MESSAGE_REQUEST : MESSAGE_RESPONSE;
}
