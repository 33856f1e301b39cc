/* SPDX-License-Identifier: Apache-2.0 */
/* What stops a call: the end of the process, its client, its time, the cut. */
#include "serve/invocation_script.h"

/* What a token shows. */

static void assert_cause(const struct called *call, enum curfew_reason reason,
	enum curfew_reason origin, int signal, pid_t sender)
{
	struct curfew_cause cause = cause_of(call);

	assert_int_equal(cause.reason, reason);
	assert_int_equal(cause.origin, origin);
	assert_int_equal(cause.signal, signal);
	assert_int_equal(cause.sender, sender);
}

static void tokens_tell_end_client_and_time_apart(void **state)
{
	(void)state;
	serve.slots = 3;
	serve_config.request_timeout_ms = CURFEW_NEVER;
	(void)start();
	(void)start();
	serve_config.request_timeout_ms = TIMEOUT_MS;
	(void)start();
	assert_int_equal(curfew_token_deadline(called[0].token), CURFEW_NEVER);
	assert_int_equal(curfew_token_deadline(called[2].token), curfew_after_ms(TIMEOUT_MS));
	leave(&called[1]);
	timeline_advance_ms(TIMEOUT_MS);
	stop();
	assert_cause(&called[0], CURFEW_PARENT, CURFEW_SIGNAL, SIGTERM, 77);
	assert_string_equal(cause_of(&called[0]).text, "SIGTERM from pid 77");
	assert_cause(&called[1], CURFEW_CLIENT_GONE, CURFEW_CLIENT_GONE, 0, 0);
	assert_cause(&called[2], CURFEW_DEADLINE, CURFEW_DEADLINE, 0, 0);
	for (int i = 0; i < 3; i++) {
		end_as(&called[i], INVOCATION_CANCELLED);
	}
	assert_heard("begin 1, begin 2, begin 3, cancel 2, cancel 3, cancel 1, "
		     "answered 1: 503 retry 5, answered 3: 504");
	assert_int_equal(serve.counts.calls_stopped, 1);
	assert_int_equal(serve.counts.calls_left, 1);
	assert_int_equal(serve.counts.calls_timed_out, 1);
}

/* The end. */

static void the_end_stops_what_runs_and_what_waits(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		(void)start();
	}
	stop();
	assert_heard("begin 1, begin 2, answered 3: 503 retry 5, answered 4: 503 retry 5, "
		     "cancel 1, cancel 2");
	assert_int_equal(serve.queued, 0);
	assert_ptr_equal(serve.calls.next, &called[0].work->link);
	assert_ptr_equal(serve.calls.prev, &called[1].work->link);
	invocations_cancel(&serve);
	assert_heard("");
	shows_text = true;
	(void)start();
	assert_heard("refused 5: 503 retry 5 " INVOCATION_STOPPED);
	end_as(&called[0], INVOCATION_CANCELLED);
	assert_heard("answered 1: 503 retry 5 {\"usage\":[],\"status_code\":503,\"file_data\":null,"
		     "\"filedata_meta\":{\"terminate_current\":false,\"new_records\":[]},"
		     "\"status_code_text\":\"" INVOCATION_STOPPED "\",\"output\":null,"
		     "\"message_channels\":{\"infos\":[],\"warnings\":[]}}");
	shows_text = false;
	end_as(&called[1], INVOCATION_DONE);
	assert_heard("answered 2: 200");
	assert_int_equal(serve.counts.calls_stopped, 3);
	assert_int_equal(serve.counts.calls_done, 1);
	assert_int_equal(serve.counts.calls_refused, 1);
}

static void what_was_used_is_told_all_the_same(void **state)
{
	struct envelope envelope = {0};

	(void)state;
	(void)start_with(INVOCATION_CALL, "{\"file_data\":1}");
	stop();
	assert_int_equal(envelope_add_usage(&envelope, "tokens", 3), 0);
	assert_int_equal(envelope_set_output(&envelope, "1", 1), 0);
	forget_heard();
	shows_text = true;
	end_with(&called[0], INVOCATION_CANCELLED, &envelope);
	assert_heard("answered 1: 503 retry 5 {\"usage\":[{\"value\":3,\"name\":\"tokens\"}],"
		     "\"status_code\":503,\"file_data\":null,"
		     "\"filedata_meta\":{\"terminate_current\":false,\"new_records\":[]},"
		     "\"status_code_text\":\"" INVOCATION_STOPPED "\",\"output\":null,"
		     "\"message_channels\":{\"infos\":[],\"warnings\":[]}}");
}

