/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: ids, progress tokens, cancellations, and what the child says of its own. */
#include "mcp/backend_script.h"

static void a_call_is_answered_with_the_clients_id(void **state)
{
	struct asked *one;

	(void)state;
	start();
	one = ask("7", "ping");
	await(one);
	assert_echo(one, "7", "ping");
	assert_int_equal(backend.call_count, 0);
}

#define LONG_ID "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\""

static void ids_of_any_kind_come_back_byte_for_byte(void **state)
{
	static const char *const ids[] = {"0", "-1", "1.0", "1e400", "12345678901234567890123",
		"\"\"", "\"a\"", "\"\\u0041\\n\\ud83d\"", "\"\xc3\xa9\"", LONG_ID, "\"1\""};
	struct asked *each[11];

	(void)state;
	assert_true(strlen(LONG_ID) > CALL_TEXT_MOST);
	start();
	for (size_t i = 0; i < 11; i++) {
		each[i] = ask(ids[i], "ping");
	}
	for (size_t i = 0; i < 11; i++) {
		await(each[i]);
		assert_echo(each[i], ids[i], "ping");
	}
}

static void the_same_id_in_flight_many_times_is_as_many_calls(void **state)
{
	struct asked *held[20], *last;

	(void)state;
	start();
	for (int i = 0; i < 20; i++) {
		held[i] = ask("1", "hold");
	}
	last = ask("1", "release");
	await(last);
	for (int i = 0; i < 20; i++) {
		await(held[i]);
		assert_echo(held[i], "1", "hold");
	}
	assert_echo(last, "1", "release");
}

static void nothing_but_id_and_token_is_changed(void **state)
{
	char expected[1024];
	struct asked *one;

	(void)state;
	start();
	one = ask_text(
		"\r\n {\"params\" : {\"big\":123456789012345678901234567890,\"f\":1.50,"
		"\"_meta\":{\"x\":1,\"progressToken\":\"t\\u0041\",\"y\":-0},\n\"e\":\"\\/\"},"
		"\t\"method\":\"echo\",\"id\":\"k\",\"jsonrpc\":\"2.0\"} ");
	await(one);
	(void)snprintf(expected, sizeof(expected),
		"{\"jsonrpc\":\"2.0\",\"id\":\"k\",\"result\":{\"got\":"
		"{\"params\" : {\"big\":123456789012345678901234567890,\"f\":1.50,"
		"\"_meta\":{\"x\":1,\"progressToken\":%llu,\"y\":-0}, \"e\":\"\\/\"},"
		"\t\"method\":\"echo\",\"id\":%llu,\"jsonrpc\":\"2.0\"}}}",
		(unsigned long long)one->call.number, (unsigned long long)one->call.number);
	assert_string_equal(buffer_text(&one->answer), expected);
}

static struct asked *ask_for_progress(const char *token, const char *method)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\","
		"\"params\":{\"_meta\":{\"progressToken\":%s}}}",
		method, token);
	return ask_text(text);
}

static void progress_goes_to_its_call_with_the_clients_token(void **state)
{
	struct asked *first, *second;

	(void)state;
	start();
	first = ask_for_progress("5", "progress 2");
	second = ask_for_progress("\"5\"", "progress 1");
	await(first);
	await(second);
	assert_string_equal(buffer_text(&first->progress),
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
		"{\"progressToken\": 5 ,\"progress\":1}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
		"{\"progressToken\": 5 ,\"progress\":2}}\n");
	assert_string_equal(buffer_text(&second->progress),
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
		"{\"progressToken\": \"5\" ,\"progress\":1}}\n");
	assert_int_equal(said_count, 0);
}

static void a_cancelled_call_is_named_by_the_number_that_the_child_knows(void **state)
{
	struct asked *one, *other, *last;
	struct message message;
	char expected[1024];

	(void)state;
	start();
	one = ask("\"a\"", "hold");
	other = ask("\"a\"", "hold");
	backend_cancel(&other->call, "no \"time\"");
	backend_cancel(&other->call, "again");
	message =
		read_text("{\"method\":\"notifications/cancelled\",\"params\":{\"reason\":\"\\/\","
			  "\"requestId\":\"a\",\"_meta\":{}},\"jsonrpc\":\"2.0\"}");
	backend_cancel_as(&one->call, &message);
	last = ask("1", "release");
	await(last);
	(void)snprintf(expected, sizeof(expected),
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/seen\",\"params\":"
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
		"\"params\":{\"requestId\":%llu,\"reason\":\"no \\\"time\\\"\"}}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/seen\",\"params\":"
		"{\"method\":\"notifications/cancelled\",\"params\":{\"reason\":\"\\/\","
		"\"requestId\":%llu,\"_meta\":{}},\"jsonrpc\":\"2.0\"}}\n",
		(unsigned long long)other->call.number, (unsigned long long)one->call.number);
	assert_string_equal(buffer_text(&said), expected);
	assert_true(one->call.cancelled);
	await(one); /* a late answer is passed on */
}

static void a_call_that_was_forgotten_hears_nothing(void **state)
{
	struct asked *one, *last;

	(void)state;
	start();
	one = ask_for_progress("\"a token that is so long that it needs a place of its own, "
			       "and more than that\"",
		"hold");
	call_forget(&one->call);
	call_forget(&one->call);
	last = ask("1", "release");
	await(last);
	assert_int_equal(one->ends, 0);
	assert_int_equal(mcp.counts.messages_dropped, 1);
}

