/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/library_table.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/*
 * Copies what both know; ours is zeroed. Returns 0, or -E2BIG if something beyond that is not zero.
 */
static int read_row(
	void *ours, size_t our_bytes, const void *table, size_t their_bytes, size_t index)
{
	const char *row = (const char *)table + index * their_bytes;

	memcpy(ours, row, their_bytes < our_bytes ? their_bytes : our_bytes);
	for (size_t i = our_bytes; i < their_bytes; i++) {
		if (row[i]) {
			return -E2BIG;
		}
	}
	return 0;
}

int library_function(
	const struct curfew_plugin *table, size_t index, struct curfew_function *function)
{
	int error;

	*function = (struct curfew_function){0};
	error = read_row(
		function, sizeof(*function), table->functions, table->function_bytes, index);
	return function->reserved[0] || function->reserved[1] ? -E2BIG : error;
}

int library_parameter(const struct curfew_plugin *table, const struct curfew_parameter *list,
	size_t index, struct curfew_parameter *parameter)
{
	int error;

	*parameter = (struct curfew_parameter){0};
	error = read_row(parameter, sizeof(*parameter), list, table->parameter_bytes, index);
	return parameter->reserved[0] || parameter->reserved[1] ? -E2BIG : error;
}

bool library_name_valid(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	size_t length = strspn(name, letters);

	return length && !name[length] && !strchr("0123456789", *name);
}

static bool row_fits(uint32_t bytes, size_t least)
{
	return bytes >= least && bytes <= LIBRARY_ROW_MOST && bytes % _Alignof(void *) == 0;
}

static bool refuse_function(const char *name, const char *wrong, struct buffer *refusal)
{
	buffer_appendf(refusal, "function %.80s: %s", name, wrong);
	return false;
}

/* Checks those that are not asked for, too: of their names, not of their schemas. */
static bool check_functions(const struct curfew_plugin *table, struct buffer *refusal)
{
	struct curfew_function function;
	struct curfew_function other;

	for (size_t i = 0;; i++) {
		int error = library_function(table, i, &function);

		if (!function.name) {
			return true;
		}
		if (i == LIBRARY_FUNCTIONS_MOST) {
			buffer_append_text(refusal, "its list of functions does not end with {0}");
			return false;
		}
		if (!library_name_valid(function.name)) {
			buffer_append_text(refusal, "its function ");
			buffer_append_json(refusal, function.name, strnlen(function.name, 80));
			buffer_append_text(refusal, " has a name that is no identifier");
			return false;
		}
		if (error) {
			return refuse_function(function.name,
				"uses something that this version of curfew does not know",
				refusal);
		}
		if (!function.run) {
			return refuse_function(function.name, "it has no run", refusal);
		}
		for (size_t before = 0; before < i; before++) {
			(void)library_function(table, before, &other);
			if (strcmp(function.name, other.name) == 0) {
				return refuse_function(
					function.name, "there are two of that name", refusal);
			}
		}
	}
}

bool library_table_check(const struct curfew_plugin *table, struct buffer *refusal)
{
	struct curfew_function first;

	if (table->abi != CURFEW_PLUGIN_ABI) {
		buffer_appendf(refusal,
			"it is built for version %u of the plugin ABI, and this curfew has %d",
			table->abi, CURFEW_PLUGIN_ABI);
		return false;
	}
	if (!row_fits(table->function_bytes, LIBRARY_FUNCTION_LEAST) ||
		!row_fits(table->parameter_bytes, LIBRARY_PARAMETER_LEAST)) {
		buffer_append_text(refusal,
			"its table has rows of a length that cannot be (CURFEW_PLUGIN(...) defines "
			"it)");
		return false;
	}
	if (table->reserved[0] || table->reserved[1]) {
		buffer_append_text(refusal,
			"its table uses something that this version of curfew does not know");
		return false;
	}
	if (table->functions) {
		(void)library_function(table, 0, &first);
	}
	if (!table->functions || !first.name) {
		buffer_append_text(refusal, "it has no functions");
		return false;
	}
	return check_functions(table, refusal);
}

static void list_names(const struct curfew_plugin *table, struct buffer *refusal)
{
	struct curfew_function function;

	for (size_t i = 0; library_function(table, i, &function), function.name; i++) {
		buffer_appendf(refusal, "%s%s", i ? ", " : "", function.name);
	}
	buffer_append_char(refusal, ')');
}

static bool refuse_unknown(
	const struct curfew_plugin *table, const char *name, struct buffer *refusal)
{
	buffer_appendf(refusal, "it has no function %.80s (there are: ", name);
	list_names(table, refusal);
	return false;
}

bool library_function_find(const struct curfew_plugin *table, const char *name,
	struct curfew_function *function, struct buffer *refusal)
{
	struct curfew_function second;

	for (size_t i = 0; name; i++) {
		(void)library_function(table, i, function);
		if (!function->name) {
			return refuse_unknown(table, name, refusal);
		}
		if (strcmp(function->name, name) == 0) {
			return true;
		}
	}
	(void)library_function(table, 1, &second);
	if (second.name) {
		buffer_append_text(
			refusal, "it has several functions (choose one with --function: ");
		list_names(table, refusal);
		return false;
	}
	(void)library_function(table, 0, function);
	return true;
}
