/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include <stdlib.h>

/* What an idle connection keeps for its next head. */
#define KEPT_TEXT 1024
#define KEPT_FIELDS 16

static const struct http_text known[HTTP_KNOWN_FIELD_COUNT] = {
#define HTTP_KNOWN_FIELD(name, text) [HTTP_FIELD_##name] = {text, sizeof(text) - 1},
	HTTP_KNOWN_FIELDS(HTTP_KNOWN_FIELD)
#undef HTTP_KNOWN_FIELD
};

/* Fields that Connection may not take away: their senders are not the ones who route or check. */
static const char *const kept_names[] = {
	"Authorization",
	"Content-Length",
	"Cookie",
	"Forwarded",
	"Host",
	"Via",
	"X-Forwarded-For",
	"X-Forwarded-Host",
	"X-Forwarded-Proto",
};

void http_head_clear(struct http_head *head)
{
	struct buffer text = head->text;
	struct http_field *fields = head->fields;
	uint16_t capacity = head->capacity;

	if (text.capacity > KEPT_TEXT || text.failed) {
		buffer_fini(&text);
	}
	if (capacity > KEPT_FIELDS) {
		free(fields);
		fields = NULL;
		capacity = 0;
	}
	text.length = 0;
	*head = (struct http_head){.text = text, .fields = fields, .capacity = capacity};
}

void http_head_fini(struct http_head *head)
{
	buffer_fini(&head->text);
	free(head->fields);
	*head = (struct http_head){0};
}

const struct http_field *http_head_find(
	const struct http_head *head, const char *name, const struct http_field *behind)
{
	for (size_t i = behind ? (size_t)(behind - head->fields) + 1 : 0; i < head->count; i++) {
		if (http_text_equal(http_head_text(head, head->fields[i].name), name)) {
			return &head->fields[i];
		}
	}
	return NULL;
}

void http_head_hand_over(struct http_head *from, struct http_head *to)
{
	if (!to->text.data && !to->fields) {
		to->text = from->text;
		to->fields = from->fields;
		to->capacity = from->capacity;
		buffer_init(&from->text);
		from->fields = NULL;
		from->capacity = 0;
	} else {
		http_head_fini(from);
	}
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* Returns the comma that ends the first element, or the end. */
static const char *element_end(const char *at, const char *end)
{
	bool quoted = false;

	for (; at < end && (quoted || *at != ','); at++) {
		if (*at == '"') {
			quoted = !quoted;
		} else if (quoted && *at == '\\' && at + 1 < end) {
			at++;
		}
	}
	return at;
}

bool http_list_next(struct http_text *list, struct http_text *element)
{
	const char *end = list->bytes + list->length;
	const char *at = list->bytes;

	while (at < end) {
		const char *comma = element_end(at, end), *last = comma;

		while (at < last && is_blank(*at)) {
			at++;
		}
		while (last > at && is_blank(last[-1])) {
			last--;
		}
		*element = (struct http_text){at, (size_t)(last - at)};
		at = comma < end ? comma + 1 : end;
		*list = (struct http_text){at, (size_t)(end - at)};
		if (element->length) {
			return true;
		}
	}
	return false;
}

bool http_head_lists(const struct http_head *head, const char *name, const char *token)
{
	const struct http_field *field = NULL;

	while ((field = http_head_find(head, name, field))) {
		struct http_text list = http_head_text(head, field->value), element;

		while (http_list_next(&list, &element)) {
			if (http_text_equal(element, token)) {
				return true;
			}
		}
	}
	return false;
}

/* A bit for each length that a known name has: it spares most comparisons. */
static const uint32_t known_lengths = 0
#define HTTP_KNOWN_FIELD(name, text) | UINT32_C(1) << (sizeof(text) - 1)
	HTTP_KNOWN_FIELDS(HTTP_KNOWN_FIELD);
#undef HTTP_KNOWN_FIELD

/* The first letter tells names of one length apart, Date from Host. */
static bool may_begin_as(char byte, struct http_text name)
{
	return ((byte ^ name.bytes[0]) & ~0x20) == 0;
}

static uint8_t known_field(struct http_text name)
{
	if (name.length >= 32 || !(known_lengths >> name.length & 1)) {
		return HTTP_FIELD_OTHER;
	}
	for (int i = 1; i < HTTP_KNOWN_FIELD_COUNT; i++) {
		if (name.length == known[i].length && may_begin_as(name.bytes[0], known[i]) &&
			!strncasecmp(name.bytes, known[i].bytes, name.length)) {
			return (uint8_t)i;
		}
	}
	return HTTP_FIELD_OTHER;
}

static bool fields_grow(struct http_head *head)
{
	uint16_t capacity = head->capacity ? (uint16_t)(head->capacity * 2) : KEPT_FIELDS;
	struct http_field *fields = realloc(head->fields, capacity * sizeof(*fields));

	if (!fields) {
		return false;
	}
	head->fields = fields;
	head->capacity = capacity;
	return true;
}

struct http_field *http_head_add(struct http_head *head, struct http_range name)
{
	struct http_field *field;

	if (head->count + head->trailers == head->capacity && !fields_grow(head)) {
		return NULL;
	}
	field = &head->fields[head->count + head->trailers];
	*field = (struct http_field){
		.name = name,
		.value = {.start = (uint16_t)(name.start + name.length)},
		.known = known_field(http_head_text(head, name)),
	};
	return field;
}

static bool is_kept(struct http_text name)
{
	for (size_t i = 0; i < sizeof(kept_names) / sizeof(kept_names[0]); i++) {
		if (http_text_equal(name, kept_names[i])) {
			return true;
		}
	}
	return false;
}

static void mark_named(struct http_head *head, struct http_text option)
{
	for (uint16_t i = 0; i < head->count; i++) {
		struct http_text name = http_head_text(head, head->fields[i].name);

		if (name.length == option.length &&
			!strncasecmp(name.bytes, option.bytes, name.length)) {
			head->fields[i].hop = !is_kept(name);
		}
	}
}

bool http_field_is_hop(const struct http_field *field)
{
	switch (field->known) {
	case HTTP_FIELD_CONNECTION:
	case HTTP_FIELD_KEEP_ALIVE:
	case HTTP_FIELD_PROXY_CONNECTION:
	case HTTP_FIELD_TE:
	case HTTP_FIELD_TRANSFER_ENCODING:
	case HTTP_FIELD_UPGRADE:
		return true;
	default:
		return false;
	}
}

static void mark_listed(struct http_head *head, const struct http_field *connection)
{
	struct http_text list = http_head_text(head, connection->value), option;

	while (http_list_next(&list, &option)) {
		mark_named(head, option);
	}
}

void http_head_mark_hops(struct http_head *head, bool named)
{
	for (uint16_t i = 0; i < head->count; i++) {
		struct http_field *field = &head->fields[i];

		field->hop = field->hop || http_field_is_hop(field);
		if (named && field->known == HTTP_FIELD_CONNECTION) {
			mark_listed(head, field);
		}
	}
}
