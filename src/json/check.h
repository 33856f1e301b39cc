/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a text is JSON, for those who want to know nothing else of it: what json_read finds out
 * in less time, as long as nothing is unusual.
 */
#ifndef JSON_CHECK_H
#define JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_CHECK_DEPTH 63 /* arrays and objects around each other that it follows */

/*
 * Returns true if json_read takes the text, too. False tells nothing: it may be wrong, or too deep
 * for this; json_read knows.
 */
bool json_check(const char *text, size_t length);

/*
 * Returns the quote that ends the string which begins with a quote at the first byte; NULL if it is
 * none, has none, or something in it is escaped.
 */
const char *json_check_string(const char *text, size_t length);

#endif
