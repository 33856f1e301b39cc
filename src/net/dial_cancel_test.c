/* SPDX-License-Identifier: Apache-2.0 */
/* Dials that are given up, in each state. */
#include "base/clock.h"
#include "net/dial_script.h"

/* The first answers no more, in the tests that use it; the port is theirs. */
static const struct scripted_name silent_first[] = {
	{"backend", 0, {"127.0.0.1", "127.0.0.2"}},
	{NULL, 0, {NULL}},
};

static void cancelled_while_it_is_looked_up(void **state)
{
	static const struct scripted_name table[] = {
		{"backend", 0, {"127.0.0.1"}},
		{NULL, 0, {NULL}},
	};
	struct address address;
	int listening = listener("127.0.0.1:0", &address);
	struct dial_target target = {.address = {.host = "backend", .port = address.port}};
	struct ending first = {0}, second = {0};

	(void)state;
	names_set(table);
	names_hold(true);
	start(&first, &target, SOON);
	start(&second, &target, SOON);
	names_await(1);
	dial_cancel(first.dial);
	names_hold(false);
	await_end(&second);
	assert_int_equal(first.told, 0);
	assert_true(second.fd >= 0);
	close(second.fd);
	/* The target goes too, while the look-up runs. */
	target.resolved_until = 0;
	names_hold(true);
	start(&first, &target, SOON);
	names_await(1);
	dial_cancel(first.dial);
	dial_target_fini(&target);
	names_hold(false);
	names_await(0);
	assert_int_equal(first.told, 0);
	close(listening);
	run_until(!worker->uv.active_reqs.count);
	assert_null(target.resolved); /* nothing is put there any more */
}

static void cancelled_while_it_connects(void **state)
{
	int count = descriptors_count();
	struct silent silent, second;
	struct dial_target target = {0};
	struct ending ending = {0};
	char text[64];
	int64_t begun;

	(void)state;
	silent_begin(&silent, "127.0.0.1:0");
	target.address = silent.address;
	start(&ending, &target, SOON);
	round_now();
	dial_cancel(ending.dial);
	dial_target_fini(&target);
	/* And with two attempts that wait. */
	(void)snprintf(text, sizeof(text), "127.0.0.2:%u", silent.address.port);
	silent_begin(&second, text);
	names_set(silent_first);
	(void)snprintf(target.address.host, sizeof(target.address.host), "backend");
	begun = curfew_now();
	start(&ending, &target, SOON);
	run_until(clock_ms_between(begun, curfew_now()) >= 250); /* the second attempt's time */
	dial_cancel(ending.dial);
	assert_int_equal(ending.told, 0);
	dial_target_fini(&target);
	silent_end(&second);
	silent_end(&silent);
	assert_int_equal(descriptors_count(), count);
}

static void cancelled_while_a_full_backlog_is_waited_for(void **state)
{
	int count = descriptors_count();
	struct silent silent;
	struct dial_target target = {0};
	struct ending ending = {0};

	(void)state;
	silent_begin(&silent, "unix:@curfew-dial-cancel");
	target.address = silent.address;
	start(&ending, &target, SOON);
	dial_cancel(ending.dial);
	dial_target_fini(&target);
	silent_end(&silent);
	assert_int_equal(descriptors_count(), count);
}

static void cancelled_when_it_is_settled(void **state)
{
	uint16_t port = closed_port();
	int count = descriptors_count();
	struct dial_target target = {0};
	int listening = listener("127.0.0.1:0", &target.address);
	struct ending first = {0}, second = {0};

	(void)state;
	start(&first, &target, SOON); /* connected: it is told in the next round */
	dial_cancel(first.dial);
	/* By the callback of another one that is told in the same round. */
	first.cancels = &second;
	start(&first, &target, SOON);
	start(&second, &target, SOON);
	await_end(&first);
	round_now();
	assert_int_equal(second.told, 0);
	close(first.fd);
	close(listening);
	target.address.port = port;
	dial_target_fini(&target);
	start(&first, &target, SOON);
	start(&second, &target, SOON);
	await_end(&first);
	round_now();
	assert_int_equal(first.error, -ECONNREFUSED);
	assert_int_equal(second.told, 0);
	dial_target_fini(&target);
	assert_int_equal(descriptors_count(), count);
}

/* Last, for it leaves a thread behind that is busy until the end. */
static void a_worker_may_end_while_a_name_server_hangs(void **state)
{
	static const struct scripted_name table[] = {{NULL, 0, {NULL}}};
	struct dial_target target = {.address = {.host = "backend", .port = 1}};
	struct ending ending = {0};

	(void)state;
	workers_begin(1, 20000);
	names_set(table);
	names_hold(true);
	start(&ending, &target, SOON);
	names_await(1);
	dial_cancel(ending.dial);
	dial_target_fini(&target);
	assert_false(workers_end());
	names_hold(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(cancelled_while_it_is_looked_up),
		worker_test(cancelled_while_it_connects),
		worker_test(cancelled_while_a_full_backlog_is_waited_for),
		worker_test(cancelled_when_it_is_settled),
		cmocka_unit_test(a_worker_may_end_while_a_name_server_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
