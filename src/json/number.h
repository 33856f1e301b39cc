/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a number says, whatever its form: 1, 1.0 and 10e-1 are the same. Its digits are never
 * converted, so that no size loses any.
 */
#ifndef JSON_NUMBER_H
#define JSON_NUMBER_H

#include "json/value.h"

/*
 * Whether a value is a whole number, in whatever form. Returns 0 and sets *integer (NULL: not asked
 * for); -ERANGE where it does not fit, *integer asked for or not; -EINVAL if it is none.
 */
int json_whole(const char *text, const struct json_value *value, int64_t *integer);

/* Whether two numbers, each in a text of its own, are the same. */
bool json_number_equal(const char *text, const struct json_value *value, const char *other_text,
	const struct json_value *other);

#endif
