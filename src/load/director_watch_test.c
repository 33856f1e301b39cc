/* SPDX-License-Identifier: Apache-2.0 */
/* Who looks at a run while it goes on: its ramp, what is shown and scraped; and who judges it. */
#include "load/director_script.h"

/* Somebody who looks, and what was seen last. */
struct watcher {
	struct load_look look;
	int seen;
	uint64_t ok, in_flight;
	int64_t ended_ns;
	bool again; /* asks once more, from within */
};

static void seen(struct load_look *look, const struct result *result)
{
	struct watcher *watcher = container_of(look, struct watcher, look);

	watcher->seen++;
	watcher->ok = result->tally.outcomes[LOAD_OK];
	watcher->in_flight = result->tally.in_flight;
	watcher->ended_ns = result->ended_ns;
	assert_true(tally_conserved(&result->tally));
	if (watcher->again) {
		watcher->again = false;
		director_look(&load, look);
	}
}

static void looks(struct watcher *watcher)
{
	int before = watcher->seen;

	watcher->look.seen = seen;
	director_look(&load, &watcher->look);
	director_look(&load, &watcher->look); /* is the same one */
	assert_int_equal(watcher->seen, before);
}

static void a_look_has_all_that_was_counted(void **state)
{
	struct watcher one = {0}, other = {.again = true};

	(void)state;
	script.plan.connections = 2;
	load_begin();
	for (int i = 1; i <= 5; i++) {
		pass_ms(100);
		answer(i % 2, OK);
		looks(&one);
		settle();
		assert_int_equal(one.seen, i);
		assert_int_equal(one.ok, i);
		assert_int_equal(one.in_flight, 2);
		assert_int_equal(one.ended_ns, i * 100 * NS_PER_MS);
	}
	looks(&one);
	looks(&other);
	settle();
	assert_int_equal(one.seen, 6);
	assert_int_equal(other.seen, 2);
	signal_comes(SIGTERM);
	assert_int_equal(answer_all(OK), 2);
	load_end();
	assert_int_equal(told.tally.outcomes[LOAD_OK], 7); /* each was taken once */
}

/* What is handed over when the end comes is waited for, and counted. */
static void a_look_at_the_end(void **state)
{
	struct watcher one = {0};

	(void)state;
	script.plan.requests_most = 1;
	load_begin();
	script.peers[0].waiting = 0;
	say(0, OK);
	looks(&one);
	load_end();
	assert_int_equal(one.seen, 1);
	assert_int_equal(told.tally.outcomes[LOAD_OK], 1);
}

static void a_look_behind_the_end(void **state)
{
	struct watcher one = {0};

	(void)state;
	config.flush_delay_ms = 1000;
	script.plan.requests_most = 2;
	load_begin();
	answer(0, OK);
	answer(0, OK);
	assert_int_equal(load.phase, LOAD_TOLD);
	looks(&one);
	settle();
	assert_int_equal(one.seen, 1);
	assert_int_equal(one.ok, 2);
	pass_ms(1000);
	load_end();
}

/* What is scraped is a second old at most, also where nothing is shown. */
static void is_looked_at_for_who_scrapes(void **state)
{
	(void)state;
	config.service.admin = "127.0.0.1:0";
	load_begin();
	for (int i = 1; i <= 3; i++) {
		answer(0, OK);
		pass_ms(1000);
		settle();
		assert_int_equal(load.result.tally.outcomes[LOAD_OK], i);
	}
	signal_comes(SIGTERM);
	answer(0, OK);
	load_end();
}

static int lines_told(void)
{
	char *text = content_of(log_fd);
	int count = 0;

	for (const char *at = text; (at = strstr(at, " in flight")); at++) {
		count++;
	}
	free(text);
	return count;
}

static void shows_a_line_at_each_interval(void **state)
{
	(void)state;
	config.stats_interval_ms = 500;
	load_begin();
	for (int i = 0; i < 7; i++) {
		pass_ms(500);
		settle();
		assert_int_equal(lines_told(), i + 1);
		answer(0, OK);
	}
	signal_comes(SIGTERM);
	answer(0, OK);
	assert_int_equal(lines_told(), 7); /* the end has words of its own */
	load_end();
}

/* It is looked at more often than something is shown: at the look that is nearest. */
static void shows_lines_beside_who_scrapes(void **state)
{
	(void)state;
	config.stats_interval_ms = 2500;
	config.service.admin = "127.0.0.1:0";
	load_begin();
	for (int i = 1; i <= 9; i++) {
		pass_ms(1000);
		settle();
		assert_int_equal(lines_told(), i / 2);
	}
	signal_comes(SIGTERM);
	answer(0, OK);
	load_end();
}

