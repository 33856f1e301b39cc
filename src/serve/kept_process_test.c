/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that are kept: requests and answers by lines, what is wrong with them, replacement. */
#include <sched.h>

#include "child/proc.h"
#include "serve/kept_script.h"

static void one_process_answers_many_calls(void **state)
{
	char pid[32] = "";

	(void)state;
	start_kept(1);
	for (int i = 0; i < 5; i++) {
		struct called *one = call(PID);

		await(one);
		assert_int_equal(one->outcome, INVOCATION_DONE);
		assert_string_equal(buffer_text(&one->output), i ? pid : buffer_text(&one->output));
		(void)snprintf(pid, sizeof(pid), "%s", buffer_text(&one->output));
	}
	assert_int_equal(serve.counts.processes_started, 1);
}

static void as_many_calls_at_a_time_as_workers(void **state)
{
	struct called *one, *two, *three;

	(void)state;
	start_kept(2);
	one = call("tell one up; hang");
	two = call("tell two up; hang");
	run_until_logged("line=\"one up\"");
	run_until_logged("line=\"two up\"");
	three = call(ANSWER);
	cancel(one);
	await(three);
	assert_done(three, "1");
	cancel(two);
	await(one);
	await(two);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	assert_int_equal(two->outcome, INVOCATION_CANCELLED);
}

static void an_answer_may_be_one_line_or_two(void **state)
{
	struct called *one, *two, *three, *four;

	(void)state;
	start_kept(1);
	one = call(ANSWER);
	await(one);
	assert_done(one, "1");
	two = call("got; say {'end':true}");
	await(two);
	assert_done(two, "{\"do\":\"got; say {'end':true}\"}");
	three = call("say {'status_code':404,'status_code_text':'gone','end':true}");
	await(three);
	assert_end(three, INVOCATION_DONE, 404, "gone");
	four = call("say {'end':true}");
	await(four);
	assert_done(four, "");
	assert_int_equal(serve.counts.processes_started, 1);
}

static void items_of_a_stream_come_as_they_are_said(void **state)
{
	struct called *one, *two, *three;

	(void)state;
	serve.function.streams = true;
	start_kept(1);
	one = call("say {'output':1}; say {'output':2,'end':true}");
	await(one);
	assert_int_equal(one->item_count, 2);
	assert_done(one, "");
	two = call("say {'output':1}; say {'output':2}; say {'end':true}");
	await(two);
	assert_int_equal(two->item_count, 2);
	assert_done(two, "");
	three = call(
		"say {'output':1}; say {'status_code':422,'status_code_text':'no','end':true}");
	await(three);
	assert_int_equal(three->item_count, 1);
	assert_end(three, INVOCATION_DONE, 422, "no");
	assert_int_equal(serve.counts.processes_started, 1);
}

static void a_slow_client_stops_the_reading_and_not_the_next_call(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "flood 50 10; say {'end':true}"), *two;

	(void)state;
	serve.function.streams = true;
	start_kept(1);
	one->slow_after = 3;
	begin(one);
	run_until(one->item_count);
	for (int i = 0; i < 20; i++) {
		round_now();
	}
	assert_int_equal(one->item_count, 3);
	resume(one);
	await(one);
	assert_int_equal(one->item_count, 50);
	two = call("say {'output':1,'end':true}");
	two->slow_after = 1;
	await(two);
	two = call(ANSWER);
	await(two);
	assert_int_equal(two->item_count, 1);
}

/* What is wrong with it. */

static void one_that_dies_is_replaced(void **state)
{
	static const struct {
		const char *script, *text, *log;
	} cases[] = {
		{"die 11", "[signal SEGV]", " signal=SEGV "},
		{"tell oh no; exit 3", "[exit 3] oh no", " code=3 "},
		{"say {'output':1}; exit 0", "[exit 0]", " code=0 "},
	};

	(void)state;
	start_kept(1);
	for (size_t i = 0; i < 3; i++) {
		struct called *one = call(cases[i].script);
		struct called *two;

		await(one);
		assert_end(one, INVOCATION_CRASHED, 502, cases[i].text);
		assert_contains(log_text(), "event=worker_ended ");
		assert_contains(log_text(), cases[i].log);
		two = call(ANSWER);
		await(two);
		assert_done(two, "1");
	}
	assert_int_equal(serve.counts.processes_started, 4);
	assert_int_equal(serve.counts.processes_died, 1);
}

static bool is_dead(pid_t pid)
{
	struct proc_stat stat;

	return !proc_stat(pid, &stat) || stat.state == 'Z';
}

static void kill_behind_its_back(const struct called *told)
{
	pid_t pid = atoi(buffer_text(&told->output));

	assert_int_equal(kill(pid, SIGKILL), 0);
	while (!is_dead(pid)) {
		sched_yield();
	}
}

