/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are cancelled, take too long, or are in flight when the process ends. */
#include "mcp/session_script.h"

#define CANCEL(id)                                                                                 \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"                                         \
	"cancelled\",\"params\":{\"requestId\":" id ",\"reason\":\"a \\u0062\"}}"
#define CANCELLED(id) "\"notifications/cancelled\",\"params\":{\"requestId\":" id
#define SHUTTING "\"error\":{\"code\":-32000,\"message\":\"the server is shutting down\"}}"

/* Cancelling. */

static void the_newest_of_the_same_id_is_cancelled(void **state)
{
	struct session *session = open_ready();
	struct peer *stream = listen_to(session), *first, *between, *second;

	(void)state;
	first = call(session, "\"x\"", "hold");
	between = call(session, "1", "hold");
	second = call(session, "\"x\"", "hold");
	assert_int_equal(mcp.in_flight, 3);
	say_to(session, CANCEL("\"\\u0078\""));
	assert_int_equal(mcp.in_flight, 2);
	assert_int_equal(session->in_flight, 2);
	await(stream, CANCELLED("4,\"reason\":\"a \\u0062\"}"));
	say_to(session, CANCEL("\"x\""));
	await(between, CANCELLED("2,\"reason\":\"a \\u0062\"}"));
	pass_ms(SESSION_CANCEL_MS);
	await(first, "the request was cancelled");
	await(second, "the request was cancelled");
	assert_int_equal(session->call_count, 1);
}

static void a_late_answer_is_passed_on(void **state)
{
	struct session *session = open_ready();
	struct peer *held = call(session, "1", "hold");

	(void)state;
	say_to(session, CANCEL("1"));
	await(call(session, "2", "release"), "result");
	await(held, "\"id\":1,\"result\"");
	pass_ms(SESSION_CANCEL_MS);
	assert_int_equal(session->call_count, 0);
}

static void an_answer_that_comes_too_late_is_dropped(void **state)
{
	struct session *session = open_ready();
	struct peer *held = call(session, "1", "hold");

	(void)state;
	say_to(session, CANCEL("1"));
	pass_ms(SESSION_CANCEL_MS - 1);
	assert_int_equal(session->call_count, 1);
	pass_ms(2);
	await(held,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"the "
		"request was cancelled\"}}");
	await(call(session, "2", "release"), "result");
	assert_lacks(held, "result");
	assert_int_equal(mcp.counts.messages_dropped, 1);
}

static void what_is_not_in_flight_is_not_cancelled(void **state)
{
	struct session *session = open_ready();
	struct peer *stream;

	(void)state;
	await(call(session, "1", "ping"), "result");
	say_to(session, CANCEL("1"));
	say_to(session, CANCEL("2"));
	say_to(session, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}");
	say_to(session, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/a\"}");
	stream = listen_to(session);
	await(stream, "notifications/a");
	assert_lacks(stream, "cancelled");
}

static void initialize_is_not_cancelled(void **state)
{
	struct session *session = open_session(false);
	struct peer *peer = initialize_as(session, "1", VERSION);

	(void)state;
	say_to(session, CANCEL("1"));
	assert_int_equal(mcp.in_flight, 1);
	await(peer, "capabilities");
	assert_int_equal(session->state, SESSION_OPEN);
}

static void a_call_that_takes_too_long_ends(void **state)
{
	struct session *session = open_ready();
	struct peer *stream = listen_to(session), *held;

	(void)state;
	mcp_config.request_timeout_ms = 3000;
	held = call(session, "1", "hold");
	pass_ms(2999);
	assert_int_equal(mcp.in_flight, 1);
	pass_ms(2);
	assert_int_equal(mcp.in_flight, 0);
	await(held,
		"\"id\":1,\"error\":{\"code\":-32000,\"message\":\"the request was not "
		"answered in time\"}");
	await(stream, CANCELLED("2,\"reason\":\"it took too long\"}"));
	assert_int_equal(mcp.counts.calls_failed, 1);
}