static void a_crash_is_one_at_the_end_too(void **state)
{
	(void)state;
	(void)start();
	stop();
	end_as(&called[0], INVOCATION_CRASHED);
	assert_heard("begin 1, cancel 1, answered 1: 502");
}

/* A cancel without a lifecycle's end, as of a start that was refused. */
static void calls_may_be_stopped_without_a_signal(void **state)
{
	(void)state;
	(void)start();
	invocations_cancel(&serve);
	assert_cause(&called[0], CURFEW_PARENT, CURFEW_COMPLETED, 0, 0);
	end_as(&called[0], INVOCATION_CANCELLED);
	assert_heard("begin 1, cancel 1, answered 1: 503 retry 5");
}

/* --cancel-after: the token fires later, and what comes until then is served. */
static void what_comes_before_the_token_fires_is_served(void **state)
{
	struct thing connection;

	(void)state;
	hold(CURFEW_WORK, &connection, "a");
	stop_by(SIGTERM);
	assert_int_equal(curfew_lifecycle_phase(&life), CURFEW_DRAINING);
	(void)start();
	assert_int_equal(held(CURFEW_WORK), 1);
	assert_int_equal(held(CURFEW_CHILDREN), 1);
	curfew_hold_release(&connection.hold);
	timeline_settle();
	assert_int_equal(curfew_lifecycle_phase(&life), CURFEW_REAPING);
	(void)start(); /* nothing would wait for it */
	end_as(&called[0], INVOCATION_DONE);
	timeline_settle();
	assert_heard("begin 1, refused 2: 503 retry 5, answered 1: 200");
	assert_true(curfew_lifecycle_done(&life));
}

/* Its client. */

static void who_leaves_hears_of_nothing(void **state)
{
	(void)state;
	serve.slots = 1;
	(void)start();
	(void)start();
	(void)start();
	leave(&called[1]);
	assert_int_equal(serve.queued, 1);
	leave(&called[0]);
	assert_true(give_item(&called[0], "1"));
	assert_heard("begin 1, cancel 1");
	end_as(&called[0], INVOCATION_DONE);
	assert_heard("begin 3");
	end_as(&called[2], INVOCATION_DONE);
	assert_heard("answered 3: 200");
	assert_int_equal(serve.counts.calls_left, 2);
	assert_int_equal(serve.counts.items, 0);
}

/* Its time. */

static void it_is_answered_when_patience_ends(void **state)
{
	(void)state;
	serve.slots = 1;
	serve_config.request_timeout_ms = TIMEOUT_MS;
	(void)start();
	timeline_advance_ms(1);
	(void)start();
	(void)start();
	timeline_advance_ms(TIMEOUT_MS - 2);
	assert_heard("begin 1");
	timeline_advance_ms(1);
	assert_heard("cancel 1");
	shows_text = true;
	timeline_advance_ms(1);
	assert_non_null(strstr(buffer_text(&heard), "answered 2: 504"));
	assert_non_null(strstr(buffer_text(&heard), "\"" INVOCATION_TIMED_OUT "\""));
	assert_non_null(strstr(buffer_text(&heard), "answered 3: 504"));
	shows_text = false;
	forget_heard();
	timeline_advance_ms(INVOCATION_PATIENCE_MS - 2);
	assert_heard("");
	timeline_advance_ms(1);
	assert_heard("answered 1: 504");
	/* Its slot is not free. */
	(void)start();
	assert_int_equal(serve.running, 1);
	assert_true(give_item(&called[0], "1"));
	end_as(&called[0], INVOCATION_DONE);
	assert_heard("begin 4");
	end_as(&called[3], INVOCATION_DONE);
	assert_heard("answered 4: 200");
	assert_int_equal(serve.counts.calls_timed_out, 3);
}

/* The cut. */

static void cut_hold(struct called *call)
{
	call->work->hold.ops->cut(&call->work->hold);
}

static void assert_report(const char *part)
{
	char *report = curfew_lifecycle_report(&life);

	if (!strstr(report, part)) {
		fail_msg("no %s in %s", part, report);
	}
	free(report);
}

