/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a schema are gathered first, since one depends on another whatever their order, and
 * then read in the order of `steps`.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/schema_reading.h"

#define SHOWN_MOST 64 /* bytes of a word that is refused */

#define WORDS(X)                                                                                   \
	X(TYPE, "type")                                                                            \
	X(ANY_OF, "anyOf")                                                                         \
	X(IS_PATH, "is_path")                                                                      \
	X(IS_FILE_DATA, "is_file_data")                                                            \
	X(PROPERTIES, "properties")                                                                \
	X(REQUIRED, "required")                                                                    \
	X(ITEMS, "items")                                                                          \
	X(ENUM, "enum")                                                                            \
	X(DEFAULT, "default")                                                                      \
	X(DESCRIPTION, "description")

enum word {
#define WORD(name, text) WORD_##name,
	WORDS(WORD)
#undef WORD
		WORD_COUNT,
};

static const char *const words[] = {
#define WORD(name, text) text,
	WORDS(WORD)
#undef WORD
};

/* Gathers the words. Returns false: it is no object, or a word is wrong. */
static bool gather(struct reading *reading, const struct json_value *value,
	struct json_value found[WORD_COUNT], const struct spot *spot)
{
	struct json_value name = {0}, member = {0};

	if (value->kind != JSON_OBJECT) {
		return reading_refuse(reading, spot, "a schema is an object");
	}
	while (json_member_next(reading->text, value, &name, &member)) {
		size_t word = 0;
		size_t shown = name.length < SHOWN_MOST ? name.length : SHOWN_MOST;

		while (word < WORD_COUNT &&
			!json_string_equal(
				reading->text, &name, words[word], strlen(words[word]))) {
			word++;
		}
		if (word == WORD_COUNT) {
			return reading_refuse(reading, spot, "%.*s is no word of a schema",
				(int)shown, reading->text + name.start);
		}
		if (found[word].kind) {
			return reading_refuse(reading, spot, "it has \"%s\" twice", words[word]);
		}
		found[word] = member;
	}
	return true;
}

static bool read_type(struct reading *reading, struct schema *schema,
	const struct json_value *value, const struct spot *spot)
{
	for (enum schema_kind kind = SCHEMA_NULL; kind < SCHEMA_UNION; kind++) {
		const char *name = schema_kind_name(kind);

		if (json_string_equal(reading->text, value, name, strlen(name))) {
			schema->kind = kind;
			return true;
		}
	}
	return reading_refuse(reading, spot,
		"its type is none of null, boolean, integer, number, string, array, object");
}

static bool add_alternative(struct reading *reading, struct schema *schema,
	const struct json_value *value, const struct spot *spot)
{
	const struct spot step = {
		.outer = spot, .kind = SPOT_ALTERNATIVE, .length = schema->alternative_count};
	size_t count = schema->alternative_count;
	struct schema **grown, *alternative;

	if (count == SCHEMA_PARTS_MOST) {
		return reading_refuse(
			reading, spot, "it has more than %d alternatives", SCHEMA_PARTS_MOST);
	}
	grown = realloc(schema->alternatives, (count + 1) * sizeof(struct schema *));
	if (!grown) {
		return reading_no_memory(reading, spot);
	}
	schema->alternatives = grown;
	alternative = reading_schema(reading, value, &step);
	if (!alternative) {
		return false;
	}
	schema->alternatives[count] = alternative;
	schema->alternative_count++;
	return true;
}

static bool read_any_of(struct reading *reading, struct schema *schema,
	const struct json_value *value, const struct spot *spot)
{
	struct json_value element = {0};

	if (schema->kind != SCHEMA_ANY) {
		return reading_refuse(reading, spot, "it has both \"type\" and \"anyOf\"");
	}
	schema->kind = SCHEMA_UNION;
	while (json_element_next(reading->text, value, &element)) {
		if (!add_alternative(reading, schema, &element, spot)) {
			return false;
		}
	}
	return schema->alternative_count >= 2 ||
		reading_refuse(reading, spot, "its anyOf is no list of two or more schemas");
}

static bool read_flag(struct reading *reading, const struct schema *schema, bool *flag,
	const struct json_value *value, enum word word, enum schema_kind kind,
	const struct spot *spot)
{
	*flag = value->kind == JSON_TRUE;
	if (!*flag && value->kind != JSON_FALSE) {
		return reading_refuse(
			reading, spot, "its %s is neither true nor false", words[word]);
	}
	return !*flag || schema->kind == kind ||
		reading_refuse(reading, spot, "%s is for type \"%s\" only", words[word],
			schema_kind_name(kind));
}

static bool read_is_path(struct reading *reading, struct schema *schema,
	const struct json_value *value, const struct spot *spot)
{
	return read_flag(
		reading, schema, &schema->is_path, value, WORD_IS_PATH, SCHEMA_STRING, spot);
}