/* Nobody knows yet that it is. */
static void a_call_that_is_given_to_a_dead_one_goes_to_another(void **state)
{
	struct called *one;

	(void)state;
	start_kept(1);
	for (int i = 0; i < 5; i++) {
		one = call(PID);
		await(one);
		kill_behind_its_back(one);
		one = call(ANSWER);
		await(one);
		assert_done(one, "1");
	}
	assert_int_equal(serve.counts.processes_started, 6);
}

static void a_call_that_goes_to_another_keeps_its_turn(void **state)
{
	struct called *one, *two;

	(void)state;
	start_kept(1);
	one = call(PID);
	await(one);
	kill_behind_its_back(one);
	one = call(ANSWER);
	two = call(ANSWER);
	await(two);
	assert_int_equal(one->ends, 1);
	assert_done(one, "1");
	assert_done(two, "1");
}

/* Two are dead; the second one may be seen to be so before the call comes to it. */
static struct called *call_to_dead_ones(void)
{
	struct called *one, *two;

	start_kept(2);
	one = call(PID);
	two = call(PID);
	await(one);
	await(two);
	kill_behind_its_back(one);
	kill_behind_its_back(two);
	one = call(ANSWER);
	await(one);
	return one;
}

/* Else a call that ends whoever it is given to would go round for ever. */
static void a_call_goes_to_another_once(void **state)
{
	struct called *one = call_to_dead_ones();

	for (int i = 0; i < 20 && one->outcome == INVOCATION_DONE; i++) {
		teardown(state);
		setup_kept(state);
		one = call_to_dead_ones();
	}
	assert_end(one, INVOCATION_CRASHED, 502, "[signal KILL]");
}

static void one_that_dies_again_and_again_is_started_later_and_later(void **state)
{
	int64_t begun = curfew_now();

	(void)state;
	start_kept(1);
	for (int i = 0; i < 4; i++) {
		struct called *one = call("exit 1");

		await(one);
		assert_end(one, INVOCATION_CRASHED, 502, "[exit 1]");
	}
	run_until_logged(" after_ms=400\n");
	assert_contains(log_text(), " code=1 after_ms=0\n");
	assert_contains(log_text(), " code=1 after_ms=100\n");
	assert_contains(log_text(), " code=1 after_ms=200\n");
	assert_true(curfew_now() - begun >= 300000000);
}

static void what_is_no_answer_ends_the_process(void **state)
{
	static const struct {
		const char *script, *text;
	} cases[] = {
		{"say hello; hang", "[output] "},
		{"say {'output':1}; say {'output':2}; hang",
			"[output] it wrote more than one answer, and is no stream"},
		{"say {'output':1}; say {'output':2,'end':true}",
			"[output] it wrote more than one answer, and is no stream"},
		{"long 2000; hang", "[output] a line is longer than --max-line"},
	};

	(void)state;
	serve_config.max_line = 1000;
	start_kept(1);
	for (size_t i = 0; i < 4; i++) {
		struct called *one = call(cases[i].script);
		struct called *two;

		await(one);
		assert_int_equal(one->outcome, INVOCATION_DONE);
		assert_int_equal(one->status, 500);
		assert_contains(buffer_text(&one->said), cases[i].text);
		two = call(ANSWER);
		await(two);
		assert_done(two, "1");
	}
	assert_int_equal(serve.counts.processes_started, 5);
	assert_null(strstr(log_text(), "worker_ended"));
}

static struct called *follower;

static void begin_follower(void)
{
	begin(follower);
}

/* The next call begins inside the end of the one before. */
static void what_nobody_asked_for_is_nobodys_answer(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "stray");

	(void)state;
	serve.function.streams = true;
	start_kept(1);
	follower = call_of(INVOCATION_CALL, "say {'output':'own','end':true}");
	one->then = begin_follower;
	begin(one);
	await(follower);
	assert_done(one, "");
	assert_done(follower, "");
	assert_int_equal(follower->item_count, 1);
	assert_contains(buffer_text(&follower->items), "own");
	assert_contains(log_text(), "event=noise ");
}

static void one_that_closes_its_input_is_replaced(void **state)
{
	struct called *one, *two;

	(void)state;
	start_kept(1);
	one = call("deaf; say {'end':true}; hang");
	await(one);
	assert_done(one, "");
	two = call(ANSWER);
	await(two);
	assert_end(two, INVOCATION_CRASHED, 502, "[signal TERM]");
	two = call(ANSWER);
	await(two);
	assert_done(two, "1");
}

static void one_that_closes_its_output_is_as_good_as_dead(void **state)
{
	static const char *const cases[] = {"mute; hang", "say {'output':1}; mute; hang"};
	struct called *one;

	(void)state;
	start_kept(1);
	for (size_t i = 0; i < 2; i++) {
		one = call(cases[i]);
		await(one);
		assert_end(one, INVOCATION_CRASHED, 502, "[output] it has closed its output");
		one = call(ANSWER);
		await(one);
		assert_done(one, "1");
	}
	assert_int_equal(serve.counts.processes_started, 3);
	assert_contains(log_text(), "event=worker_ended ");
}

