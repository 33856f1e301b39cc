/* SPDX-License-Identifier: Apache-2.0 */
/* How the words of curfew gate become its config; with it, of all commands that serve. */
#include "gate/gate.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <curfew/log.h>
#include <curfew/time.h>

#include "cmd/command.h"

static struct gate_config config;

/* Reads these words; they end with NULL. */
static void read_words(char **arguments)
{
	int exit_code = -1;

	config = (struct gate_config){.respond = 0};
	assert_true(command_gate.configure(&command_gate, arguments, &config, &exit_code));
}

#define READ(...) read_words((char *[]){__VA_ARGS__, NULL})

static void has_the_documented_defaults(void **state)
{
	(void)state;
	READ("--upstream", "http://127.0.0.1:3000");
	assert_string_equal(config.upstream, "http://127.0.0.1:3000");
	assert_int_equal(config.respond, 0);
	assert_int_equal(config.wait_ms, 30000);
	assert_null(config.ready_path);
	assert_int_equal(config.connect_timeout_ms, 5000);
	assert_int_equal(config.response_timeout_ms, 60000);
	assert_int_equal(config.head_timeout_ms, 5000);
	assert_int_equal(config.idle_timeout_ms, 75000);
	assert_true(config.max_body == UINT64_MAX);
	assert_false(config.access_log);
	assert_int_equal(config.spread_ms, 0);
	assert_int_equal(config.ws_close_code, 1001);
	assert_int_equal(config.term_wait_ms, 5000);
	assert_null(config.command);
	assert_non_null(config.keeper);
}

static void has_the_defaults_of_all_that_serve(void **state)
{
	const struct service_config *service = &config.service;

	(void)state;
	READ("--respond=200");
	assert_string_equal(service->command, "gate");
	assert_int_equal(service->listen.count, 0);
	assert_null(service->admin);
	assert_int_equal(service->grace_ms, 25000);
	assert_string_equal(service->grace_reason, "the default: Kubernetes kills after 30s");
	assert_int_equal(service->announce_ms, 0);
	assert_int_equal(service->child_reserve_ms, 0);
	assert_null(service->report);
	assert_int_equal(service->log_level, CURFEW_LEVEL_INFO);
	assert_int_equal(service->log_format, 0);
	assert_null(service->tls_cert);
	assert_null(service->tls_key);
	assert_int_equal(service->trust_forwarded.count, 0);
	assert_int_equal(service->max_connections, 0);
	assert_true(service->request_timeout_ms == CURFEW_NEVER);
	assert_false(service->proxy_protocol);
	assert_int_equal(service->threads, 0);
	assert_int_equal(service->insist, SERVICE_INSIST_NOW);
	assert_int_equal(service->forced_exit, 0);
}

static void each_option_fills_its_own_field(void **state)
{
	(void)state;
	READ("--upstream=http://a", "--wait=1ms", "--ready-path=/r", "--connect-timeout=2ms",
		"--response-timeout=3ms", "--head-timeout=4ms", "--idle-timeout=5ms",
		"--max-body=6k", "--access-log", "--spread=7ms", "--ws-close-code=1012",
		"--term-wait=8ms", "--", "service", "--port");
	assert_int_equal(config.wait_ms, 1);
	assert_string_equal(config.ready_path, "/r");
	assert_int_equal(config.connect_timeout_ms, 2);
	assert_int_equal(config.response_timeout_ms, 3);
	assert_int_equal(config.head_timeout_ms, 4);
	assert_int_equal(config.idle_timeout_ms, 5);
	assert_true(config.max_body == 6144);
	assert_true(config.access_log);
	assert_int_equal(config.spread_ms, 7);
	assert_int_equal(config.ws_close_code, 1012);
	assert_int_equal(config.term_wait_ms, 8);
	assert_int_equal(config.service.child_reserve_ms, 8);
	assert_string_equal(config.command[0], "service");
	assert_string_equal(config.command[1], "--port");
	assert_null(config.command[2]);
}

static void each_shared_option_fills_its_own_field(void **state)
{
	const struct service_config *service = &config.service;

	(void)state;
	READ("--respond=503", "--listen=:1", "--listen", "unix:/x,:2", "--admin=:3", "--grace=1ms",
		"--announce=2ms", "--report=-", "--log-level=debug", "--log-format=json",
		"--tls-cert=c", "--tls-key=k", "--trust-forwarded=::1", "--max-connections=4",
		"--request-timeout=5ms", "--proxy-protocol", "--threads=6", "--insist=never",
		"--forced-exit=7");
	assert_int_equal(config.respond, 503);
	assert_int_equal(service->listen.count, 2);
	assert_string_equal(service->listen.word[1], "unix:/x,:2");
	assert_string_equal(service->admin, ":3");
	assert_int_equal(service->grace_ms, 1);
	assert_string_equal(service->grace_reason, "as given");
	assert_int_equal(service->announce_ms, 2);
	assert_string_equal(service->report, "-");
	assert_int_equal(service->log_level, CURFEW_LEVEL_DEBUG);
	assert_int_equal(service->log_format, 1);
	assert_string_equal(service->tls_cert, "c");
	assert_string_equal(service->tls_key, "k");
	assert_string_equal(service->trust_forwarded.word[0], "::1");
	assert_int_equal(service->max_connections, 4);
	assert_int_equal(service->request_timeout_ms, 5);
	assert_true(service->proxy_protocol);
	assert_int_equal(service->threads, 6);
	assert_int_equal(service->insist, SERVICE_INSIST_NEVER);
	assert_int_equal(service->forced_exit, 7);
}

static void kubernetes_is_given_time_to_hear_of_it(void **state)
{
	(void)state;
	assert_int_equal(setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1), 0);
	READ("--respond=200");
	assert_int_equal(config.service.announce_ms, 5000);
	assert_int_equal(config.service.grace_ms, 25000);
	READ("--respond=200", "--announce=0");
	assert_int_equal(config.service.announce_ms, 0);
	assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
}

static void the_key_may_be_in_the_certificates_file(void **state)
{
	(void)state;
	READ("--respond=200", "--tls-cert=both.pem");
	assert_string_equal(config.service.tls_key, "both.pem");
}

static void children_get_no_variables_of_options(void **state)
{
	(void)state;
	assert_int_equal(setenv("CURFEW_RESPOND", "201", 1), 0);
	assert_int_equal(setenv("CURFEW_STOP_ON", "HUP", 1), 0); /* the keeper's */
	assert_int_equal(setenv("CURFEW_PORT", "tcp://10.0.0.1:80", 1), 0);
	READ("--grace=1s");
	assert_int_equal(config.respond, 201);
	assert_null(getenv("CURFEW_RESPOND"));
	assert_null(getenv("CURFEW_STOP_ON"));
	assert_non_null(getenv("CURFEW_PORT"));
	assert_non_null(getenv("PATH"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_documented_defaults),
		cmocka_unit_test(has_the_defaults_of_all_that_serve),
		cmocka_unit_test(each_option_fills_its_own_field),
		cmocka_unit_test(each_shared_option_fills_its_own_field),
		cmocka_unit_test(kubernetes_is_given_time_to_hear_of_it),
		cmocka_unit_test(the_key_may_be_in_the_certificates_file),
		cmocka_unit_test(children_get_no_variables_of_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
