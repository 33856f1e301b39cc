/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a session: how it opens, and what ends it. */
#include "mcp/session_script.h"

#include "tests/allocation.h"

static void initialize_opens_a_session(void **state)
{
	struct session *session = open_session(false);
	struct peer *peer;

	(void)state;
	assert_int_equal(session->state, SESSION_NEW);
	peer = initialize_as(session, "\"i\"", VERSION);
	assert_int_equal(session->state, SESSION_STARTING);
	assert_int_equal(mcp.starting, 1);
	assert_false(session_expects_initialize(session));
	expect_of(peer,
		JSON_HEAD "Content-Length: 86\n\n"
			  "{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"result\":{\"protocolVersion\":"
			  "\"" VERSION "\",\"capabilities\":{}}}");
	assert_int_equal(session->state, SESSION_OPEN);
	assert_int_equal(mcp.starting, 0);
	assert_string_equal(session->protocol, VERSION);
	assert_contains(log_text(), "event=session session=");
	assert_contains(log_text(), "client=127.0.0.1 protocol=" VERSION);
}

static void initialize_comes_once(void **state)
{
	struct session *session = open_ready();
	struct peer *peer;

	(void)state;
	peer = post(session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}");
	await(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600,");
	assert_int_equal(session->state, SESSION_OPEN);
}

static void nothing_is_asked_of_a_session_before(void **state)
{
	struct session *session = open_session(false);

	(void)state;
	await(call(session, "1", "ping"), "the session is not initialized");
	say_to(session, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	assert_int_equal(session->state, SESSION_NEW);
}

static void a_session_that_is_refused_ends(void **state)
{
	struct session *session = open_session(false);
	char id[SESSION_ID_BYTES];

	(void)state;
	memcpy(id, session->id, sizeof(id));
	await(initialize_as(session, "7", "refused"),
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32602,\"message\":\"refused\"}"
		"}");
	run_until(!is_there(id) && !mcp.ended_count);
	assert_int_equal(mcp.starting, 0);
	assert_contains(log_text(), "reason=\"the server refused to initialize\"");
}

static void a_child_that_dies_at_once_is_told(void **state)
{
	struct session *session = open_session(false);

	(void)state;
	await(initialize_as(session, "7", "fatal"), "the server exited with code 3");
	run_until(!mcp.session_count && !mcp.ended_count);
	assert_int_equal(mcp.starting, 0);
}

static void a_child_that_cannot_be_started_is_told(void **state)
{
	struct session *session = open_session(false);
	char *keeper = (char *)mcp_config.keeper;

	(void)state;
	mcp_config.keeper = "/nonexistent/keeper";
	await(initialize_as(session, "7", VERSION),
		"\"id\":7,\"error\":{\"code\":-32603,\"message\":\"the server cannot be started: "
		"No "
		"such file or directory\"");
	run_until(!mcp.session_count && !mcp.ended_count);
	mcp_config.keeper = keeper;
}

static void a_long_initialize_is_refused(void **state)
{
	struct session *session = open_session(false);
	struct buffer text = {0};

	(void)state;
	buffer_append_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"initialize\"");
	while (text.length < 65536) {
		buffer_append_char(&text, ' ');
	}
	buffer_append_char(&text, '}');
	await(post(session, buffer_text(&text)), "too long for an initialize");
	run_until(!mcp.session_count && !mcp.ended_count);
	buffer_fini(&text);
}

static void children_start_one_after_the_other(void **state)
{
	struct session *first = open_session(false), *second = open_session(false);
	struct peer *later;

	(void)state;
	mcp_config.spawn_most = 1;
	(void)initialize_as(first, "1", "mute");
	later = initialize_as(second, "2", VERSION);
	settle();
	assert_int_equal(second->state, SESSION_QUEUED);
	assert_int_equal(mcp.starting, 1);
	assert_int_equal(mcp.queued_count, 1);
	session_end(first, ENDED);
	await(later, "\"id\":2,\"result\"");
	assert_int_equal(second->state, SESSION_OPEN);
}

static void who_waits_in_the_queue_may_leave_it(void **state)
{
	struct session *first = open_session(false), *second = open_session(false);
	struct session *third = open_session(false);
	struct peer *late, *last;

	(void)state;
	mcp_config.spawn_most = 1;
	(void)initialize_as(first, "1", "mute");
	mcp_config.request_timeout_ms = 1000;
	late = initialize_as(second, "2", VERSION);
	mcp_config.request_timeout_ms = CURFEW_NEVER;
	last = initialize_as(third, "3", VERSION);
	pass_ms(1001);
	await(late, "the request was not answered in time");
	session_end(first, ENDED);
	await(last, "\"id\":3,\"result\"");
}

static void there_is_an_end_of_sessions_and_of_the_queue(void **state)
{
	struct session *session;

	(void)state;
	mcp_config.max_sessions = 1;
	session = open_session(false);
	assert_int_equal(session_open(&mcp, false, NULL, &session), SESSION_NO_ROOM);
	mcp_config.max_sessions = 1000;
	mcp.queued_count += SESSIONS_QUEUED_MOST;
	assert_int_equal(session_open(&mcp, false, NULL, &session), SESSION_NO_ROOM);
	mcp.queued_count -= SESSIONS_QUEUED_MOST;
	mcp.ending = true;
	assert_int_equal(session_open(&mcp, false, NULL, &session), SESSION_SHUTTING);
	mcp.ending = false;
	assert_int_equal(mcp.counts.sessions_opened, 1);
}

static void the_child_has_more_variables(void **state)
{
	static const char *const environment[] = {"CURFEW_A=1 2", "B_KEY=", NULL};
	struct session *session;

	(void)state;
	assert_int_equal(session_open(&mcp, false, environment, &session), SESSION_TAKEN);
	await(initialize_as(session, "1", VERSION), "capabilities");
	await(call(session, "1", "environment CURFEW_A"), "{\"value\":\"1 2\"}");
	await(call(session, "1", "environment B_KEY"), "{\"value\":\"\"}");
}

static void ending_a_session_ends_all_of_it(void **state)
{
	struct session *session = open_ready();
	char id[SESSION_ID_BYTES];
	struct peer *stream, *held;

	(void)state;
	memcpy(id, session->id, sizeof(id));
	stream = listen_to(session);
	held = call(session, "5", "hold");
	assert_int_equal(mcp.in_flight, 1);
	session_end(session, ENDED);
	assert_false(is_there(id));
	assert_int_equal(mcp.in_flight, 0);
	await(held, "\"id\":5,\"error\":{\"code\":-32000,\"message\":\"" ENDED "\"}");
	await(stream, "<over>");
	run_until(!mcp.ended_count);
	assert_contains(log_text(), "reason=\"" ENDED "\" calls=1");
	assert_int_equal(mcp.counts.calls_failed, 1);
}

static void a_child_that_dies_ends_its_session(void **state)
{
	struct session *session = open_ready();
	struct peer *stream, *held, *fatal;

	(void)state;
	stream = listen_to(session);
	held = call(session, "5", "hold");
	fatal = call(session, "6", "exit 4");
	await(held,
		"\"id\":5,\"error\":{\"code\":-32000,\"message\":\"the server exited with code 4");
	await(fatal, "\"id\":6,\"error\"");
	await(stream, "<over>");
	run_until(!mcp.session_count && !mcp.ended_count);
	assert_contains(log_text(), "event=child_ended");
	assert_contains(log_text(), "reason=\"the server exited with code 4\"");
}

static void idle_sessions_end(void **state)
{
	struct session *session = open_ready();

	(void)state;
	mcp_config.session_idle_ms = 1000;
	await(call(session, "1", "ping"), "got");
	pass_ms(999);
	assert_int_equal(mcp.session_count, 1);
	say_to(session, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/a\"}");
	pass_ms(999);
	assert_int_equal(mcp.session_count, 1);
	pass_ms(2);
	assert_int_equal(mcp.session_count, 0);
	assert_contains(log_text(), "the session was idle");
}

static void sessions_with_a_call_or_a_stream_are_not_idle(void **state)
{
	struct session *session = open_ready();
	struct peer *held, *stream;

	(void)state;
	mcp_config.session_idle_ms = 1000;
	held = call(session, "1", "hold");
	pass_ms(5000);
	await(call(session, "1", "release"), "got");
	await(held, "got");
	pass_ms(500);
	stream = listen_to(session);
	pass_ms(5000);
	assert_int_equal(mcp.session_count, 1);
	peer_gone(stream);
	settle();
	pass_ms(999);
	assert_int_equal(mcp.session_count, 1);
	pass_ms(2);
	assert_int_equal(mcp.session_count, 0);
}

static void old_sessions_end(void **state)
{
	struct session *session;

	(void)state;
	mcp_config.session_max_ms = 10000;
	session = open_ready();
	(void)listen_to(session);
	pass_ms(9000);
	assert_int_equal(mcp.session_count, 1);
	pass_ms(1001);
	assert_int_equal(mcp.session_count, 0);
	assert_contains(log_text(), "the session was too old");
}

static void many_sessions_leave_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct session *session = open_ready();
		struct peer *peer = call(session, "1", i % 2 ? "hold" : "exit 0");

		if (i % 3) {
			settle();
		}
		if (mcp.session_count) {
			session_end(session, ENDED);
		}
		await(peer, "error");
		peer_done(peer);
	}
	run_until(!mcp.ended_count);
}

