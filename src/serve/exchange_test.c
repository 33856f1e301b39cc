/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: how they are answered, streams, and clients that go away. */
#include "serve/endpoint_script.h"

static void a_call_is_answered_with_its_envelope(void **state)
{
	(void)state;
	begin_call();
	expect_asked("begin " BODY "\n");
	end_call(INVOCATION_DONE, "\"text\"");
	expect("HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 194\n\n" LINE(
		"\"text\""));
}

static void the_status_is_that_of_the_envelope(void **state)
{
	static const struct {
		int code;
		const char *status;
	} cases[] = {
		{400, "HTTP/1.1 400 "},
		{404, "HTTP/1.1 404 "},
		{599, "HTTP/1.1 599 "},
		{503, "HTTP/1.1 503 "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin_call();
		fail_call(cases[i].code, "no");
		expect_answer(cases[i].status, "\"status_code_text\":\"no\"");
	}
}

/* A plugin may set any; HTTP's own meaning of some would lose the envelope. */
static void statuses_without_a_body_are_not_used(void **state)
{
	static const struct {
		int code;
		const char *status;
	} cases[] = {
		{204, "HTTP/1.1 200 "},
		{205, "HTTP/1.1 200 "},
		{201, "HTTP/1.1 201 "},
		{304, "HTTP/1.1 500 "},
		{100, "HTTP/1.1 500 "},
		{600, "HTTP/1.1 500 "},
		{-1, "HTTP/1.1 500 "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct envelope envelope = {.status_code = cases[i].code, .touched = true};
		struct invocation *ended;

		begin_call();
		ended = call;
		call = NULL;
		invocation_end(ended, INVOCATION_DONE, &envelope);
		expect_answer(cases[i].status, "\"status_code\":");
		envelope_fini(&envelope);
	}
}

static void envelope_status_leaves_200(void **state)
{
	(void)state;
	config.envelope_status = true;
	begin_call();
	fail_call(404, "no");
	expect_answer("HTTP/1.1 200 ", "\"status_code\":404");
}

static void a_precheck_has_an_answer_of_its_own(void **state)
{
	(void)state;
	host.function.has_precheck = true;
	ask("GET /precheck HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	run_until(call);
	expect_asked("precheck \n");
	fail_call(500, "no");
	expect_answer("HTTP/1.1 500 ",
		"\n\n{\"usage\":[],\"status_code\":500,\"status_code_text\":\"no\"}");
}

/* Room. */

static int other_client(void)
{
	int fds[2];

	tcp_pair(fds);
	assert_int_equal(serve_endpoint_take(&host, fds[0], NULL), 0);
	return fds[1];
}

static void send_call(int fd)
{
	static const char text[] = POST JSON_TYPE "Content-Length: 13\r\n\r\n" BODY;

	assert_int_equal(send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL), sizeof(text) - 1);
}

static void a_full_queue_is_503(void **state)
{
	int running = other_client(), waiting = other_client();

	(void)state;
	send_call(running);
	run_until(host.running == 1);
	send_call(waiting);
	run_until(host.queued == 1);
	ask(POST, JSON_TYPE, BODY);
	expect_answer("HTTP/1.1 503 ", "\nRetry-After: 5\n");
	end_call(INVOCATION_DONE, NULL);
	run_until(call);
	close(waiting);
	close(running);
}

static void the_end_of_the_process_is_503(void **state)
{
	int running = other_client();

	(void)state;
	send_call(running);
	run_until(host.running == 1);
	ask(POST, JSON_TYPE, BODY);
	run_until(host.queued == 1);
	invocations_cancel(&host);
	expect_answer("HTTP/1.1 503 ", "\nRetry-After: 5\n");
	ask(POST, JSON_TYPE, BODY);
	expect_answer("HTTP/1.1 503 ", FAILURE("503", "plugin shutdown: in-flight work aborted"));
	expect_asked("begin " BODY "\ncancel: parent\n");
	close(running);
}

/* Streams. */

static void items_leave_as_they_come(void **state)
{
	(void)state;
	host.function.streams = true;
	begin_call();
	assert_true(yield("1"));
	expect("HTTP/1.1 200 OK\nContent-Type: application/x-ndjson\n"
	       "Transfer-Encoding: chunked\n\nbe\n" LINE("1") "\n\n");
	assert_true(yield("22"));
	expect("bf\n" LINE("22") "\n\n");
	end_call(INVOCATION_DONE, NULL);
	expect("0\n\n");
}

static void a_failure_is_the_last_line(void **state)
{
	(void)state;
	host.function.streams = true;
	begin_call();
	assert_true(yield("1"));
	expect_answer("HTTP/1.1 200 ", LINE("1"));
	fail_call(500, "[ValueError] no");
	read_until("0\r\n\r\n");
	assert_non_null(strstr(buffer_text(&got), FAILURE("500", "[ValueError] no") "\n"));
}

static void a_failure_before_all_items_has_its_status(void **state)
{
	(void)state;
	host.function.streams = true;
	begin_call();
	fail_call(418, "no");
	expect_answer("HTTP/1.1 418 ", "\nContent-Type: application/x-ndjson\n");
}

/* At once: an idle connection would be waited for. */
static void a_stream_that_the_end_stops_is_the_last(void **state)
{
	(void)state;
	host.function.streams = true;
	begin_call();
	assert_true(yield("1"));
	invocations_cancel(&host);
	end_call(INVOCATION_CANCELLED, NULL);
	read_until("\r\n0\r\n\r\n");
	settle();
	(void)client_read();
	assert_non_null(strstr(buffer_text(&got), FAILURE("503", INVOCATION_STOPPED) "\n"));
	assert_non_null(strstr(buffer_text(&got), "\r\n0\r\n\r\n<end>"));
}

static void a_stream_may_be_empty(void **state)
{
	(void)state;
	host.function.streams = true;
	begin_call();
	end_call(INVOCATION_DONE, NULL);
	expect("HTTP/1.1 200 OK\nContent-Type: application/x-ndjson\n"
	       "Transfer-Encoding: chunked\n\n0\n\n");
}

static void a_slow_client_is_waited_for(void **state)
{
	struct buffer output = {0};

	(void)state;
	buffer_append_char(&output, '"');
	for (size_t i = 0; i < 65536; i++) {
		buffer_append_text(&output, "0123456789abcdef");
	}
	buffer_append_char(&output, '"');
	host.function.streams = true;
	begin_call();
	expect_asked("begin " BODY "\n");
	while (yield(buffer_text(&output))) {
		settle(); /* what the kernel takes */
	}
	settle();
	expect_asked("");
	while (!asked.length) {
		(void)client_wait();
		buffer_consume(&got, got.length);
	}
	expect_asked("resume\n");
	end_call(INVOCATION_DONE, NULL);
	buffer_fini(&output);
}

/* Clients that go. */

static void a_client_that_goes_cancels(void **state)
{
	(void)state;
	begin_call();
	client_reset();
	run_until(script.left == 1);
	settle();
	expect_asked("begin " BODY "\ncancel: client-gone\n");
}

static void a_client_that_goes_in_a_stream_cancels(void **state)
{
	(void)state;
	host.function.streams = true;
	begin_call();
	assert_true(yield("1"));
	client_reset();
	run_until(script.left == 1);
	settle();
	expect_asked("begin " BODY "\ncancel: client-gone\n");
	(void)yield("2"); /* nobody hears it */
}

/* What it has sent ahead is not read meanwhile, and its end stands behind that. */
static void a_client_that_goes_while_reading_rests_cancels(void **state)
{
	(void)state;
	begin_call();
	ask(POST, JSON_TYPE, BODY);
	settle();
	client_reset();
	run_until(script.left == 1);
	settle();
	expect_asked("begin " BODY "\ncancel: client-gone\n");
}

static void a_client_that_ends_its_side_may_still_go(void **state)
{
	(void)state;
	begin_call();
	client_shut();
	settle();
	client_reset();
	run_until(script.left == 1);
	settle();
	expect_asked("begin " BODY "\ncancel: client-gone\n");
}

static void a_client_that_ends_its_side_waits_for_its_answer(void **state)
{
	(void)state;
	begin_call();
	client_shut();
	settle();
	expect_asked("begin " BODY "\n");
	end_call(INVOCATION_DONE, "1");
	read_to_end();
	assert_non_null(strstr(buffer_text(&got), LINE("1")));
}

static void who_waited_in_the_queue_and_left_never_runs(void **state)
{
	int running = other_client();

	(void)state;
	send_call(running);
	run_until(host.running == 1);
	ask(POST, JSON_TYPE, BODY);
	run_until(host.queued == 1);
	client_reset();
	run_until(host.queued == 0);
	end_call(INVOCATION_DONE, "1");
	settle();
	expect_asked("begin " BODY "\n");
	close(running);
}

/* The work's deadline. */

static void the_last_word_is_the_envelope(void **state)
{
	(void)state;
	begin_call();
	curfew_drain_cut(&worker->drain);
	read_to_end();
	assert_non_null(strstr(buffer_text(&got), "HTTP/1.1 503 "));
	assert_non_null(strstr(buffer_text(&got), "Retry-After: 5\r\n"));
	assert_non_null(strstr(buffer_text(&got), FAILURE("503", INVOCATION_STOPPED)));
}

static void the_last_word_of_a_stream_is_a_line(void **state)
{
	(void)state;
	host.function.streams = true;
	begin_call();
	assert_true(yield("1"));
	curfew_drain_cut(&worker->drain);
	read_to_end();
	assert_non_null(strstr(buffer_text(&got), FAILURE("503", INVOCATION_STOPPED) "\n"));
	assert_non_null(strstr(buffer_text(&got), "\r\n0\r\n\r\n"));
}

static void a_body_that_comes_behind_the_token_is_answered_at_once(void **state)
{
	(void)state;
	ask(POST, JSON_TYPE "Content-Length: 13\r\n", NULL);
	say("{\"pa");
	run_until(host.gathered == 4);
	invocations_cancel(&host);
	say("t");
	expect_answer("HTTP/1.1 503 ", "\nRetry-After: 5\n");
	expect_asked("");
}

static void a_body_that_is_cut_is_answered(void **state)
{
	(void)state;
	ask(POST, JSON_TYPE "Content-Length: 13\r\n", NULL);
	say("{\"pa");
	run_until(host.gathered == 4);
	curfew_drain_cut(&worker->drain);
	read_to_end();
	assert_non_null(strstr(buffer_text(&got), "HTTP/1.1 503 "));
	assert_non_null(strstr(buffer_text(&got), FAILURE("503", INVOCATION_STOPPED)));
	expect_asked("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		endpoint_test(a_call_is_answered_with_its_envelope),
		endpoint_test(the_status_is_that_of_the_envelope),
		endpoint_test(statuses_without_a_body_are_not_used),
		endpoint_test(envelope_status_leaves_200),
		endpoint_test(a_precheck_has_an_answer_of_its_own),
		endpoint_test(a_full_queue_is_503),
		endpoint_test(the_end_of_the_process_is_503),
		endpoint_test(items_leave_as_they_come),
		endpoint_test(a_failure_is_the_last_line),
		endpoint_test(a_failure_before_all_items_has_its_status),
		endpoint_test(a_stream_that_the_end_stops_is_the_last),
		endpoint_test(a_stream_may_be_empty),
		endpoint_test(a_slow_client_is_waited_for),
		endpoint_test(a_client_that_goes_cancels),
		endpoint_test(a_client_that_goes_in_a_stream_cancels),
		endpoint_test(a_client_that_goes_while_reading_rests_cancels),
		endpoint_test(a_client_that_ends_its_side_may_still_go),
		endpoint_test(a_client_that_ends_its_side_waits_for_its_answer),
		endpoint_test(who_waited_in_the_queue_and_left_never_runs),
		endpoint_test(the_last_word_is_the_envelope),
		endpoint_test(the_last_word_of_a_stream_is_a_line),
		endpoint_test(a_body_that_comes_behind_the_token_is_answered_at_once),
		endpoint_test(a_body_that_is_cut_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
