/* SPDX-License-Identifier: Apache-2.0 */
/* "properties" and "required" */
#include <stdlib.h>
#include <string.h>

#include "serve/schema_reading.h"
#include "json/escape.h"

/* Why a name cannot be one; NULL: it can. It is decoded. */
static const char *name_fault(
	const char *text, const struct json_value *name, const struct buffer *said)
{
	const char *at = text + name->start + 1;
	const char *end = at + name->length - 2;

	if (said->length > SCHEMA_NAME_MOST) {
		return "a name is longer than 256 bytes";
	}
	if (memchr(buffer_text(said), '\0', said->length)) {
		return "a name has a NUL in it";
	}
	while (at < end) {
		struct json_run run;

		json_run_read(&run, &at, end);
		if (!run.bytes) {
			return "a name has half of a character in it";
		}
	}
	return NULL;
}

/* Takes over the name that was decoded. Returns false if it was refused. */
static bool begin_member(struct reading *reading, struct schema *schema, struct buffer *said,
	const struct spot *spot)
{
	const struct spot step = {.outer = spot,
		.kind = SPOT_NAME,
		.bytes = buffer_text(said),
		.length = said->length};
	size_t count = schema->member_count, length = said->length;
	struct schema_member *members;

	if (count == SCHEMA_PARTS_MOST) {
		return reading_refuse(
			reading, spot, "it has more than %d properties", SCHEMA_PARTS_MOST);
	}
	if (schema_member_find(schema, step.bytes, length)) {
		return reading_refuse(reading, &step, "it is there twice");
	}
	members = realloc(schema->members, (count + 1) * sizeof(*members));
	if (!members) {
		return reading_no_memory(reading, spot);
	}
	schema->members = members;
	members[count] = (struct schema_member){.name = buffer_take(said), .name_length = length};
	if (!members[count].name) {
		return reading_no_memory(reading, spot);
	}
	schema->member_count++;
	return true;
}

static bool add_member(struct reading *reading, struct schema *schema,
	const struct json_value *name, const struct json_value *value, const struct spot *spot)
{
	struct spot step = {.outer = spot, .kind = SPOT_NAME};
	struct schema_member *member;
	struct buffer said = {0};
	const char *fault;
	bool good;

	json_string_decode(&said, reading->text, name);
	fault = name_fault(reading->text, name, &said);
	if (said.failed) {
		good = reading_no_memory(reading, spot);
	} else if (fault) {
		good = reading_refuse(reading, spot, "%s", fault);
	} else {
		good = begin_member(reading, schema, &said, spot);
	}
	buffer_fini(&said);
	if (!good) {
		return false;
	}
	member = &schema->members[schema->member_count - 1];
	step.bytes = member->name;
	step.length = member->name_length;
	member->schema = reading_schema(reading, value, &step);
	return member->schema;
}

bool reading_members(struct reading *reading, struct schema *schema,
	const struct json_value *properties, const struct spot *spot)
{
	struct json_value name = {0}, value = {0};

	if (schema->kind != SCHEMA_OBJECT) {
		return reading_refuse(reading, spot, "properties are for type \"object\" only");
	}
	if (properties->kind != JSON_OBJECT) {
		return reading_refuse(reading, spot, "its properties are no object");
	}
	schema->members = calloc(1, sizeof(*schema->members)); /* it has them, if none */
	if (!schema->members) {
		return reading_no_memory(reading, spot);
	}
	while (json_member_next(reading->text, properties, &name, &value)) {
		if (!add_member(reading, schema, &name, &value, spot)) {
			return false;
		}
	}
	return schema_sort_members(schema) || reading_no_memory(reading, spot);
}

static bool require(struct reading *reading, struct schema *schema, const char *name, size_t length,
	const struct spot *spot)
{
	const struct spot step = {
		.outer = spot, .kind = SPOT_NAME, .bytes = name, .length = length};
	const struct schema_member *found = schema_member_find(schema, name, length);
	struct schema_member *member;

	if (!found) {
		return reading_refuse(
			reading, &step, "it is required, but is none of the properties");
	}
	member = &schema->members[found - schema->members];
	if (member->is_required) {
		return reading_refuse(reading, &step, "it is required twice");
	}
	member->is_required = true;
	return true;
}

bool reading_required(struct reading *reading, struct schema *schema, const struct json_value *list,
	const struct spot *spot)
{
	struct json_value element = {0};

	if (schema->kind != SCHEMA_OBJECT) {
		return reading_refuse(reading, spot, "required is for type \"object\" only");
	}
	if (list->kind != JSON_ARRAY) {
		return reading_refuse(reading, spot, "its required is no list of names");
	}
	while (json_element_next(reading->text, list, &element)) {
		struct buffer name = {0};
		bool good;

		if (element.kind != JSON_STRING) {
			return reading_refuse(reading, spot, "its required is no list of names");
		}
		json_string_decode(&name, reading->text, &element);
		good = name.failed
			? reading_no_memory(reading, spot)
			: require(reading, schema, buffer_text(&name), name.length, spot);
		buffer_fini(&name);
		if (!good) {
			return false;
		}
	}
	return reading_copy(reading, list, &schema->required, spot);
}
