/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lifecycle with one child that plays a part (tests/fixtures/actor.c), what it has said, and the
 * descriptors and processes that must not be left behind.
 */
#ifndef CHILD_CHILD_SCRIPT_H
#define CHILD_CHILD_SCRIPT_H

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "child/child.h"
#include "tests/descriptors.h"

#define WORDS 64

static struct curfew_lifecycle *life;
static struct curfew_child *child;
static struct curfew_child_config config;
static char output[65536]; /* its standard output */
static size_t output_length;
static char lines[4096]; /* its errors, each line in brackets */
static int exits;
static int descriptors;

/* Returns the path of something in the build folder, which this program stands two levels below. */
static inline const char *built(const char *name)
{
	static char paths[2][PATH_MAX];
	static int next;
	char *path = paths[next = !next];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

	assert_true(length > 0);
	path[length] = '\0';
	for (int i = 0; i < 2; i++) {
		*strrchr(path, '/') = '\0';
	}
	length = (ssize_t)strlen(path);
	(void)snprintf(path + length, PATH_MAX - (size_t)length, "/%s", name);
	assert_int_equal(access(path, X_OK), 0);
	return path;
}

static inline void on_output(
	struct curfew_child *which, const char *bytes, size_t length, void *arg)
{
	(void)arg;
	assert_true(!child || which == child);
	assert_true(output_length + length < sizeof(output));
	memcpy(output + output_length, bytes, length);
	output_length += length;
	output[output_length] = '\0';
}

static inline void on_error_line(
	struct curfew_child *which, const char *line, size_t length, void *arg)
{
	size_t at = strlen(lines);

	(void)which;
	(void)arg;
	(void)snprintf(lines + at, sizeof(lines) - at, "[%.*s]", (int)length, line);
}

static inline void on_exit_noted(struct curfew_child *which, void *arg)
{
	(void)arg;
	assert_true(curfew_child_exit(which).exited);
	exits++;
}

static inline void begin(int64_t grace_ms)
{
	struct curfew_lifecycle_options options;

	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	options.grace_ms = grace_ms;
	life = curfew_lifecycle_new(&options);
	assert_non_null(life);
	assert_true(curfew_lifecycle_ready(life));
}

static inline int setup(void **state)
{
	(void)state;
	descriptors = descriptors_count();
	begin(20000);
	child = NULL;
	exits = 0;
	output_length = 0;
	output[0] = '\0';
	lines[0] = '\0';
	curfew_child_defaults(&config);
	config.in = CURFEW_STDIO_NULL;
	config.out = CURFEW_STDIO_PIPE;
	config.err = CURFEW_STDIO_PIPE;
	config.eof_wait_ms = 100;
	config.term_wait_ms = 100;
	config.keeper = built("curfew");
	config.on_output = on_output;
	config.on_error_line = on_error_line;
	config.on_exit = on_exit_noted;
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	(void)curfew_lifecycle_wait(life);
	curfew_child_free(child);
	curfew_lifecycle_free(life);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(descriptors_count(), descriptors);
	return 0;
}

#define child_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* Splits a part into words at its blanks. */
static inline const char **part_words(const char *part)
{
	static char text[1024];
	static const char *words[WORDS];
	size_t count = 0;

	(void)snprintf(text, sizeof(text), "%s", part);
	words[count++] = built("tests/fixtures/actor");
	for (char *word = strtok(text, " "); word && count < WORDS - 1; word = strtok(NULL, " ")) {
		words[count++] = word;
	}
	words[count] = NULL;
	return words;
}

static inline struct curfew_child *play(const char *part)
{
	config.argv = part_words(part);
	child = curfew_child_start(life, NULL, &config);
	assert_non_null(child);
	return child;
}

static inline void dispatch_once(void)
{
	assert_true(descriptor_readable(curfew_lifecycle_fd(life), 20000));
	curfew_lifecycle_dispatch(life);
}

static inline void await_output(const char *text)
{
	while (!strstr(output, text)) {
		dispatch_once();
	}
}

static inline struct curfew_child_exit await_exit(void)
{
	while (!exits) {
		dispatch_once();
	}
	assert_int_equal(exits, 1);
	return curfew_child_exit(child);
}

#endif
