/* SPDX-License-Identifier: Apache-2.0 */
/* How a lane's connections begin and end, and what becomes of its request then. */
#include "load/crew_script.h"

#include <netinet/in.h>

#include "net/names_script.h"
#include "net/tls.h"

/* The last request that is over has ended so, and only so. */
static void assert_ended(enum load_outcome outcome, int count)
{
	assert_int_equal(outcomes(outcome), count);
	assert_int_equal(crew.tally->admitted - crew.tally->in_flight, count);
	assert_int_equal(script.answer.status, 0);
	assert_int_equal(script.answer.ended_ns, script.now);
}

static void open_at(double rate)
{
	open_loop(rate, INT64_MAX);
	crew_begin();
	crew_runs();
}

/* Connections that do not come about. */

static void refused(void **state)
{
	(void)state;
	server_close();
	open_at(1);
	assert_ended(LOAD_REFUSED, 1);
	assert_int_equal(crew.tally->connections, 0);
	assert_int_equal(crew.tally->connect.total, 0);
}

static void unreachable(void **state)
{
	(void)state;
	script.plan.endpoints[0].address =
		(struct address){.host = "/nowhere/curfew", .is_unix = true};
	open_at(1);
	assert_ended(LOAD_UNREACHABLE, 1);
}

/* Fills the queue of who listens, so that a connection waits. */
static int fill_queue(int fillers[])
{
	struct socket_address at;
	int count = 0;

	assert_true(address_literal(&script.address, &at));
	assert_int_equal(listen(script.listening, 0), 0);
	for (;; count++) {
		fillers[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fillers[count], (struct sockaddr *)&at.storage, at.length) < 0) {
			close(fillers[count]);
			return count;
		}
		assert_true(count < 8);
	}
}

static void empty_queue(int fillers[], int count)
{
	while (count > 0) {
		close(fillers[--count]);
	}
}

/* Nobody looks at who waits: script.listening is put aside. */
static int hide_listener(void)
{
	int fd = script.listening;

	script.listening = -1;
	return fd;
}

static void not_connected_in_time(void **state)
{
	int fillers[9], count, hidden;

	(void)state;
	script.plan.timeout_ms = 500;
	count = fill_queue(fillers);
	hidden = hide_listener();
	open_at(1);
	pass_ms(499);
	assert_int_equal(script.ended, 0);
	assert_int_equal(crew.tally->in_flight, 1);
	pass_ms(1);
	settle();
	assert_ended(LOAD_CONNECT_TIMEOUT, 1);
	assert_int_equal(crew.tally->failed.most_us, 500000);
	empty_queue(fillers, count);
	script.listening = hidden;
}

/* Time does not run out twice: the request gets what is left of it after the connecting. */
static void connected_late(void **state)
{
	int fillers[9], count, hidden;

	(void)state;
	script.plan.timeout_ms = 500;
	count = fill_queue(fillers);
	hidden = hide_listener();
	open_at(1);
	pass_ms(300);
	script.listening = hidden;
	server_look(); /* takes those, too */
	empty_queue(fillers, count);
	pass_ms(199);
	assert_int_equal(script.peers[script.peer_count - 1].asked, 1);
	assert_int_equal(crew.tally->connect.total, 1);
	assert_true(crew.tally->connect.most_us >= 300000);
	assert_int_equal(script.ended, 0);
	pass_ms(1);
	settle();
	assert_ended(LOAD_TIMED_OUT, 1);
}

static void cut_while_it_connects(void **state)
{
	int fillers[9], count, hidden;

	(void)state;
	count = fill_queue(fillers);
	hidden = hide_listener();
	open_at(1);
	pass_ms(5);
	crew_cut(&crew);
	settle();
	assert_true(crew_left());
	assert_int_equal(script.let_go, 1);
	assert_int_equal(crew.tally->in_flight, 1);
	assert_int_equal(tally_failed(crew.tally), 0);
	empty_queue(fillers, count);
	script.listening = hidden;
	server_look();
}

static const struct scripted_name no_names[] = {{NULL, 0, {NULL}}};

/* Names are looked up by another thread, which takes its time. */
static void open_by_name(void)
{
	script.plan.endpoints[0].address = (struct address){.host = "backend", .port = 1};
	script.plan.timeout_ms = 100;
	names_set(no_names);
	names_hold(true);
	open_at(1);
	names_await(1);
}

