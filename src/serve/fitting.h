/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value against a schema, in one walk: what is wrong with it, and the value with its presets
 * filled in. For arguments.c and schema_read.c; all others use serve/arguments.h.
 *
 * Of a union the alternative counts in which most declared members are there, the first of several;
 * so that an object is not taken for another whose members are all optional.
 */
#ifndef SERVE_FITTING_H
#define SERVE_FITTING_H

#include "base/buffer.h"
#include "serve/schema.h"
#include "json/value.h"

#define FITTING_PRESETS_MOST ((size_t)16 * 1024 * 1024) /* bytes that are filled in */

/* Where a value is: steps from the outside, each in the frame of its own function. */
struct place {
	const struct place *outer;
	enum place_kind {
		PLACE_NAME,  /* bytes */
		PLACE_KEY,   /* of a text, a string's value: a name that the schema does not know */
		PLACE_INDEX, /* of an array */
		PLACE_TYPE,  /* of an alternative */
	} kind;
	const char *bytes;            /* the name; the text of a key */
	size_t length;                /* of the name; the index */
	const struct json_value *key; /* in the text */
	const struct schema *type;
};

struct fitting {
	const char *text;          /* of the value */
	struct buffer *out;        /* the value is appended, on one line */
	struct buffer *complaints; /* they are appended, with commas between them; NULL: none are */
	size_t complained;         /* how many */
	size_t complaints_most;
	struct json_value *ranges; /* set: of the outermost members, in out; zeroed, as many */

	/* Private: zero. */
	struct json_value *found; /* the members of all objects that are open, as they were found */
	size_t found_count, found_capacity;
	struct buffer said; /* what a name with escapes says, or a choice */
	size_t score;       /* declared members that were there */
	size_t presets;     /* bytes that were filled in */
	unsigned trying;    /* unions that try their alternatives: complaints are not told */
	bool failed;        /* no memory */
};

/*
 * Returns whether it fits. If not, or after running out of memory (failed, or out->failed), what
 * was appended to out is of no use.
 */
bool fitting_value(struct fitting *fitting, const struct schema *schema,
	const struct json_value *value, const struct place *place);

void fitting_fini(struct fitting *fitting);

/* What is wrong with a value; NULL for a kind that takes all. */
struct complaint {
	const char *type;
	const char *message; /* NULL: it lists the choices */
};

extern const struct complaint complaint_missing, complaint_fraction, complaint_choice,
	complaint_presets;

/* Returns what is said of a value that is not of this kind. */
const struct complaint *complaint_of_kind(enum schema_kind kind);

/* Appends {"type":..,"loc":[..],"msg":..,"input":..}. input: NULL for null. */
void complaint_write(struct buffer *out, const struct complaint *complaint,
	const struct schema *schema, const struct place *place, const char *text,
	const struct json_value *input);

/* Appends a JSON text without the line ends that are between its words. */
void fitting_append_line(struct buffer *out, const char *bytes, size_t length);

/* Between the two files of the walk. */

/* Whether it is worth while to look for more that is wrong. */
bool fitting_told(const struct fitting *fitting);

/* Tells it, if it is to be told. Returns false. */
bool fitting_complain(struct fitting *fitting, const struct complaint *complaint,
	const struct schema *schema, const struct place *place, const struct json_value *input);

/* Takes back what was appended beyond this length. */
void fitting_cut_back(struct buffer *out, size_t length);

/* The members of an object that has declared ones. */
bool fitting_members(struct fitting *fitting, const struct schema *schema,
	const struct json_value *object, const struct place *place);

#endif
