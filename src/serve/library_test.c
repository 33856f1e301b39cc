/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugins of tests/fixtures/plugins, one for each line: what is said of a bad one, and what a
 * good one becomes. They call nothing, so that they load into this program, which exports nothing.
 */
#include "serve/library.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/library_call.h"

#define UNKNOWN "uses something that this version of curfew does not know"

static struct serve_config config;
static struct serve serve;
static char path[4096];
static struct buffer refusal;

static void name_plugin(const char *name)
{
	char self[sizeof(path) / 2] = "";

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	(void)snprintf(path, sizeof(path), "%s/../tests/fixtures/plugins/%s.so", self, name);
}

static int load(const char *name)
{
	name_plugin(name);
	refusal.length = 0;
	buffer_append_text(&refusal, "");
	config.plugin = path;
	serve = (struct serve){.config = &config};
	return library_load(&serve, &refusal);
}

static void unload(void)
{
	serve.function.runner->fini(&serve);
	schema_free(serve.function.inputs);
	schema_free(serve.function.outputs);
	free(serve.function.name);
	free(serve.function.description);
	free(serve.function.id);
	buffer_fini(&refusal);
	config = (struct serve_config){0};
}

/* What is said behind the path. */
static void assert_refused(const char *said)
{
	const char *text = buffer_text(&refusal);

	if (strncmp(text, path, strlen(path)) != 0) {
		fail_msg("\"%s\" does not begin with the path", text);
	}
	assert_string_equal(text + strlen(path), said);
	assert_null(serve.function.plugin);
	assert_null(serve.function.inputs);
	assert_null(serve.function.name);
	buffer_fini(&refusal);
	config = (struct serve_config){0};
}

static const struct {
	const char *plugin;
	const char *said;
} refusals[] = {
	{"no_symbol",
		" is no plugin: it has no symbol curfew_plugin (CURFEW_PLUGIN(...) of "
		"curfew/plugin.h defines it)"},
	{"symbol_is_function",
		" is no plugin: its curfew_plugin is no table (CURFEW_PLUGIN(...) "
		"of curfew/plugin.h defines it)"},
	{"symbol_is_small",
		" is no plugin: its curfew_plugin is no table (CURFEW_PLUGIN(...) of "
		"curfew/plugin.h defines it)"},
	{"undefined_symbol", " cannot be loaded: undefined symbol: nowhere_to_be_found"},
	{"abi_2", ": it is built for version 2 of the plugin ABI, and this curfew has 1"},
	{"short_rows",
		": its table has rows of a length that cannot be (CURFEW_PLUGIN(...) defines it)"},
	{"reserved_table", ": its table " UNKNOWN},
	{"no_list", ": it has no functions"},
	{"no_function", ": it has no functions"},
	{"no_run", ": function work: it has no run"},
	{"bad_function_name", ": its function \"hard work\" has a name that is no identifier"},
	{"same_functions", ": function work: there are two of that name"},
	{"reserved_function", ": function work: " UNKNOWN},
	{"several", ": it has several functions (choose one with --function: work, rest)"},
	{"bad_id", ": its id cannot be one: \"a b\\n\""},
	{"two_names", ": inputs.a: there are two of that name"},
	{"no_name", ": inputs: one of its parameters has no name"},
	{"slash_name",
		": inputs./a: its name begins with a slash, as a path into the request does"},
	{"latin_name", ": inputs: the name of a parameter is not UTF-8"},
	{"latin_description", ": inputs.a: its description is not UTF-8"},
	{"no_such_type", ": inputs.a: its type is none that this version of curfew knows"},
	{"preset_no_json", ": inputs.mode: its preset is no JSON text (a string has quotes)"},
	{"preset_breaks_out", ": inputs.mode: its preset is no JSON text (a string has quotes)"},
	{"preset_unlike", ": inputs.depth: its default is no integer"},
	{"inner_preset", ": inputs.options.depth: its default is no integer"},
	{"choice_unlike", ": inputs.mode: the choices of its enum differ in type"},
	{"parts_of_scalar", ": inputs.a: it has parts, which its type has not"},
	{"inner_token",
		": inputs.options.token: what the program gives is a parameter, not a "
		"member of one"},
	{"injected_preset",
		": inputs.usage: what the program gives has no preset, parts or choices"},
	{"union_of_one", ": inputs.a: a union has two alternatives or more"},
	{"reserved_parameter", ": inputs.a: " UNKNOWN},
	{"longer_asks", ": inputs.b: " UNKNOWN},
	{"output_without_type", ": outputs: it has no type"},
	{"precheck_takes_path",
		": precheck.where: a precheck takes usage and the token, nothing else"},
};

static void each_bad_plugin_is_refused_in_one_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (load(refusals[i].plugin) == 0) {
			fail_msg("%s was loaded", refusals[i].plugin);
		}
		assert_refused(refusals[i].said);
	}
}

static void a_list_that_contains_itself_is_refused(void **state)
{
	const char *said;

	(void)state;
	assert_int_equal(load("contains_itself"), -1);
	said = strstr(buffer_text(&refusal), ": its parts are too many, or too deep in each other");
	assert_non_null(said);
	assert_non_null(strstr(buffer_text(&refusal), ": inputs.a.a.a."));
	buffer_fini(&refusal);
}

