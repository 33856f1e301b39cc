/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that run, wait, and are answered; the end is invocation_end_test's. */
#include "serve/invocation_script.h"

#define META "\"filedata_meta\":{\"terminate_current\":false,\"new_records\":[]},"
#define MESSAGES "\"message_channels\":{\"infos\":[],\"warnings\":[]}}"

static void a_call_runs_and_is_answered(void **state)
{
	struct called *call = start_with(INVOCATION_CALL, "{\"a\":1,\"file_data\": {\"b\" : 2}}");

	(void)state;
	assert_heard("begin 1");
	assert_int_equal(serve.running, 1);
	assert_string_equal(
		buffer_text(&call->work->arguments.text), "{\"a\":1,\"file_data\": {\"b\" : 2}}");
	shows_text = true;
	end_as(call, INVOCATION_DONE);
	assert_heard(
		"answered 1: 200 {\"usage\":[],\"status_code\":200,\"file_data\":{\"b\" : 2}," META
		"\"status_code_text\":null,\"output\":1," MESSAGES);
	assert_int_equal(serve.counts.calls_begun, 1);
	assert_int_equal(serve.counts.calls_done, 1);
}

static const struct {
	enum invocation_kind kind;
	const char *parameters;
	const char *own; /* what the plugin sets; NULL: nothing */
	int status;
	const char *file_data; /* as it is answered */
} file_data[] = {
	{INVOCATION_CALL, "{\"file_data\":[1,\n2]}", NULL, 0, "\"file_data\":[1,2],"},
	{INVOCATION_CALL, "{\"file_data\":[1]}", "{}", 200, "\"file_data\":{},"},
	{INVOCATION_CALL, "{\"file_data\":[1]}", "null", 399, "\"file_data\":null,"},
	{INVOCATION_CALL, "{\"file_data\":[1]}", NULL, 400, "\"file_data\":null,"},
	{INVOCATION_CALL, "{\"file_data\":[1]}", "{}", 500, "\"file_data\":null,"},
	{INVOCATION_CALL, "{\"other\":[1]}", NULL, 200, "\"file_data\":null,"},
	{INVOCATION_PRECHECK, "", NULL, 200, "\"file_data\":null,"},
};

static void file_data_comes_back_but_in_errors(void **state)
{
	(void)state;
	shows_text = true;
	for (size_t i = 0; i < sizeof(file_data) / sizeof(file_data[0]); i++) {
		struct called *call = start_with(file_data[i].kind, file_data[i].parameters);
		const char *own = file_data[i].own;
		struct envelope envelope = {.status_code = file_data[i].status};

		assert_int_equal(own ? envelope_set_file_data(&envelope, own, strlen(own)) : 0, 0);
		end_with(call, INVOCATION_DONE, &envelope);
		assert_non_null(strstr(buffer_text(&heard), file_data[i].file_data));
		forget_heard();
	}
	assert_int_equal(serve.counts.calls_failed, 2);
	assert_int_equal(serve.counts.calls_done, 5);
}

static void calls_wait_in_order_for_a_slot(void **state)
{
	struct called *one = start();
	struct called *two = start();

	(void)state;
	(void)start();
	(void)start();
	(void)start();
	shows_text = true;
	(void)start();
	shows_text = false;
	assert_heard("begin 1, begin 2, refused 6: 503 retry 5 " INVOCATION_BUSY);
	assert_int_equal(serve.running, 2);
	assert_int_equal(serve.queued, 3);
	assert_int_equal(serve.counts.calls_refused, 1);
	end_as(two, INVOCATION_DONE);
	assert_heard("begin 3, answered 2: 200");
	(void)start(); /* there is room again */
	end_as(one, INVOCATION_DONE);
	assert_heard("begin 4, answered 1: 200");
	for (int i = 2; i < 5; i++) {
		end_as(&called[i], INVOCATION_DONE);
	}
	assert_heard("begin 5, answered 3: 200, begin 7, answered 4: 200, answered 5: 200");
	end_as(&called[6], INVOCATION_DONE);
	assert_heard("answered 7: 200");
}

