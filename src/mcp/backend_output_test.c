/* SPDX-License-Identifier: Apache-2.0 */
/* What the child writes: noise, long lines, more than the client takes. */
#include "child/child.h"
#include "mcp/backend_script.h"

#define CHUNK 16384 /* the child object reads so much at once */

static void noise_is_logged_and_dropped(void **state)
{
	struct asked *one;

	(void)state;
	start();
	one = ask("1", "noise");
	await(one);
	assert_echo(one, "1", "noise");
	assert_int_equal(mcp.counts.noise_lines, 6);
	assert_int_equal(mcp.counts.messages_dropped, 0);
	assert_int_equal(said_count, 0);
	run_until_logged("{\\\"id\\\":1");
	assert_contains(log_text(), "event=noise session=s1 line=\"Starting server...\"\n");
	assert_contains(log_text(), "line=\"\\u001b[31m\xef\xbf\xbd\"\n");
	assert_contains(log_text(), "line=7\n");
}

static void lines_of_standard_error_are_logged(void **state)
{
	(void)state;
	start();
	(void)ask("1", "tell x");
	run_until_logged("event=child_said session=s1 line=x\n");
}

static size_t answer_length(size_t filling)
{
	return strlen("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"\"}") + filling;
}

static void a_message_may_be_as_long_as_max_message_says(uint64_t most)
{
	char method[64];
	struct asked *one, *two, *three;

	start();
	mcp_config.max_message = most;
	(void)snprintf(method, sizeof(method), "long %zu", (size_t)most - answer_length(0));
	one = ask("1", method);
	await(one);
	assert_int_equal(one->code, 0);
	assert_int_equal(one->answer.length, most);
	assert_int_equal(one->answer.data[most - 1], '}');
	(void)snprintf(method, sizeof(method), "long %zu", (size_t)most - answer_length(0) + 1);
	two = ask("1", method);
	await(two);
	assert_int_equal(two->code, MESSAGE_INTERNAL_ERROR);
	assert_string_equal(two->reason, "the server's answer was longer than --max-message");
	three = ask("3", "delay 0");
	await(three);
	assert_echo(three, "3", "delay 0");
	run_until_logged("event=too_long session=s1 bytes=");
	assert_int_equal(mcp.counts.noise_lines, 0);
}

static void whole_lines_are_measured(void **state)
{
	(void)state;
	a_message_may_be_as_long_as_max_message_says(110);
}

static void lines_in_many_chunks_are_measured(void **state)
{
	(void)state;
	a_message_may_be_as_long_as_max_message_says(300000);
}

static void of_a_line_that_is_too_long_both_ends_are_kept_and_no_more(void **state)
{
	struct asked *one, *two;

	(void)state;
	start();
	one = ask("1", "long 9000000");
	two = ask("2", "late 9000000");
	run_until(backend.output.is_long || one->ends);
	assert_int_equal(one->ends, 0);
	while (!two->ends) {
		assert_true(!backend.output.is_long ||
			backend.output.line.capacity + backend.output.tail.capacity <= 32768);
		assert_true(backend.output.line.capacity <= 2 * mcp_config.max_message);
		round_wait();
		round_now();
	}
	await(one);
	assert_int_equal(one->code, MESSAGE_INTERNAL_ERROR);
	assert_int_equal(two->code, MESSAGE_INTERNAL_ERROR);
	assert_null(backend.output.line.data);
	assert_null(backend.output.tail.data);
}

static void a_long_line_that_names_no_call_is_dropped(void **state)
{
	struct asked *one;

	(void)state;
	start();
	mcp_config.max_message = 1000;
	one = ask("1", "flood 2 1000");
	await(one);
	assert_int_equal(one->code, 0);
	assert_int_equal(said_count, 0);
	assert_int_equal(mcp.counts.messages_dropped, 2);
}

static void the_child_is_told_of_a_request_that_is_too_long(void **state)
{
	(void)state;
	start();
	mcp_config.max_message = 1000;
	await(ask("1", "demand 1000"));
	run_until(said_count);
	assert_string_equal(buffer_text(&said),
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/seen\",\"params\":"
		"{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"error\":{\"code\":-32600,\"message\":"
		"\"the request is longer than --max-message\"}}}\n");
}

static void a_large_answer_comes_whole(void **state)
{
	struct asked *one;

	(void)state;
	start();
	one = ask("\"the client's\"", "long 8000000");
	await(one);
	assert_int_equal(one->code, 0);
	assert_int_equal(one->answer.length, 8000000 + answer_length(0) - 1 + 14);
	assert_memory_equal(one->answer.data + one->answer.length - 3, "x\"}", 3);
}

static void stop_listening(void)
{
	assert_int_equal(backend.pauses, 0);
	backend_pause(&backend);
}

