/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program as a whole, each time in a process of its own, but for what run does with a command.
 */
#include "cmd/command.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "cmd/handover.h"

struct result {
	int code; /* -1: it died of a signal */
	struct buffer out, err;
};

static int memory_file(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void read_all(int fd, struct buffer *into)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *room = buffer_reserve(into, (size_t)size);

	assert_non_null(room);
	assert_int_equal(pread(fd, room, (size_t)size, 0), size);
	buffer_commit(into, (size_t)size);
	close(fd);
}

/* Runs the program; out: its standard output; -1: memory; -2: closed. */
static struct result run_to(int out, char *const *arguments)
{
	struct result result = {.code = -1};
	int files[2] = {memory_file(), memory_file()};
	int argc = 0, status;
	pid_t pid;

	while (arguments[argc]) {
		argc++;
	}
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(out >= 0 ? out : files[0], STDOUT_FILENO);
		dup2(files[1], STDERR_FILENO);
		if (out == -2) {
			close(STDOUT_FILENO);
		}
		_exit(command_main(argc, (char **)arguments, handover_exec));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status)) {
		result.code = WEXITSTATUS(status);
	}
	read_all(files[0], &result.out);
	read_all(files[1], &result.err);
	return result;
}

#define RUN(...) run_to(-1, (char *const[]){(char *)"curfew", __VA_ARGS__, NULL})
#define ARGUMENT(text) ((char *)(text))

static void end(struct result *result)
{
	buffer_fini(&result->out);
	buffer_fini(&result->err);
}

/* Nothing on standard output, one line on standard error. */
static void assert_refused(struct result result, int code, const char *line)
{
	assert_string_equal(buffer_text(&result.err), line);
	assert_string_equal(buffer_text(&result.out), "");
	assert_int_equal(result.code, code);
	end(&result);
}

static void assert_prints(struct result result, const char *part)
{
	assert_string_equal(buffer_text(&result.err), "");
	assert_non_null(strstr(buffer_text(&result.out), part));
	assert_int_equal(result.code, 0);
	end(&result);
}

static void helps(void **state)
{
	(void)state;
	assert_prints(
		run_to(-1, (char *const[]){ARGUMENT("curfew"), NULL}), "usage: curfew COMMAND");
	assert_prints(run_to(-1, (char *const[]){NULL}), "usage: curfew COMMAND");
	assert_prints(RUN(ARGUMENT("help")), "usage: curfew COMMAND");
	assert_prints(RUN(ARGUMENT("--help")), "usage: curfew COMMAND");
	assert_prints(RUN(ARGUMENT("-h")), "usage: curfew COMMAND");
	assert_prints(RUN(ARGUMENT("help"), ARGUMENT("run")),
		"usage: curfew run [OPTION...] [--] COMMAND");
	assert_prints(RUN(ARGUMENT("run"), ARGUMENT("--help")),
		"usage: curfew run [OPTION...] [--] COMMAND");
	assert_prints(RUN(ARGUMENT("help"), ARGUMENT("exit-codes")), "\n  128+n   ");
	assert_prints(RUN(ARGUMENT("help"), ARGUMENT("--list")),
		"run\t--eof-wait\tDURATION\tCURFEW_EOF_WAIT\n");
	assert_prints(
		RUN(ARGUMENT("help"), ARGUMENT("--list")), "run\t--capture\t-\tCURFEW_CAPTURE\n");
	assert_prints(RUN(ARGUMENT("help"), ARGUMENT("--list")), "version\t--help\t-\t-\n");
	assert_prints(RUN(ARGUMENT("help"), ARGUMENT("--help")), "usage: curfew help");
	assert_prints(RUN(ARGUMENT("version")), "curfew " CURFEW_VERSION "\n");
	assert_prints(RUN(ARGUMENT("--version")), "curfew " CURFEW_VERSION "\n");
}

static void every_line_of_help_fits_a_terminal(void **state)
{
	(void)state;
	for (size_t i = 0; commands[i]; i++) {
		struct result result = RUN(ARGUMENT("help"), ARGUMENT(commands[i]->name));
		const char *line = buffer_text(&result.out);

		for (const char *newline; (newline = strchr(line, '\n')); line = newline + 1) {
			if (newline - line > 90) {
				fail_msg("too long: %.*s", (int)(newline - line), line);
			}
		}
		assert_string_equal(line, "");
		end(&result);
	}
}

