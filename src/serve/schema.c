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
	free(schema->alternatives);
	free(schema->choices);
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

const struct schema_member *schema_member_find(
	const struct schema *schema, const char *name, size_t length)
{
	for (size_t i = 0; i < schema->member_count; i++) {
		const struct schema_member *member = &schema->members[i];

		if (member->name_length == length && !memcmp(member->name, name, length)) {
			return member;
		}
	}
	return NULL;
}
