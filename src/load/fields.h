/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A struct as a JSON object: one table says which members there are, and both writes and reads
 * them, so that what is written can be read. Reading is strict: each member of the table once, none
 * besides, in any order. Numbers keep all their bits.
 *
 *	static const struct field fields[] = {
 *		{"threads", &field_int, offsetof(struct result, threads), 0},
 */
#ifndef LOAD_FIELDS_H
#define LOAD_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "load/outcome.h"
#include "json/value.h"

struct field_block;

struct fields_reading {
	const char *text; /* that json_read took */
	struct buffer *refusal;
	struct field_block **blocks; /* where strings that are read are kept */
};

struct field;

/* How a field is written and read; value: where it is in the struct. */
struct field_kind {
	void (*write)(struct buffer *out, const void *value);
	/* Returns 0, -ENOMEM, or -EINVAL with what is to be said behind its name: "is no number" */
	int (*read)(const struct fields_reading *reading, const struct field *field,
		const struct json_value *json, void *value);
};

struct field {
	const char *name;
	const struct field_kind *kind;
	size_t offset;
	size_t size; /* of field_text */
};

extern const struct field_kind field_bool, field_int; /* int, not negative */
extern const struct field_kind field_count;           /* uint64_t, all of its values */
extern const struct field_kind field_count32;         /* uint32_t */
extern const struct field_kind field_time;            /* int64_t, 0 to FIELD_TIME_MOST */
extern const struct field_kind field_time_or_never;   /* the same; INT64_MAX is null */
extern const struct field_kind field_double;          /* what is not finite is null */
extern const struct field_kind field_string;          /* const char *; NULL is null */
extern const struct field_kind field_text;            /* char [size] */
extern const struct field_kind field_outcomes;        /* uint64_t [LOAD_OUTCOME_COUNT] */
extern const struct field_kind field_histogram;       /* an empty one, to be read */

#define FIELD_TIME_MOST (INT64_C(1) << 62)

/* A table that ends with a row without a name. Opens and closes the object. */
void fields_write(struct buffer *out, const struct field *fields, const void *object);

/*
 * The same, into an object. what: for people, "the tally". Returns 0, -ENOMEM, or -EINVAL with one
 * sentence; fields that were read before then stay.
 */
int fields_read(const struct fields_reading *reading, const struct json_value *json,
	const struct field *fields, void *object, const char *what);

/* Appends a number, what is not finite as null. */
void fields_write_double(struct buffer *out, double number);

/* Appends a string, NULL as null. */
void fields_write_string(struct buffer *out, const char *string);

/* Whether it is a whole number that is not negative, without fraction or exponent, that fits. */
bool fields_read_count(
	const struct fields_reading *reading, const struct json_value *json, uint64_t *count);

/* Adds an object of counts by outcome, {"ok":3}, zeros left out or not. As a kind's read. */
int fields_read_outcomes(const struct fields_reading *reading, const struct json_value *json,
	uint64_t counts[LOAD_OUTCOME_COUNT]);

/* Returns a copy of what a string says, up to a NUL, in blocks; NULL if there is no memory. */
char *fields_read_string(const struct fields_reading *reading, const struct json_value *json);

/* Returns -EINVAL, with these words in the refusal. */
int fields_refuse(const struct fields_reading *reading, const char *words);

/* Returns zeroed memory that is freed with all others, NULL if there is none. */
void *field_block_new(struct field_block **blocks, size_t size);
void field_blocks_free(struct field_block **blocks);

#endif