static void no_queue_is_no_waiting(void **state)
{
	(void)state;
	serve_config.queue = 0;
	serve.slots = 1;
	(void)start();
	(void)start();
	end_as(&called[0], INVOCATION_DONE);
	end_as(start(), INVOCATION_DONE);
	assert_heard("begin 1, refused 2: 503 retry 5, answered 1: 200, begin 3, answered 3: 200");
}

/* One that comes while its slot's next is chosen does not overtake. */
static void start_another(struct called *call)
{
	(void)call;
	on_answered = NULL;
	(void)start();
}

static void nobody_overtakes_from_inside_an_answer(void **state)
{
	(void)state;
	serve.slots = 1;
	(void)start();
	(void)start();
	on_answered = start_another;
	end_as(&called[0], INVOCATION_DONE);
	assert_heard("begin 1, begin 2, answered 1: 200");
	assert_int_equal(serve.queued, 1);
	end_as(&called[1], INVOCATION_DONE);
	assert_heard("begin 3, answered 2: 200");
	on_answered = start_another;
	end_as(&called[2], INVOCATION_DONE);
	assert_heard("answered 3: 200, begin 4");
	end_as(&called[3], INVOCATION_DONE);
	forget_heard();
}

static void what_cannot_be_begun_is_refused(void **state)
{
	(void)state;
	begin_error = -EAGAIN;
	shows_text = true;
	(void)start();
	assert_heard("begin 1 fails, refused 1: 500 [EAGAIN] Resource temporarily unavailable");
	assert_int_equal(serve.counts.calls_refused, 1);
	assert_int_equal(serve.counts.calls_begun, 0);
	assert_int_equal(held(CURFEW_WORK), 0);
}

static void mend(struct called *call)
{
	if (call->number == 3) {
		begin_error = 0;
	}
}

static void or_answered_if_it_has_waited_and_the_next_one_runs(void **state)
{
	(void)state;
	serve.slots = 1;
	for (int i = 0; i < 4; i++) {
		(void)start();
	}
	begin_error = -ENOMEM;
	on_answered = mend;
	end_as(&called[0], INVOCATION_DONE);
	assert_heard("begin 1, begin 2 fails, answered 2: 503 retry 5, "
		     "begin 3 fails, answered 3: 503 retry 5, begin 4, answered 1: 200");
	end_as(&called[3], INVOCATION_DONE);
	assert_heard("answered 4: 200");
	assert_int_equal(serve.counts.calls_failed, 2);
}

/* The runner has ended before what waits for it: that is no failure. */
static void or_stopped_if_the_runner_is(void **state)
{
	(void)state;
	serve.slots = 1;
	(void)start();
	(void)start();
	begin_error = -ESHUTDOWN;
	end_as(&called[0], INVOCATION_DONE);
	assert_heard("begin 1, begin 2 fails, answered 2: 503 retry 5, answered 1: 200");
	assert_int_equal(serve.counts.calls_stopped, 1);
	assert_int_equal(serve.counts.calls_failed, 0);
}

static void mend_and_start(struct called *call)
{
	on_answered = NULL;
	begin_error = 0;
	assert_int_equal(call->number, 2);
	(void)start();
}

static void nor_does_one_overtake_where_a_slot_is_left_free(void **state)
{
	(void)state;
	serve.slots = 1;
	for (int i = 0; i < 3; i++) {
		(void)start();
	}
	begin_error = -EIO;
	on_answered = mend_and_start;
	end_as(&called[0], INVOCATION_DONE);
	assert_heard("begin 1, begin 2 fails, answered 2: 500, begin 3, answered 1: 200");
	end_as(&called[2], INVOCATION_DONE);
	end_as(&called[3], INVOCATION_DONE);
	assert_heard("begin 4, answered 3: 200, answered 4: 200");
}

static void collect(const struct curfew_holder *holder, void *arg)
{
	buffer_appendf(arg, "%s %s %lld, ", holder->kind, holder->name, (long long)holder->age_ms);
}

