/* SPDX-License-Identifier: Apache-2.0 */
/* How the words of curfew relay become its config. */
#include "relay/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <curfew/time.h>

#include "cmd/command.h"

static struct relay_config config;

/* Reads these words; they end with NULL. */
static void read_words(char **arguments)
{
	int exit_code = -1;

	config = (struct relay_config){.burst = 0};
	assert_true(command_relay.configure(&command_relay, arguments, &config, &exit_code));
}

#define READ(...) read_words((char *[]){__VA_ARGS__, NULL})

static void has_the_documented_defaults(void **state)
{
	(void)state;
	READ("--");
	assert_null(config.header_prefix);
	assert_null(config.metrics_prefix);
	assert_int_equal(config.max_clients, 16);
	assert_int_equal(config.max_connections, 0);
	assert_int_equal(config.max_per_ip, 0);
	assert_true(config.max_message == 256 * 1024);
	assert_true(config.outbox == 4 * 1024 * 1024);
	assert_true(config.max_memory == 1024 * 1024 * 1024);
	assert_int_equal(config.rate_interval_ms, 6000);
	assert_int_equal(config.burst, 20);
	assert_int_equal(config.head_ms, 5000);
	assert_int_equal(config.ping_ms, 30000);
	assert_int_equal(config.pong_ms, 30000);
	assert_int_equal(config.message_ms, 30000);
	assert_int_equal(config.write_ms, 10000);
	assert_int_equal(config.close_ms, 5000);
	assert_int_equal(config.reclaim_grace_ms, 30000);
	assert_int_equal(config.claim_ms, 10000);
	assert_int_equal(config.spread_ms, 0);
	assert_false(config.production);
	assert_null(config.domain);
	assert_null(config.cert_cache);
	assert_null(config.acme_url);
	assert_null(config.acme_listen);
	assert_non_null(config.keeper);
	assert_string_equal(config.service.command, "relay");
	assert_null(config.service.listen_preset);
	assert_int_equal(config.service.max_connections, 0); /* a place for each descriptor */
	assert_int_equal(config.service.descriptors_each, 1);
	assert_int_equal(config.service.threads, 0);
	assert_true(config.service.request_timeout_ms == CURFEW_NEVER);
}

static void each_option_fills_its_own_field(void **state)
{
	(void)state;
	READ("--header-prefix=X-P", "--metrics-prefix=p", "--max-clients=1", "--max-connections=2",
		"--max-per-ip=3", "--max-message=4k", "--outbox=5k", "--max-memory=6k",
		"--rate-limit=10/s", "--burst=7", "--head-timeout=8ms", "--ping-interval=9ms",
		"--pong-timeout=10ms", "--message-timeout=11ms", "--write-timeout=12ms",
		"--close-timeout=13ms", "--reclaim-grace=14ms", "--claim-timeout=15ms",
		"--spread=16ms", "--production", "--threads=17", "--trust-forwarded=::1",
		"--listen=:1");
	assert_string_equal(config.header_prefix, "X-P");
	assert_string_equal(config.metrics_prefix, "p");
	assert_int_equal(config.max_clients, 1);
	assert_int_equal(config.max_connections, 2);
	assert_int_equal(config.max_per_ip, 3);
	assert_true(config.max_message == 4096);
	assert_true(config.outbox == 5120);
	assert_true(config.max_memory == 6144);
	assert_int_equal(config.rate_interval_ms, 100);
	assert_int_equal(config.burst, 7);
	assert_int_equal(config.head_ms, 8);
	assert_int_equal(config.ping_ms, 9);
	assert_int_equal(config.pong_ms, 10);
	assert_int_equal(config.message_ms, 11);
	assert_int_equal(config.write_ms, 12);
	assert_int_equal(config.close_ms, 13);
	assert_int_equal(config.reclaim_grace_ms, 14);
	assert_int_equal(config.claim_ms, 15);
	assert_int_equal(config.spread_ms, 16);
	assert_true(config.production);
	assert_int_equal(config.service.threads, 17);
	assert_string_equal(config.service.trust_forwarded.word[0], "::1");
	assert_string_equal(config.service.listen.word[0], ":1");
}

static void a_domain_has_the_ports_of_the_web(void **state)
{
	(void)state;
	READ("--domain=a.example", "--cert-cache=c", "--acme-url=u");
	assert_string_equal(config.domain, "a.example");
	assert_string_equal(config.cert_cache, "c");
	assert_string_equal(config.acme_url, "u");
	assert_string_equal(config.acme_listen, ":80");
	assert_string_equal(config.service.listen_preset, ":443");
	READ("--domain=a.example", "--acme-listen=:81");
	assert_string_equal(config.acme_listen, ":81");
}

static void takes_no_operands(void **state)
{
	char *arguments[] = {"--burst=1", "server", NULL};
	int exit_code = -1;

	(void)state;
	assert_false(command_relay.configure(&command_relay, arguments, &config, &exit_code));
	assert_int_equal(exit_code, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_documented_defaults),
		cmocka_unit_test(each_option_fills_its_own_field),
		cmocka_unit_test(a_domain_has_the_ports_of_the_web),
		cmocka_unit_test(takes_no_operands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
