/* SPDX-License-Identifier: Apache-2.0 */
/* --shared: one child for all sessions. */
#include "mcp/session_script.h"

#include "core/lifecycle.h"

#define INITIALIZED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"
#define NOTE(name) "{\"jsonrpc\":\"2.0\",\"method\":\"" name "\"}"

static void initialize_is_answered_as_it_was_first(void **state)
{
	struct session *first = open_session(false), *second = open_session(false);
	struct session *third = open_session(false);
	struct peer *one = initialize_as(first, "\"a\"", VERSION), *two, *three;

	(void)state;
	two = initialize_as(second, "2", "1999-01-01");
	await(one,
		"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"protocolVersion\":\"" VERSION
		"\",\"capabilities\":{}}}");
	await(two,
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":\"" VERSION
		"\",\"capabilities\":{}}}");
	three = initialize_as(third, "3", "1999-01-01");
	await(three, "\"id\":3,\"result\":{\"protocolVersion\":\"" VERSION "\"");
	assert_string_equal(second->protocol, VERSION);
	assert_ptr_equal(first->backend, third->backend);
	assert_int_equal(first->backend->next_number, 1);
	assert_int_equal(children_left(), 2); /* the worker's peers are the other */
}

static void an_error_is_one_clients(void **state)
{
	struct session *first = open_session(false), *second = open_session(false);
	struct peer *one = initialize_as(first, "1", "refused"), *two;

	(void)state;
	two = initialize_as(second, "2", VERSION);
	await(one, "\"id\":1,\"error\":{\"code\":-32602");
	await(two, "\"id\":2,\"result\"");
	run_until(mcp.session_count == 1 && !mcp.ended_count);
}

static void an_answer_that_is_too_long_is_one_too(void **state)
{
	struct session *first = open_session(false), *second = open_session(false);
	struct peer *one, *two;

	(void)state;
	mcp_config.max_message = 2000;
	one = initialize_as(first, "1", "huge");
	two = initialize_as(second, "2", VERSION);
	await(one, "longer than --max-message");
	await(two, "\"id\":2,\"result\"");
	run_until(mcp.session_count == 1 && !mcp.ended_count);
}

static void who_asked_may_leave(void **state)
{
	struct session *first = open_session(false), *second = open_session(false);
	struct peer *one = initialize_as(first, "1", VERSION), *two;

	(void)state;
	two = initialize_as(second, "2", VERSION);
	session_end(first, ENDED);
	await(one, "\"id\":1,\"error\"");
	await(two, "\"id\":2,\"result\"");
	run_until(!mcp.ended_count);
}

static void who_waits_may_leave(void **state)
{
	struct session *first = open_session(false), *second = open_session(false);
	struct peer *one, *two;

	(void)state;
	mcp_config.request_timeout_ms = 1000;
	one = initialize_as(first, "1", "mute");
	two = initialize_as(second, "2", VERSION);
	pass_ms(1001);
	await(one, "in time");
	await(two, "in time");
	run_until(!mcp.session_count && !mcp.ended_count);
}

static void the_child_is_initialized_once(void **state)
{
	struct session *first = open_ready(), *second = open_ready();
	struct peer *stream = listen_to(first), *one;
	struct buffer text = {0};

	(void)state;
	say_to(first, INITIALIZED);
	say_to(second, INITIALIZED);
	say_to(second, NOTE("notifications/a"));
	one = call(first, "1", "ping");
	await(one, "result");
	await(stream, "notifications/a");
	peer_text(stream, &text);
	assert_non_null(strstr(buffer_text(&text), "notifications/initialized"));
	assert_null(strstr(strstr(buffer_text(&text), "notifications/initialized") + 1,
		"notifications/initialized"));
	buffer_fini(&text);
}

static void what_the_child_says_is_for_all(void **state)
{
	struct session *first = open_ready(), *second = open_ready(), *third = open_ready();
	struct peer *one = listen_to(first), *two = listen_to(second), *asking;

	(void)state;
	asking = call(third, "1", "notify notifications/tools/list_changed");
	await(asking, "result");
	await(one, "data: " NOTE("notifications/tools/list_changed"));
	await(two, "data: " NOTE("notifications/tools/list_changed"));
	assert_lacks(asking, NOTE("notifications/tools/list_changed"));
	await(call(third, "1", "notify notifications/message"), "result");
	await(one, NOTE("notifications/message"));
	asking = listen_to(third);
	await(asking, NOTE("notifications/tools/list_changed"));
	assert_lacks(asking, NOTE("notifications/message"));
}

static void the_childs_requests_are_refused(void **state)
{
	struct session *session = open_ready();
	struct peer *stream = listen_to(session);

	(void)state;
	await(call(session, "1", "ask"), "result");
	await(stream,
		"notifications/seen\",\"params\":{\"jsonrpc\":\"2.0\",\"id\":\"q\","
		"\"error\":{\"code\":-32601,");
	await(call(session, "1", "ask ping"), "result");
	await(stream, "\"params\":{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{}}");
	assert_lacks(stream, "\"ask\"}\n");
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{\"no\":1}}");
	await(call(session, "1", "retract"), "result");
	await(call(session, "1", "ping"), "result");
	assert_lacks(stream, "\"no\":1");
	assert_lacks(stream, "notifications/cancelled\"");
}

