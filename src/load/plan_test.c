/* SPDX-License-Identifier: Apache-2.0 */
/* What options make together; src/cmd has the words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "load/plan.h"

static char *urls[] = {(char *)"http://127.0.0.1:8080/a", (char *)"http://127.0.0.1:8081/b", NULL};

/* As src/cmd/load.c makes it of no options. */
static struct load_config given(void)
{
	struct load_config config = {
		.urls = urls,
		.arrival = (unsigned)LOAD_NOT_GIVEN,
		.duration_ms = LOAD_NOT_GIVEN,
		.timeout_ms = LOAD_NOT_GIVEN,
		.stats_interval_ms = 10000,
		.ramp_every_ms = LOAD_NOT_GIVEN,
	};

	return config;
}

static struct plan plan;

static void read_fine(const struct load_config *config)
{
	struct buffer refusal = {0};

	if (plan_read(&plan, config, &refusal) < 0) {
		fail_msg("refused: %s", buffer_text(&refusal));
	}
	buffer_fini(&refusal);
}

/* A line that has these words. */
static void assert_refused(const struct load_config *config, const char *words)
{
	struct buffer refusal = {0};

	assert_true(plan_read(&plan, config, &refusal) < 0);
	if (!strstr(buffer_text(&refusal), words) || strchr(buffer_text(&refusal), '\n')) {
		fail_msg("'%s' is not in '%s'", words, buffer_text(&refusal));
	}
	buffer_fini(&refusal);
	plan_fini(&plan);
}

static void without_options_it_is_a_closed_loop(void **state)
{
	const struct load_config config = given();

	(void)state;
	read_fine(&config);
	assert_false(plan.is_open);
	assert_int_equal(plan.connections, 50);
	assert_true(plan.for_ns == 10 * NS_PER_S);
	assert_true(plan.requests_most == UINT64_MAX);
	assert_int_equal(plan.timeout_ms, 30000);
	assert_int_equal(plan.seed, 1);
	assert_int_equal(plan.endpoint_count, 2);
	assert_string_equal(plan.endpoints[1].host, "127.0.0.1:8081");
	assert_int_equal(plan.scenario_count, 1);
	assert_null(plan.tls);
	plan_fini(&plan);
}

static void threads_are_no_more_than_lanes(void **state)
{
	struct load_config config = given();

	(void)state;
	config.service.threads = 8;
	read_fine(&config);
	assert_int_equal(plan.threads, 8);
	plan_fini(&plan);
	config.connections = 3;
	read_fine(&config);
	assert_int_equal(plan.threads, 3);
	plan_fini(&plan);
}

static void a_rate_makes_an_open_loop(void **state)
{
	struct load_config config = given();

	(void)state;
	config.rate = "300/m";
	read_fine(&config);
	assert_true(plan.is_open);
	assert_int_equal(plan.connections, 1000);
	assert_int_equal(plan.stage_count, 1);
	assert_true(plan.stages[0].rate == 5);
	assert_true(plan.stages[0].for_ns == INT64_MAX);
	assert_true(plan.for_ns == 10 * NS_PER_S);
	plan_fini(&plan);
	config.rate = "250";
	config.max_in_flight = 7;
	config.arrival = SCHEDULE_POISSON;
	read_fine(&config);
	assert_true(plan.stages[0].rate == 250);
	assert_int_equal(plan.connections, 7);
	assert_int_equal(plan.arrival, SCHEDULE_POISSON);
	plan_fini(&plan);
}

static void stages_say_how_long(void **state)
{
	struct load_config config = given();

	(void)state;
	config.stages = (struct words){.word = {"10/s:2s", "0/s:1s", "20/s:500ms"}, .count = 3};
	read_fine(&config);
	assert_true(plan.is_open);
	assert_int_equal(plan.stage_count, 3);
	assert_true(plan.for_ns == 3500 * NS_PER_MS);
	plan_fini(&plan);
	config.stages.word[2] = "20/s:inf";
	read_fine(&config);
	assert_true(plan.for_ns == INT64_MAX);
	plan_fini(&plan);
}

