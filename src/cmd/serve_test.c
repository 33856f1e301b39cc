/* SPDX-License-Identifier: Apache-2.0 */
/* How the words of curfew serve become its config. */
#include "serve/serve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <curfew/time.h>

#include "cmd/command.h"

static struct serve_config config;

/* Reads these words; they end with NULL. */
static void read_words(char **arguments)
{
	int exit_code = -1;

	config = (struct serve_config){.workers = -1};
	assert_true(command_serve.configure(&command_serve, arguments, &config, &exit_code));
}

#define READ(...) read_words((char *[]){__VA_ARGS__, NULL})

static void refuse_words(char **arguments)
{
	int exit_code = -1;

	config = (struct serve_config){.workers = -1};
	assert_false(command_serve.configure(&command_serve, arguments, &config, &exit_code));
	assert_int_equal(exit_code, 2);
}

#define REFUSE(...) refuse_words((char *[]){__VA_ARGS__, NULL})

static void has_the_documented_defaults(void **state)
{
	(void)state;
	(void)unsetenv("KUBERNETES_SERVICE_HOST");
	READ("./plugin.so");
	assert_null(config.function);
	assert_null(config.id);
	assert_int_equal(config.threads, 0);
	assert_int_equal(config.workers, 0);
	assert_int_equal(config.queue, 1000);
	assert_true(config.max_body == 8 << 20);
	assert_true(config.max_line == 8 << 20);
	assert_true(config.request_timeout_ms == CURFEW_NEVER);
	assert_int_equal(config.cancel_after_ms, 0);
	assert_false(config.envelope_status);
	assert_int_equal(config.environment.count, 0);
	assert_null(config.cwd);
	assert_int_equal(config.start_timeout_ms, 30000);
	assert_int_equal(config.eof_wait_ms, 2000);
	assert_int_equal(config.term_wait_ms, 5000);
	assert_non_null(config.keeper);
	assert_string_equal(config.service.command, "serve");
	assert_int_equal(config.service.threads, 1);
	assert_true(config.service.listen_later);
	assert_int_equal(config.service.grace_ms, 30000);
	assert_int_equal(config.service.announce_ms, 0);
}

static void each_option_fills_its_own_field(void **state)
{
	(void)state;
	READ("--function=f", "--id=i", "--threads=3", "--workers=4", "--queue=5", "--max-body=6k",
		"--max-line=7k", "--request-timeout=8ms", "--cancel-after=9ms", "--envelope-status",
		"--env=A=1", "--env", "B=2", "--cwd=/", "--start-timeout=10ms", "--eof-wait=11ms",
		"--term-wait=12ms", "--grace=13ms", "--announce=14ms", "--", "plugin", "--x");
	assert_string_equal(config.function, "f");
	assert_string_equal(config.id, "i");
	assert_int_equal(config.threads, 3);
	assert_int_equal(config.workers, 4);
	assert_int_equal(config.queue, 5);
	assert_true(config.max_body == 6144);
	assert_true(config.max_line == 7168);
	assert_int_equal(config.request_timeout_ms, 8);
	assert_int_equal(config.cancel_after_ms, 9);
	assert_true(config.envelope_status);
	assert_int_equal(config.environment.count, 2);
	assert_string_equal(config.environment.word[1], "B=2");
	assert_string_equal(config.cwd, "/");
	assert_int_equal(config.start_timeout_ms, 10);
	assert_int_equal(config.eof_wait_ms, 11);
	assert_int_equal(config.term_wait_ms, 12);
	assert_int_equal(config.service.grace_ms, 13);
	assert_int_equal(config.service.announce_ms, 14);
	assert_int_equal(config.service.child_reserve_ms, 23);
	assert_string_equal(config.command[0], "plugin");
	assert_string_equal(config.command[1], "--x");
	assert_null(config.command[2]);
}

static void two_dashes_tell_a_program_from_a_shared_object(void **state)
{
	(void)state;
	READ("--", "./plugin.so");
	assert_null(config.plugin);
	assert_string_equal(config.command[0], "./plugin.so");
	assert_int_equal(config.service.child_reserve_ms, 7000);
	READ("plugin.so");
	assert_string_equal(config.plugin, "plugin.so");
	assert_null(config.command);
	assert_int_equal(config.service.child_reserve_ms, 0);
	READ("./plugin");
	assert_string_equal(config.plugin, "./plugin");
	READ("--threads=1", "a/b");
	assert_string_equal(config.plugin, "a/b");
}

static void what_is_no_plugin_is_refused(void **state)
{
	(void)state;
	REFUSE("--threads=1");
	REFUSE("--");
	REFUSE("plugin");
	REFUSE(".so");
	REFUSE("./plugin.so", "more");
	REFUSE("./plugin.so", "--threads=1");
}

static void kubernetes_shortens_the_grace_and_adds_no_announcement(void **state)
{
	(void)state;
	assert_int_equal(setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1), 0);
	READ("./plugin.so");
	assert_int_equal(config.service.grace_ms, 25000);
	assert_int_equal(config.service.announce_ms, 0);
	READ("--grace=1s", "--announce=2s", "./plugin.so");
	assert_int_equal(config.service.grace_ms, 1000);
	assert_int_equal(config.service.announce_ms, 2000);
	assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
	assert_int_equal(grace_serve_preset(true, false).ms, 8000);
	assert_int_equal(grace_serve_preset(true, true).ms, 25000);
}

static void what_waits_for_ever_does_not_overflow(void **state)
{
	(void)state;
	READ("--eof-wait=inf", "--term-wait=inf", "--", "plugin");
	assert_true(config.service.child_reserve_ms == CURFEW_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_documented_defaults),
		cmocka_unit_test(each_option_fills_its_own_field),
		cmocka_unit_test(two_dashes_tell_a_program_from_a_shared_object),
		cmocka_unit_test(what_is_no_plugin_is_refused),
		cmocka_unit_test(kubernetes_shortens_the_grace_and_adds_no_announcement),
		cmocka_unit_test(what_waits_for_ever_does_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