static void end_look_up(void)
{
	names_hold(false);
	names_await(0);
	run_until(!worker->uv.active_reqs.count);
}

static void of_an_unknown_name(void **state)
{
	(void)state;
	open_by_name();
	names_hold(false);
	run_until(script.ended);
	assert_ended(LOAD_UNREACHABLE, 1);
}

static void not_looked_up_in_time(void **state)
{
	(void)state;
	open_by_name();
	pass_ms(100);
	settle();
	assert_ended(LOAD_CONNECT_TIMEOUT, 1);
	end_look_up();
	assert_int_equal(script.ended, 1);
}

static void cut_while_it_is_looked_up(void **state)
{
	(void)state;
	open_by_name();
	crew_cut(&crew);
	settle();
	assert_true(crew_left());
	assert_int_equal(script.let_go, 1);
	end_look_up();
	assert_int_equal(script.ended, 0);
}

/* The dial has come to its end, and that is not told yet. */
static void cut_when_it_has_connected(void **state)
{
	int before = descriptors_count();

	(void)state;
	crew_begin();
	crew_run(&crew, script.now);
	loop_wake(worker->loop);
	worker->loop->due = false;
	loop_round(worker->loop, false); /* without what comes at the round's end */
	assert_non_null(crew.lanes[0]->dial);
	crew_cut(&crew);
	loop_wake(worker->loop);
	loop_round(worker->loop, false);
	assert_int_equal(crew.tally->in_flight, 1);
	settle();
	assert_true(crew_left());
	assert_int_equal(script.peer_count, 1);
	assert_true(script.peers[0].ended);
	peer_close(0);
	assert_int_equal(descriptors_count(), before);
}

static void without_a_descriptor(void **state)
{
	(void)state;
	open_loop(1, INT64_MAX);
	crew_begin();
	descriptors_leave(0);
	crew_runs();
	descriptors_restore();
	assert_ended(LOAD_LOCAL, 1);
	pass_ms(1000);
	settle();
	answer(0, OK);
	assert_int_equal(outcomes(LOAD_OK), 1);
}

/* Connections that end. */

/* A server may close an idle one: the next request has another, and nothing has failed. */
static void closed_while_idle(void **state)
{
	(void)state;
	open_at(10);
	answer(0, OK);
	peer_close(0);
	settle();
	assert_null(crew.lanes[0]->channels[0]);
	pass_ms(100);
	settle();
	assert_int_equal(script.peer_count, 2);
	answer(1, OK);
	assert_int_equal(outcomes(LOAD_OK), 2);
	assert_int_equal(tally_failed(crew.tally), 0);
	assert_int_equal(crew.tally->connections, 2);
}

static void speaks_while_idle(void **state)
{
	(void)state;
	open_at(10);
	answer(0, OK);
	say(0, OK);
	pass_ms(100);
	settle();
	answer(1, OK);
	assert_true(script.peers[0].ended);
	assert_int_equal(tally_failed(crew.tally), 0);
}

static void close_first(uint64_t number)
{
	if (number) {
		peer_close(0);
	}
}

/* The server closes it just when the request is to be sent: nothing of it has left. */
static void closed_before_a_byte_was_sent(void **state)
{
	(void)state;
	open_at(10);
	answer(0, OK);
	script.asked = close_first;
	pass_ms(100);
	settle();
	assert_int_equal(outcomes(LOAD_RESET_UNSENT), 1);
	assert_int_equal(outcomes(LOAD_OK), 1);
	script.asked = NULL;
	pass_ms(100);
	settle();
	answer(1, OK);
	assert_int_equal(outcomes(LOAD_OK), 2);
}

static void closed_before_it_answers(void **state)
{
	(void)state;
	open_at(10);
	peer_close(0);
	settle();
	assert_ended(LOAD_RESET_SENT, 1);
	assert_true(load_outcome_unsafe(LOAD_RESET_SENT));
}

/* A closed loop goes on at once: somebody was there. */
static void goes_on_after_a_reset(void **state)
{
	(void)state;
	crew_begin();
	crew_runs();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(script.peer_count, i + 1);
		peer_close(i);
		settle();
	}
	assert_int_equal(outcomes(LOAD_RESET_SENT), 5);
}