static void requests_have_no_duration_but_a_given_one(void **state)
{
	struct load_config config = given();

	(void)state;
	config.requests = "1000";
	read_fine(&config);
	assert_true(plan.requests_most == 1000);
	assert_true(plan.for_ns == INT64_MAX);
	plan_fini(&plan);
	config.duration_ms = 5;
	read_fine(&config);
	assert_true(plan.for_ns == 5 * NS_PER_MS);
	plan_fini(&plan);
	config.duration_ms = CURFEW_NEVER;
	read_fine(&config);
	assert_true(plan.for_ns == INT64_MAX);
	plan_fini(&plan);
}

static void the_seed_is_any_number(void **state)
{
	struct load_config config = given();

	(void)state;
	config.seed = "18446744073709551615";
	read_fine(&config);
	assert_true(plan.seed == UINT64_MAX);
	plan_fini(&plan);
	config.seed = "18446744073709551616";
	assert_refused(&config, "--seed");
	config.seed = "-1";
	assert_refused(&config, "--seed");
	config.seed = "1x";
	assert_refused(&config, "--seed");
}

static void the_request_is_made_of_the_options(void **state)
{
	struct load_config config = given();
	struct load_source *source;
	struct buffer room = {0};
	struct load_request request = {.number = 1, .room = &room};

	(void)state;
	config.headers = (struct words){.word = {"X-A: b"}, .count = 1};
	config.body = "hello";
	read_fine(&config);
	source = plan.kind->new (&plan, NULL, 0);
	assert_non_null(source);
	assert_int_equal(source->ops->next(source, &request), 0);
	assert_int_equal(request.endpoint, 1);
	assert_memory_equal(request.head, "POST /b HTTP/1.1\r\n", 18);
	assert_non_null(memmem(request.head, request.head_length, "\r\nX-A: b\r\n", 10));
	assert_int_equal(request.body_length, 5);
	assert_memory_equal(request.body, "hello", 5);
	source->ops->free(source);
	buffer_fini(&room);
	plan_fini(&plan);
}

static void a_method_that_has_a_body_sends_an_empty_one(void **state)
{
	struct load_config config = given();
	struct load_source *source;
	struct buffer room = {0};
	struct load_request request = {.room = &room};

	(void)state;
	config.method = "PUT";
	read_fine(&config);
	source = plan.kind->new (&plan, NULL, 0);
	assert_int_equal(source->ops->next(source, &request), 0);
	assert_non_null(request.body);
	assert_int_equal(request.body_length, 0);
	source->ops->free(source);
	buffer_fini(&room);
	plan_fini(&plan);
}

static void a_ramp_is_made_of_stages(void **state)
{
	struct load_config config = given();
	char text[160];

	(void)state;
	config.ramp_start = "100/s";
	config.ramp_while = "p90<1s";
	read_fine(&config);
	assert_true(plan.is_open && plan.has_ramp);
	assert_int_equal(plan.stage_count, SCHEDULE_STAGES_MOST);
	assert_true(plan.stages[0].rate == 100 && plan.stages[1].rate == 200);
	assert_true(plan.stages[1].for_ns == 120 * NS_PER_S);
	assert_true(plan.for_ns == INT64_MAX);
	plan_describe(&plan, text, sizeof(text));
	assert_string_equal(text, "from 100/s up by 100/s every 120 s, while p90<1s");
	plan_fini(&plan);
	config.ramp_step = "30/m";
	config.ramp_every_ms = 5000;
	config.duration_ms = 5000;
	read_fine(&config);
	assert_true(plan.stages[2].rate == 101 && plan.stages[2].for_ns == 5 * NS_PER_S);
	assert_true(plan.for_ns == 5 * NS_PER_S);
	plan_describe(&plan, text, sizeof(text));
	assert_string_equal(text, "from 100/s up by 0.5/s every 5 s, while p90<1s, for 5 s");
	plan_fini(&plan);
	config.ramp_every_ms = RAMP_EVERY_MS_MOST;
	config.duration_ms = LOAD_NOT_GIVEN;
	read_fine(&config);
	assert_true(plan.ramp.every_ns == 24 * 3600 * NS_PER_S);
	plan_fini(&plan);
}

static void each_condition_is_a_threshold(void **state)
{
	struct load_config config = given();

	(void)state;
	config.fail_on = (struct words){.word = {"errors>0", "p99>1s", "dropped>0"}, .count = 3};
	read_fine(&config);
	assert_int_equal(plan.threshold_count, 3);
	assert_string_equal(plan.thresholds[2].text, "dropped>0");
	plan_fini(&plan);
}

