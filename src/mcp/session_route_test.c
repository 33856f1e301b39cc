/* SPDX-License-Identifier: Apache-2.0 */
/* Where the child's messages go, and the client's to the child; slow clients, slow children. */
#include "mcp/session_script.h"

#define ASKS "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"ask\"}"
#define NOTE(name) "{\"jsonrpc\":\"2.0\",\"method\":\"" name "\"}"
#define SEEN(line) "notifications/seen\",\"params\":" line "}"

static void answers_and_progress_come_on_their_own_post(void **state)
{
	struct session *session = open_ready();
	struct peer *held, *moving;

	(void)state;
	held = call(session, "1", "hold");
	moving = post(session,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"progress 2\",\"params\":"
		"{\"_meta\":{\"progressToken\":\"t\"}}}");
	await(moving, "\"progressToken\": \"t\" ,\"progress\":1}");
	await(moving, "\"progressToken\": \"t\" ,\"progress\":2}");
	await(moving, "\"id\":1,\"result\":{\"got\"");
	await(moving, "<over>");
	await(call(session, "2", "release"), "\"id\":2,\"result\"");
	await(held, "\"id\":1,\"result\":{\"got\"");
	assert_lacks(held, "progress");
	assert_int_equal(mcp.counts.calls_answered, 4);
}

static void with_one_call_in_flight_all_comes_on_its_post(void **state)
{
	struct session *session = open_ready();
	struct peer *stream = listen_to(session), *one;

	(void)state;
	one = call(session, "1", "ask");
	await(one, "data: " ASKS);
	await(one, "\"id\":1,\"result\"");
	assert_lacks(stream, "ask");
}

static void with_more_it_comes_on_the_stream(void **state)
{
	struct session *session = open_ready();
	struct peer *stream = listen_to(session), *held, *one;

	(void)state;
	held = call(session, "1", "hold");
	one = call(session, "2", "ask");
	await(one, "\"id\":2,\"result\"");
	await(stream, "data: " ASKS);
	assert_lacks(held, "ask\"}\n");
	assert_lacks(one, ASKS);
}

static void without_a_stream_on_the_newest_post(void **state)
{
	struct session *session = open_ready();
	struct peer *held, *one;

	(void)state;
	held = call(session, "1", "hold");
	one = call(session, "2", "ask");
	await(one, "data: " ASKS);
	assert_lacks(held, ASKS);
}

static void with_nothing_in_flight_it_is_kept_for_the_stream(void **state)
{
	struct session *session = open_ready();

	(void)state;
	say_to(session, NOTE("notifications/a"));
	run_until(session->replay.count == 1);
	await(listen_to(session), SEEN(NOTE("notifications/a")));
}

static void a_post_whose_client_is_gone_is_no_place_for_it(void **state)
{
	struct session *session = open_with("2025-11-25");
	struct peer *stream = listen_to(session), *held;

	(void)state;
	held = call(session, "1", "hold");
	peer_gone(held);
	say_to(session, NOTE("notifications/a"));
	await(stream, SEEN(NOTE("notifications/a")));
}

static void but_is_better_than_none(void **state)
{
	struct session *session = open_with("2025-11-25");
	struct peer *held, *again;

	(void)state;
	held = call(session, "1", "hold");
	pass_ms(CHANNEL_QUIET_MS);
	await(held, "id: 2-0");
	peer_gone(held);
	say_to(session, NOTE("notifications/a"));
	run_until(session->replay.count == 1);
	again = ask(GET_REQUEST);
	assert_true(session_resume(session, arrived, FIELDS, "2-0", 3));
	await(again, SEEN(NOTE("notifications/a")));
}

static void what_belongs_to_a_request_goes_where_that_went(void **state)
{
	struct session *session = open_ready();
	struct peer *stream = listen_to(session), *held, *one;

	(void)state;
	held = call(session, "1", "hold");
	one = call(session, "2", "ask");
	await(stream, ASKS);
	await(one, "result");
	assert_int_equal(session->request_count, 1);
	await(call(session, "3", "release"), "result");
	await(held, "result");
	one = call(session, "4", "retract");
	await(stream, "\"notifications/cancelled\",\"params\":{\"requestId\":\"q\"}");
	await(one, "result");
	assert_lacks(one, "cancelled\"");
	assert_int_equal(session->request_count, 0);
}

