/* SPDX-License-Identifier: Apache-2.0 */
/* How the words of curfew run become its config. */
#include "run/run.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <curfew/time.h>

#include "cmd/command.h"
#include "cmd/grace.h"

static void read_into(struct run_config *config, const char *option, const char *value)
{
	char *arguments[] = {(char *)option, (char *)value, NULL};
	struct option_reading reading = {
		.table = command_run.options, .arguments = arguments, .config = config};

	assert_int_equal(option_read(&reading), 0);
}

static void has_the_documented_presets(void **state)
{
	struct run_config config = {0};

	(void)state;
	option_preset(command_run.options, &config);
	assert_true(config.duration_ms == CURFEW_NEVER);
	assert_int_equal(config.eof_wait_ms, 2000);
	assert_true(sigismember(&config.stop_on, SIGTERM) && sigismember(&config.stop_on, SIGINT));
	assert_false(sigismember(&config.stop_on, SIGQUIT));
	assert_int_equal(config.stop_signal, 0);
	assert_int_equal(config.stdin_mode, RUN_STDIN_INHERIT);
	assert_int_equal(config.kill_mode, RUN_KILL_TREE);
	assert_int_equal(config.signal_exit, RUN_SIGNAL_EXIT_ZERO);
	assert_int_equal(config.insist, RUN_INSIST_NOW);
	assert_int_equal(config.log_format, RUN_LOG_TEXT);
}

static void choices_are_in_the_order_of_their_enums(void **state)
{
	struct run_config config = {0};

	(void)state;
	read_into(&config, "--stdin", "null");
	assert_int_equal(config.stdin_mode, RUN_STDIN_NULL);
	read_into(&config, "--stdin", "pipe");
	assert_int_equal(config.stdin_mode, RUN_STDIN_PIPE);
	read_into(&config, "--kill-mode", "main");
	assert_int_equal(config.kill_mode, RUN_KILL_MAIN);
	read_into(&config, "--signal-exit", "keep");
	assert_int_equal(config.signal_exit, RUN_SIGNAL_EXIT_KEEP);
	read_into(&config, "--signal-exit", "reraise");
	assert_int_equal(config.signal_exit, RUN_SIGNAL_EXIT_RERAISE);
	read_into(&config, "--insist", "never");
	assert_int_equal(config.insist, RUN_INSIST_NEVER);
	read_into(&config, "--log-format", "json");
	assert_int_equal(config.log_format, RUN_LOG_JSON);
}

static void each_option_fills_its_own_field(void **state)
{
	struct run_config config = {0};

	(void)state;
	read_into(&config, "--grace", "1ms");
	read_into(&config, "--duration", "2ms");
	read_into(&config, "--eof-wait", "3ms");
	read_into(&config, "--pre-stop-wait", "4ms");
	read_into(&config, "--pre-stop", "true");
	read_into(&config, "--report", "-");
	read_into(&config, "--signal", "QUIT");
	read_into(&config, "--dump-signal", "USR2");
	read_into(&config, "--forced-exit", "9");
	read_into(&config, "--keeper", "5");
	read_into(&config, "--capture", NULL);
	read_into(&config, "-v", NULL);
	assert_int_equal(config.grace_ms, 1);
	assert_int_equal(config.duration_ms, 2);
	assert_int_equal(config.eof_wait_ms, 3);
	assert_int_equal(config.pre_stop_wait_ms, 4);
	assert_string_equal(config.pre_stop, "true");
	assert_string_equal(config.report, "-");
	assert_int_equal(config.stop_signal, SIGQUIT);
	assert_int_equal(config.dump_signal, SIGUSR2);
	assert_int_equal(config.forced_exit, 9);
	assert_int_equal(config.keeper, 5);
	assert_true(config.capture && config.verbose);
}

static void grace_depends_on_who_is_outside(void **state)
{
	(void)state;
	assert_int_equal(grace_preset(false, false).ms, 25000);
	assert_int_equal(grace_preset(false, true).ms, 25000);
	assert_int_equal(grace_preset(true, true).ms, 25000);
	assert_int_equal(grace_preset(true, false).ms, 8000);
	assert_int_equal(grace_preset_here().ms, 25000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_documented_presets),
		cmocka_unit_test(choices_are_in_the_order_of_their_enums),
		cmocka_unit_test(each_option_fills_its_own_field),
		cmocka_unit_test(grace_depends_on_who_is_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
