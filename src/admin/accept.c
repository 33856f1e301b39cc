/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/accept.h"

#include <string.h>

static struct http_text trim(struct http_text text)
{
	while (text.length && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
		text.bytes++;
		text.length--;
	}
	while (text.length &&
		(text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t')) {
		text.length--;
	}
	return text;
}

/* Takes what stands before the next semicolon off the text. */
static struct http_text take_part(struct http_text *text)
{
	const char *end = text->length ? memchr(text->bytes, ';', text->length) : NULL;
	size_t length = end ? (size_t)(end - text->bytes) : text->length;
	struct http_text part = {.bytes = text->bytes, .length = length};

	text->bytes += end ? length + 1 : length;
	text->length -= end ? length + 1 : length;
	return trim(part);
}

/* "0.5" in thousandths; what is malformed counts as nothing said: 1. */
static unsigned parse_quality(struct http_text text)
{
	unsigned quality = 0;
	unsigned digit = 1000;

	if (!text.length || text.length > 5 || (text.bytes[0] != '0' && text.bytes[0] != '1') ||
		(text.length > 1 && text.bytes[1] != '.')) {
		return 1000;
	}
	for (size_t i = 0; i < text.length; i++) {
		if (i == 1) {
			continue;
		}
		if (text.bytes[i] < '0' || text.bytes[i] > '9') {
			return 1000;
		}
		quality += (unsigned)(text.bytes[i] - '0') * digit;
		digit /= 10;
	}
	return quality < 1000 ? quality : 1000;
}

/* How much a media range is liked, from 0 to 1000. */
static unsigned quality_of(struct http_text parameters)
{
	while (parameters.length) {
		struct http_text part = take_part(&parameters);

		if (part.length >= 2 && (part.bytes[0] == 'q' || part.bytes[0] == 'Q') &&
			part.bytes[1] == '=') {
			return parse_quality((struct http_text){
				.bytes = part.bytes + 2, .length = part.length - 2});
		}
	}
	return 1000;
}

bool accept_prefers_page(const struct http_head *head)
{
	const struct http_field *field = NULL;
	unsigned page = 0;
	unsigned json = 0;

	while ((field = http_head_find(head, "Accept", field))) {
		struct http_text list = http_head_text(head, field->value);
		struct http_text element;

		while (http_list_next(&list, &element)) {
			struct http_text type = take_part(&element);
			unsigned quality = quality_of(element);

			if (http_text_equal(type, "text/html") && quality > page) {
				page = quality;
			} else if (http_text_equal(type, "application/json") && quality > json) {
				json = quality;
			}
		}
	}
	return page > 0 && page >= json;
}

/* How closely a range names a type: 3 itself, 2 its kind, 1 anything, 0 not at all. */
static int closeness(struct http_text range, const char *type)
{
	size_t kind = strcspn(type, "/") + 1;

	if (http_text_equal(range, type)) {
		return 3;
	}
	if (range.length == kind + 1 && range.bytes[kind] == '*' &&
		!strncasecmp(range.bytes, type, kind)) {
		return 2;
	}
	return http_text_equal(range, "*/*") ? 1 : 0;
}

bool accept_takes(const struct http_head *head, const char *type)
{
	const struct http_field *field = NULL;
	unsigned quality = 0;
	int closest = 0;

	while ((field = http_head_find(head, "Accept", field))) {
		struct http_text list = http_head_text(head, field->value);
		struct http_text element;

		while (http_list_next(&list, &element)) {
			int nearness = closeness(take_part(&element), type);

			if (nearness > closest) {
				closest = nearness;
				quality = quality_of(element);
			}
		}
	}
	return quality > 0;
}
