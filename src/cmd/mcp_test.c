/* SPDX-License-Identifier: Apache-2.0 */
/* How the words of curfew mcp become its config. */
#include "mcp/mcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <curfew/time.h>

#include "cmd/command.h"

static struct mcp_config config;

/* Reads these words; they end with NULL. */
static void read_words(char **arguments)
{
	int exit_code = -1;

	config = (struct mcp_config){.shared = false};
	assert_true(command_mcp.configure(&command_mcp, arguments, &config, &exit_code));
}

#define READ(...) read_words((char *[]){__VA_ARGS__, NULL})

static void has_the_documented_defaults(void **state)
{
	(void)state;
	READ("server");
	assert_string_equal(config.path, "/mcp");
	assert_int_equal(config.environment.count, 0);
	assert_int_equal(config.header_env.count, 0);
	assert_null(config.cwd);
	assert_false(config.shared);
	assert_false(config.restart);
	assert_int_equal(config.stateless_pool, 0);
	assert_int_equal(config.max_sessions, 256);
	assert_int_equal(config.spawn_most, 8);
	assert_int_equal(config.session_idle_ms, 30 * 60 * 1000);
	assert_int_equal(config.session_max_ms, 24 * 60 * 60 * 1000);
	assert_true(config.max_message == 8 << 20);
	assert_int_equal(config.replay, 1000);
	assert_true(config.request_timeout_ms == CURFEW_NEVER);
	assert_null(config.session_key);
	assert_null(config.replica);
	assert_null(config.peer_url);
	assert_int_equal(config.allow_origin.count, 0);
	assert_int_equal(config.allow_host.count, 0);
	assert_null(config.token_file);
	assert_int_equal(config.eof_wait_ms, 2000);
	assert_int_equal(config.term_wait_ms, 5000);
	assert_string_equal(config.command[0], "server");
	assert_null(config.command[1]);
	assert_non_null(config.keeper);
	assert_string_equal(config.service.command, "mcp");
	assert_int_equal(config.service.threads, 1);
	assert_int_equal(config.service.child_reserve_ms, 7000);
}

static void each_option_fills_its_own_field(void **state)
{
	(void)state;
	READ("--path=/p", "--env=A=1", "--env", "B=2", "--header-env=X-Key=KEY", "--cwd=/",
		"--shared", "--restart", "--stateless-pool=3", "--max-sessions=4",
		"--spawn-concurrency=5", "--session-idle=6ms", "--session-max=7ms",
		"--max-message=8k", "--replay=9", "--request-timeout=10ms",
		"--session-key-file=key", "--replica=r", "--peer-url=http://{replica}",
		"--allow-origin=https://a", "--allow-host=a,b", "--token-file=token",
		"--eof-wait=11ms", "--term-wait=12ms", "--", "server", "--stdio");
	assert_string_equal(config.path, "/p");
	assert_int_equal(config.environment.count, 2);
	assert_string_equal(config.environment.word[1], "B=2");
	assert_string_equal(config.header_env.word[0], "X-Key=KEY");
	assert_string_equal(config.cwd, "/");
	assert_true(config.shared);
	assert_true(config.restart);
	assert_int_equal(config.stateless_pool, 3);
	assert_int_equal(config.max_sessions, 4);
	assert_int_equal(config.spawn_most, 5);
	assert_int_equal(config.session_idle_ms, 6);
	assert_int_equal(config.session_max_ms, 7);
	assert_true(config.max_message == 8192);
	assert_int_equal(config.replay, 9);
	assert_int_equal(config.request_timeout_ms, 10);
	assert_string_equal(config.session_key, "key");
	assert_string_equal(config.replica, "r");
	assert_string_equal(config.peer_url, "http://{replica}");
	assert_string_equal(config.allow_origin.word[0], "https://a");
	assert_string_equal(config.allow_host.word[0], "a,b");
	assert_string_equal(config.token_file, "token");
	assert_int_equal(config.eof_wait_ms, 11);
	assert_int_equal(config.term_wait_ms, 12);
	assert_int_equal(config.service.child_reserve_ms, 23);
	assert_string_equal(config.command[0], "server");
	assert_string_equal(config.command[1], "--stdio");
	assert_null(config.command[2]);
}

static void what_waits_for_ever_does_not_overflow(void **state)
{
	(void)state;
	READ("--eof-wait=inf", "--term-wait=inf", "server");
	assert_true(config.service.child_reserve_ms == CURFEW_NEVER);
}

static void a_server_has_to_be_given(void **state)
{
	char *arguments[] = {"--path=/p", NULL};
	int exit_code = -1;

	(void)state;
	config = (struct mcp_config){.shared = false};
	assert_false(command_mcp.configure(&command_mcp, arguments, &config, &exit_code));
	assert_int_equal(exit_code, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_documented_defaults),
		cmocka_unit_test(each_option_fills_its_own_field),
		cmocka_unit_test(what_waits_for_ever_does_not_overflow),
		cmocka_unit_test(a_server_has_to_be_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
