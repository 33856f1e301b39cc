/* SPDX-License-Identifier: Apache-2.0 */
/* What the end of the process makes of connections: they finish, in each state, or are cut. */
#include "http/server.h"

#include "core/lifecycle.h"
#include "http/server_script.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define HEAD_MS 5000
#define GRACE_MS 1000 /* of idle connections */
#define MARGIN_MS 50  /* before the deadline of the work */
#define CUT_MS 15000  /* after the worker_test's deadline of the work */
#define UPGRADE "GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
#define SWITCHED "HTTP/1.1 101 Switching Protocols\nUpgrade: x\nConnection: upgrade\n\n"
#define CHUNKED "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n"
#define SHUTTING_DOWN                                                                              \
	"HTTP/1.1 503 Service Unavailable\nContent-Type: text/plain; charset=utf-8\n"              \
	"Retry-After: 1\nContent-Length: 28\nConnection: close\n\nthe server is shutting down\n"

static void answer_later(struct http_connection *connection)
{
	(void)connection;
}

static void answer_begun(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_chunked(connection, false);
	http_answer_write(connection, "hello", 5);
}

static void switch_protocols(struct http_connection *connection)
{
	http_compose_field(http_answer(connection, 101), "Upgrade", "x");
	http_tunnel(connection, false);
}

static void stop(void)
{
	settle();
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	settle();
}

static uint64_t count_of(enum curfew_count count)
{
	return atomic_load(&life->counts[count]);
}

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

/* The work's deadline is over. */

static void answer_in_cut(struct http_connection *connection)
{
	if (connection->answer == HTTP_ANSWER_NONE) {
		http_answer_whole(connection, 500, NULL, "no", NULL);
	} else {
		http_answer_end(connection, NULL);
	}
}

static void abort_in_cut(struct http_connection *connection)
{
	http_answer_abort(connection);
}

#define HEARD "request GET /a\nend\n"

static void requests_are_cut_with_an_answer(void **state)
{
	static const struct {
		void (*on_end)(struct http_connection *connection);
		void (*on_cut)(struct http_connection *connection);
		const char *before, *then, *heard;
	} rows[] = {
		{answer_later, NULL, "", SHUTTING_DOWN "<end>", HEARD "over 503\n"},
		{answer_begun, NULL, CHUNKED, "<reset>", HEARD "over 200 not whole\n"},
		{answer_later, answer_in_cut, "",
			"HTTP/1.1 500 Internal Server Error\nContent-Length: 2\nConnection: "
			"close\n\nno<end>",
			HEARD "cut\nover 500\n"},
		{answer_begun, answer_in_cut, CHUNKED, "0\n\n<end>", HEARD "cut\nover 200\n"},
		{answer_later, abort_in_cut, "", "<end>", HEARD "cut\nover 0 not whole\n"},
		{answer_begun, abort_in_cut, CHUNKED, "<reset>", HEARD "cut\nover 200 not whole\n"},
		{answer_later, answer_later, "", "<end>", HEARD "cut\nover 0 not whole\n"},
		{answer_begun, answer_later, CHUNKED, "<reset>", HEARD "cut\nover 200 not whole\n"},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(clock_setup(state), 0);
		serve();
		script.on_end = rows[i].on_end;
		script.on_cut = rows[i].on_cut;
		handler.cut = rows[i].on_cut ? script_cut : NULL;
		say(GET("/a"));
		expect(rows[i].before);
		stop();
		pass_ms(CUT_MS);
		expect(rows[i].then);
		expect_heard(rows[i].heard);
		assert_int_equal(count_of(CURFEW_REQUESTS_FORCED), 1);
		assert_int_equal(count_of(CURFEW_REQUESTS_COMPLETED), 0);
		served();
		assert_int_equal(clock_teardown(state), 0);
	}
}

/* Who has sent ahead hears that nothing else will be answered. */
static void a_forced_answer_is_the_last(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_later;
	say(GET("/a") GET("/b"));
	stop();
	pass_ms(CUT_MS);
	expect(SHUTTING_DOWN "<end>");
	expect_heard(HEARD "over 503\n");
	served();
}

