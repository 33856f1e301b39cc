/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a function takes and what it gives, as a tree, in the dialect of /schema:
 *
 *	{"type": "object", "required": ["path"], "properties": {
 *		"path": {"type": "string", "is_path": true},
 *		"depth": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": null}}}
 *
 *	type		"null" "boolean" "integer" "number" "string" "array" "object"; without type
 *			and anyOf: any value
 *	items		what an array's items are, or {"key": .., "value": ..} of an object whose
 *			names nobody knows beforehand
 *	properties, required, anyOf, enum, default, description
 *	is_path		of a string; is_file_data of an object
 *
 * A default fits its schema, or is null: whatever the type, null then stands for what is absent,
 * though a request may not say it.
 *
 * Built once at the start, from the document that `CMD --describe` prints or from a plugin's table,
 * and never changed. What is wrong with either is told with the name of the parameter.
 */
#ifndef SERVE_SCHEMA_H
#define SERVE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "json/value.h"

#define SCHEMA_DEPTH_MOST 32      /* schemas in each other */
#define SCHEMA_BYTES_MOST 1048576 /* of a document */
#define SCHEMA_PARTS_MOST 1000    /* members, alternatives or choices of one */
#define SCHEMA_NAME_MOST 256      /* bytes of a member's name */

enum schema_kind {
	SCHEMA_ANY,
	SCHEMA_NULL,
	SCHEMA_BOOLEAN,
	SCHEMA_INTEGER,
	SCHEMA_NUMBER,
	SCHEMA_STRING,
	SCHEMA_ARRAY,
	SCHEMA_OBJECT,
	SCHEMA_UNION,
};

/* The word of its "type"; "any", "union" for the others. */
const char *schema_kind_name(enum schema_kind kind);

/* A JSON text that belongs to the schema, NUL-terminated. */
struct schema_text {
	char *bytes; /* NULL: there is none */
	size_t length;
};

struct schema_key {
	uint64_t key;
	size_t choice;
};

struct schema_member {
	char *name; /* what it says, in UTF-8; may have no NUL in it */
	size_t name_length;
	bool is_required;
	struct schema *schema;
};

/* Zeroed: any value. */
struct schema {
	enum schema_kind kind;
	bool is_path;
	bool is_file_data;
	struct schema_text preset;      /* "default" */
	struct schema_text description; /* as JSON text, with its quotes */
	struct schema_text required; /* of an object: the list as it came; the members tell, too */
	struct schema *items;        /* of an array's items, or an object's values; NULL: any */
	struct schema *keys;         /* of an object's names, where items is set; a string */
	struct schema_member *members; /* as they were declared; NULL: an object may have any */
	size_t member_count;
	size_t *by_name;              /* which members, by length and bytes of their names */
	struct schema **alternatives; /* of a union: two or more */
	size_t alternative_count;
	struct schema_text *choices; /* "enum": values of one type */
	size_t choice_count;
	struct schema_key *by_key; /* which choices, by their keys (serve/choice.h) */
};

/*
 * Reads a value of a text that json_read took. Returns the schema; or NULL with one sentence in
 * *refusal, which names the place: "inputs.options.depth: its default is no integer".
 * name: what the sentence begins with, "inputs".
 */
struct schema *schema_read(
	const char *text, const struct json_value *value, const char *name, struct buffer *refusal);

/* NULL is fine. */
void schema_free(struct schema *schema);

/*
 * Appends it as JSON on one line, members in their order: {"type":"object","required":[...],...}.
 * What schema_read reads of it is the same schema.
 */
void schema_write(struct buffer *out, const struct schema *schema);

/*
 * Whether it can be the inputs of a function: {"type":"null"}, or an object with properties. If
 * not, a sentence as above. An output may be anything.
 */
bool schema_takes_parameters(const struct schema *schema, struct buffer *refusal);

/*
 * Makes by_name, which stays NULL if there are no members. Returns false if there is no memory.
 */
bool schema_sort_members(struct schema *schema);

/* Returns the member of that name, or NULL. A walk over all, or where they are sorted a search. */
const struct schema_member *schema_member_find(
	const struct schema *schema, const char *name, size_t length);

#endif