/* Nothing is looked at, and nobody wakes up for it. */
static void sleeps_where_nobody_looks(void **state)
{
	(void)state;
	script.plan.timeout_ms = CURFEW_NEVER;
	load_begin();
	assert_true(agenda_next(&worker->loop->agenda) == CURFEW_NEVER);
	signal_comes(SIGTERM);
	answer(0, OK);
	load_end();
}

/* Ramps. */

static void ramp_begin(size_t most)
{
	struct buffer refusal = {0};

	script.plan.is_open = script.plan.has_ramp = true;
	script.plan.ramp = (struct ramp){.start = 10, .step = 10, .every_ns = NS_PER_S};
	assert_int_equal(
		threshold_parse(&script.plan.ramp.condition, "p90<100ms", NULL, 0, &refusal), 0);
	buffer_fini(&refusal);
	script.plan.stage_count = ramp_stages(&script.plan.ramp, script.stages, most);
	assert_int_equal(script.plan.stage_count, most);
	script.plan.connections = 100;
	load_begin();
}

/* Each is answered within the next so many milliseconds. */
static void answered_within(int64_t each_ms, int64_t for_ms)
{
	int64_t until = script.now + for_ms * NS_PER_MS;

	while (script.now < until && load.phase == LOAD_RUNNING) {
		pass_ms(each_ms);
		(void)answer_all(OK);
	}
}

static double ramp_row(const char *name)
{
	const struct result_section *section = told.sections;

	assert_non_null(section);
	assert_string_equal(section->name, "ramp");
	for (size_t i = 0; i < section->row_count; i++) {
		if (!strcmp(section->rows[i].name, name)) {
			return section->rows[i].value;
		}
	}
	fail_msg("the ramp says nothing of %s", name);
	return 0;
}

static void a_ramp_ends_where_its_condition_breaks(void **state)
{
	(void)state;
	ramp_begin(8);
	answered_within(5, 3010);
	assert_int_equal(load.ramp.passed, 3);
	answered_within(200, 3000);
	assert_true(load.phase >= LOAD_FINISHING);
	(void)answer_all(OK);
	load_end();
	assert_int_equal(told.ending, RESULT_RAMP);
	assert_true(ramp_row("highest_passed") == 30);
	assert_true(ramp_row("broke_at") == 40);
	assert_int_equal(exit_code, 0);
}

static void a_ramp_may_break_at_once(void **state)
{
	(void)state;
	ramp_begin(8);
	answered_within(300, 3000);
	(void)answer_all(OK);
	load_end();
	assert_int_equal(told.ending, RESULT_RAMP);
	assert_int_equal(exit_code, 1);
}

/* Its last step has passed: there is nothing more to be known. */
static void a_ramp_may_never_break(void **state)
{
	(void)state;
	ramp_begin(3);
	answered_within(5, 10000);
	(void)answer_all(OK);
	load_end();
	assert_int_equal(told.ending, RESULT_RAMP);
	assert_true(ramp_row("highest_passed") == 30);
	assert_int_equal(told.tally.scheduled, 10 + 20 + 30);
	assert_in_range(told.ran_ns, 3000 * NS_PER_MS, 3010 * NS_PER_MS);
	assert_int_equal(exit_code, 0);
}

static void a_signal_ends_a_ramp(void **state)
{
	(void)state;
	ramp_begin(8);
	answered_within(5, 2500);
	signal_comes(SIGTERM);
	(void)answer_all(OK);
	load_end();
	assert_int_equal(told.ending, RESULT_SIGNAL);
	assert_true(ramp_row("highest_passed") == 20);
	assert_false(timer_started(&load.step_end));
}

/* Thresholds. */

static void judges_what_came_of_it(void **state)
{
	static const char *const conditions[] = {"p99>50ms", "errors>0%"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct buffer refusal = {0};

		assert_int_equal(threshold_parse(&script.plan.thresholds[i], conditions[i], NULL, 0,
					 &refusal),
			0);
		buffer_fini(&refusal);
	}
	script.plan.threshold_count = 2;
	script.plan.requests_most = 3;
	load_begin();
	answer(0, OK);
	answer(0, "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n");
	answer(0, OK);
	load_end();
	assert_int_equal(told.verdict_count, 2);
	assert_false(told.verdicts[0].broken);
	assert_true(told.verdicts[1].broken);
	assert_int_equal(exit_code, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		load_test(a_look_has_all_that_was_counted),
		load_test(a_look_at_the_end),
		load_test(a_look_behind_the_end),
		load_test(is_looked_at_for_who_scrapes),
		load_test(shows_a_line_at_each_interval),
		load_test(shows_lines_beside_who_scrapes),
		load_test(sleeps_where_nobody_looks),
		load_test(a_ramp_ends_where_its_condition_breaks),
		load_test(a_ramp_may_break_at_once),
		load_test(a_ramp_may_never_break),
		load_test(a_signal_ends_a_ramp),
		load_test(judges_what_came_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