static void calls_are_held_by_name_and_age(void **state)
{
	struct buffer names = {0};

	(void)state;
	serve.slots = 1;
	(void)start();
	timeline_advance_ms(5);
	(void)start_with(INVOCATION_PRECHECK, "");
	curfew_drain_list(curfew_lifecycle_stage(&life, CURFEW_WORK), collect, &names);
	assert_string_equal(buffer_text(&names), "call extract 5, call precheck 0, ");
	buffer_fini(&names);
	end_as(&called[0], INVOCATION_DONE);
	assert_int_equal(held(CURFEW_WORK), 1);
	end_as(&called[1], INVOCATION_DONE);
	forget_heard();
}

static void what_nobody_cancelled_is_a_failure(void **state)
{
	(void)state;
	shows_text = true;
	end_as(start(), INVOCATION_CANCELLED);
	assert_heard("begin 1, answered 1: 500 "
		     "{\"usage\":[],\"status_code\":500,\"file_data\":null," META
		     "\"status_code_text\":\"[ECANCELED] Operation "
		     "canceled\",\"output\":null," MESSAGES);
	assert_int_equal(serve.counts.calls_failed, 1);
}

static void a_crash_is_told(void **state)
{
	struct envelope silent = {0};

	(void)state;
	end_as(start(), INVOCATION_CRASHED);
	end_with(start(), INVOCATION_CRASHED, &silent);
	assert_heard("begin 1, answered 1: 502, begin 2, answered 2: 502");
	assert_int_equal(serve.counts.calls_crashed, 2);
}

/* Items. */

static void items_are_lines(void **state)
{
	struct called *call = start_with(INVOCATION_CALL, "{\"file_data\":7}");

	(void)state;
	serve.function.streams = true;
	shows_text = true;
	forget_heard();
	assert_true(give_item(call, "[1,\n2]"));
	assert_heard("item 1: {\"usage\":[],\"status_code\":200,\"file_data\":7," META
		     "\"status_code_text\":null,\"output\":[1,2]," MESSAGES "\n");
	shows_text = false;
	assert_true(give_item(call, "2"));
	end_with(call, INVOCATION_DONE, &(struct envelope){0});
	assert_heard("item 1, answered 1: 0 no line");
	assert_int_equal(serve.counts.items, 2);
	assert_int_equal(serve.counts.calls_done, 1);
}

static void a_slow_client_has_the_runner_wait(void **state)
{
	struct called *call = start();

	(void)state;
	invocation_resume(call->invocation);
	clients_pause = true;
	assert_false(give_item(call, "1"));
	assert_heard("begin 1, item 1");
	clients_pause = false;
	invocation_resume(call->invocation);
	invocation_resume(call->invocation);
	assert_heard("resume 1");
	assert_true(give_item(call, "1"));
	invocation_resume(call->invocation);
	assert_heard("item 1");
	clients_pause = true;
	assert_false(give_item(call, "1"));
	end_as(call, INVOCATION_DONE);
	assert_heard("item 1, answered 1: 200");
}

static const struct {
	bool streams;
	enum invocation_kind kind;
	int items;
	int status; /* 0: not set */
	bool says;  /* usage, or the like */
	const char *heard;
} ends[] = {
	{false, INVOCATION_CALL, 0, 0, false, "answered"},
	{true, INVOCATION_PRECHECK, 0, 0, false, "answered"},
	{true, INVOCATION_CALL, 0, 0, false, "answered no line"},
	{true, INVOCATION_CALL, 0, 200, false, "answered no line"},
	{true, INVOCATION_CALL, 1, 0, false, "answered no line"},
	{true, INVOCATION_CALL, 1, 0, true, "answered"},
	{true, INVOCATION_CALL, 0, 0, true, "answered"},
	{true, INVOCATION_CALL, 1, 500, false, "answered"},
};