static void the_clients_answers_reach_the_child(void **state)
{
	struct session *session = open_ready();
	struct peer *one = call(session, "1", "ask");

	(void)state;
	await(one, ASKS);
	assert_int_equal(session->request_count, 1);
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{\"n\":1e400}}");
	assert_int_equal(session->request_count, 0);
	await(listen_to(session),
		SEEN("{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{\"n\":1e400}}"));
}

static void so_many_of_its_requests_are_remembered(void **state)
{
	struct session *session = open_ready();

	(void)state;
	for (int i = 0; i < SESSION_REQUESTS_MOST + 5; i++) {
		struct peer *one = call(session, "1", "ask");

		await(one, "result");
		peer_done(one);
	}
	assert_int_equal(session->request_count, SESSION_REQUESTS_MOST);
}

static void a_carriage_return_ends_no_event(void **state)
{
	struct session *session = open_ready();
	struct peer *stream = listen_to(session);

	(void)state;
	(void)call(session, "1", "hold");
	await(call(session, "2", "return"), "result");
	await(stream, "data: {\"jsonrpc\":\"2.0\", \"method\":\"notifications/return\"}\n");
}

static void batches_are_taken_apart(void **state)
{
	struct session *session = open_ready();
	struct peer *stream = listen_to(session), *one;

	(void)state;
	one = post(session,
		"[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/b\"},"
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"},7,"
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"c\"}]");
	await(one, "[{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,");
	await(one,
		"\"id\":1,\"result\":{\"got\":{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"a\"}}}");
	await(one,
		"\"id\":1,\"result\":{\"got\":{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"c\"}}}]");
	await(stream, SEEN("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/b\"}"));
	assert_true(list_empty(&session->posts));
}

static void answers_of_clients_that_left_can_be_asked_for(void **state)
{
	struct session *session = open_with("2025-11-25");
	struct peer *held, *again;
	uint64_t answered;

	(void)state;
	held = call(session, "1", "hold");
	pass_ms(CHANNEL_QUIET_MS);
	await(held, "id: 2-0");
	peer_gone(held);
	answered = mcp.counts.calls_answered;
	await(call(session, "2", "release"), "result");
	run_until(mcp.counts.calls_answered == answered + 2);
	again = ask(GET_REQUEST);
	assert_false(session_resume(session, arrived, FIELDS, "9-0", 3));
	assert_false(session_resume(session, arrived, FIELDS, "x", 1));
	assert_true(session_resume(session, arrived, FIELDS, "2-0", 3));
	await(again, "\"id\":1,\"result\"");
	await(again, "<over>");
}

static void a_slow_stream_stops_the_child(void **state)
{
	struct session *session = open_ready();
	struct peer *stream = ask_slowly(GET_REQUEST), *one;

	(void)state;
	session_listen(session, arrived, FIELDS);
	(void)call(session, "1", "hold");
	one = call(session, "2", "flood 2000 2000");
	run_until(session->own.pauses == 1);
	settle();
	assert_false(peer_has(one, "result"));
	assert_int_equal(session->own.pauses, 1);
	await(stream, "\"number\":1999");
	await(one, "result");
	assert_int_equal(session->own.pauses, 0);
}

static void a_slow_client_that_leaves_lets_the_child_go_on(void **state)
{
	struct session *session = open_ready();
	struct peer *slow = ask_slowly(POST_REQUEST);

	(void)state;
	post_on(session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"flood 2000 2000\"}");
	run_until(session->own.pauses == 1);
	peer_gone(slow);
	run_until(mcp.counts.calls_answered == 2);
	assert_int_equal(session->own.pauses, 0);
}

static int rooms;

static void note_room(struct session_waiter *waiter)
{
	assert_null(waiter->link.next);
	rooms++;
}

