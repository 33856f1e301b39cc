/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin's id where it gives none: the first 32 hex digits of SHA-256 over
 * {"inputs": ..., "outputs": ...} as Python's json.dumps(..., sort_keys=True) writes it: names
 * sorted by their code points, ", " and ": " between, all but ASCII escaped. Numbers stay as they
 * were written; so it is the same for the same text on every machine.
 */
#ifndef SERVE_IDENTIFIER_H
#define SERVE_IDENTIFIER_H

#include <stdbool.h>

#include "serve/schema.h"

#define IDENTIFIER_DIGITS 32
#define IDENTIFIER_MOST 256

/* Fills in the id. Returns 0 or -ENOMEM. */
int identifier_make(
	char id[IDENTIFIER_DIGITS + 1], const struct schema *inputs, const struct schema *outputs);

/* Whether a given id can stand in an answer and a log: graphic ASCII, no quote or backslash. */
bool identifier_valid(const char *id);

#endif
