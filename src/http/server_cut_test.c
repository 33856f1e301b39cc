/* SPDX-License-Identifier: Apache-2.0 */
/* Connections at the deadline of the work, and what each is held as until then. */
#include "http/server_drain_script.h"

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
