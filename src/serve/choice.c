/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that are equal have the same key: of a string it is a hash of what it says, of a number
 * the double that is nearest. What has the same key need not be equal, and is compared.
 */
#include "serve/choice.h"

#include <stdlib.h>
#include <string.h>

#include "json/number.h"

#define HASH_FIRST 0xcbf29ce484222325U /* FNV-1a */
#define HASH_PRIME 0x100000001b3U

static struct json_value whole(const struct schema_text *choice)
{
	return (struct json_value){.kind = json_kind_of(*choice->bytes), .length = choice->length};
}

static uint64_t hash(const char *bytes, size_t length)
{
	uint64_t sum = HASH_FIRST;

	for (size_t i = 0; i < length; i++) {
		sum = (sum ^ (unsigned char)bytes[i]) * HASH_PRIME;
	}
	return sum;
}

static uint64_t key_of_string(
	const char *text, const struct json_value *string, struct buffer *said)
{
	const char *inside = text + string->start + 1;

	if (!memchr(inside, '\\', string->length - 2)) {
		return hash(inside, string->length - 2);
	}
	said->length = 0;
	json_string_decode(said, text, string);
	return hash(buffer_text(said), said->length);
}

/* Behind a number stands what ends it: a JSON text goes on, or a NUL. */
static uint64_t key_of_number(const char *text, const struct json_value *number)
{
	double nearest = strtod(text + number->start, NULL);
	uint64_t key = 0;

	if (nearest != 0) { /* not: -0 */
		memcpy(&key, &nearest, sizeof(key));
	}
	return key;
}

static uint64_t key_of(const char *text, const struct json_value *value, struct buffer *said)
{
	switch (value->kind) {
	case JSON_STRING:
		return key_of_string(text, value, said);
	case JSON_NUMBER:
		return key_of_number(text, value);
	default:
		return value->kind;
	}
}

static int compare(const void *first, const void *second)
{
	uint64_t a = ((const struct schema_key *)first)->key;
	uint64_t b = ((const struct schema_key *)second)->key;

	return (a > b) - (a < b);
}

bool choices_sort(struct schema *schema)
{
	struct buffer said = {0};
	bool failed;

	schema->by_key = calloc(schema->choice_count, sizeof(*schema->by_key));
	if (!schema->by_key) {
		return false;
	}
	for (size_t i = 0; i < schema->choice_count; i++) {
		const struct json_value choice = whole(&schema->choices[i]);

		schema->by_key[i] = (struct schema_key){
			.key = key_of(schema->choices[i].bytes, &choice, &said), .choice = i};
	}
	failed = said.failed;
	buffer_fini(&said);
	qsort(schema->by_key, schema->choice_count, sizeof(*schema->by_key), compare);
	return !failed;
}

/* Whether two strings say the same. */
static bool same_string(const char *text, const struct json_value *value,
	const struct schema_text *choice, struct buffer *said)
{
	const struct json_value all = whole(choice);

	if (!memchr(choice->bytes, '\\', choice->length)) {
		return json_string_equal(text, value, choice->bytes + 1, choice->length - 2);
	}
	said->length = 0;
	json_string_decode(said, choice->bytes, &all);
	return json_string_equal(text, value, buffer_text(said), said->length);
}

static bool same(const char *text, const struct json_value *value, const struct schema_text *choice,
	struct buffer *said)
{
	const struct json_value all = whole(choice);

	if (all.kind != value->kind) {
		return false;
	}
	switch (value->kind) {
	case JSON_STRING:
		return same_string(text, value, choice, said);
	case JSON_NUMBER:
		return json_number_equal(text, value, choice->bytes, &all);
	default:
		return true;
	}
}

bool choices_have(const struct schema *schema, const char *text, const struct json_value *value,
	struct buffer *said)
{
	uint64_t key = key_of(text, value, said);
	size_t first = 0, end = schema->choice_count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (schema->by_key[middle].key < key) {
			first = middle + 1;
		} else {
			end = middle;
		}
	}
	for (; first < schema->choice_count && schema->by_key[first].key == key; first++) {
		const struct schema_text *choice = &schema->choices[schema->by_key[first].choice];

		if (same(text, value, choice, said)) {
			return true;
		}
	}
	return false;
}