/* Its connection is reset, so that a late answer is nobody's. */
static void not_answered_in_time(void **state)
{
	(void)state;
	script.plan.timeout_ms = 100;
	crew_begin();
	crew_runs();
	pass_ms(100);
	settle();
	assert_ended(LOAD_TIMED_OUT, 1);
	assert_true(script.peers[0].ended);
	assert_int_equal(script.peers[1].asked, 1);
	pass_ms(99);
	answer(1, OK);
	assert_int_equal(outcomes(LOAD_OK), 1);
	pass_ms(99); /* the next has a time of its own */
	assert_int_equal(outcomes(LOAD_TIMED_OUT), 1);
	pass_ms(1);
	settle();
	assert_int_equal(outcomes(LOAD_TIMED_OUT), 2);
}

/* An answer that is there is taken, however late we are to look. */
static void answered_before_its_time(void **state)
{
	(void)state;
	script.plan.timeout_ms = 100;
	crew_begin();
	crew_runs();
	say(0, OK);
	script.now += 500 * NS_PER_MS;
	loop_wake(worker->loop);
	settle();
	assert_int_equal(outcomes(LOAD_OK), 1);
	assert_int_equal(outcomes(LOAD_TIMED_OUT), 0);
}

static void without_a_timeout(void **state)
{
	(void)state;
	script.plan.timeout_ms = CURFEW_NEVER;
	crew_begin();
	crew_runs();
	pass_ms(INT64_C(1000) * 3600 * 24);
	assert_int_equal(waiting(), 1);
	answer(0, OK);
	assert_int_equal(outcomes(LOAD_OK), 1);
}

/* Several endpoints: a connection for each that was used, and each request on its own. */

static void one_for_each_endpoint(void **state)
{
	(void)state;
	script.plan.endpoint_count = 3;
	script.plan.endpoints[1].address = script.address;
	script.plan.endpoints[2].address = script.address;
	crew_begin();
	crew_runs();
	script.endpoint = 2;
	answer(0, OK);
	script.endpoint = 0;
	answer(1, OK);
	assert_int_equal(script.peers[0].asked, 2);
	peer_close(1); /* idle: the request that is in flight is another's */
	settle();
	assert_int_equal(tally_failed(crew.tally), 0);
	script.endpoint = 2;
	answer(0, OK);
	assert_int_equal(script.peer_count, 3);
	answer(2, OK);
	assert_int_equal(outcomes(LOAD_OK), 4);
	assert_null(crew.lanes[0]->channels[1]);
}

/* TLS. */

static void tls_at(double rate)
{
	struct buffer refusal = {0};

	script.plan.endpoints[0].is_tls = true;
	script.plan.tls = tls_client_new_insecure(&refusal);
	assert_non_null(script.plan.tls);
	buffer_fini(&refusal);
	open_at(rate);
}

static void no_tls_is_spoken_there(void **state)
{
	(void)state;
	tls_at(1);
	assert_int_equal(crew.tally->connections, 1);
	say(0, "HTTP/1.1 400 Bad Request\r\n\r\n");
	settle();
	assert_ended(LOAD_TLS, 1);
	tls_client_free(script.plan.tls);
}

static void no_handshake_in_time(void **state)
{
	(void)state;
	script.plan.timeout_ms = 100;
	tls_at(1);
	pass_ms(100);
	settle();
	assert_ended(LOAD_CONNECT_TIMEOUT, 1);
	assert_true(script.peers[0].ended);
	tls_client_free(script.plan.tls);
}

static void closed_within_the_handshake(void **state)
{
	(void)state;
	tls_at(1);
	peer_close(0);
	settle();
	assert_ended(LOAD_RESET_UNSENT, 1); /* nothing of the request had left */
	tls_client_free(script.plan.tls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		crew_test(refused),
		crew_test(unreachable),
		crew_test(not_connected_in_time),
		crew_test(connected_late),
		crew_test(cut_while_it_connects),
		crew_test(of_an_unknown_name),
		crew_test(not_looked_up_in_time),
		crew_test(cut_while_it_is_looked_up),
		crew_test(cut_when_it_has_connected),
		crew_test(without_a_descriptor),
		crew_test(closed_while_idle),
		crew_test(speaks_while_idle),
		crew_test(closed_before_a_byte_was_sent),
		crew_test(closed_before_it_answers),
		crew_test(goes_on_after_a_reset),
		crew_test(not_answered_in_time),
		crew_test(answered_before_its_time),
		crew_test(without_a_timeout),
		crew_test(one_for_each_endpoint),
		crew_test(no_tls_is_spoken_there),
		crew_test(no_handshake_in_time),
		crew_test(closed_within_the_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