static void initialize_that_takes_too_long_ends_its_session(void **state)
{
	struct session *session = open_session(false);

	(void)state;
	mcp_config.request_timeout_ms = 3000;
	await((initialize_as(session, "1", "mute"), pass_ms(3001), &peers[0]), "in time");
	run_until(!mcp.session_count && !mcp.ended_count);
	assert_int_equal(mcp.starting, 0);
}

static void calls_are_held_by_their_names(void **state)
{
	struct session *session = open_ready();
	char *dump;

	(void)state;
	(void)post(session,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\",\"params\":{"
		"\"name\":\"sea\\u0072ch\"}}");
	dump = curfew_lifecycle_dump(life);
	assert_contains(dump, "hold search");
	free(dump);
}

static void there_is_an_end_of_calls(void **state)
{
	struct session *session = open_ready();
	struct peer *peer;

	(void)state;
	session->call_count += SESSION_CALLS_MOST;
	peer = call(session, "1", "ping");
	session->call_count -= SESSION_CALLS_MOST;
	await(peer, "too many requests are in flight");
}

/* The end. */

static void stop(void)
{
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	settle();
	mcp.ending = true;
	sessions_announce(&mcp);
	settle();
}

static enum curfew_phase phase(void)
{
	return curfew_lifecycle_phase(life);
}

/* Connections in wait of a request have their idle grace. */
static void finish(void)
{
	run_until(phase() > CURFEW_ANNOUNCING);
	pass_ms(1001);
	run_until(curfew_lifecycle_done(life));
}

static void what_is_in_flight_is_waited_for(void **state)
{
	struct session *session = open_ready(), *idle = open_ready();
	struct peer *stream = listen_to(session), *other = listen_to(idle), *held, *last;

	(void)state;
	held = call(session, "1", "hold");
	stop();
	assert_int_equal(phase(), CURFEW_ANNOUNCING);
	await(other, "retry: 1000\n");
	await(other, "<over>");
	assert_lacks(stream, "<over>");
	last = call(session, "2", "release");
	await(last, "\"id\":2,\"result\"");
	await(held, "\"id\":1,\"result\"");
	await(stream, "retry: 1000\n");
	await(stream, "<over>");
	finish();
	assert_int_equal(mcp.session_count, 0);
	assert_int_equal(mcp.counts.calls_forced, 0);
}

static void a_stream_that_comes_then_ends_at_once(void **state)
{
	struct session *session = open_ready(), *busy = open_ready();

	(void)state;
	(void)call(busy, "1", "hold");
	stop();
	await(listen_to(session), "retry: 1000\n");
	await(&peers[1], "<over>");
	await(call(busy, "1", "release"), "result");
}

static void what_is_cancelled_is_not_waited_for(void **state)
{
	struct session *session = open_ready();
	struct peer *first = call(session, "1", "hold"), *second = call(session, "2", "hold");

	(void)state;
	say_to(session, CANCEL("1"));
	stop();
	await(first, "the request was cancelled");
	assert_int_equal(phase(), CURFEW_ANNOUNCING);
	say_to(session, CANCEL("2"));
	await(second, "the request was cancelled");
	finish();
	assert_int_equal(mcp.counts.calls_forced, 0);
}

#define WORK_MS 13400 /* of a grace of 20 s: a third is the children's */

static void what_cannot_finish_is_told_so(void **state)
{
	struct session *session = open_ready();
	struct peer *held = call(session, "1", "hold"), *stream = listen_to(session);
	char *report;

	(void)state;
	stop();
	pass_ms(WORK_MS);
	await(held, "\"id\":1," SHUTTING);
	await(stream, "<over>");
	finish();
	assert_int_equal(mcp.counts.calls_forced, 1);
	report = curfew_lifecycle_report(life);
	assert_contains(report, "\"requests_forced\":1");
	/* Once; the other one is the stream's connection. */
	assert_contains(report, "\"forced_count\":2,\"forced\":[{\"name\":\"hold\"");
	free(report);
}

