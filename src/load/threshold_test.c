/* SPDX-License-Identifier: Apache-2.0 */
#include "load/threshold.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)
#define US INT64_C(1000)

static const char *const scenarios[] = {"login", "log out"};

static void parse(struct threshold *threshold, const char *text)
{
	struct buffer refusal = {0};

	if (threshold_parse(threshold, text, scenarios, 2, &refusal)) {
		fail_msg("%s %s", text, buffer_text(&refusal));
	}
	assert_int_equal(refusal.length, 0);
}

/*
 * Of 1000 in 2 s in an open loop: 990 were OK after 1 to 990 us from the send and 10 us more from
 * when they were due, 9 were reset and one timed out. Ten more were dropped, and one is in flight.
 * Ten connections took 0.1 to 1 s.
 */
static void init(struct result *result)
{
	assert_int_equal(result_init(result, 2), 0);
	result->is_open = true;
	result->scenarios = scenarios;
	result->ran_ns = 2000 * MS;
	for (int i = 1; i <= 1000; i++) {
		struct tally_end end = {.outcome = i <= 990 ? LOAD_OK
				: i < 1000                  ? LOAD_RESET_SENT
							    : LOAD_TIMED_OUT,
			.scenario = i > 495,
			.sent_ns = 10 * US,
			.ended_ns = 10 * US + i * US};

		tally_admit(&result->tally, 0, 10 * US);
		tally_end(&result->tally, &end);
	}
	tally_admit(&result->tally, 0, 10 * US);
	for (int i = 0; i < 10; i++) {
		tally_drop(&result->tally, 0);
		histogram_record(&result->tally.connect, (i + 1) * 100 * MS);
	}
}

/* What holds or not, and what is said to have been found. */
static const struct {
	const char *text;
	bool holds;
	const char *found;
} cases[] = {
	{"max>999us", true, "max is 1 ms"},
	{"max>1ms", false, "max is 1 ms"},
	{"max>=1ms", true, "max is 1 ms"},
	{"max<1ms", false, "max is 1 ms"},
	{"max<=1ms", true, "max is 1 ms"},
	{"p50>504us", true, "p50 is 505 us"},
	{"p50>505us", false, "p50 is 505 us"},
	{"p99.8>0.9999ms", false, "p99.8 is 999 us"},
	{"p100>0.999ms", true, "p100 is 1 ms"},
	{"p1<21us", true, "p1 is 20 us"},
	{"mean<=505.5us", true, "mean is 505.5 us"},
	{"mean<505.5us", false, "mean is 505.5 us"},
	{"max<1s", true, "max is 1 ms"},
	{"max<0.00002m", true, "max is 1 ms"},
	{"max<0.00001m", false, "max is 1 ms"},
	{"max<0.0000003h", true, "max is 1 ms"},
	{"max<0.0000002h", false, "max is 1 ms"},
	{"connect-p50>400ms", true, "connect-p50 is 500.22 ms"},
	{"connect-max>=1s", true, "connect-max is 1 s"},
	{"connect-mean<550.1ms", true, "connect-mean is 550 ms"},
	{"connect-mean<550ms", false, "connect-mean is 550 ms"},
	{"max>0", true, "max is 1 ms"},
	{"lag-p99>9us", true, "lag-p99 is 10 us"},
	{"lag-p99>10us", false, "lag-p99 is 10 us"},
	{"lag-max<11us", true, "lag-max is 10 us"},
	{"lag-mean>9.9us", true, "lag-mean is 10 us"},
	{"errors>0", true, "errors is 10"},
	{"errors>10", false, "errors is 10"},
	{"errors>=10", true, "errors is 10"},
	{"errors>0.99%", true, "errors is 1 % (10)"},
	{"errors>1%", false, "errors is 1 % (10)"},
	{"errors>=1%", true, "errors is 1 % (10)"},
	{"reset_sent>8", true, "reset_sent is 9"},
	{"reset_sent>0.9%", false, "reset_sent is 0.9 % (9)"},
	{"timed_out<1", false, "timed_out is 1"},
	{"5xx>0", false, "5xx is 0"},
	{"ok<990", false, "ok is 990"},
	{"dropped>9", true, "dropped is 10"},
	{"dropped>1%", false, "dropped is 0.9891 % (10)"},
	{"in_flight>0", true, "in_flight is 1"},
	{"in_flight>0.1%", false, "in_flight is 0.0999 % (1)"},
	{"rate<495.1/s", true, "rate is 495/s"},
	{"rate<495", false, "rate is 495/s"},
	{"rate<29700/m", false, "rate is 495/s"},
	{"rate<29701/m", true, "rate is 495/s"},
	{"rate>1781999/h", true, "rate is 495/s"},
	{"login:max<496us", true, "max is 495 us"},
	{"login:max<495us", false, "max is 495 us"},
	{"log out:p50>742us", true, "p50 is 743 us"},
	{"login:errors>0", false, "errors is 0"},
	{"log out:errors>1.9%", true, "errors is 1.98 % (10)"},
	{"log out:timed_out>0", true, "timed_out is 1"},
	{"login:rate<247.5/s", false, "rate is 247.5/s"},
	{" login : max  <  496 us ", true, "max is 495 us"},
};

