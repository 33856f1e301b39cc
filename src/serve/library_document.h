/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin's parameters as the document that a program would print for --describe: then there is
 * one place where a preset is compared with its type (serve/schema.h). What is checked here is what
 * the document could not say: what would break it, or never end.
 */
#ifndef SERVE_LIBRARY_DOCUMENT_H
#define SERVE_LIBRARY_DOCUMENT_H

#include <curfew/plugin.h>

#include "base/buffer.h"
#include "serve/schema.h"

/* Where the writer is, for refusals: "inputs.options.depth". */
struct library_place {
	const struct library_place *above; /* NULL: the whole */
	const char *name;
};

struct library_writer {
	const struct curfew_plugin *table;
	struct buffer text;
	struct buffer *refusal;
	unsigned depth;
};

/* Appends a schema. Returns false after a refusal. */
bool library_write(struct library_writer *writer, const struct curfew_parameter *parameter,
	const struct library_place *place);

/* Appends "inputs.depth: it is wrong" to the refusal. Returns false. */
bool library_refuse(
	struct library_writer *writer, const struct library_place *place, const char *wrong);

/* Returns how many rows a list has (NULL: none), or -1 after a refusal. */
int library_count(struct library_writer *writer, const struct curfew_parameter *list,
	const struct library_place *place);

/* Whether a type is one of those that the program gives by itself. */
static inline bool library_injected(uint32_t type)
{
	return type >= CURFEW_CANCELLATION_TOKEN && type <= CURFEW_FILEDATA_META;
}

#endif