/* Whichever of them it is that has TLS. */
static void one_url_with_tls_is_enough(void **state)
{
	static char *both[] = {"https://127.0.0.1", "http://127.0.0.1", NULL};
	struct load_config config = given();

	(void)state;
	config.urls = both;
	config.tls_insecure = true;
	read_fine(&config);
	assert_non_null(plan.tls);
	plan_fini(&plan);
}

static void a_description_names_both_ends(void **state)
{
	struct load_config config = given();
	char text[160];

	(void)state;
	config.requests = "1000";
	read_fine(&config);
	plan_describe(&plan, text, sizeof(text));
	assert_string_equal(text, "50 connections for 1000 requests");
	plan_fini(&plan);
	config.duration_ms = 2500;
	read_fine(&config);
	plan_describe(&plan, text, sizeof(text));
	assert_string_equal(text, "50 connections for 2.5 s or 1000 requests");
	plan_fini(&plan);
	config.requests = "1";
	read_fine(&config);
	plan_describe(&plan, text, sizeof(text));
	assert_string_equal(text, "50 connections for 2.5 s or 1 request");
	plan_fini(&plan);
	config.duration_ms = CURFEW_NEVER;
	config.requests = NULL;
	read_fine(&config);
	plan_describe(&plan, text, sizeof(text));
	assert_string_equal(text, "50 connections until it is stopped");
	plan_fini(&plan);
}

#define REFUSED(words, ...) (config = given(), __VA_ARGS__, assert_refused(&config, words))

static void ramps_that_cannot_be_are_refused(void **state)
{
	struct load_config config;

	(void)state;
	REFUSED("--ramp-start with --rate", config.ramp_start = "1/s", config.rate = "1/s");
	REFUSED("--ramp-start with --stage", config.ramp_start = "1/s",
		config.stages.word[0] = "1/s:1s", config.stages.count = 1);
	REFUSED("--connections with --ramp-start", config.ramp_start = "1/s",
		config.connections = 1);
	REFUSED("--ramp-start without --ramp-while", config.ramp_start = "1/s");
	REFUSED("--ramp-step without --ramp-start", config.ramp_step = "1/s");
	REFUSED("--ramp-every without --ramp-start", config.ramp_every_ms = 1);
	REFUSED("--ramp-while without --ramp-start", config.ramp_while = "p90<1s");
	REFUSED("--ramp-while cannot be 'p90'", config.ramp_start = "1/s",
		config.ramp_while = "p90");
	REFUSED("--ramp-step cannot be '0'", config.ramp_start = "1/s",
		config.ramp_while = "p90<1s", config.ramp_step = "0");
	REFUSED("--ramp-every", config.ramp_start = "1/s", config.ramp_while = "p90<1s",
		config.ramp_every_ms = 0);
	REFUSED("--ramp-every", config.ramp_start = "1/s", config.ramp_while = "p90<1s",
		config.ramp_every_ms = CURFEW_NEVER);
	REFUSED("--duration is over before", config.ramp_start = "1/s",
		config.ramp_while = "p90<1s", config.duration_ms = 1000);
}

static void identities_that_cannot_be_are_refused(void **state)
{
	struct load_config config;

	(void)state;
	REFUSED("--label cannot be '1a=x'", config.labels.word[0] = "1a=x",
		config.labels.count = 1);
	REFUSED("that Prometheus keeps for itself", config.labels.word[0] = "__a=b",
		config.labels.count = 1);
	REFUSED("more than 64 bytes",
		config.labels.word[0] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=",
		config.labels.count = 1);
	REFUSED("use --run-id", config.labels.word[0] = "run_id=b", config.labels.count = 1);
	REFUSED("--run-id cannot be '\xff'", config.run_id = "\xff");
	REFUSED("--label cannot be 'a'", config.labels.word[0] = "a", config.labels.count = 1);
}