static void of_clients_that_are_gone_too(void **state)
{
	struct session *session = open_ready();
	struct peer *held = call(session, "1", "hold");

	(void)state;
	peer_gone(held);
	stop();
	assert_int_equal(phase(), CURFEW_ANNOUNCING);
	pass_ms(WORK_MS);
	finish();
	assert_int_equal(mcp.counts.calls_forced, 1);
}

static void of_legacy_clients_too(void **state)
{
	struct session *session = open_session(true);
	struct peer *stream = listen_to(session);

	(void)state;
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\"}");
	await(stream, "result");
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hold\"}");
	stop();
	assert_int_equal(phase(), CURFEW_ANNOUNCING);
	pass_ms(WORK_MS);
	await(stream, "\"id\":1," SHUTTING);
	await(stream, "<over>");
	finish();
}

static void idle_legacy_clients_are_let_go(void **state)
{
	struct session *session = open_session(true);
	struct peer *stream = listen_to(session);

	(void)state;
	stop();
	await(stream, "<over>");
	finish();
	assert_int_equal(mcp.session_count, 0);
}

/* On connections that were there before: what they send while the work stage is closed. */
static void calls_that_come_last_are_answered(void **state)
{
	struct session *session = open_ready();
	struct peer *late = ask(POST_REQUEST), *later = ask(POST_REQUEST);

	(void)state;
	stop();
	assert_int_equal(phase(), CURFEW_DRAINING);
	arrived = late->connection;
	post_on(session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
	await(late, "\"id\":1,\"result\"");
	arrived = later->connection;
	post_on(session, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"hold\"}");
	settle();
	assert_int_equal(phase(), CURFEW_DRAINING);
	pass_ms(WORK_MS);
	await(later, "\"id\":2," SHUTTING);
	finish();
	assert_int_equal(mcp.counts.calls_forced, 1);
}

static void sessions_that_are_starting_are_waited_for(void **state)
{
	struct session *session = open_session(false), *other = open_session(false);
	struct peer *first, *second;

	(void)state;
	mcp_config.spawn_most = 1;
	first = initialize_as(session, "1", VERSION);
	second = initialize_as(other, "2", VERSION);
	stop();
	await(first, "capabilities");
	await(second, "capabilities");
	finish();
	assert_int_equal(mcp.session_count, 0);
}

static void no_legacy_session_starts_then(void **state)
{
	struct session *session = open_session(true), *busy = open_ready();
	struct peer *stream = listen_to(session), *held = call(busy, "1", "hold");

	(void)state;
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	settle();
	mcp.ending = true;
	say_to(session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}");
	await(stream, "\"id\":1," SHUTTING);
	await(stream, "<over>");
	await(call(busy, "1", "release"), "result");
	await(held, "result");
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		session_test(the_newest_of_the_same_id_is_cancelled),
		session_test(a_late_answer_is_passed_on),
		session_test(an_answer_that_comes_too_late_is_dropped),
		session_test(what_is_not_in_flight_is_not_cancelled),
		session_test(initialize_is_not_cancelled),
		session_test(a_call_that_takes_too_long_ends),
		session_test(initialize_that_takes_too_long_ends_its_session),
		session_test(calls_are_held_by_their_names),
		session_test(there_is_an_end_of_calls),
		session_test(what_is_in_flight_is_waited_for),
		session_test(a_stream_that_comes_then_ends_at_once),
		session_test(what_is_cancelled_is_not_waited_for),
		session_test(what_cannot_finish_is_told_so),
		session_test(of_clients_that_are_gone_too),
		session_test(of_legacy_clients_too),
		session_test(idle_legacy_clients_are_let_go),
		session_test(calls_that_come_last_are_answered),
		session_test(sessions_that_are_starting_are_waited_for),
		session_test(no_legacy_session_starts_then),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