static void calls_are_gone_through_and_may_be_forgotten_on_the_way(void **state)
{
	struct call *call, *next;
	bool seen[70] = {false};
	int count = 0;

	(void)state;
	start();
	for (int i = 0; i < 60; i++) {
		(void)ask("1", "hold");
	}
	for (call = backend_next_call(&backend, NULL); call; call = next) {
		next = backend_next_call(&backend, call);
		assert_false(seen[call->number]);
		seen[call->number] = true;
		call_forget(call);
		count++;
	}
	assert_int_equal(count, 60);
	assert_int_equal(backend.call_count, 0);
}

static void what_no_call_is_waiting_for_is_dropped_and_counted(void **state)
{
	struct asked *one, *two;

	(void)state;
	start();
	one = ask("1", "twice");
	two = ask("2", "stranger");
	await(one);
	await(two);
	assert_int_equal(mcp.counts.messages_dropped, 4);
	assert_int_equal(said_count, 0);
	assert_int_equal(mcp.counts.noise_lines, 0);
}

static void a_call_that_waits_keeps_its_id(void **state)
{
	const struct message message =
		read_text("{\"jsonrpc\":\"2.0\",\"id\":" LONG_ID ",\"method\":\"ping\"}");
	struct asked *one = &asked[asked_count++];

	(void)state;
	start();
	*one = (struct asked){.call.ops = &asked_ops};
	assert_int_equal(call_keep(&one->call, &message), 0);
	assert_int_equal(one->call.id.length, strlen(LONG_ID));
	assert_memory_equal(one->call.id.data, LONG_ID, strlen(LONG_ID));
	assert_int_equal(backend_call(&backend, &one->call, &message), 0);
	await(one);
	assert_echo(one, LONG_ID, "ping");
	assert_int_equal(call_keep(&one->call, &message), 0);
	call_forget(&one->call);
}

static void ids_that_are_too_long_are_not_taken(void **state)
{
	char text[CALL_TEXT_LONGEST + 64];
	struct asked *one = &asked[asked_count++];
	struct message message;

	(void)state;
	start();
	*one = (struct asked){.call.ops = &asked_ops};
	for (int i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof(text),
			"{\"jsonrpc\":\"2.0\",\"id\":\"%0*d\",\"method\":\"ping\"}",
			CALL_TEXT_LONGEST - 2 + i, 0);
		message = read_text(text);
		assert_int_equal(backend_call(&backend, &one->call, &message), i ? -EMSGSIZE : 0);
		assert_true(i ? !one->call.backend : one->call.backend == &backend);
		call_forget(&one->call);
	}
	await(ask("1", "ping"));
}

static void without_memory_a_call_is_not_begun(void **state)
{
	const struct message message =
		read_text("{\"jsonrpc\":\"2.0\",\"id\":" LONG_ID ",\"method\":\"ping\"}");
	bool failed = true;
	int error = 0;

	(void)state;
	start();
	for (int n = 1; failed; n++) {
		struct asked *one = &asked[0];

		asked_count = 1;
		*one = (struct asked){.call.ops = &asked_ops};
		allocation_fail(n);
		error = backend_call(&backend, &one->call, &message);
		failed = allocation_failed();
		assert_int_equal(error, failed ? -ENOMEM : 0);
		assert_true(failed ? !one->call.backend : one->call.backend == &backend);
	}
	await(&asked[0]);
	assert_echo(&asked[0], LONG_ID, "ping");
}

static void the_childs_own_requests_and_their_answers_pass_as_they_are(void **state)
{
	struct asked *one;
	struct message message;

	(void)state;
	start();
	one = ask("1", "ask");
	await(one);
	assert_string_equal(
		buffer_text(&said), "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"ask\"}\n");
	message = read_text("{\"id\":\"q\",\"result\":{\"n\":10000000000000000000001}}");
	backend_send(&backend, &message);
	backend_send_text(&backend, "{\"id\":\"r\"}", 10);
	run_until(said_count == 3);
	assert_contains(buffer_text(&said),
		"\"params\":{\"id\":\"q\",\"result\":{\"n\":10000000000000000000001}}}\n");
	assert_contains(buffer_text(&said), "\"params\":{\"id\":\"r\"}}\n");
}

static void a_batch_is_taken_apart(void **state)
{
	struct asked *one, *two;

	(void)state;
	start();
	one = ask("\"x\"", "hold");
	two = ask("\"y\"", "batch");
	await(one);
	await(two);
	assert_echo(one, "\"x\"", "hold");
	assert_echo(two, "\"y\"", "batch");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		backend_test(a_call_is_answered_with_the_clients_id),
		backend_test(ids_of_any_kind_come_back_byte_for_byte),
		backend_test(the_same_id_in_flight_many_times_is_as_many_calls),
		backend_test(nothing_but_id_and_token_is_changed),
		backend_test(progress_goes_to_its_call_with_the_clients_token),
		backend_test(a_cancelled_call_is_named_by_the_number_that_the_child_knows),
		backend_test(a_call_that_was_forgotten_hears_nothing),
		backend_test(calls_are_gone_through_and_may_be_forgotten_on_the_way),
		backend_test(what_no_call_is_waiting_for_is_dropped_and_counted),
		backend_test(a_call_that_waits_keeps_its_id),
		backend_test(ids_that_are_too_long_are_not_taken),
		backend_test(without_memory_a_call_is_not_begun),
		backend_test(the_childs_own_requests_and_their_answers_pass_as_they_are),
		backend_test(a_batch_is_taken_apart),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