/* What ignores its token keeps its hold: the process leaves with it, and names it. */
static void what_does_not_let_go_is_abandoned(void **state)
{
	(void)state;
	serve.slots = 1;
	timeline_advance_ms(10);
	(void)start();
	(void)start();
	stop_by(SIGTERM); /* with --cancel-after inf */
	timeline_advance_ms(7000);
	assert_int_equal(curfew_lifecycle_phase(&life), CURFEW_FORCING);
	assert_heard("begin 1, forced 1, cut 1, answered 2: 503 retry 5");
	assert_cause(&called[0], CURFEW_PARENT, CURFEW_SIGNAL, SIGTERM, 77);
	invocation_cut(called[0].invocation);
	assert_heard("answered 1: 503 retry 5");
	assert_int_equal(held(CURFEW_WORK), 1);
	timeline_advance_ms(2000);
	assert_true(curfew_lifecycle_done(&life));
	assert_int_equal(curfew_lifecycle_abandoned(&life), 1);
	assert_report("\"forced\":[{\"name\":\"extract\",\"age_ms\":7000}");
	assert_int_equal(serve.counts.calls_forced, 1);
	assert_int_equal(serve.counts.calls_stopped, 1);
	/* It comes late. */
	end_as(&called[0], INVOCATION_DONE);
	assert_heard("");
}

static void what_lets_go_is_not(void **state)
{
	(void)state;
	(void)start();
	stop();
	timeline_advance_ms(7000);
	invocation_cut(called[0].invocation);
	end_as(&called[0], INVOCATION_CANCELLED);
	timeline_settle();
	assert_heard("begin 1, cancel 1, forced 1, cut 1, answered 1: 503 retry 5");
	assert_true(curfew_lifecycle_done(&life));
	assert_int_equal(curfew_lifecycle_abandoned(&life), 0);
}

static void a_second_signal_cuts(void **state)
{
	(void)state;
	(void)start();
	stop();
	timeline_advance_ms(200);
	stop_by(SIGINT);
	assert_heard("begin 1, cancel 1, forced 1, cut 1");
	end_as(&called[0], INVOCATION_DONE); /* faster than its connection's cut */
	assert_heard("answered 1: 200");
	assert_int_equal(serve.counts.calls_forced, 0);
}

static void what_waits_may_be_cut_by_its_connection(void **state)
{
	(void)state;
	serve.slots = 1;
	(void)start();
	(void)start();
	stop_by(SIGTERM);
	invocation_cut(called[1].invocation);
	assert_heard("begin 1, answered 2: 503 retry 5");
	end_as(&called[0], INVOCATION_DONE);
	assert_heard("answered 1: 200");
	assert_int_equal(serve.counts.calls_stopped, 1);
}

/*
 * What may happen to one call, in many orders: it ends as Done, Cancelled or X (crashed); an Item,
 * one that is too many (S), the client Resumes, or Leaves; the token fires (F); its Time is over,
 * its Patience is; its Hold is cut, its connection is (K).
 */
