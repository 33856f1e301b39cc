/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile says of the run beside load/profile_test.c: ramp, verdict, prewarming, restart. */
#include "load/profile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "load/profile_script.h"
#include "tests/allocation.h"

#define ONE "\"endpoints\":\"http://h\",\"scenarios\":[{\"name\":\"a\",\"kind\":\"http\"}]}"
#define RAMP "{\"ramp\":{\"start\":100,\"step\":\"30/m\",\"every\":\"5s\",\"while\":\"p90<1s\"},"

/* Settles the config; strings stay valid until the profile is freed. */
static struct profile *settle(const char *text, struct load_config *config)
{
	struct buffer refusal = {0};
	struct plan plan = {.seed = 1};
	struct profile *profile = profile_read(text, strlen(text), &refusal);

	assert_string_equal(buffer_text(&refusal), "");
	assert_non_null(profile);
	profile_settle(profile, config);
	assert_int_equal(profile_fill(profile, &plan, &refusal), 0);
	plan_end(&plan);
	return profile;
}

static void refused(const char *text, const char *expected)
{
	struct buffer refusal = {0};
	struct plan plan = {.seed = 1};
	struct profile *profile = profile_read(text, strlen(text), &refusal);

	if (profile) {
		assert_int_equal(profile_fill(profile, &plan, &refusal), -EINVAL);
	}
	assert_string_equal(buffer_text(&refusal), expected);
	buffer_fini(&refusal);
	plan_end(&plan);
	profile_free(profile);
}

static void settles_a_ramp(void **state)
{
	struct load_config config = unsaid;
	struct profile *profile = settle(RAMP "\"max_in_flight\":5,\"arrival\":\"poisson\","
					      "\"duration\":\"1m\"," ONE,
		&config);

	(void)state;
	assert_string_equal(config.ramp_start, "100/s");
	assert_string_equal(config.ramp_step, "30/m");
	assert_int_equal(config.ramp_every_ms, 5000);
	assert_string_equal(config.ramp_while, "p90<1s");
	assert_int_equal(config.max_in_flight, 5);
	assert_int_equal(config.arrival, SCHEDULE_POISSON);
	assert_int_equal(config.duration_ms, 60000);
	profile_free(profile);
	config = unsaid;
	profile = settle("{\"ramp\":{\"start\":\"7/s\",\"while\":\"a:p90<1s\"}," ONE, &config);
	assert_null(config.ramp_step);
	assert_int_equal(config.ramp_every_ms, LOAD_NOT_GIVEN);
	profile_free(profile);
}

/* A step may take a day; and a run that is as long as its first step has judged it. */
static void settles_the_longest_steps(void **state)
{
	struct load_config config = unsaid;
	struct profile *profile =
		settle("{\"ramp\":{\"start\":1,\"every\":\"24h\",\"while\":\"p90<1s\"},"
		       "\"duration\":\"24h\"," ONE,
			&config);

	(void)state;
	assert_int_equal(config.ramp_every_ms, RAMP_EVERY_MS_MOST);
	assert_int_equal(config.duration_ms, RAMP_EVERY_MS_MOST);
	profile_free(profile);
}

static void lets_options_win_over_each_part_of_a_ramp(void **state)
{
	struct load_config config = unsaid;
	struct profile *profile;

	(void)state;
	config.ramp_start = "1/s";
	config.ramp_while = "p50<1s";
	profile = settle(RAMP "\"duration\":\"1m\"," ONE, &config);
	assert_string_equal(config.ramp_start, "1/s");
	assert_string_equal(config.ramp_step, "30/m");
	assert_int_equal(config.ramp_every_ms, 5000);
	assert_string_equal(config.ramp_while, "p50<1s");
	assert_int_equal(config.duration_ms, 60000);
	profile_free(profile);
	config = unsaid;
	config.ramp_step = "2/s";
	config.ramp_every_ms = 10;
	profile = settle(RAMP ONE, &config);
	assert_string_equal(config.ramp_start, "100/s");
	assert_string_equal(config.ramp_step, "2/s");
	assert_int_equal(config.ramp_every_ms, 10);
	profile_free(profile);
}

static void lets_other_kinds_of_load_take_the_place_of_a_ramp(void **state)
{
	struct load_config config = unsaid;
	struct profile *profile;

	(void)state;
	config.rate = "1/s";
	profile = settle(RAMP ONE, &config);
	assert_null(config.ramp_start);
	assert_null(config.ramp_while);
	profile_free(profile);
	config = unsaid;
	config.connections = 3;
	profile = settle(RAMP "\"max_in_flight\":5," ONE, &config);
	assert_null(config.ramp_start);
	assert_int_equal(config.max_in_flight, 0);
	profile_free(profile);
	config = unsaid;
	config.ramp_start = "1/s";
	profile = settle("{\"rate\":5,\"duration\":\"1m\"," ONE, &config);
	assert_null(config.rate);
	assert_int_equal(config.duration_ms, LOAD_NOT_GIVEN);
	profile_free(profile);
}

static void settles_a_verdict(void **state)
{
	struct load_config config = unsaid;
	struct profile *profile =
		settle("{\"fail_on\":[\"errors>0.1%\",\"a:p99>50ms\"],\"expect_restart\":true,"
		       "\"prewarm\":true," ONE,
			&config);

	(void)state;
	assert_int_equal(config.fail_on.count, 2);
	assert_string_equal(config.fail_on.word[1], "a:p99>50ms");
	assert_true(config.expect_restart && config.prewarm);
	profile_free(profile);
	config = unsaid;
	(void)words_add(&config.fail_on, "max>1s");
	profile = settle("{\"fail_on\":[\"errors>0.1%\"]," ONE, &config);
	assert_int_equal(config.fail_on.count, 1);
	assert_string_equal(config.fail_on.word[0], "max>1s");
	assert_false(config.expect_restart || config.prewarm);
	profile_free(profile);
	config = unsaid;
	profile = settle("{\"fail_on\":[]," ONE, &config);
	assert_int_equal(config.fail_on.count, 0);
	profile_free(profile);
}

