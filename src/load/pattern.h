/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text with places that differ from request to request:
 *
 *	${number}	the request's number; ${number:8} with at least so many digits
 *	${key}		the request's key; ${key:8}
 *	${random:100}	a number from 0 to 99; ${random:10-20}: from 10 to 20
 *	${hex:40}	so many hexadecimal digits
 *	${fill}		bytes of the size that was drawn: letters, digits, - and _
 *
 * $${ stands for ${ itself; any other $ for itself. What comes into a place is plain in URLs,
 * header fields and JSON strings alike. In a JSON text, a string that is nothing but ${#number},
 * ${#key} or ${#random:100} becomes that number, without quotes.
 */
#ifndef LOAD_PATTERN_H
#define LOAD_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "load/random.h"

#define PATTERN_WIDTH_MOST 64
#define PATTERN_DIGITS_MOST 1024 /* of ${hex} */

/* X(name, word, what it is written like) */
#define PATTERN_PLACES(X)                                                                          \
	X(NUMBER, "number", "${number}")                                                           \
	X(KEY, "key", "${key}")                                                                    \
	X(RANDOM, "random", "${random:100}")                                                       \
	X(HEX, "hex", "${hex:40}")                                                                 \
	X(FILL, "fill", "${fill}")

enum pattern_place {
#define PATTERN_PLACE(name, word, example) PATTERN_##name,
	PATTERN_PLACES(PATTERN_PLACE)
#undef PATTERN_PLACE
		PATTERN_PLACE_COUNT
};

/* Zeroed: the empty text. */
struct pattern {
	struct buffer text;   /* without the places */
	struct buffer places; /* struct place each, in their order */
};

/* What one request has in its places. */
struct pattern_values {
	uint64_t number;
	uint64_t key;
	const char *fill;
	size_t fill_length;
	struct random *random; /* for all others */
};

void pattern_fini(struct pattern *pattern);

/* Append. That there was no memory is seen by pattern_failed. */
void pattern_add(struct pattern *pattern, const char *bytes, size_t length);
void pattern_add_number(struct pattern *pattern);

/*
 * Appends a text with places. Returns false with one sentence that fits behind the name of the
 * text: "has no place ${kee} ...".
 */
bool pattern_read(struct pattern *pattern, const char *text, size_t length, struct buffer *refusal);

/* The same of a JSON text, which is known to be well-formed, without white space around words. */
bool pattern_read_json(
	struct pattern *pattern, const char *text, size_t length, struct buffer *refusal);

bool pattern_failed(const struct pattern *pattern);
bool pattern_has(const struct pattern *pattern, enum pattern_place place);
/* Whether it is the same for all requests: then text is all of it. */
bool pattern_is_fixed(const struct pattern *pattern);

/* Appends it with these values. */
void pattern_write(
	struct buffer *out, const struct pattern *pattern, const struct pattern_values *values);

#endif
