/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/program.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int check(const char *name, const char *path, const char *cwd)
{
	char *command[] = {(char *)name, NULL};
	struct mcp_config config = {.command = command, .cwd = cwd};

	if (path) {
		assert_true(words_add(&config.environment, "PATH=/nonexistent"));
		assert_true(words_add(&config.environment, path));
	}
	return program_check(&config);
}

static void names_are_looked_for_as_they_will_be(void **state)
{
	(void)state;
	assert_int_equal(check("sh", NULL, NULL), 0);
	assert_int_equal(check("sh", "PATH=/nonexistent:/bin", NULL), 0);
	assert_int_equal(check("sh", "PATH=:/bin", NULL), 0);
	assert_int_equal(check("sh", "PATH=/nonexistent", NULL), ENOENT);
	assert_int_equal(check("passwd", "PATH=/nonexistent:/etc", NULL), EACCES);
	assert_int_equal(check("etc", "PATH=/", NULL), EACCES);
	assert_int_equal(check("no such program", NULL, NULL), ENOENT);
	assert_int_equal(check("", NULL, NULL), ENOENT);
}

static void paths_are_of_the_childrens_folder(void **state)
{
	(void)state;
	assert_int_equal(check("/bin/sh", NULL, NULL), 0);
	assert_int_equal(check("bin/sh", NULL, "/"), 0);
	assert_int_equal(check("sh", "PATH=bin", "/"), 0);
	assert_int_equal(check("bin/sh", NULL, "/bin"), ENOENT);
	assert_int_equal(check("./passwd", NULL, "/etc"), EACCES);
	assert_int_equal(check("sh", NULL, "/nonexistent"), ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_looked_for_as_they_will_be),
		cmocka_unit_test(paths_are_of_the_childrens_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