static void judges(void **state)
{
	struct result result;

	(void)state;
	init(&result);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct threshold threshold;
		struct result_verdict verdict;

		parse(&threshold, cases[i].text);
		threshold_verdict(&threshold, &result, &verdict);
		if (verdict.broken != cases[i].holds ||
			strcmp(verdict.found, cases[i].found) != 0) {
			fail_msg("%s: %d, %s", cases[i].text, verdict.broken, verdict.found);
		}
		assert_ptr_equal(verdict.text, cases[i].text);
	}
	result_fini(&result);
}

/* Of a closed loop the latency from the actual send is judged. */
static void judges_the_latency_that_counts(void **state)
{
	char found[THRESHOLD_FOUND_BYTES];
	struct threshold threshold;
	struct result result;

	(void)state;
	init(&result);
	parse(&threshold, "max>990us");
	assert_int_equal(threshold_judge(&threshold, &result, found), 1);
	result.is_open = false;
	assert_int_equal(threshold_judge(&threshold, &result, found), 0);
	assert_string_equal(found, "max is 990 us");
	result_fini(&result);
}

/* It has no schedule, and so is never behind it, whatever the histogram says. */
static void a_closed_loop_does_not_lag(void **state)
{
	static const char *const conditions[] = {"lag-p99<=0us", "lag-max<=0us", "lag-mean<=0us"};
	char found[THRESHOLD_FOUND_BYTES];
	struct threshold threshold;
	struct result result;

	(void)state;
	init(&result);
	result.is_open = false;
	for (size_t i = 0; i < 3; i++) {
		parse(&threshold, conditions[i]);
		assert_int_equal(threshold_judge(&threshold, &result, found), 1);
	}
	assert_string_equal(found, "lag-mean is 0 us");
	result_fini(&result);
}

/* Where nothing came a latency is neither good nor bad: a run must not pass for that. */
static void cannot_tell_of_nothing(void **state)
{
	static const char *const unknown[] = {"p99>50ms", "p99<50ms", "mean>1s", "login:max>1s",
		"lag-p99>5ms", "connect-max>1s", "connect-mean>1s", "connect-p9>1s", "rate<1/s"};
	static const char *const known[] = {"errors>0", "errors>0%", "dropped>1%", "in_flight>0%"};
	struct result_verdict verdict;
	struct threshold threshold;
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 2), 0);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		parse(&threshold, unknown[i]);
		assert_int_equal(threshold_judge(&threshold, &result, verdict.found), -ENODATA);
		threshold_verdict(&threshold, &result, &verdict);
		assert_true(verdict.broken);
		assert_non_null(strstr(verdict.found, " is not known: there was no such request"));
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		parse(&threshold, known[i]);
		assert_int_equal(threshold_judge(&threshold, &result, verdict.found), 0);
	}
	result_fini(&result);
}

