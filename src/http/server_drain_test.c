/* SPDX-License-Identifier: Apache-2.0 */
/* What the end of the process makes of connections: they finish, in each state. */
#include "http/server_drain_script.h"

static int announcing_setup(void **state)
{
	(void)state;
	clock_now = curfew_now();
	clock_fake(&clock_now);
	workers_begin_announcing(1, 20000, 100);
	return 0;
}

/* Nothing is closed yet, and who has sent ahead is answered; but each answer may be the last. */
static void answers_say_close_from_the_signal_on(void **state)
{
	(void)state;
	serve();
	say(GET("/a"));
	expect(OK);
	stop();
	assert_int_equal(curfew_lifecycle_phase(life), CURFEW_ANNOUNCING);
	expect("");
	say(GET("/b"));
	expect(OK_CLOSE "<end>");
	expect_heard("request GET /a\nend\nover 200\nrequest GET /b\nend\nover 200\n");
	assert_int_equal(count_of(CURFEW_REQUESTS_COMPLETED), 2);
	assert_int_equal(count_of(CURFEW_REQUESTS_DRAINED), 1);
	served();
}

static void idle_connections_have_a_moment(void **state)
{
	static const char *const before[] = {"", "\r\n", GET("/a")};

	for (size_t i = 0; i < ROWS(before); i++) {
		assert_int_equal(clock_setup(state), 0);
		serve();
		say(before[i]);
		expect(i == 2 ? OK : "");
		stop();
		pass_ms(GRACE_MS - 1);
		expect("");
		pass_ms(1);
		expect("<end>");
		served();
		assert_int_equal(clock_teardown(state), 0);
	}
}

/* It is no longer than what was left without it, nor than the work may take. */
static void the_moment_ends_with_what_ends_first(void **state)
{
	assert_int_equal(clock_setup(state), 0);
	serve();
	pass_ms(HEAD_MS - GRACE_MS / 2);
	stop();
	pass_ms(GRACE_MS / 2 - 1);
	expect("");
	pass_ms(1);
	expect("<end>");
	served();
	assert_int_equal(clock_teardown(state), 0);

	assert_int_equal(clock_setup(state), 0);
	serve();
	limits.idle_grace_ms = 60000;
	say(GET("/a"));
	expect(OK);
	stop();
	pass_ms(clock_ms_between(clock_now, curfew_lifecycle_work_deadline(life)) - MARGIN_MS - 1);
	expect("");
	pass_ms(2);
	expect("<end>");
	served();
	assert_int_equal(clock_teardown(state), 0);
}

static void a_request_in_it_is_answered(void **state)
{
	(void)state;
	serve();
	say(GET("/a"));
	expect(OK);
	stop();
	pass_ms(GRACE_MS - 1);
	say(GET("/b"));
	expect(OK_CLOSE "<end>");
	served();
}

static void a_request_that_was_begun_is_answered(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_later;
	say(GET("/a"));
	stop();
	pass_ms(10 * GRACE_MS);
	expect("");
	answer_ok(script.connection);
	expect(OK_CLOSE "<end>");
	served();
}

/* Its head has gone without saying so: then it may ask once more, in a moment. */
static void an_answer_that_was_begun_is_ended(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_begun;
	say(GET("/a"));
	expect(CHUNKED);
	stop();
	pass_ms(10 * GRACE_MS);
	http_answer_end(script.connection, NULL);
	expect("0\n\n");
	script.on_end = NULL;
	pass_ms(GRACE_MS - 1);
	say(GET("/b"));
	expect(OK_CLOSE "<end>");
	served();
}

static void and_closed_if_nothing_comes(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_begun;
	say(GET("/a"));
	expect(CHUNKED);
	stop();
	http_answer_end(script.connection, NULL);
	expect("0\n\n");
	pass_ms(GRACE_MS - 1);
	expect("");
	pass_ms(1);
	expect("<end>");
	served();
}