static void refuses_unknown_words(void **state)
{
	(void)state;
	assert_refused(
		RUN(ARGUMENT("rnu")), 2, "curfew: unknown command 'rnu' (did you mean 'run'?)\n");
	assert_refused(
		RUN(ARGUMENT("")), 2, "curfew: unknown command '' (curfew help lists them)\n");
	assert_refused(RUN(ARGUMENT("a\nb\x1b")), 2,
		"curfew: unknown command 'a?b?' (curfew help lists them)\n");
	assert_refused(RUN(ARGUMENT("--grace")), 2,
		"curfew: unknown option '--grace' (options stand behind a command: curfew run "
		"--grace)\n");
	assert_refused(RUN(ARGUMENT("help"), ARGUMENT("exit-cods")), 2,
		"curfew help: no help on 'exit-cods' (did you mean 'exit-codes'?)\n");
	assert_refused(RUN(ARGUMENT("help"), ARGUMENT("run"), ARGUMENT("x")), 2,
		"curfew help: unexpected argument 'x'\n");
	assert_refused(RUN(ARGUMENT("version"), ARGUMENT("x")), 2,
		"curfew version: unexpected argument 'x'\n");
	assert_refused(RUN(ARGUMENT("completion")), 2,
		"curfew completion: wants the name of a shell: bash, zsh or fish\n");
	assert_refused(RUN(ARGUMENT("completion"), ARGUMENT("csh")), 2,
		"curfew completion: wants the name of a shell: bash, zsh or fish\n");
}

static void refuses_to_run_without_a_good_command_line(void **state)
{
	(void)state;
	assert_refused(RUN(ARGUMENT("run")), 2,
		"curfew run: no command given (curfew run [OPTION...] [--] COMMAND "
		"[ARGUMENT...])\n");
	assert_refused(RUN(ARGUMENT("run"), ARGUMENT("--")), 2,
		"curfew run: no command given (curfew run [OPTION...] [--] COMMAND "
		"[ARGUMENT...])\n");
	assert_refused(RUN(ARGUMENT("run"), ARGUMENT("--grace"), ARGUMENT("10x"), ARGUMENT("true")),
		2, "curfew run: --grace wants a duration such as 10s, 500ms or inf, not '10x'\n");
	assert_refused(RUN(ARGUMENT("run"), ARGUMENT("--colour=red"), ARGUMENT("true")), 2,
		"curfew run: unknown option '--colour' (--help lists them)\n");
}

static void reports_that_it_cannot_write(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	char *const arguments[] = {ARGUMENT("curfew"), ARGUMENT("help"), NULL};

	(void)state;
	assert_true(full >= 0);
	assert_refused(run_to(full, arguments), 1,
		"curfew: cannot write to standard output: No space left on device\n");
	assert_refused(run_to(-2, arguments), 1,
		"curfew: cannot write to standard output: Bad file descriptor\n");
	close(full);
}

static void completes_every_option(void **state)
{
	static const char *const shells[] = {"bash", "zsh", "fish"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct result result = RUN(ARGUMENT("completion"), ARGUMENT(shells[i]));

		assert_int_equal(result.code, 0);
		for (const struct option *option = command_run.options; option->name; option++) {
			char name[80];

			(void)snprintf(
				name, sizeof(name), i == 2 ? "-l %s " : "--%s", option->name);
			assert_int_equal(
				!strstr(buffer_text(&result.out), name), option->internal && i > 0);
		}
		end(&result);
	}
}

/* What every row of every table must keep to, so that the rest can rely on it. */
static void tables_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; commands[i]; i++) {
		assert_ptr_equal(command_find(commands[i]->name), commands[i]);
		for (const struct option *option = commands[i]->options; option->name; option++) {
			assert_int_equal(strspn(option->name, "abcdefghijklmnopqrstuvwxyz-"),
				strlen(option->name));
			assert_string_not_equal(option->name, "port");
			assert_string_not_equal(option->name, "help");
			assert_int_equal(!option->metavar, option->kind == OPTION_FLAG);
			assert_int_equal(!!option->choices, option->kind == OPTION_CHOICE);
			assert_true(!option->letter || option->kind == OPTION_FLAG);
			assert_true(option->help[strlen(option->help) - 1] != '.');
		}
	}
	assert_null(command_find("rnu"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(helps),
		cmocka_unit_test(every_line_of_help_fits_a_terminal),
		cmocka_unit_test(refuses_unknown_words),
		cmocka_unit_test(refuses_to_run_without_a_good_command_line),
		cmocka_unit_test(reports_that_it_cannot_write),
		cmocka_unit_test(completes_every_option),
		cmocka_unit_test(tables_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
