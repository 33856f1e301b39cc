/* SPDX-License-Identifier: Apache-2.0 */
/* A process for each call of a function that streams: items as they come, and clients that wait. */
#include "serve/process.h"

#include "child/child.h"
#include "serve/program_script.h"

#define CHUNK 16384 /* the child object reads so much at once */

static int setup_process(void **state)
{
	int result = setup(state);

	serve.function.runner = &process_runner;
	serve.function.streams = true;
	return result;
}

#define process_test(test) cmocka_unit_test_setup_teardown(test, setup_process, teardown)

#define ITEM(output)                                                                               \
	"{\"usage\":[],\"status_code\":200,\"file_data\":null,\"filedata_meta\":"                  \
	"{\"terminate_current\":false,\"new_records\":[]},\"status_code_text\":null,"              \
	"\"output\":" output ",\"message_channels\":{\"infos\":[],\"warnings\":[]}}\n"

static void each_line_is_an_item(void **state)
{
	struct called *one, *none;

	(void)state;
	one = call("say {'output':1}; say {'output':{'a':[2]}}; put {'output':3}");
	none = call("tell nothing to say");
	await(one);
	await(none);
	assert_string_equal(buffer_text(&one->items), ITEM("1") ITEM("{\"a\":[2]}") ITEM("3"));
	assert_done(one, "");
	assert_int_equal(none->item_count, 0);
	assert_done(none, "");
}

static void an_item_is_passed_on_before_the_process_ends(void **state)
{
	struct called *one;

	(void)state;
	one = call("say {'output':1}; hang");
	run_until(one->item_count);
	assert_int_equal(one->ends, 0);
	cancel(one);
	await(one);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	assert_int_equal(one->item_count, 1);
}

static void what_goes_wrong_comes_behind_the_items(void **state)
{
	static const struct {
		const char *script;
		enum invocation_outcome outcome;
		int status;
		const char *text;
	} cases[] = {
		{"say {'output':1}; tell oh; exit 3", INVOCATION_DONE, 500, "[exit 3] oh"},
		{"say {'output':1}; die 6", INVOCATION_CRASHED, 502, "[signal ABRT]"},
		{"say {'output':1}; put {'output':2; die 6", INVOCATION_CRASHED, 502,
			"[signal ABRT]"},
		{"say {'output':1}; say {'status_code':404,'status_code_text':'gone'};"
		 "say {'output':2}",
			INVOCATION_DONE, 404, "gone"},
	};
	struct called *each[4], *wrong;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		each[i] = call(cases[i].script);
	}
	wrong = call("say {'output':1}; say hello; say {'output':2}; hang");
	for (size_t i = 0; i < 4; i++) {
		await(each[i]);
		assert_end(each[i], cases[i].outcome, cases[i].status, cases[i].text);
		assert_string_equal(buffer_text(&each[i]->items), ITEM("1"));
	}
	await(wrong);
	assert_int_equal(wrong->status, 500);
	assert_contains(buffer_text(&wrong->said), "[output] ");
	assert_string_equal(buffer_text(&wrong->items), ITEM("1"));
}

static void a_stream_that_ends_on_our_term_is_whole_only_if_it_says_so(void **state)
{
	struct called *one, *two;

	(void)state;
	one = call("on-term 0; tell up; hang");
	run_until_logged("line=up");
	cancel(one);
	await(one);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	assert_string_equal(buffer_text(&one->items), ITEM("\"late\""));
	buffer_fini(&logged);
	two = call("on-term-end 0; tell up; hang");
	run_until_logged("line=up");
	cancel(two);
	await(two);
	assert_done(two, "");
	assert_string_equal(buffer_text(&two->items), ITEM("\"late\""));
}

/* A client that waits. */

static bool process_is_blocked(const struct called *one)
{
	const struct dialogue *dialogue = one->invocation.run; /* the first member */

	return dialogue->paused;
}

