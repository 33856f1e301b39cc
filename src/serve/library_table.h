/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a plugin's table. It was built with its own version of curfew/plugin.h, which may be
 * older or newer than ours, and says how long its rows are: shorter ones lack members at their end,
 * which count as zero; what longer ones have beyond ours has to be zero, since nobody here can do
 * what it asks for.
 */
#ifndef SERVE_LIBRARY_TABLE_H
#define SERVE_LIBRARY_TABLE_H

#include <curfew/plugin.h>

#include "base/buffer.h"

#define LIBRARY_FUNCTIONS_MOST 1000

/* What came first in each, and the least that a row has. */
#define LIBRARY_FUNCTION_LEAST offsetof(struct curfew_function, reserved)
#define LIBRARY_PARAMETER_LEAST offsetof(struct curfew_parameter, reserved)
#define LIBRARY_ROW_MOST 4096

/*
 * Whether a table is one that can be read: ABI, rows, functions. If not, what is wrong with it is
 * appended to *refusal, behind the plugin's name.
 */
bool library_table_check(const struct curfew_plugin *table, struct buffer *refusal);

/*
 * Copy a row of the table's functions, or of a list of its parameters. Return 0; -E2BIG: it asks
 * for something that this program does not know.
 */
int library_function(
	const struct curfew_plugin *table, size_t index, struct curfew_function *function);
int library_parameter(const struct curfew_plugin *table, const struct curfew_parameter *list,
	size_t index, struct curfew_parameter *parameter);

/* Whether a name is one of C's. */
bool library_name_valid(const char *name);

/*
 * Finds the function that is asked for (NULL: the only one). Returns whether there is one; if not,
 * as library_table_check.
 */
bool library_function_find(const struct curfew_plugin *table, const char *name,
	struct curfew_function *function, struct buffer *refusal);

#endif
