/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "serve/library_call.h"
#include "serve/library_file.h"
#include "serve/library_schema.h"
#include "serve/library_table.h"

#define SYMBOL "curfew_plugin"
#define SENTENCE_MOST 400 /* bytes of the dynamic linker's words that are told */

/* Appends why dlopen(3) refused, without the path in front, which stands there already. */
static void refuse_load(const char *path, struct buffer *refusal)
{
	const char *words = dlerror();
	size_t length = strlen(path);

	if (strstr(words, "undefined symbol: __asan_")) {
		library_file_refuse_runtime(path, NULL, refusal); /* clang names none in the file */
		return;
	}
	if (strncmp(words, path, length) == 0 && strncmp(words + length, ": ", 2) == 0) {
		words += length + 2;
	}
	buffer_appendf(refusal, "%s cannot be loaded: %.*s", path, SENTENCE_MOST, words);
}

/* A path, since a name without a slash is looked for where libraries are. */
static void *open_library(const char *path, struct buffer *refusal)
{
	struct buffer with_slash = {0};
	void *handle = NULL;

	buffer_appendf(&with_slash, "%s%s", strchr(path, '/') ? "" : "./", path);
	if (with_slash.failed) {
		buffer_append_text(refusal, "out of memory");
	} else {
		handle = dlopen(buffer_text(&with_slash), RTLD_NOW | RTLD_LOCAL);
		if (!handle) {
			refuse_load(path, refusal);
		}
	}
	buffer_fini(&with_slash);
	return handle;
}

/* Returns the table, if the symbol is one: as large as ours, and no function. */
static const struct curfew_plugin *find_table(
	void *handle, const char *path, struct buffer *refusal)
{
	const void *table = dlsym(handle, SYMBOL);
	void *entry = NULL;
	const ElfW(Sym) * symbol;
	Dl_info info;

	if (!table) {
		buffer_appendf(refusal,
			"%s is no plugin: it has no symbol " SYMBOL
			" (CURFEW_PLUGIN(...) of curfew/plugin.h defines it)",
			path);
		return NULL;
	}
	if (!dladdr1(table, &info, &entry, RTLD_DL_SYMENT) || !entry) {
		buffer_appendf(refusal, "%s is no plugin: its " SYMBOL " is nowhere", path);
		return NULL;
	}
	symbol = entry;
	if (ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT ||
		symbol->st_size < sizeof(struct curfew_plugin)) {
		buffer_appendf(refusal,
			"%s is no plugin: its " SYMBOL
			" is no table (CURFEW_PLUGIN(...) of curfew/plugin.h defines it)",
			path);
		return NULL;
	}
	return table;
}

/* Reads the function's two schemas and what it uses. */
static bool read_schemas(struct function *function, struct library *library,
	const struct curfew_plugin *table, struct buffer *refusal)
{
	const struct curfew_function *chosen = &library->function;

	library->uses.output = true;
	function->inputs = library_inputs(table, chosen->parameters, &library->uses, refusal);
	function->outputs =
		function->inputs ? library_outputs(table, chosen->output, refusal) : NULL;
	return function->outputs &&
		(!chosen->precheck ||
			library_precheck(table, chosen->precheck_parameters,
				&library->precheck_uses, refusal));
}

static bool read_id(struct serve *serve, const struct curfew_plugin *table, struct buffer *refusal)
{
	struct function *function = &serve->function;
	const char *given = serve->config->id ? serve->config->id : table->id;
	char made[IDENTIFIER_DIGITS + 1];

	if (given && !identifier_valid(given)) {
		buffer_append_text(refusal, "its id cannot be one: ");
		buffer_append_json(refusal, given, strnlen(given, IDENTIFIER_MOST));
		return false;
	}
	if (!given && identifier_make(made, function->inputs, function->outputs) == 0) {
		given = made;
	}
	function->id = given ? strdup(given) : NULL;
	return function->id;
}

static bool copy_texts(struct function *function, const struct curfew_function *chosen)
{
	function->name = strdup(chosen->name);
	function->description = chosen->description ? strdup(chosen->description) : NULL;
	return function->name && !function->description == !chosen->description;
}

/* Makes the function of the table's. */
static bool read_table(struct serve *serve, struct library *library,
	const struct curfew_plugin *table, struct buffer *refusal)
{
	struct function *function = &serve->function;

	if (!library_table_check(table, refusal) ||
		!library_function_find(
			table, serve->config->function, &library->function, refusal) ||
		!read_schemas(function, library, table, refusal)) {
		return false;
	}
	function->streams = library->function.streams;
	function->has_precheck = library->function.precheck;
	if (!read_id(serve, table, refusal) || !copy_texts(function, &library->function)) {
		if (!refusal->length) {
			buffer_append_text(refusal, "out of memory");
		}
		return false;
	}
	return true;
}

/* Nothing was started yet. */
static void drop(struct serve *serve, struct library *library)
{
	struct function *function = &serve->function;

	schema_free(function->inputs);
	schema_free(function->outputs);
	free(function->name);
	free(function->description);
	free(function->id);
	*function = (struct function){0};
	if (library && library->handle) {
		dlclose(library->handle);
	}
	free(library);
}

int library_load(struct serve *serve, struct buffer *refusal)
{
	const char *path = serve->config->plugin;
	const struct curfew_plugin *table = NULL;
	struct buffer wrong = {0};
	struct library *library;
	bool good;

	if (!library_file_check(path, refusal)) {
		return -1;
	}
	library = calloc(1, sizeof(*library));
	if (!library) {
		buffer_append_text(refusal, "out of memory");
		return -1;
	}
	library->handle = open_library(path, refusal);
	if (library->handle) {
		table = find_table(library->handle, path, refusal);
	}
	good = table && read_table(serve, library, table, &wrong);
	if (wrong.length) {
		buffer_appendf(refusal, "%s: %s", path, buffer_text(&wrong));
	}
	buffer_fini(&wrong);
	if (!good) {
		drop(serve, library);
		return -1;
	}
	serve->function.runner = &library_runner;
	serve->function.plugin = library;
	return 0;
}

int library_start(struct serve *serve)
{
	struct library *library = serve->function.plugin;
	int error = thread_pool_init(&library->pool, serve->slots);

	library->started = !error;
	return error;
}