static void the_rest_is_cut(void **state)
{
	static const struct {
		const char *says, *before, *then, *heard;
	} rows[] = {
		{"", "", "<end>", ""},
		{GET("/a"), OK, "<end>", HEARD "over 200\n"},
		{"GET /a HT", "", "<end>", ""},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(worker_setup(state), 0);
		serve();
		say(rows[i].says);
		expect(rows[i].before);
		curfew_drain_cut(&worker->drain);
		expect(rows[i].then);
		expect_heard(rows[i].heard);
		served();
		assert_int_equal(worker_teardown(state), 0);
	}
}

static void cut_tunnel(struct http_connection *connection)
{
	http_tunnel_write(connection, "bye", 3);
	http_tunnel_close(connection, false);
}

static void tunnels_may_say_something_last(void **state)
{
	(void)state;
	serve();
	handler.cut = script_cut;
	script.on_cut = cut_tunnel;
	script.on_end = switch_protocols;
	say(UPGRADE);
	expect(SWITCHED);
	stop();
	pass_ms(CUT_MS);
	expect("bye<end>");
	expect_heard(HEARD "finish\ncut\nover 101 not whole\n");
	assert_int_equal(count_of(CURFEW_REQUESTS_FORCED), 0); /* it is none */
	served();
}

static void answer_much(struct http_connection *connection)
{
	char *bytes = pattern(16 * MEGABYTE);

	(void)http_answer(connection, 200);
	http_answer_chunked(connection, false);
	http_answer_write(connection, bytes, 16 * MEGABYTE);
	http_answer_end(connection, NULL);
	free(bytes);
}

/*
 * What is on its way out is cut off: that of a client that knows no other end must not look whole.
 */
static void the_last_answer_may_be_cut_off(void **state)
{
	(void)state;
	for (int minor = 0; minor < 2; minor++) {
		assert_int_equal(clock_setup(state), 0);
		serve();
		script.on_end = answer_much;
		say(minor ? "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
			  : "GET /a HTTP/1.0\r\n\r\n");
		expect_heard(HEARD "over 200\n");
		stop();
		pass_ms(CUT_MS);
		assert_int_equal(script.left, 1);
		read_to_end();
		assert_true(got.length < 16 * MEGABYTE);
		if (!minor) {
			assert_string_equal(got.data + got.length - 7, "<reset>");
		}
		served();
		assert_int_equal(clock_teardown(state), 0);
	}
}

static void what_is_no_work_is_not_counted(void **state)
{
	(void)state;
	serve();
	server.uncounted = true;
	script.on_end = answer_later;
	say(GET("/a") GET("/b"));
	settle();
	answer_ok(script.connection);
	stop();
	pass_ms(CUT_MS);
	expect(OK SHUTTING_DOWN "<end>");
	assert_int_equal(count_of(CURFEW_REQUESTS_COMPLETED), 0);
	assert_int_equal(count_of(CURFEW_REQUESTS_FORCED), 0);
	served();
}

/* What each state is held as. */

static void note_holder(const struct curfew_holder *holder, void *arg)
{
	struct buffer *names = arg;

	buffer_appendf(names, "%s %s\n", holder->kind, holder->name);
}

static void expect_held(const char *expected)
{
	struct buffer names = {0};

	settle();
	curfew_drain_list(&worker->drain, note_holder, &names);
	assert_string_equal(buffer_text(&names), expected);
	buffer_fini(&names);
}

static void each_state_has_its_name(void **state)
{
	(void)state;
	serve();
	expect_held("connection connection\n");
	script.on_end = answer_later;
	say(GET("/a-where?at=all"));
	expect_held("request GET /a-where?at=all\n");
	answer_ok(script.connection);
	expect(OK);
	expect_held("connection connection\n");
	script.on_end = answer_much; /* on its way out for a while */
	say("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	expect_held("connection connection\n");
	assert_int_equal(script.left, 0);
	served();
	serve();
	script.on_end = switch_protocols;
	say(UPGRADE);
	expect(SWITCHED);
	expect_held("tunnel GET /a\n");
	http_tunnel_close(script.connection, true);
	served();
	expect_held("");
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
		cmocka_unit_test(requests_are_cut_with_an_answer),
		clock_test(a_forced_answer_is_the_last),
		cmocka_unit_test(the_rest_is_cut),
		clock_test(tunnels_may_say_something_last),
		cmocka_unit_test(the_last_answer_may_be_cut_off),
		clock_test(what_is_no_work_is_not_counted),
		worker_test(each_state_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
