/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/signals.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/descriptors.h"

#define CYCLES 300

static struct loop loop;
static struct signals signals;
static sigset_t wanted;
static siginfo_t last;
static int count;

static void received(const siginfo_t *info, void *arg)
{
	assert_ptr_equal(arg, &count);
	last = *info;
	count++;
}

static int setup(void **state)
{
	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	sigaddset(&wanted, SIGUSR2);
	sigaddset(&wanted, SIGRTMIN + 1);
	count = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	signals_stop(&signals);
	loop_fini(&loop);
	return 0;
}

static int begin(enum curfew_signals mode)
{
	return signals_start(&signals, &loop, mode, &wanted, received, &count);
}

static void dispatch(void)
{
	assert_true(descriptor_readable(loop.epoll_fd, 20000));
	loop_dispatch(&loop);
}

static void host_handler(int signal)
{
	(void)signal;
}

static void *handler_of(int signal)
{
	struct sigaction action;

	sigaction(signal, NULL, &action);
	return (void *)action.sa_handler;
}

static bool blocked(int signal)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	return sigismember(&mask, signal) == 1;
}

static void handlers_note_the_signal_and_its_sender(void **state)
{
	(void)state;
	assert_int_equal(begin(CURFEW_SIGNALS_HANDLERS), 0);
	assert_false(blocked(SIGUSR1));
	kill(getpid(), SIGUSR1);
	assert_int_equal(count, 0);
	dispatch();
	assert_int_equal(count, 1);
	assert_int_equal(last.si_signo, SIGUSR1);
	assert_int_equal(last.si_pid, getpid());
	raise(SIGUSR2);
	raise(SIGUSR2);
	raise(SIGRTMIN + 1);
	dispatch();
	assert_int_equal(count, 4);
	loop_dispatch(&loop);
	assert_int_equal(count, 4);
}

static void dispositions_are_put_back(void **state)
{
	(void)state;
	signal(SIGUSR1, host_handler);
	signal(SIGUSR2, SIG_IGN);
	assert_int_equal(begin(CURFEW_SIGNALS_HANDLERS), 0);
	assert_ptr_not_equal(handler_of(SIGUSR1), (void *)host_handler);
	signals_stop(&signals);
	assert_ptr_equal(handler_of(SIGUSR1), (void *)host_handler);
	assert_ptr_equal(handler_of(SIGUSR2), (void *)SIG_IGN);
	assert_ptr_equal(handler_of(SIGRTMIN + 1), (void *)SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

static void handler_that_the_host_has_set_since_stays(void **state)
{
	(void)state;
	assert_int_equal(begin(CURFEW_SIGNALS_HANDLERS), 0);
	signal(SIGUSR1, host_handler);
	signals_stop(&signals);
	assert_ptr_equal(handler_of(SIGUSR1), (void *)host_handler);
	signal(SIGUSR1, SIG_DFL);
}

static void ignored_signals_are_remembered_for_children(void **state)
{
	sigset_t ignored;

	(void)state;
	signal(SIGUSR2, SIG_IGN);
	assert_int_equal(begin(CURFEW_SIGNALS_HANDLERS), 0);
	ignored = signals_originally_ignored();
	assert_int_equal(sigismember(&ignored, SIGUSR2), 1);
	assert_int_equal(sigismember(&ignored, SIGUSR1), 0);
	signals_stop(&signals);
	ignored = signals_originally_ignored();
	assert_int_equal(sigismember(&ignored, SIGUSR2), 0);
	signal(SIGUSR2, SIG_DFL);
}

static void signal_of_an_earlier_time_is_not_taken_for_a_new_one(void **state)
{
	(void)state;
	assert_int_equal(begin(CURFEW_SIGNALS_HANDLERS), 0);
	raise(SIGUSR1);
	signals_stop(&signals);
	assert_int_equal(begin(CURFEW_SIGNALS_HANDLERS), 0);
	raise(SIGUSR2);
	dispatch();
	assert_int_equal(count, 1);
	assert_int_equal(last.si_signo, SIGUSR2);
}

static void signals_that_cannot_be_caught_are_passed_over(void **state)
{
	(void)state;
	sigfillset(&wanted);
	assert_int_equal(begin(CURFEW_SIGNALS_HANDLERS), 0);
	raise(SIGHUP);
	dispatch();
	assert_int_equal(count, 1);
	signals_stop(&signals);
	assert_ptr_equal(handler_of(SIGHUP), (void *)SIG_DFL);
}

static void blocked_mask_takes_signals_with_their_values(void **state)
{
	const union sigval value = {.sival_ptr = &count};

	(void)state;
	assert_int_equal(begin(CURFEW_SIGNALS_BLOCKED), 0);
	assert_true(blocked(SIGUSR1));
	sigqueue(getpid(), SIGRTMIN + 1, value);
	sigqueue(getpid(), SIGRTMIN + 1, value);
	kill(getpid(), SIGUSR1);
	dispatch();
	assert_int_equal(count, 3);
	assert_int_equal(last.si_signo, SIGRTMIN + 1);
	assert_int_equal(last.si_code, SI_QUEUE);
	assert_int_equal(last.si_pid, getpid());
	assert_ptr_equal(last.si_value.sival_ptr, &count);
}

static void mask_is_put_back_and_what_is_pending_kills_nobody(void **state)
{
	sigset_t other;

	(void)state;
	assert_int_equal(begin(CURFEW_SIGNALS_BLOCKED), 0);
	sigemptyset(&other);
	sigaddset(&other, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &other, NULL);
	raise(SIGUSR1);
	signals_stop(&signals);
	assert_false(blocked(SIGUSR1));
	assert_true(blocked(SIGHUP));
	pthread_sigmask(SIG_UNBLOCK, &other, NULL);
}

static void signal_that_the_host_had_blocked_stays_blocked(void **state)
{
	sigset_t own;

	(void)state;
	sigemptyset(&own);
	sigaddset(&own, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &own, NULL);
	assert_int_equal(begin(CURFEW_SIGNALS_BLOCKED), 0);
	own = signals_original_mask();
	assert_int_equal(sigismember(&own, SIGUSR2), 1);
	assert_int_equal(sigismember(&own, SIGUSR1), 0);
	signals_stop(&signals);
	assert_true(blocked(SIGUSR2));
	assert_false(blocked(SIGUSR1));
	sigemptyset(&own);
	sigaddset(&own, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &own, NULL);
}

static void only_one_can_take_signals(void **state)
{
	static const enum curfew_signals modes[] = {
		CURFEW_SIGNALS_HANDLERS, CURFEW_SIGNALS_BLOCKED};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct signals second;
		struct signals none;

		assert_int_equal(begin(modes[i / 2]), 0);
		assert_int_equal(
			signals_start(&second, &loop, modes[i % 2], &wanted, received, &count),
			-EBUSY);
		signals_stop(&second);
		assert_int_equal(
			signals_start(&none, &loop, CURFEW_SIGNALS_NONE, &wanted, received, &count),
			0);
		signals_stop(&none);
		raise(SIGUSR1);
		dispatch();
		signals_stop(&signals);
	}
	assert_int_equal(count, 4);
}

static void short_of_descriptors_nothing_is_changed(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		descriptors_leave(0);
		assert_int_equal(
			begin(i ? CURFEW_SIGNALS_BLOCKED : CURFEW_SIGNALS_HANDLERS), -EMFILE);
		descriptors_restore();
		assert_ptr_equal(handler_of(SIGUSR1), (void *)SIG_DFL);
		assert_false(blocked(SIGUSR1));
	}
	assert_int_equal(begin(CURFEW_SIGNALS_HANDLERS), 0);
}

