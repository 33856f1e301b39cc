/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Pointers (RFC 6901): "/files/0/a~1b". */
#ifndef JSON_POINTER_H
#define JSON_POINTER_H

#include "json/value.h"

/*
 * Finds what a pointer leads to from a value on; "" is the value itself. Of a name that is repeated
 * the last one counts; "-", the element behind the last, is never there. Returns false if there is
 * nothing, or it is no pointer.
 */
bool json_point(const char *text, const struct json_value *whole, const char *pointer,
	struct json_value *found);

#endif