static void one_that_closes_its_output_behind_its_answer_is_replaced(void **state)
{
	(void)state;
	start_kept(1);
	for (uint64_t started = 2; started < 5; started++) {
		struct called *one = call("say {'output':1,'end':true}; mute; hang");

		await(one);
		assert_done(one, "1");
		run_until(serve.counts.processes_started == started);
		one = call(ANSWER);
		await(one);
		assert_done(one, "1");
	}
}

/* Else its end would be a reason to start the next one at once, for ever. */
static void those_that_close_their_output_are_started_later_and_later(void **state)
{
	static char *const mute[] = {"/bin/sh", "-c", "exec sleep 1000 >&-", NULL};

	(void)state;
	serve_config.command = mute;
	start_kept(1);
	run_until_logged(" after_ms=200\n");
	assert_contains(log_text(), " signal=TERM after_ms=0\n");
	assert_contains(log_text(), " signal=TERM after_ms=100\n");
}

static void one_that_closes_its_output_when_it_was_asked_to_end_is_left_alone(void **state)
{
	static char *const polite[] = {"/bin/sh", "-c",
		"trap 'exec >&-; sleep 0.1; exit 0' TERM; sleep 1000 & "
		"read line; echo up >&2; wait",
		NULL};
	struct called *one;

	(void)state;
	serve_config.command = polite;
	start_kept(1);
	one = call("");
	run_until_logged("line=up");
	cancel(one);
	await(one);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	assert_null(strstr(log_text(), "worker_ended"));
}

/* The rest of its request would be the beginning of the next one. */
static void one_that_answers_before_it_has_read_is_replaced(void **state)
{
	static char *const hasty[] = {"/bin/sh", "-c",
		"head -c 1 >/dev/null; echo '{\"output\":1,\"end\":true}'; exec sleep 1000", NULL};

	(void)state;
	serve_config.command = hasty;
	start_kept(1);
	for (int i = 0; i < 2; i++) {
		struct called *one = call_of(INVOCATION_CALL, "");
		struct buffer *text = &one->invocation.arguments.text;

		for (int j = 0; j < 100000; j++) {
			buffer_append_text(text, "0123456789");
		}
		begin(one);
		await(one);
		assert_done(one, "1");
		buffer_fini(text); /* it is the call's, which is over */
	}
	assert_int_equal(serve.counts.processes_started, 2);
}

static void a_complaint_belongs_to_its_call(void **state)
{
	struct called *one, *two;

	(void)state;
	start_kept(1);
	one = call("tell old news;" ANSWER);
	await(one);
	run_until_logged("line=\"old news\"");
	two = call("exit 5");
	await(two);
	assert_end(two, INVOCATION_CRASHED, 502, "[exit 5]");
}

static void calls_are_refused_while_none_can_be_started(void **state)
{
	struct called *one, *two;

	(void)state;
	start_kept(1);
	serve_config.cwd = "/nonexistent";
	one = call("exit 1");
	await(one);
	two = call(ANSWER);
	await(two);
	assert_end(two, INVOCATION_DONE, 502,
		"[worker] it cannot be started: No such file or directory");
	run_until_logged("event=worker_failed reason=\"No such file or directory\" after_ms=");
	serve_config.cwd = NULL;
	two = call(ANSWER);
	await(two);
	assert_done(two, "1");
}

static void at_the_start_it_is_an_error(void **state)
{
	(void)state;
	serve_config.workers = 3;
	serve_config.cwd = "/nonexistent";
	assert_int_equal(program_start(&serve), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kept_test(one_process_answers_many_calls),
		kept_test(as_many_calls_at_a_time_as_workers),
		kept_test(an_answer_may_be_one_line_or_two),
		kept_test(items_of_a_stream_come_as_they_are_said),
		kept_test(a_slow_client_stops_the_reading_and_not_the_next_call),
		kept_test(one_that_dies_is_replaced),
		kept_test(a_call_that_is_given_to_a_dead_one_goes_to_another),
		kept_test(a_call_that_goes_to_another_keeps_its_turn),
		kept_test(a_call_goes_to_another_once),
		kept_test(one_that_dies_again_and_again_is_started_later_and_later),
		kept_test(what_is_no_answer_ends_the_process),
		kept_test(what_nobody_asked_for_is_nobodys_answer),
		kept_test(one_that_closes_its_input_is_replaced),
		kept_test(one_that_closes_its_output_is_as_good_as_dead),
		kept_test(one_that_closes_its_output_behind_its_answer_is_replaced),
		kept_test(those_that_close_their_output_are_started_later_and_later),
		kept_test(one_that_closes_its_output_when_it_was_asked_to_end_is_left_alone),
		kept_test(one_that_answers_before_it_has_read_is_replaced),
		kept_test(a_complaint_belongs_to_its_call),
		kept_test(calls_are_refused_while_none_can_be_started),
		kept_test(at_the_start_it_is_an_error),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
