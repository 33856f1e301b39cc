/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "enum": whether a value is one of the choices. A list in a request may have millions of values,
 * and a schema 1000 choices: each value is looked for by a key, and compared with few.
 */
#ifndef SERVE_CHOICE_H
#define SERVE_CHOICE_H

#include "serve/schema.h"

/* Makes schema->by_key of its choices. Returns false if there is no memory. */
bool choices_sort(struct schema *schema);

/*
 * Whether a value of this text is one of them. said: memory for what a string says, kept for the
 * next one; it has failed if there was none, and then what is returned is of no use.
 */
bool choices_have(const struct schema *schema, const char *text, const struct json_value *value,
	struct buffer *said);

#endif