static void assert_inputs(const char *wanted)
{
	struct buffer text = {0};

	schema_write(&text, serve.function.inputs);
	assert_string_equal(buffer_text(&text), wanted);
	buffer_fini(&text);
}

static void a_good_plugin_becomes_a_function(void **state)
{
	(void)state;
	assert_int_equal(load("good"), 0);
	assert_string_equal(serve.function.name, "work");
	assert_null(serve.function.description);
	assert_int_equal(strlen(serve.function.id), IDENTIFIER_DIGITS);
	assert_false(serve.function.streams);
	assert_false(serve.function.has_precheck);
	assert_inputs("{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{\"type\":"
		      "\"string\"}}}");
	unload();
}

static void the_function_is_chosen_by_name(void **state)
{
	(void)state;
	config.function = "rest";
	assert_int_equal(load("several"), 0);
	assert_string_equal(serve.function.name, "rest");
	assert_inputs("{\"type\":\"null\"}");
	unload();
	config.function = "play";
	assert_int_equal(load("several"), -1);
	assert_refused(": it has no function play (there are: work, rest)");
}

static void the_id_is_the_given_one_before_the_plugins(void **state)
{
	(void)state;
	assert_int_equal(load("given_id"), 0);
	assert_string_equal(serve.function.id, "statistics-7");
	unload();
	config.id = "mine";
	assert_int_equal(load("given_id"), 0);
	assert_string_equal(serve.function.id, "mine");
	unload();
}

static void rows_of_other_versions_are_read(void **state)
{
	static const char *const plugins[] = {"longer", "shorter"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(load(plugins[i]), 0);
		assert_inputs("{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{"
			      "\"type\":\"string\"},\"b\":{\"type\":\"integer\",\"default\":7}}}");
		unload();
	}
}

/* Files that are no shared objects: made here. */

static char folder[] = "/tmp/curfew-library-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* Loads a file of these bytes. */
static void refuse_bytes(const char *bytes, size_t length, const char *said)
{
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/plugin.so", folder);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	config.plugin = path;
	serve = (struct serve){.config = &config};
	assert_int_equal(library_load(&serve, &refusal), -1);
	(void)unlink(path);
	assert_refused(said);
}

static char *read_good(size_t *length)
{
	struct stat status;
	char *bytes;
	FILE *file;

	name_plugin("good");
	assert_int_equal(stat(path, &status), 0);
	*length = (size_t)status.st_size;
	bytes = malloc(*length);
	file = fopen(path, "re");
	assert_true(bytes && file);
	assert_int_equal(fread(bytes, 1, *length, file), *length);
	(void)fclose(file);
	return bytes;
}

static void what_is_no_shared_object_is_refused(void **state)
{
	(void)state;
	refuse_bytes("", 0, " is empty (a plugin is a shared object)");
	refuse_bytes("#!/bin/sh\n", 10,
		" is no shared object (cc -shared -fPIC makes one; a program stands behind --)");
	refuse_bytes("\x7f"
		     "ELF",
		4, " is cut short");
}

static void a_part_of_a_shared_object_is_refused(void **state)
{
	size_t length;
	char *bytes = read_good(&length);

	(void)state;
	for (size_t cut = 16; cut < 4096; cut += 16) {
		refuse_bytes(bytes, cut, " is cut short");
	}
	free(bytes);
}

static void what_is_for_other_machines_is_refused(void **state)
{
	size_t length;
	char *bytes = read_good(&length);

	(void)state;
	bytes[18] ^= 0x55; /* e_machine */
	refuse_bytes(bytes, length, " is built for another machine");
	bytes[18] ^= 0x55;
	bytes[4] = 1; /* 32 bits */
	refuse_bytes(bytes, length, " is built for another machine");
	bytes[4] = 2;
	bytes[16] = 1;
	refuse_bytes(bytes, length, " is an object file (link it with cc -shared)");
	bytes[16] = 2;
	refuse_bytes(bytes, length,
		" is a program, no shared object (to run it for each call: -- FILE)");
	free(bytes);
}

static void refuse_path(const char *name, const char *said)
{
	(void)snprintf(path, sizeof(path), "%s", name);
	config.plugin = path;
	serve = (struct serve){.config = &config};
	assert_int_equal(library_load(&serve, &refusal), -1);
	assert_refused(said);
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	refuse_path("/nonexistent/plugin.so", " cannot be opened: No such file or directory");
	refuse_path("/tmp", " is no file (a plugin is a shared object)");
	refuse_path("/dev/null", " is no file (a plugin is a shared object)");
	refuse_path("/proc/self/exe",
		" is a program, no shared object (to run it for each call: -- FILE)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bad_plugin_is_refused_in_one_sentence),
		cmocka_unit_test(a_list_that_contains_itself_is_refused),
		cmocka_unit_test(a_good_plugin_becomes_a_function),
		cmocka_unit_test(the_function_is_chosen_by_name),
		cmocka_unit_test(the_id_is_the_given_one_before_the_plugins),
		cmocka_unit_test(rows_of_other_versions_are_read),
		cmocka_unit_test(what_is_no_shared_object_is_refused),
		cmocka_unit_test(a_part_of_a_shared_object_is_refused),
		cmocka_unit_test(what_is_for_other_machines_is_refused),
		cmocka_unit_test(what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