static void refuses_wrong_ramps(void **state)
{
	(void)state;
	refused("{\"ramp\":[]," ONE, "line 1: ramp is a list, where an object belongs");
	refused("{\"ramp\":{\"while\":\"p90<1s\"}," ONE,
		"line 1: ramp lacks \"start\", a rate such as 100 or \"100/s\"");
	refused("{\"ramp\":{\"start\":1}," ONE,
		"line 1: ramp lacks \"while\", a condition such as \"p90<1s\"");
	refused("{\"ramp\":{\"start\":0,\"while\":\"p90<1s\"}," ONE,
		"line 1: ramp.start is 0, where a rate such as 5000 or \"5000/s\" belongs");
	refused("{\"ramp\":{\"start\":1,\n\"step\":\"x\",\"while\":\"p90<1s\"}," ONE,
		"line 2: ramp.step is \"x\", where a rate such as 5000 or \"5000/s\" belongs");
	refused("{\"ramp\":{\"start\":1,\n\"every\":\"25h\",\"while\":\"p90<1s\"}," ONE,
		"line 2: ramp.every is \"25h\", where a duration up to \"24h\" belongs");
	refused("{\"ramp\":{\"start\":1,\n\"while\":\"p90\"}," ONE,
		"line 2: ramp.while has no operator (operators are >, >=, < and <=)");
	refused("{\"ramp\":{\"start\":1,\"whlie\":\"p90<1s\"}," ONE,
		"line 1: ramp has no member \"whlie\" (did you mean \"while\"?)");
	refused(RAMP "\n\"duration\":\"4s\"," ONE,
		"line 2: duration is over before a step of \"ramp\" is (its \"every\" says how "
		"long that takes)");
}

static void refuses_ramps_beside_others(void **state)
{
	(void)state;
	refused(RAMP "\"rate\":1," ONE,
		"line 1: ramp cannot stand beside \"rate\" or \"stages\": a ramp has rates of its "
		"own");
	refused(RAMP "\"stages\":[\"1/s:1s\"]," ONE,
		"line 1: ramp cannot stand beside \"rate\" or \"stages\": a ramp has rates of its "
		"own");
	refused(RAMP "\n\"connections\":1," ONE,
		"line 2: connections is for a run without \"rate\", \"stages\" and \"ramp\" "
		"(beside them \"max_in_flight\" is the bound)");
}

static void refuses_wrong_verdicts(void **state)
{
	(void)state;
	refused("{\"fail_on\":\"errors>0\"," ONE,
		"line 1: fail_on is \"errors>0\", where a list belongs");
	refused("{\"fail_on\":[1]," ONE, "line 1: fail_on[0] is 1, where a string belongs");
	refused("{\"fail_on\":[\"errors>0\",\n\"errors\"]," ONE,
		"line 2: fail_on[1] has no operator (operators are >, >=, < and <=)");
	refused("{\"fail_on\":[\"b:errors>0\"]," ONE,
		"line 1: fail_on[0] is of a scenario 'b' that there is not (there is one only: "
		"leave out "
		"the name)");
	refused("{\"expect_restart\":1," ONE,
		"line 1: expect_restart is 1, where true or false belongs");
}

static void refuses_too_many_verdicts(void **state)
{
	struct buffer text = {0};

	(void)state;
	buffer_append_text(&text, "{\"fail_on\":[");
	for (int i = 0; i <= WORDS_MOST; i++) {
		buffer_appendf(&text, "%s\"errors>%d\"", i ? "," : "", i);
	}
	buffer_append_text(&text, "]," ONE);
	refused(buffer_text(&text), "line 1: fail_on[32] is one more than the 32 there may be");
	buffer_fini(&text);
}

static void tells_when_there_is_no_memory(void **state)
{
	static const char text[] = RAMP "\"fail_on\":[\"errors>0\",\"b:errors>0\"]," ONE;
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct plan plan = {.seed = 1};
		struct buffer refusal = {0};
		struct profile *profile;

		allocation_fail(n);
		profile = profile_read(text, strlen(text), &refusal);
		if (profile) {
			assert_int_equal(profile_fill(profile, &plan, &refusal), -EINVAL);
		}
		failed = allocation_failed();
		if (!refusal.failed) { /* there was none for the line itself */
			assert_non_null(strstr(buffer_text(&refusal), failed ? "memory" : "'b'"));
		}
		buffer_fini(&refusal);
		plan_end(&plan);
		profile_free(profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settles_a_ramp),
		cmocka_unit_test(settles_the_longest_steps),
		cmocka_unit_test(lets_options_win_over_each_part_of_a_ramp),
		cmocka_unit_test(lets_other_kinds_of_load_take_the_place_of_a_ramp),
		cmocka_unit_test(settles_a_verdict),
		cmocka_unit_test(refuses_wrong_ramps),
		cmocka_unit_test(refuses_ramps_beside_others),
		cmocka_unit_test(refuses_wrong_verdicts),
		cmocka_unit_test(refuses_too_many_verdicts),
		cmocka_unit_test(tells_when_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