/* Some of a session, each time with less memory. */
static void lack_of_memory_is_told_and_leaves_nothing(void **state)
{
	bool lacked = true;

	(void)state;
	for (int n = 1; lacked; n++) {
		struct session *session = open_ready();
		struct peer *peer = ask(POST_REQUEST);

		allocation_fail(n);
		post_on(session,
			"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},"
			"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/a\"}]");
		lacked = allocation_failed();
		run_until(!peer->connection);
		if (!lacked) {
			await(peer, "got");
		}
		peer_done(peer);
		session_end(session, ENDED);
	}
}

static void lack_of_memory_for_a_new_one(void **state)
{
	bool lacked = true;

	(void)state;
	for (int n = 1; lacked; n++) {
		struct session *session;
		struct peer *peer = ask(POST_REQUEST);
		enum session_refusal refusal;

		allocation_fail(n);
		refusal = session_open(&mcp, false, NULL, &session);
		if (refusal == SESSION_TAKEN) {
			post_on(session,
				"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\","
				"\"params\":{\"protocolVersion\":\"" VERSION "\"}}");
		}
		lacked = allocation_failed();
		if (refusal == SESSION_TAKEN) {
			run_until(!peer->connection);
			sessions_each(&mcp, end_of_test);
		} else {
			assert_int_equal(refusal, SESSION_FAILED);
			http_answer_error(arrived, 500, "no memory");
		}
		peer_done(peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		session_test(initialize_opens_a_session),
		session_test(initialize_comes_once),
		session_test(nothing_is_asked_of_a_session_before),
		session_test(a_session_that_is_refused_ends),
		session_test(a_child_that_dies_at_once_is_told),
		session_test(a_child_that_cannot_be_started_is_told),
		session_test(a_long_initialize_is_refused),
		session_test(children_start_one_after_the_other),
		session_test(who_waits_in_the_queue_may_leave_it),
		session_test(there_is_an_end_of_sessions_and_of_the_queue),
		session_test(the_child_has_more_variables),
		session_test(ending_a_session_ends_all_of_it),
		session_test(a_child_that_dies_ends_its_session),
		session_test(idle_sessions_end),
		session_test(sessions_with_a_call_or_a_stream_are_not_idle),
		session_test(old_sessions_end),
		session_test(many_sessions_leave_nothing),
		session_test(lack_of_memory_is_told_and_leaves_nothing),
		session_test(lack_of_memory_for_a_new_one),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
