/* SPDX-License-Identifier: Apache-2.0 */
#include "http/compose.h"

#include <assert.h>
#include <string.h>

#include "http/status.h"

#define HEAD_ROOM 400 /* bytes that nearly every head fits in, so that it is allocated once */

static bool is_clean(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 && *text != '\t') {
			return false;
		}
	}
	return true;
}

static void append(struct buffer *out, struct http_text text)
{
	buffer_append(out, text.bytes, text.length);
}

void http_compose_status(struct buffer *out, unsigned status)
{
	const char *line = http_status_line(status);

	assert(status >= 100 && status <= 599);
	(void)buffer_reserve(out, HEAD_ROOM);
	if (line) {
		buffer_append_text(out, line);
	} else {
		buffer_appendf(out, "HTTP/1.1 %u \r\n", status);
	}
}

void http_compose_request(struct buffer *out, struct http_text method, struct http_text target)
{
	(void)buffer_reserve(out, HEAD_ROOM);
	append(out, method);
	buffer_append_char(out, ' ');
	append(out, target);
	buffer_append_text(out, " HTTP/1.1\r\n");
}

void http_compose_field(struct buffer *out, const char *name, const char *value)
{
	assert(*name && is_clean(name) && is_clean(value) && !strpbrk(name, " \t:"));
	buffer_append_text(out, name);
	buffer_append(out, ": ", 2);
	buffer_append_text(out, value);
	buffer_append(out, "\r\n", 2);
}

/* Written digit by digit, from the end: nearly each answer has one. */
void http_compose_length(struct buffer *out, uint64_t length)
{
	char digits[22];
	size_t at = sizeof(digits);

	digits[--at] = '\n';
	digits[--at] = '\r';
	do {
		digits[--at] = (char)('0' + length % 10);
		length /= 10;
	} while (length);
	buffer_append_text(out, "Content-Length: ");
	buffer_append(out, digits + at, sizeof(digits) - at);
}

static bool is_listed(struct http_text name, const char *const *names)
{
	for (; names && *names; names++) {
		if (http_text_equal(name, *names)) {
			return true;
		}
	}
	return false;
}

void http_compose_copy(
	struct buffer *out, const struct http_head *head, const struct http_field *field)
{
	append(out, http_head_text(head, field->name));
	buffer_append(out, ": ", 2);
	append(out, http_head_text(head, field->value));
	buffer_append(out, "\r\n", 2);
}

void http_compose_passed(
	struct buffer *out, const struct http_head *head, const char *const *dropped)
{
	for (uint16_t i = 0; i < head->count; i++) {
		const struct http_field *field = &head->fields[i];

		if (!field->hop && !is_listed(http_head_text(head, field->name), dropped)) {
			http_compose_copy(out, head, field);
		}
	}
}

void http_compose_trailers(struct buffer *out, const struct http_head *head)
{
	for (uint16_t i = 0; i < head->trailers; i++) {
		http_compose_copy(out, head, &head->fields[head->count + i]);
	}
}

/* RFC 9112, 3.2: the origin form, whatever form it had. */
static struct http_text target_of(const struct http_head *head)
{
	struct http_text path = http_head_text(head, head->path);

	return path.length ? path : (struct http_text){"/", 1};
}

void http_compose_passed_request(struct buffer *out, const struct http_head *head)
{
	struct http_text target = target_of(head);

	if (target.bytes[0] == '?') { /* an absolute target without a path may have a query */
		append(out, http_head_text(head, head->method));
		buffer_append_text(out, " /");
		append(out, target);
		buffer_append_text(out, " HTTP/1.1\r\n");
	} else {
		http_compose_request(out, http_head_text(head, head->method), target);
	}
	if (!http_head_find(head, "Host", NULL)) {
		http_compose_field(out, "Host", ""); /* of a request of HTTP/1.0 */
	}
}

void http_compose_end(struct buffer *out)
{
	buffer_append(out, "\r\n", 2);
}