static void a_stream_ends_with_what_was_not_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct envelope envelope = {.status_code = ends[i].status};
		struct called *call;
		bool no_line;

		serve.function.streams = ends[i].streams;
		call = start_with(ends[i].kind, "{\"file_data\":1}");
		for (int item = 0; item < ends[i].items; item++) {
			assert_true(give_item(call, "1"));
		}
		assert_int_equal(ends[i].says ? envelope_add_usage(&envelope, "a", 1) : 0, 0);
		end_with(call, INVOCATION_DONE, &envelope);
		no_line = strstr(buffer_text(&heard), "no line");
		assert_int_equal(no_line, strstr(ends[i].heard, "no line") != NULL);
		forget_heard();
	}
}

/* Memory. */

/* A call with two items, which may fail anywhere: it is answered once, and nothing is lost. */
static void try_call(void)
{
	struct called *call = start_with(INVOCATION_CALL, "{\"file_data\":\"abc\"}");
	struct envelope item = {0};
	struct envelope end = {0};
	int first = 0;

	if (!call->invocation) {
		assert_int_equal(call->status, 503);
		return;
	}
	for (int i = 0; i < 2; i++) {
		first = call->items;
		assert_true(invocation_item(call->work, &item));
	}
	envelope_fini(&item);
	end_with(call, INVOCATION_DONE, &end);
	assert_int_equal(call->answers, 1);
	assert_true(call->status == 0 ? call->items == 2 : call->status == 500);
	assert_true(call->items == 0 || first == 1); /* none comes behind one that was lost */
}

static void every_allocation_may_fail(void **state)
{
	bool failed = true;
	int refused = 0;
	int broken = 0;

	(void)state;
	serve.function.streams = true;
	assert_non_null(buffer_reserve(&heard, 10000));
	for (int n = 1; failed; n++) {
		struct called *call = &called[called_count];

		/* What the script itself allocates is the first. */
		allocation_fail(n + 1);
		try_call();
		failed = allocation_failed();
		refused += failed && !call->answers;
		broken += failed && call->answers && call->status == 500;
		assert_int_equal(failed, call->status >= 500);
	}
	assert_int_equal(serve.counts.calls_refused, refused);
	assert_int_equal(serve.counts.calls_failed, broken);
	assert_true(refused >= 2);
	assert_true(broken >= 2);
	forget_heard();
}

/* One that does not end by itself is cancelled, and its client gets an end. */
static void a_lost_item_ends_the_stream(void **state)
{
	struct called *call = start();
	struct envelope envelope = {0};

	(void)state;
	assert_int_equal(envelope_set_output(&envelope, "1", 1), 0);
	allocation_fail(1);
	assert_true(invocation_item(call->work, &envelope));
	assert_true(allocation_failed());
	envelope_fini(&envelope);
	assert_true(curfew_token_cancelled(call->token));
	assert_heard("begin 1");
	assert_true(give_item(call, "2"));
	timeline_settle();
	assert_heard("cancel 1");
	assert_true(give_item(call, "3"));
	timeline_advance_ms(INVOCATION_PATIENCE_MS - 1);
	assert_heard("");
	timeline_advance_ms(1);
	assert_heard("answered 1: 500");
	end_as(call, INVOCATION_DONE);
	assert_heard("");
	assert_int_equal(serve.counts.calls_failed, 1);
	assert_int_equal(serve.counts.items, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		call_test(a_call_runs_and_is_answered),
		call_test(file_data_comes_back_but_in_errors),
		call_test(calls_wait_in_order_for_a_slot),
		call_test(no_queue_is_no_waiting),
		call_test(nobody_overtakes_from_inside_an_answer),
		call_test(what_cannot_be_begun_is_refused),
		call_test(or_answered_if_it_has_waited_and_the_next_one_runs),
		call_test(or_stopped_if_the_runner_is),
		call_test(nor_does_one_overtake_where_a_slot_is_left_free),
		call_test(calls_are_held_by_name_and_age),
		call_test(what_nobody_cancelled_is_a_failure),
		call_test(a_crash_is_told),
		call_test(items_are_lines),
		call_test(a_slow_client_has_the_runner_wait),
		call_test(a_stream_ends_with_what_was_not_said),
		call_test(every_allocation_may_fail),
		call_test(a_lost_item_ends_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
