/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is slow has its bound; what makes progress, or waits for us, has none. Time passes when the
 * test says so; the bounds are those of http_limits_default.
 */
#include "http/server.h"

#include "http/server_script.h"

#define HEAD_MS 5000
#define IDLE_MS 75000
#define STALL_MS 60000

#define LENGTH(length) "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: " length "\r\n\r\n"
#define TYPE "Content-Type: text/plain; charset=utf-8\n"
#define TIMEOUT "HTTP/1.1 408 Request Timeout\n" TYPE "Content-Length: 40\nConnection: close\n\n"

/* What happens does so at this time, and not a moment before. */
static void pass_exactly_ms(int64_t ms)
{
	pass_ms(ms - 1);
	expect("");
	pass_ms(1);
}

static void answer_later(struct http_connection *connection)
{
	(void)connection;
}

static void a_silent_client_is_closed(void **state)
{
	(void)state;
	serve();
	pass_exactly_ms(HEAD_MS);
	expect("<end>");
	expect_heard("");
	served();
}

static void between_requests_it_may_take_longer(void **state)
{
	(void)state;
	serve();
	pass_ms(HEAD_MS - 1);
	for (int i = 0; i < 2; i++) {
		say(GET("/a"));
		expect(OK);
		expect_heard("request GET /a\nend\nover 200\n");
		if (i == 0) {
			pass_ms(IDLE_MS - 1);
			expect("");
		}
	}
	pass_exactly_ms(IDLE_MS);
	expect("<end>");
	expect_heard("");
	served();
}

/* However much of it has come; its bytes do not move the bound. */
static void half_a_head_has_a_bound(void **state)
{
	(void)state;
	for (int second = 0; second < 2; second++) {
		serve();
		if (second) {
			say(GET("/a"));
			expect(OK);
			expect_heard("request GET /a\nend\nover 200\n");
			pass_ms(IDLE_MS - 1);
		}
		say("GET / HTTP/1.1\r\nHost");
		pass_ms(HEAD_MS / 2);
		say(": a\r\n");
		pass_exactly_ms(HEAD_MS / 2);
		expect(TIMEOUT "the request's head did not come in time\n<end>");
		expect_heard("refused 408\n");
		assert_int_equal(script.left, 0); /* it lingers, for the rest */
		served();
	}
}

/* An empty line in front of a request is not the beginning of one. */
static void an_empty_line_is_no_head(void **state)
{
	(void)state;
	serve();
	pass_ms(HEAD_MS / 2);
	say("\r\n");
	pass_exactly_ms(HEAD_MS / 2);
	expect("<end>");
	served();
}

static void a_body_that_stalls_has_a_bound(void **state)
{
	(void)state;
	serve();
	say(LENGTH("10"));
	pass_ms(STALL_MS / 2);
	say("hello");
	pass_ms(STALL_MS / 2);
	expect(""); /* some came meanwhile */
	pass_exactly_ms(STALL_MS);
	expect(TIMEOUT "the request's body did not come in time\n<end>");
	expect_heard("request POST /a\nbody hello\nover 408 not whole\n");
	assert_int_equal(script.left, 0); /* it lingers, for the rest */
	served();
}

static void answer_begun(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_length(connection, 2, false);
}

static void it_is_aborted_when_its_answer_has_begun(void **state)
{
	(void)state;
	serve();
	script.on_request = answer_begun;
	say(LENGTH("10") "hello");
	expect("HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\n");
	pass_ms(2 * STALL_MS);
	pass_ms(2 * STALL_MS);
	expect("<reset>");
	expect_heard("request POST /a\nbody hello\nover 200 not whole\n");
	served();
}

static void what_makes_progress_has_none(void **state)
{
	(void)state;
	serve();
	say(LENGTH("10"));
	for (int i = 0; i < 10; i++) {
		pass_ms(STALL_MS - 1);
		expect("");
		say("x");
	}
	expect(OK);
	expect_heard("request POST /a\nbody xxxxxxxxxx\nend\nover 200\n");
	served();
}

/* What waits for us is not the client's fault: an answer, or a body that is not taken. */
static void a_slow_handler_has_no_bound(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_later;
	say(GET("/a"));
	for (int i = 0; i < 5; i++) {
		pass_ms(2 * STALL_MS);
	}
	expect_heard("request GET /a\nend\n");
	answer_ok(script.connection);
	expect(OK);
	script.on_end = NULL;
	script.takes = 0;
	say(LENGTH("5") "hello");
	for (int i = 0; i < 5; i++) {
		pass_ms(2 * STALL_MS);
	}
	expect_heard("over 200\nrequest POST /a\n");
	script.takes = 5;
	http_resume(script.connection);
	expect(OK);
	served();
}

static void answer_much(struct http_connection *connection)
{
	char *bytes = pattern(16 * MEGABYTE);

	(void)http_answer(connection, 200);
	http_answer_length(connection, 16 * MEGABYTE, false);
	http_answer_write(connection, bytes, 16 * MEGABYTE);
	free(bytes);
}

static void answer_all(struct http_connection *connection)
{
	answer_much(connection);
	http_answer_end(connection, NULL);
}

static void assert_reset(void)
{
	read_to_end();
	assert_string_equal(got.data + got.length - 7, "<reset>");
	assert_true(got.length < 16 * MEGABYTE);
}

static void an_answer_that_is_not_read_is_aborted(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_much;
	say(GET("/a"));
	settle();
	pass_ms(STALL_MS); /* in which some has gone */
	assert_int_equal(script.left, 0);
	pass_ms(STALL_MS);
	assert_int_equal(script.left, 1);
	expect_heard("request GET /a\nend\nover 200 not whole\n");
	assert_reset();
	served();
}

/* The same, where the answer is whole and only its way out is long: between requests, and last. */
static void nor_does_what_is_queued_wait_for_ever(void **state)
{
	(void)state;
	for (int last = 0; last < 2; last++) {
		serve();
		script.on_end = answer_all;
		say(last ? "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" : GET("/a"));
		expect_heard("request GET /a\nend\nover 200\n");
		if (!last) {
			pass_ms(IDLE_MS);
		}
		pass_ms(STALL_MS);
		pass_ms(STALL_MS);
		assert_int_equal(script.left, 1);
		assert_reset();
		served();
	}
}

/* Whoever reads slowly gets all of it. */
static void a_slow_reader_gets_all(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_all;
	say("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	for (size_t read = MEGABYTE; read < 16 * MEGABYTE; read += MEGABYTE) {
		while (got.length < read) {
			assert_true(client_wait());
		}
		pass_ms(STALL_MS - 1);
	}
	read_to_end();
	assert_string_equal(got.data + got.length - 5, "<end>");
	assert_true(got.length > 16 * MEGABYTE);
	served();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		clock_test(a_silent_client_is_closed),
		clock_test(between_requests_it_may_take_longer),
		clock_test(half_a_head_has_a_bound),
		clock_test(an_empty_line_is_no_head),
		clock_test(a_body_that_stalls_has_a_bound),
		clock_test(it_is_aborted_when_its_answer_has_begun),
		clock_test(what_makes_progress_has_none),
		clock_test(a_slow_handler_has_no_bound),
		clock_test(an_answer_that_is_not_read_is_aborted),
		clock_test(nor_does_what_is_queued_wait_for_ever),
		clock_test(a_slow_reader_gets_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
