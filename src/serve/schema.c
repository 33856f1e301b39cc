/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/schema.h"

#include <stdlib.h>
#include <string.h>

const char *schema_kind_name(enum schema_kind kind)
{
	static const char *const names[] = {
		[SCHEMA_ANY] = "any",
		[SCHEMA_NULL] = "null",
		[SCHEMA_BOOLEAN] = "boolean",
		[SCHEMA_INTEGER] = "integer",
		[SCHEMA_NUMBER] = "number",
		[SCHEMA_STRING] = "string",
		[SCHEMA_ARRAY] = "array",
		[SCHEMA_OBJECT] = "object",
		[SCHEMA_UNION] = "union",
	};

	return names[kind];
}

void schema_free(struct schema *schema)
{
	if (!schema) {
		return;
	}
	for (size_t i = 0; i < schema->member_count; i++) {
		free(schema->members[i].name);
		schema_free(schema->members[i].schema);
	}
	for (size_t i = 0; i < schema->alternative_count; i++) {
		schema_free(schema->alternatives[i]);
	}
	for (size_t i = 0; i < schema->choice_count; i++) {
		free(schema->choices[i].bytes);
	}
	free(schema->members);
	free(schema->by_name);
	free(schema->alternatives);
	free(schema->choices);
	free(schema->by_key);
	free(schema->preset.bytes);
	free(schema->description.bytes);
	free(schema->required.bytes);
	schema_free(schema->items);
	schema_free(schema->keys);
	free(schema);
}

bool schema_takes_parameters(const struct schema *schema, struct buffer *refusal)
{
	if (schema->kind == SCHEMA_NULL) {
		return true;
	}
	if (schema->kind != SCHEMA_OBJECT || !schema->members) {
		buffer_append_text(refusal,
			"inputs: it is neither {\"type\":\"null\"} nor an object with properties");
		return false;
	}
	return true;
}

/* Which of two names comes first: as good an order as any, and short to find out. */
static int compare_names(
	const char *first, size_t first_length, const char *second, size_t second_length)
{
	if (first_length != second_length) {
		return first_length < second_length ? -1 : 1;
	}
	return memcmp(first, second, first_length);
}

static int compare_members(const void *first, const void *second, void *members)
{
	const struct schema_member *all = members;
	const struct schema_member *a = &all[*(const size_t *)first];
	const struct schema_member *b = &all[*(const size_t *)second];

	return compare_names(a->name, a->name_length, b->name, b->name_length);
}

bool schema_sort_members(struct schema *schema)
{
	size_t count = schema->member_count;

	if (!count) {
		return true;
	}
	schema->by_name = calloc(count, sizeof(*schema->by_name));
	if (!schema->by_name) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		schema->by_name[i] = i;
	}
	qsort_r(schema->by_name, count, sizeof(*schema->by_name), compare_members, schema->members);
	return true;
}

/* A request may have as many names as it has bytes: to look for each takes a few steps. */
const struct schema_member *schema_member_find(
	const struct schema *schema, const char *name, size_t length)
{
	size_t first = 0, end = schema->member_count;

	while (first < end) {
		size_t middle = schema->by_name ? first + (end - first) / 2 : first;
		size_t i = schema->by_name ? schema->by_name[middle] : middle;
		const struct schema_member *member = &schema->members[i];
		int order = compare_names(name, length, member->name, member->name_length);

		if (!order) {
			return member;
		}
		if (order < 0 && schema->by_name) {
			end = middle;
		} else {
			first = middle + 1;
		}
	}
	return NULL;
}