static const struct {
	const char *events;
	const char *heard;
	size_t count; /* what it counts as */
} orders[] = {
#define COUNTED(name) offsetof(struct serve_counts, calls_##name)
	{"D", "answered 1: 200", COUNTED(done)},
	{"C", "answered 1: 500", COUNTED(failed)},
	{"X", "answered 1: 502", COUNTED(crashed)},
	{"FD", "cancel 1, answered 1: 200", COUNTED(done)},
	{"FC", "cancel 1, answered 1: 503 retry 5", COUNTED(stopped)},
	{"FX", "cancel 1, answered 1: 502", COUNTED(crashed)},
	{"TD", "cancel 1, answered 1: 200", COUNTED(done)},
	{"TC", "cancel 1, answered 1: 504", COUNTED(timed_out)},
	{"TX", "cancel 1, answered 1: 502", COUNTED(crashed)},
	{"TPD", "cancel 1, answered 1: 504", COUNTED(timed_out)},
	{"TPC", "cancel 1, answered 1: 504", COUNTED(timed_out)},
	{"TPX", "cancel 1, answered 1: 504", COUNTED(timed_out)},
	{"LD", "cancel 1", COUNTED(left)},
	{"LC", "cancel 1", COUNTED(left)},
	{"LX", "cancel 1", COUNTED(left)},
	{"LFC", "cancel 1", COUNTED(left)},
	{"LTPC", "cancel 1", COUNTED(left)},
	{"FLC", "cancel 1", COUNTED(left)},
	{"TLC", "cancel 1", COUNTED(left)},
	{"TLPC", "cancel 1", COUNTED(left)},
	{"FTC", "cancel 1, answered 1: 503 retry 5", COUNTED(stopped)},
	{"FTPC", "cancel 1, answered 1: 503 retry 5", COUNTED(stopped)},
	{"TFC", "cancel 1, answered 1: 504", COUNTED(timed_out)},
	{"TFPC", "cancel 1, answered 1: 504", COUNTED(timed_out)},
	{"TPFC", "cancel 1, answered 1: 504", COUNTED(timed_out)},
	{"FHKC", "cancel 1, forced 1, cut 1, answered 1: 503 retry 5", COUNTED(forced)},
	{"FHC", "cancel 1, forced 1, cut 1, answered 1: 503 retry 5", COUNTED(forced)},
	{"FHD", "cancel 1, forced 1, cut 1, answered 1: 200", COUNTED(done)},
	{"FKHC", "cancel 1, answered 1: 503 retry 5, cut 1", COUNTED(forced)},
	{"HKC", "forced 1, cut 1, answered 1: 503 retry 5", COUNTED(forced)},
	{"HFKC", "forced 1, cut 1, answered 1: 503 retry 5", COUNTED(forced)},
	{"KC", "answered 1: 503 retry 5, cut 1", COUNTED(forced)},
	{"KD", "answered 1: 503 retry 5, cut 1", COUNTED(forced)},
	{"HLC", "forced 1, cut 1", COUNTED(left)},
	{"LHC", "cancel 1, cut 1", COUNTED(left)},
	{"THKC", "cancel 1, forced 1, cut 1, answered 1: 504", COUNTED(forced)},
	{"TPHC", "cancel 1, answered 1: 504, cut 1", COUNTED(timed_out)},
	{"HTPC", "forced 1, cut 1, answered 1: 503 retry 5", COUNTED(forced)},
	{"ISRD", "item 1, item 1, resume 1, answered 1: 200", COUNTED(done)},
	{"RISD", "item 1, item 1, answered 1: 200", COUNTED(done)},
	{"SFC", "item 1, cancel 1, answered 1: 503 retry 5", COUNTED(stopped)},
	{"SFRIC", "item 1, cancel 1, resume 1, item 1, answered 1: 503 retry 5", COUNTED(stopped)},
	{"STPIC", "item 1, cancel 1, answered 1: 504", COUNTED(timed_out)},
	{"SLIC", "item 1, cancel 1", COUNTED(left)},
	{"SHKIC", "item 1, forced 1, cut 1, answered 1: 503 retry 5", COUNTED(forced)},
	{"SKIC", "item 1, answered 1: 503 retry 5, cut 1", COUNTED(forced)},
};

static void happen(struct called *call, char event)
{
	switch (event) {
	case 'D':
		end_as(call, INVOCATION_DONE);
		break;
	case 'C':
		end_as(call, INVOCATION_CANCELLED);
		break;
	case 'X':
		end_as(call, INVOCATION_CRASHED);
		break;
	case 'S':
	case 'I':
		clients_pause = event == 'S';
		assert_int_equal(give_item(call, "1"), !clients_pause || !call->invocation);
		break;
	case 'R':
		invocation_resume(call->invocation);
		break;
	case 'L':
		leave(call);
		break;
	case 'F':
		stop();
		break;
	case 'T':
		timeline_advance_ms(TIMEOUT_MS);
		break;
	case 'P':
		timeline_advance_ms(INVOCATION_PATIENCE_MS);
		break;
	case 'H':
		cut_hold(call);
		break;
	default:
		invocation_cut(call->invocation);
	}
}

static void each_order_has_its_answer(void **state)
{
	(void)calls_teardown(state);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		(void)calls_setup(state);
		serve_config.request_timeout_ms = TIMEOUT_MS;
		(void)start();
		forget_heard();
		for (const char *event = orders[i].events; *event; event++) {
			happen(&called[0], *event);
		}
		if (strcmp(buffer_text(&heard), orders[i].heard) != 0) {
			fail_msg("%s: %s", orders[i].events, buffer_text(&heard));
		}
		assert_int_equal(*(uint64_t *)(void *)((char *)&serve.counts + orders[i].count), 1);
		(void)calls_teardown(state);
	}
	(void)calls_setup(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		call_test(tokens_tell_end_client_and_time_apart),
		call_test(the_end_stops_what_runs_and_what_waits),
		call_test(what_was_used_is_told_all_the_same),
		call_test(a_crash_is_one_at_the_end_too),
		call_test(calls_may_be_stopped_without_a_signal),
		call_test(what_comes_before_the_token_fires_is_served),
		call_test(who_leaves_hears_of_nothing),
		call_test(it_is_answered_when_patience_ends),
		call_test(what_does_not_let_go_is_abandoned),
		call_test(what_lets_go_is_not),
		call_test(a_second_signal_cuts),
		call_test(what_waits_may_be_cut_by_its_connection),
		call_test(each_order_has_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