static void a_slow_client_stops_the_reading(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "many 5000 1000; tell done");

	(void)state;
	one->slow_after = 3;
	begin(one);
	run_until(process_is_blocked(one));
	for (int i = 0; i < 20; i++) {
		round_now();
	}
	assert_int_equal(one->item_count, 3);
	assert_null(strstr(log_text(), "line=done"));
	resume(one);
	await(one);
	assert_int_equal(one->item_count, 5000);
	assert_done(one, "");
}

static void a_client_may_be_slow_again_and_again(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "flood 100 10");

	(void)state;
	one->slow_after = 1;
	begin(one);
	for (int items = 1; !one->ends; items++) {
		run_until(one->ends || process_is_blocked(one));
		if (!one->ends) {
			assert_int_equal(one->item_count, items);
			serve.function.runner->resume(&one->invocation);
			assert_int_equal(one->item_count, items); /* not inside */
		}
	}
	assert_int_equal(one->item_count, 100);
	assert_done(one, "");
}

/* It ended long ago; what it has said is still there. */
static void what_was_said_outlives_the_process(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "flood 20 10; tell x; exit 4");
	siginfo_t info = {0};

	(void)state;
	one->slow_after = 5;
	begin(one);
	run_until(process_is_blocked(one));
	do {
		round_now();
	} while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && !info.si_pid);
	for (int i = 0; i < 20; i++) {
		round_now();
	}
	assert_int_equal(one->ends, 0);
	resume(one);
	await(one);
	assert_int_equal(one->item_count, 20);
	assert_end(one, INVOCATION_DONE, 500, "[exit 4] x");
}

static void a_cancel_does_not_wait_for_a_slow_client(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "many 100000 1000");
	struct called *two = call_of(INVOCATION_CALL, "ignore-term; many 100000 1000; hang");

	(void)state;
	serve_config.term_wait_ms = 50;
	one->slow_after = two->slow_after = 3;
	begin(one);
	begin(two);
	run_until(process_is_blocked(one) && process_is_blocked(two));
	cancel(one);
	cancel(two);
	await(one);
	await(two);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	assert_int_equal(two->outcome, INVOCATION_CANCELLED);
	assert_int_equal(one->item_count, 3);
	assert_int_equal(two->item_count, 3);
}

static void nobody_waits_for_a_client_that_becomes_slow_behind_the_cancel(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "ignore-term; tell up; many 100000 1000");

	(void)state;
	one->slow_after = 5;
	begin(one);
	run_until(one->item_count);
	if (one->item_count < 5) {
		cancel(one);
	} else {
		assert_true(process_is_blocked(one));
		cancel(one);
	}
	await(one);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	assert_int_equal(one->item_count, 5);
}

static void a_cut_does_not_wait_for_a_slow_client(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "ignore-term; many 100000 1000; hang");

	(void)state;
	one->slow_after = 3;
	begin(one);
	run_until(process_is_blocked(one));
	cut(one);
	await(one);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	assert_int_equal(one->item_count, 3);
}

static void lines_come_whole_however_they_are_read(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "");
	char script[64];
	int count = 0;

	(void)state;
	for (int length = CHUNK - 20; length < CHUNK + 4; length++) {
		(void)snprintf(script, sizeof(script), "%sflood 2 %d", count++ ? ";" : "", length);
		one->invocation.arguments.text.length -= 2;
		buffer_append_text(&one->invocation.arguments.text, script);
		buffer_append_text(&one->invocation.arguments.text, "\"}");
	}
	begin(one);
	await(one);
	assert_done(one, "");
	assert_int_equal(one->item_count, 2 * count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		process_test(each_line_is_an_item),
		process_test(an_item_is_passed_on_before_the_process_ends),
		process_test(what_goes_wrong_comes_behind_the_items),
		process_test(a_stream_that_ends_on_our_term_is_whole_only_if_it_says_so),
		process_test(a_slow_client_stops_the_reading),
		process_test(a_client_may_be_slow_again_and_again),
		process_test(what_was_said_outlives_the_process),
		process_test(a_cancel_does_not_wait_for_a_slow_client),
		process_test(nobody_waits_for_a_client_that_becomes_slow_behind_the_cancel),
		process_test(a_cut_does_not_wait_for_a_slow_client),
		process_test(lines_come_whole_however_they_are_read),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