static void half_a_head_is_waited_for(void **state)
{
	(void)state;
	serve();
	say("GET /a HTTP/1.1\r\n");
	stop();
	pass_ms(HEAD_MS - 1);
	expect("");
	say("Host: a\r\n\r\n");
	expect(OK_CLOSE "<end>");
	served();
}

static void or_refused_in_the_end(void **state)
{
	(void)state;
	serve();
	say("GET /a HTTP/1.1\r\n");
	stop();
	pass_ms(HEAD_MS);
	expect("HTTP/1.1 408 Request Timeout\nContent-Type: text/plain; charset=utf-8\n"
	       "Content-Length: 40\nConnection: close\n\nthe request's head did not come in "
	       "time\n<end>");
	served();
}

/* The last of them says that it is. */
static void what_was_sent_ahead_is_answered(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_later;
	say(GET("/a") GET("/b") GET("/c"));
	stop();
	for (int i = 0; i < 2; i++) {
		answer_ok(script.connection);
		expect(OK);
	}
	answer_ok(script.connection);
	expect(OK_CLOSE "<end>");
	expect_heard("request GET /a\nend\nover 200\nrequest GET /b\nend\nover 200\n"
		     "request GET /c\nend\nover 200\n");
	served();
}

/* The same where they wait in the kernel, or come in one piece with the first. */
static void wherever_it_waits(void **state)
{
	(void)state;
	serve();
	settle();
	say(GET("/a") GET("/b"));
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	expect(OK OK_CLOSE "<end>");
	served();
}

static void in_the_kernel_too(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_later;
	say(GET("/a"));
	stop();
	say(GET("/b"));
	answer_ok(script.connection); /* no round has passed */
	expect(OK);
	answer_ok(script.connection);
	expect(OK_CLOSE "<end>");
	served();
}

static void nothing_comes_behind_a_closed_drain(void **state)
{
	int fds[2];

	(void)state;
	serve();
	stop();
	tcp_pair(fds);
	assert_int_equal(http_server_take(&server, fds[0], NULL), -ESHUTDOWN);
	close(fds[1]);
	pass_ms(GRACE_MS);
	expect("<end>");
	served();
}

static void tunnels_are_asked_to_finish(void **state)
{
	(void)state;
	serve();
	script.on_end = switch_protocols;
	say(UPGRADE);
	expect(SWITCHED);
	stop();
	expect_heard("request GET /a\nend\nfinish\n");
	pass_ms(10 * GRACE_MS); /* and left alone */
	expect("");
	http_tunnel_close(script.connection, true);
	expect("<end>");
	served();
}

static void or_left_until_they_are_cut(void **state)
{
	(void)state;
	serve();
	handler.finish_tunnel = NULL;
	script.on_end = switch_protocols;
	say(UPGRADE);
	expect(SWITCHED);
	stop();
	pass_ms(10 * GRACE_MS);
	expect("");
	pass_ms(CUT_MS);
	expect("<end>");
	expect_heard("request GET /a\nend\nover 101 not whole\n");
	served();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			answers_say_close_from_the_signal_on, announcing_setup, clock_teardown),
		cmocka_unit_test(idle_connections_have_a_moment),
		cmocka_unit_test(the_moment_ends_with_what_ends_first),
		clock_test(a_request_in_it_is_answered),
		clock_test(a_request_that_was_begun_is_answered),
		clock_test(an_answer_that_was_begun_is_ended),
		clock_test(and_closed_if_nothing_comes),
		clock_test(half_a_head_is_waited_for),
		clock_test(or_refused_in_the_end),
		clock_test(what_was_sent_ahead_is_answered),
		clock_test(wherever_it_waits),
		clock_test(in_the_kernel_too),
		clock_test(nothing_comes_behind_a_closed_drain),
		clock_test(tunnels_are_asked_to_finish),
		clock_test(or_left_until_they_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