static atomic_bool over;

static void *send_signals(void *arg)
{
	(void)arg;
	while (!atomic_load(&over)) {
		kill(getpid(), SIGUSR1);
	}
	return NULL;
}

static void handlers_come_and_go_while_signals_arrive(void **state)
{
	int descriptors = descriptors_count();
	pthread_t thread;

	(void)state;
	signal(SIGUSR1, SIG_IGN);
	atomic_store(&over, false);
	pthread_create(&thread, NULL, send_signals, NULL);
	for (int i = 0; i < CYCLES; i++) {
		assert_int_equal(begin(CURFEW_SIGNALS_HANDLERS), 0);
		dispatch();
		signals_stop(&signals);
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	signal(SIGUSR1, SIG_DFL);
	assert_true(count > 0);
	assert_int_equal(descriptors_count(), descriptors);
}

/* signals_block is for the first statement of main: each of these is a process of its own. */

static int code_of(int (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		_exit(body());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int block_and_look(void)
{
	sigset_t original, ignored;

	signal(SIGCHLD, SIG_IGN);
	signals_block();
	original = signals_original_mask();
	ignored = signals_originally_ignored();
	if (!blocked(SIGTERM) || !blocked(SIGCHLD) || !blocked(SIGRTMAX)) {
		return 1;
	}
	if (sigismember(&original, SIGTERM) == 1 || sigismember(&ignored, SIGCHLD) != 1) {
		return 2;
	}
	return handler_of(SIGCHLD) == (void *)SIG_DFL ? 0 : 3;
}

static int block_and_start(void)
{
	signals_block();
	raise(SIGTERM); /* before anybody reads it: not lost, not fatal */
	sigaddset(&wanted, SIGTERM);
	if (begin(CURFEW_SIGNALS_BLOCKED) != 0) {
		return 1;
	}
	signals_take(&signals);
	if (count != 1 || last.si_signo != SIGTERM) {
		return 2;
	}
	signals_stop(&signals);
	return blocked(SIGTERM) ? 0 : 3;
}

static void block_keeps_what_was(void **state)
{
	(void)state;
	assert_int_equal(code_of(block_and_look), 0);
}

static void block_holds_signals_for_the_lifecycle(void **state)
{
	(void)state;
	assert_int_equal(code_of(block_and_start), 0);
}

#define signals_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		signals_test(handlers_note_the_signal_and_its_sender),
		signals_test(dispositions_are_put_back),
		signals_test(handler_that_the_host_has_set_since_stays),
		signals_test(ignored_signals_are_remembered_for_children),
		signals_test(signal_of_an_earlier_time_is_not_taken_for_a_new_one),
		signals_test(signals_that_cannot_be_caught_are_passed_over),
		signals_test(blocked_mask_takes_signals_with_their_values),
		signals_test(mask_is_put_back_and_what_is_pending_kills_nobody),
		signals_test(signal_that_the_host_had_blocked_stays_blocked),
		signals_test(only_one_can_take_signals),
		signals_test(short_of_descriptors_nothing_is_changed),
		signals_test(handlers_come_and_go_while_signals_arrive),
		signals_test(block_keeps_what_was),
		signals_test(block_holds_signals_for_the_lifecycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