static bool read_is_file_data(struct reading *reading, struct schema *schema,
	const struct json_value *value, const struct spot *spot)
{
	return read_flag(reading, schema, &schema->is_file_data, value, WORD_IS_FILE_DATA,
		SCHEMA_OBJECT, spot);
}

/* {"key": .., "value": ..} */
static bool read_map(struct reading *reading, struct schema *schema, const struct json_value *value,
	const struct spot *spot)
{
	const struct spot key_spot = {.outer = spot, .kind = SPOT_KEY};
	const struct spot value_spot = {.outer = spot, .kind = SPOT_VALUE};
	struct json_value name = {0}, member = {0}, key = {0}, item = {0};
	size_t count = 0;

	for (; json_member_next(reading->text, value, &name, &member); count++) {
		if (json_string_equal(reading->text, &name, "key", 3)) {
			key = member;
		} else if (json_string_equal(reading->text, &name, "value", 5)) {
			item = member;
		}
	}
	if (count != 2 || !key.kind || !item.kind) {
		return reading_refuse(reading, spot,
			"the items of an object are {\"key\":SCHEMA,\"value\":SCHEMA}");
	}
	schema->keys = reading_schema(reading, &key, &key_spot);
	if (!schema->keys) {
		return false;
	}
	if (schema->keys->kind != SCHEMA_STRING) {
		return reading_refuse(reading, &key_spot, "its type is not \"string\"");
	}
	schema->items = reading_schema(reading, &item, &value_spot);
	return schema->items;
}

static bool read_items(struct reading *reading, struct schema *schema,
	const struct json_value *value, const struct spot *spot)
{
	const struct spot step = {.outer = spot, .kind = SPOT_ITEM};

	if (schema->kind == SCHEMA_OBJECT && schema->members) {
		return reading_refuse(reading, spot, "it has both \"properties\" and \"items\"");
	}
	if (schema->kind == SCHEMA_OBJECT) {
		return read_map(reading, schema, value, spot);
	}
	if (schema->kind != SCHEMA_ARRAY) {
		return reading_refuse(
			reading, spot, "items are for types \"array\" and \"object\" only");
	}
	schema->items = reading_schema(reading, value, &step);
	return schema->items;
}

static bool read_description(struct reading *reading, struct schema *schema,
	const struct json_value *value, const struct spot *spot)
{
	return value->kind == JSON_STRING
		? reading_copy(reading, value, &schema->description, spot)
		: reading_refuse(reading, spot, "its description is no string");
}

/* What each word sets, in the order of the table: those below look at what those above have set. */
static bool (*const steps[])(struct reading *reading, struct schema *schema,
	const struct json_value *value, const struct spot *spot) = {
	[WORD_TYPE] = read_type,
	[WORD_ANY_OF] = read_any_of,
	[WORD_IS_PATH] = read_is_path,
	[WORD_IS_FILE_DATA] = read_is_file_data,
	[WORD_PROPERTIES] = reading_members,
	[WORD_REQUIRED] = reading_required,
	[WORD_ITEMS] = read_items,
	[WORD_ENUM] = reading_choices,
	[WORD_DEFAULT] = reading_preset,
	[WORD_DESCRIPTION] = read_description,
};

static bool fill(struct reading *reading, struct schema *schema, const struct json_value *value,
	const struct spot *spot)
{
	struct json_value found[WORD_COUNT] = {0};

	if (!gather(reading, value, found, spot)) {
		return false;
	}
	for (size_t i = 0; i < WORD_COUNT; i++) {
		if (found[i].kind && !steps[i](reading, schema, &found[i], spot)) {
			return false;
		}
	}
	return true;
}

struct schema *reading_schema(
	struct reading *reading, const struct json_value *value, const struct spot *spot)
{
	struct schema *schema;
	bool good;

	if (reading->depth == SCHEMA_DEPTH_MOST) {
		reading_refuse(reading, spot, "it is within more than %d others", reading->depth);
		return NULL;
	}
	schema = calloc(1, sizeof(*schema));
	if (!schema) {
		reading_no_memory(reading, spot);
		return NULL;
	}
	reading->depth++;
	good = fill(reading, schema, value, spot);
	reading->depth--;
	if (!good) {
		schema_free(schema);
		return NULL;
	}
	return schema;
}

struct schema *schema_read(
	const char *text, const struct json_value *value, const char *name, struct buffer *refusal)
{
	const struct spot spot = {.kind = SPOT_NAME, .bytes = name, .length = strlen(name)};
	struct reading reading = {.text = text, .refusal = refusal};

	if (value->length > SCHEMA_BYTES_MOST) {
		reading_refuse(&reading, &spot, "it is longer than %d bytes", SCHEMA_BYTES_MOST);
		return NULL;
	}
	return reading_schema(&reading, value, &spot);
}
