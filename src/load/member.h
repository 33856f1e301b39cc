/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of JSON objects as tables, as src/cmd/option.h has options: what a member is called, what
 * it wants, and which field it fills. Strict: an unknown name, a name that comes twice, and a value
 * of another kind are refused, with the line, the place, and what would be right:
 *
 *	line 4: connections is "many", where a whole number from 1 to 1000000 belongs
 *	line 9: scenarios[1] has no member "weigth" (did you mean "weight"?)
 */
#ifndef LOAD_MEMBER_H
#define LOAD_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "json/value.h"

/* Each with the type of the field that it fills. */
enum member_kind {
	MEMBER_VALUE,    /* struct json_value: any */
	MEMBER_LIST,     /* struct json_value: an array */
	MEMBER_OBJECT,   /* struct json_value */
	MEMBER_TEXT,     /* char *: a string without a NUL; to be freed */
	MEMBER_WHOLE,    /* uint64_t: from least to most */
	MEMBER_NUMBER,   /* double: above 0, and finite */
	MEMBER_DURATION, /* int64_t: milliseconds, CURFEW_NEVER; least, 0 or 1 */
	MEMBER_SIZE,     /* uint64_t: "64k", or a whole number; up to most */
	MEMBER_FLAG,     /* bool */
	MEMBER_CHOICE,   /* unsigned: an index in choices */
};

struct member {
	const char *name; /* NULL ends a table */
	enum member_kind kind;
	size_t offset;
	bool is_required;
	uint64_t least, most;
	const char *const *choices; /* ends with NULL */
	const char *wants;          /* what belongs there, where the kind does not tell: VALUE */
};

/* A text that json_read took. */
struct member_reading {
	const char *text;
	size_t length;
	struct buffer *refusal; /* one sentence, without a full stop */
	/* Which kind of scenario has such a member, "": the profile has; NULL: none. May be NULL */
	const char *(*owner)(const char *name);
};

/* Where a value is, for refusals; borrowed. NULL: the whole text. */
struct member_place {
	const struct member_place *outer;
	const char *name; /* of a member; NULL: an element */
	size_t index;
};

/*
 * Appends "line 4: connections is wrong", where the format's words begin behind the place. value:
 * what the line is of; NULL: the first one. Returns false.
 */
__attribute__((format(printf, 4, 5))) bool member_refuse(struct member_reading *reading,
	const struct member_place *place, const struct json_value *value, const char *format, ...);

/* Refuses a value that is not what belongs there: "is 7, where a string belongs". */
bool member_refuse_value(struct member_reading *reading, const struct member_place *place,
	const struct json_value *value, const char *wants);

/*
 * Reads an object into a struct, whose fields keep what they have where a member is absent. Returns
 * false after a refusal, or with refusal->failed where there was no memory. Fields with texts are
 * the caller's to free in any case (member_free).
 */
bool member_read(struct member_reading *reading, const struct member_place *place,
	const struct json_value *object, const struct member *table, void *into);

/* Reads one value as a row says, of which name and offset are not looked at. */
bool member_value(struct member_reading *reading, const struct member_place *place,
	const struct json_value *value, const struct member *member, void *field);

/* Frees the texts of the table, and sets them to NULL. */
void member_free(const struct member *table, void *into);

/*
 * Reads a string, which has no NUL in it, into memory of its own. Returns NULL after a refusal, or
 * with refusal->failed.
 */
char *member_text(struct member_reading *reading, const struct member_place *place,
	const struct json_value *value);

/* The first value of a name in an object, where it has such. */
bool member_find(const struct member_reading *reading, const struct json_value *object,
	const char *name, struct json_value *found);

#endif