static void a_slow_child_makes_its_clients_wait(void **state)
{
	struct session *session = open_ready();
	struct session_waiter one = {.room = note_room}, other = {.room = note_room};
	char text[4096];

	(void)state;
	rooms = 0;
	assert_false(session_is_full(session, &one));
	(void)call(session, "1", "delay 200");
	(void)snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/a\",\"params\":\"%03000d\"}", 0);
	while (!session_is_full(session, &one)) {
		say_to(session, text);
		round_now();
	}
	assert_true(session_is_full(session, &one));
	assert_true(session_is_full(session, &other));
	session_waiter_forget(&other);
	run_until(rooms == 1);
	assert_false(session_is_full(session, &one));
}

static void waiters_hear_of_the_end(void **state)
{
	struct session *session = open_ready();
	struct session_waiter one = {.room = note_room};
	char text[4096];

	(void)state;
	rooms = 0;
	(void)call(session, "1", "deaf");
	(void)snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/a\",\"params\":\"%03000d\"}", 0);
	while (!session_is_full(session, &one)) {
		say_to(session, text);
		round_now();
	}
	session_end(session, ENDED);
	assert_int_equal(rooms, 1);
	pass_ms(10001);
}

/* HTTP+SSE */

static struct peer *open_legacy(struct session **session)
{
	struct peer *stream;

	*session = open_session(true);
	stream = listen_to(*session);
	say_to(*session,
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":"
		"{\"protocolVersion\":\"2024-11-05\"}}");
	await(stream, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":0,\"result\"");
	assert_int_equal((*session)->state, SESSION_OPEN);
	assert_contains(log_text(), "client=127.0.0.1 protocol=2024-11-05");
	return stream;
}

static void all_of_a_legacy_session_comes_on_its_stream(void **state)
{
	struct session *session;
	struct peer *stream = open_legacy(&session);

	(void)state;
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}");
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":\"2\",\"method\":\"ask\"}");
	await(stream, ASKS);
	await(stream, "\"id\":\"2\",\"result\"");
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"initialize\"}");
	await(stream, "\"id\":3,\"error\"");
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"release\"}");
	await(stream, "\"id\":1,\"result\"");
	await(stream, "\"id\":4,\"result\"");
}

static void a_legacy_session_ends_with_its_client(void **state)
{
	struct session *session;
	struct peer *stream = open_legacy(&session);

	(void)state;
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}");
	peer_gone(stream);
	run_until(!mcp.session_count && !mcp.ended_count);
	assert_contains(log_text(), "reason=\"the client is gone\" calls=1");
}

static void one_that_never_began_too(void **state)
{
	struct session *session = open_session(true);

	(void)state;
	peer_gone(listen_to(session));
	run_until(!mcp.session_count && !mcp.ended_count);
}

static void a_legacy_client_that_is_slow_stops_its_child(void **state)
{
	struct session *session;
	struct peer *stream;

	(void)state;
	session = open_session(true);
	stream = ask_slowly(GET_REQUEST);
	session_listen(session, arrived, FIELDS);
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\"}");
	run_until(session->state == SESSION_OPEN);
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"long 200000\"}");
	run_until(session->own.pauses == 1);
	await(stream, "\"id\":1,\"result\"");
	run_until(session->own.pauses == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		session_test(answers_and_progress_come_on_their_own_post),
		session_test(with_one_call_in_flight_all_comes_on_its_post),
		session_test(with_more_it_comes_on_the_stream),
		session_test(without_a_stream_on_the_newest_post),
		session_test(with_nothing_in_flight_it_is_kept_for_the_stream),
		session_test(a_post_whose_client_is_gone_is_no_place_for_it),
		session_test(but_is_better_than_none),
		session_test(what_belongs_to_a_request_goes_where_that_went),
		session_test(the_clients_answers_reach_the_child),
		session_test(so_many_of_its_requests_are_remembered),
		session_test(a_carriage_return_ends_no_event),
		session_test(batches_are_taken_apart),
		session_test(answers_of_clients_that_left_can_be_asked_for),
		session_test(a_slow_stream_stops_the_child),
		session_test(a_slow_client_that_leaves_lets_the_child_go_on),
		session_test(a_slow_child_makes_its_clients_wait),
		session_test(waiters_hear_of_the_end),
		session_test(all_of_a_legacy_session_comes_on_its_stream),
		session_test(a_legacy_session_ends_with_its_client),
		session_test(one_that_never_began_too),
		session_test(a_legacy_client_that_is_slow_stops_its_child),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
