/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON text as Python's json.dumps(..., sort_keys=True) writes it. */
#ifndef SERVE_SORTED_JSON_H
#define SERVE_SORTED_JSON_H

#include "base/buffer.h"
#include "json/value.h"

/*
 * Appends a value: names sorted by their code points, the last of equal ones alone; ", " and ": ";
 * all but printable ASCII escaped. Numbers stay as they are.
 */
void sorted_json_append(struct buffer *out, const char *text, const struct json_value *value);

#endif
