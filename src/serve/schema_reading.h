/* SPDX-License-Identifier: Apache-2.0 */
/* What the files share that read a schema. */
#ifndef SERVE_SCHEMA_READING_H
#define SERVE_SCHEMA_READING_H

#include "serve/schema.h"

/* Where a schema is, for people: "inputs.files[].name". */
struct spot {
	const struct spot *outer;
	enum spot_kind {
		SPOT_NAME,  /* bytes: what the sentence begins with, or a member */
		SPOT_ITEM,  /* of an array */
		SPOT_KEY,   /* of an object's names */
		SPOT_VALUE, /* of an object whose names nobody knows beforehand */
		SPOT_ALTERNATIVE,
	} kind;
	const char *bytes;
	size_t length; /* of the bytes; which alternative */
};

struct reading {
	const char *text;
	struct buffer *refusal;
	unsigned depth;
};

/* Tells what is wrong, once: what called it returns false to its end. Returns false. */
__attribute__((format(printf, 3, 4))) bool reading_refuse(
	struct reading *reading, const struct spot *spot, const char *format, ...);

/* Returns false, and says so. */
bool reading_no_memory(struct reading *reading, const struct spot *spot);

/* Copies a value without the white space between its words. Returns false if there is no memory. */
bool reading_copy(struct reading *reading, const struct json_value *value, struct schema_text *copy,
	const struct spot *spot);

/* Reads "enum" of a schema whose kind is known. */
bool reading_choices(struct reading *reading, struct schema *schema, const struct json_value *list,
	const struct spot *spot);

/* Reads "default" of a schema of which all else is known. */
bool reading_preset(struct reading *reading, struct schema *schema, const struct json_value *value,
	const struct spot *spot);

/* Returns the schema of a value, or NULL: it was refused. */
struct schema *reading_schema(
	struct reading *reading, const struct json_value *value, const struct spot *spot);

/* Reads "properties" and "required". */
bool reading_members(struct reading *reading, struct schema *schema,
	const struct json_value *properties, const struct spot *spot);
bool reading_required(struct reading *reading, struct schema *schema, const struct json_value *list,
	const struct spot *spot);

#endif