static void a_session_that_ends_cancels_its_calls(void **state)
{
	struct session *first = open_ready(), *second = open_ready();
	struct peer *stream = listen_to(second), *one, *two;

	(void)state;
	one = call(first, "1", "hold");
	two = call(second, "1", "hold");
	session_end(first, ENDED);
	await(one, ENDED);
	await(stream,
		"\"notifications/cancelled\",\"params\":{\"requestId\":2,\"reason\":\"" ENDED
		"\"}");
	run_until(!mcp.ended_count);
	await(call(second, "2", "release"), "result");
	await(two, "\"id\":1,\"result\"");
	assert_int_equal(mcp.session_count, 1);
}

static void a_slow_client_does_not_stop_the_others(void **state)
{
	struct session *first = open_ready(), *second = open_ready();
	struct peer *slow = ask_slowly(GET_REQUEST);

	(void)state;
	session_listen(first, arrived, FIELDS);
	await(call(second, "1", "flood 500 2000"), "result");
	await(call(second, "2", "ping"), "result");
	await(slow, "retry: 1000\n");
	await(slow, "<over>");
	assert_lacks(slow, "\"number\":499");
}

static int rooms;

static void note_room(struct session_waiter *waiter)
{
	(void)waiter;
	rooms++;
}

static void a_slow_client_of_http_sse_waits_with_its_calls(void **state)
{
	struct session *session = open_session(true);
	struct session_waiter waiter = {.room = note_room};
	struct peer *slow = ask_slowly(GET_REQUEST);

	(void)state;
	rooms = 0;
	session_listen(session, arrived, FIELDS);
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\"}");
	await(slow, "\"id\":0,\"result\"");
	assert_false(session_is_full(session, &waiter));
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"long 8000000\"}");
	run_until(!session->call_count);
	assert_true(session_is_full(session, &waiter));
	while (!rooms) {
		(void)peer_read(slow);
		round_now();
	}
	assert_int_equal(rooms, 1);
	assert_false(session_is_full(session, &waiter));
}

static void all_sessions_end_with_the_child(void **state)
{
	struct session *first = open_ready(), *second = open_ready();
	struct peer *stream = listen_to(first), *one;

	(void)state;
	mcp_config.restart = true;
	one = call(second, "1", "exit 3");
	await(one, "the server exited with code 3");
	await(stream, "<over>");
	run_until(!mcp.session_count && !mcp.ended_count);
	assert_int_equal(session_open(&mcp, false, NULL, &first), SESSION_NO_ROOM);
}

static void kill_child(void)
{
	struct session *session = open_ready();
	struct peer *peer = call(session, "1", "exit 3");

	await(peer, "exited");
	run_until(!mcp.session_count && !mcp.ended_count);
	peer_done(peer);
}

static void it_is_started_again(void **state)
{
	(void)state;
	mcp_config.restart = true;
	kill_child();
	pass_ms(99);
	assert_false(shared_is_up(&mcp));
	pass_ms(2);
	assert_true(shared_is_up(&mcp));
	assert_contains(log_text(), "event=restarted after_ms=100");
	kill_child();
	pass_ms(199);
	assert_false(shared_is_up(&mcp));
	pass_ms(2);
	assert_contains(log_text(), "event=restarted after_ms=200");
	pass_ms(30000);
	kill_child();
	pass_ms(101);
	assert_true(shared_is_up(&mcp));
	(void)open_ready();
}

static void without_restart_its_end_is_ours(void **state)
{
	(void)state;
	kill_child();
	settle();
	assert_int_not_equal(curfew_lifecycle_phase(life), CURFEW_RUNNING);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	run_until(curfew_lifecycle_done(life));
	assert_int_equal(curfew_lifecycle_exit_code(life), 1);
	life->exit_code = 0; /* the rest of the test's end is as always */
}

static void one_that_dies_when_it_is_asked_is_told(void **state)
{
	struct session *first = open_session(false), *second = open_session(false);
	struct peer *one = initialize_as(first, "1", "fatal"), *two;

	(void)state;
	mcp_config.restart = true;
	two = initialize_as(second, "2", VERSION);
	await(one, "exited with code 3");
	await(two, "exited with code 3");
	run_until(!mcp.session_count && !mcp.ended_count);
	pass_ms(101);
	(void)open_ready();
}

static void at_the_end_it_is_not_started_again(void **state)
{
	(void)state;
	mcp_config.restart = true;
	kill_child();
	mcp.ending = true;
	sessions_announce(&mcp);
	pass_ms(101);
	assert_false(shared_is_up(&mcp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		shared_test(initialize_is_answered_as_it_was_first),
		shared_test(an_error_is_one_clients),
		shared_test(an_answer_that_is_too_long_is_one_too),
		shared_test(who_asked_may_leave),
		shared_test(who_waits_may_leave),
		shared_test(the_child_is_initialized_once),
		shared_test(what_the_child_says_is_for_all),
		shared_test(the_childs_requests_are_refused),
		shared_test(a_session_that_ends_cancels_its_calls),
		shared_test(a_slow_client_does_not_stop_the_others),
		shared_test(a_slow_client_of_http_sse_waits_with_its_calls),
		shared_test(all_sessions_end_with_the_child),
		shared_test(it_is_started_again),
		shared_test(without_restart_its_end_is_ours),
		shared_test(one_that_dies_when_it_is_asked_is_told),
		shared_test(at_the_end_it_is_not_started_again),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