static void says_what_is_wrong(void **state)
{
	static const char *const wrong[][2] = {
		{"", "has no operator (operators are >, >=, < and <=)"},
		{"p99", "has no operator"},
		{"p99=50ms", "has no operator"},
		{"p99==50ms", "has no operator"},
		{"=>50ms", "has no operator"},
		{">50ms", "has no measure ''"},
		{"p99>", "has '' where a time (50ms; units are us, ms, s, m and h) belongs"},
		{"p99>50", "has '50' where a time"},
		{"p99>>50ms", "has '>50ms' where a time"},
		{"p99=>50ms", "has no operator"},
		{"p99>ms", "has 'ms' where a time"},
		{"p99>50%", "has '50%' where a time"},
		{"p99>-1ms", "has '-1ms' where a time"},
		{"p99>1.ms", "has '1.ms' where a time"},
		{"p99>.5ms", "has '.5ms' where a time"},
		{"p99>1e3ms", "has '1e3ms' where a time"},
		{"p99>50ms ms", "has '50ms ms' where a time"},
		{"p99>11111111111111111111111111111111111111111111111111111111111111111111ms",
			"has '1111111111111111111111111111111111111111' where a time"},
		{"p0>1ms", "has no measure 'p0'"},
		{"p101>1ms", "has no measure 'p101'"},
		{"p>1ms", "has no measure 'p'"},
		{"p99x>1ms", "has no measure 'p99x'"},
		{"lag-p>1ms", "has no measure 'lag-p' (There are p50,"},
		{"eror>0", "has no measure 'eror' (did you mean errors? There are p50,"},
		{"reset-sent>0", "did you mean reset_sent?"},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx>0",
			"has no measure 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' (There are p50,"},
		{"errors>1ms", "has '1ms' where a number or share (0, or 0.1%) belongs"},
		{"dropped>1/s", "has '1/s' where a number or share"},
		{"rate<5%", "has '5%' where a rate (900/s; units are /s, /m and /h) belongs"},
		{"logon:p99>1ms",
			"is of a scenario 'logon' that there is not (did you mean login?)"},
		{":p99>1ms", "is of a scenario '' that there is not (there are login, log out)"},
		{"login:dropped>0", "is of a scenario, but 'dropped' is not told of each"},
		{"login:lag-p9>0", "is of a scenario, but 'lag-p9' is not told of each"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct threshold threshold;
		struct buffer refusal = {0};

		assert_int_equal(
			threshold_parse(&threshold, wrong[i][0], scenarios, 2, &refusal), -EINVAL);
		if (!strstr(buffer_text(&refusal), wrong[i][1])) {
			fail_msg("%s: %s", wrong[i][0], buffer_text(&refusal));
		}
		buffer_fini(&refusal);
	}
}

/* The tally of a run with one scenario has no scenarios. */
static void takes_one_scenario_for_all(void **state)
{
	struct buffer refusal = {0};
	struct threshold threshold;
	struct result result;
	char found[THRESHOLD_FOUND_BYTES];

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	result.tally.outcomes[LOAD_REFUSED] = 3;
	assert_int_equal(threshold_parse(&threshold, "login:refused>2", scenarios, 1, &refusal), 0);
	assert_int_equal(threshold_judge(&threshold, &result, found), 1);
	assert_string_equal(found, "refused is 3");
	result_fini(&result);
}

static void knows_where_there_are_no_scenarios(void **state)
{
	struct threshold threshold;
	struct buffer refusal = {0};

	(void)state;
	assert_int_equal(threshold_parse(&threshold, "login:p99>1ms", NULL, 0, &refusal), -EINVAL);
	assert_string_equal(buffer_text(&refusal),
		"is of a scenario 'login' that there is not (there are no scenarios: leave out "
		"the name)");
	buffer_fini(&refusal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges),
		cmocka_unit_test(judges_the_latency_that_counts),
		cmocka_unit_test(a_closed_loop_does_not_lag),
		cmocka_unit_test(cannot_tell_of_nothing),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(takes_one_scenario_for_all),
		cmocka_unit_test(knows_where_there_are_no_scenarios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