static void while_it_is_paused_nothing_comes_and_memory_is_bounded(void **state)
{
	struct asked *one;

	(void)state;
	start();
	on_message = stop_listening;
	one = ask("1", "flood 3000 100");
	run_until(said_count);
	for (int i = 1; i <= 1000; i++) {
		for (int round = 0; round < 3; round++) {
			round_now();
			assert_int_equal(said_count, i);
			assert_true(backend.output.held.length <= CHUNK);
		}
		backend_resume(&backend);
		assert_int_equal(said_count, i);
		run_until(said_count > i);
	}
	assert_int_equal(one->ends, 0);
	on_message = NULL;
	backend_resume(&backend);
	await(one);
	assert_int_equal(said_count, 3000);
}

static void what_was_held_comes_in_its_order(void **state)
{
	struct buffer expected = {0};
	struct asked *one;

	(void)state;
	start();
	on_message = stop_listening;
	one = ask("1", "flood 200 50");
	while (!one->ends) {
		if (backend.pauses) {
			backend_resume(&backend);
		}
		round_wait();
		round_now();
	}
	for (int i = 0; i < 200; i++) {
		buffer_appendf(&expected,
			"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":"
			"{\"number\":%d,\"data\":\"%s\"}}\n",
			i, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	}
	assert_string_equal(buffer_text(&said), buffer_text(&expected));
	buffer_fini(&expected);
}

static void each_pause_needs_its_resume(void **state)
{
	struct asked *one;

	(void)state;
	start();
	one = ask("1", "flood 100 100");
	backend_pause(&backend);
	backend_pause(&backend);
	backend_resume(&backend);
	backend_pause(&backend);
	backend_resume(&backend);
	for (int i = 0; i < 20; i++) {
		round_now();
	}
	assert_int_equal(said_count, 0);
	backend_resume(&backend);
	backend_pause(&backend); /* at once again: nothing comes in between */
	round_now();
	assert_int_equal(said_count, 0);
	backend_resume(&backend);
	await(one);
	assert_int_equal(said_count, 100);
}

static void what_a_child_wrote_before_its_end_waits_for_the_client(void **state)
{
	struct asked *one, *two;

	(void)state;
	start();
	on_message = stop_listening;
	one = ask("1", "flood 50 100");
	two = ask("2", "exit 3");
	run_until(backend.child->main_ended);
	for (int i = 0; i < 20; i++) {
		round_now();
	}
	assert_int_equal(said_count, 1);
	assert_true(running);
	assert_int_equal(two->ends, 0);
	on_message = NULL;
	backend_resume(&backend);
	run_until(!running);
	assert_int_equal(said_count, 50);
	assert_echo(one, "1", "flood 50 100");
	assert_string_equal(two->reason, "the server exited with code 3");
}

static void what_is_held_of_a_child_that_has_ended_is_dropped_when_it_is_stopped(void **state)
{
	struct asked *one;

	(void)state;
	start();
	on_message = stop_listening;
	one = ask("1", "flood 50 100");
	(void)ask("2", "exit 3");
	run_until(backend.exited);
	backend_stop(&backend, -32001, "it was enough");
	assert_true(running);
	run_until(!running);
	assert_int_equal(said_count, 1);
	assert_string_equal(one->reason, "it was enough");
}

static void count_answer(struct call *call, const char *line, size_t length)
{
	(void)line;
	(void)length;
	asked_of(call)->ends++;
}

/* Whichever allocation fails while an answer of many chunks is read: the call ends once. */
static void without_memory_for_an_answer_its_call_fails(void **state)
{
	static const struct call_ops counting = {count_answer, NULL, note_failure};
	bool failed = true;
	int failures = 0;

	(void)state;
	for (int n = 1; failed; n++) {
		struct asked *one;

		start();
		asked_count = 0;
		one = ask("1", "long 1000000");
		one->call.ops = &counting;
		round_now(); /* it is sent */
		allocation_fail(n);
		await(one);
		failed = allocation_failed();
		failures += one->code != 0;
		assert_int_equal(one->code, failed ? MESSAGE_INTERNAL_ERROR : 0);
		backend_stop(&backend, -32001, "it was enough");
		run_until(!running);
	}
	assert_true(failures > 3);
}

static void a_last_line_needs_no_newline(void **state)
{
	struct asked *one;

	(void)state;
	start();
	one = ask("1", "last");
	await(one);
	assert_echo(one, "1", "last");
	run_until(!running);
	assert_string_equal(reason, "the server exited with code 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		backend_test(noise_is_logged_and_dropped),
		backend_test(lines_of_standard_error_are_logged),
		backend_test(whole_lines_are_measured),
		backend_test(lines_in_many_chunks_are_measured),
		backend_test(of_a_line_that_is_too_long_both_ends_are_kept_and_no_more),
		backend_test(a_long_line_that_names_no_call_is_dropped),
		backend_test(the_child_is_told_of_a_request_that_is_too_long),
		backend_test(a_large_answer_comes_whole),
		backend_test(while_it_is_paused_nothing_comes_and_memory_is_bounded),
		backend_test(what_was_held_comes_in_its_order),
		backend_test(each_pause_needs_its_resume),
		backend_test(what_a_child_wrote_before_its_end_waits_for_the_client),
		backend_test(what_is_held_of_a_child_that_has_ended_is_dropped_when_it_is_stopped),
		backend_test(without_memory_for_an_answer_its_call_fails),
		backend_test(a_last_line_needs_no_newline),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