static void what_does_not_go_together_is_refused(void **state)
{
	static char *none[] = {NULL};
	static char *secure[] = {(char *)"https://localhost/", NULL};
	static char *bad[] = {(char *)"http://localhost/", (char *)"localhost", NULL};
	struct load_config config;

	(void)state;
	REFUSED("no URL given", config.urls = none);
	REFUSED("'localhost' cannot be loaded", config.urls = bad);
	REFUSED("--max-in-flight limits", config.rate = "1/s", config.connections = 1);
	REFUSED("--connections says", config.max_in_flight = 1);
	REFUSED("--arrival without", config.arrival = SCHEDULE_CONSTANT);
	REFUSED("--rate with --stage", config.rate = "1/s", config.stages.word[0] = "1/s:1s",
		config.stages.count = 1);
	REFUSED("--duration with --stage", config.duration_ms = 1, config.stages.word[0] = "1/s:1s",
		config.stages.count = 1);
	REFUSED("only the last", config.stages.word[0] = "1/s:inf",
		config.stages.word[1] = "1/s:1s", config.stages.count = 2);
	REFUSED("--stage cannot be '1/s'", config.stages.word[0] = "1/s", config.stages.count = 1);
	REFUSED("--rate cannot be '0/s': it is zero", config.rate = "0/s");
	REFUSED("--rate cannot be '0': it is zero", config.rate = "0");
	REFUSED("--rate cannot be 'x'", config.rate = "x");
	REFUSED("--rate cannot be ''", config.rate = "");
	REFUSED("--duration cannot be 0", config.duration_ms = 0);
	REFUSED("--timeout cannot be 0", config.timeout_ms = 0);
	REFUSED("--requests cannot be '0'", config.requests = "0");
	REFUSED("--body with --body-file", config.body = "a", config.body_file = "/dev/null");
	REFUSED("cannot read '/nonexistent/file'", config.body_file = "/nonexistent/file");
	REFUSED("--method 'G ET'", config.method = "G ET");
	REFUSED("--method 'CONNECT'", config.method = "CONNECT");
	REFUSED("--header 'x'", config.headers.word[0] = "x", config.headers.count = 1);
	REFUSED("--header 'Content-Length: 3'", config.headers.word[0] = "Content-Length: 3",
		config.headers.count = 1);
	REFUSED("--stats-interval cannot be 0", config.stats_interval_ms = 0);
	REFUSED("--fail-on cannot be 'p99'", config.fail_on.word[0] = "p99",
		config.fail_on.count = 1);
	REFUSED("--tls-ca without", config.tls_ca = "/etc/hosts");
	REFUSED("--tls-insecure without", config.tls_insecure = true);
	REFUSED("--tls-ca with --tls-insecure", config.urls = secure, config.tls_insecure = true,
		config.tls_ca = "/etc/hosts");
	REFUSED("CA file", config.urls = secure, config.tls_ca = "/nonexistent/file");
}

static void too_many_urls_are_refused(void **state)
{
	char *many[PLAN_ENDPOINTS_MOST + 2] = {NULL};
	struct load_config config = given();

	(void)state;
	for (int i = 0; i <= PLAN_ENDPOINTS_MOST; i++) {
		many[i] = (char *)"http://localhost/";
	}
	config.urls = many;
	assert_refused(&config, "more than 64 URLs");
	many[PLAN_ENDPOINTS_MOST] = NULL;
	read_fine(&config);
	plan_fini(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_it_is_a_closed_loop),
		cmocka_unit_test(threads_are_no_more_than_lanes),
		cmocka_unit_test(a_rate_makes_an_open_loop),
		cmocka_unit_test(stages_say_how_long),
		cmocka_unit_test(requests_have_no_duration_but_a_given_one),
		cmocka_unit_test(the_seed_is_any_number),
		cmocka_unit_test(the_request_is_made_of_the_options),
		cmocka_unit_test(a_method_that_has_a_body_sends_an_empty_one),
		cmocka_unit_test(a_ramp_is_made_of_stages),
		cmocka_unit_test(each_condition_is_a_threshold),
		cmocka_unit_test(one_url_with_tls_is_enough),
		cmocka_unit_test(a_description_names_both_ends),
		cmocka_unit_test(ramps_that_cannot_be_are_refused),
		cmocka_unit_test(identities_that_cannot_be_are_refused),
		cmocka_unit_test(what_does_not_go_together_is_refused),
		cmocka_unit_test(too_many_urls_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
