/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a child, and its end by the ladder. */
#include <sched.h>
#include <sys/prctl.h>

#include "child/child_script.h"
#include "child/proc.h"
#include "core/lifecycle.h"

static void child_ends_by_itself(void **state)
{
	struct curfew_child_exit exit;

	(void)state;
	play("say hello exit 3");
	exit = await_exit();
	assert_int_equal(exit.code, 3);
	assert_int_equal(exit.signal, 0);
	assert_false(exit.by_us || exit.forced);
	assert_int_equal(exit.rung, CURFEW_RUNG_RUNNING);
	assert_string_equal(output, "hello\n");
	assert_int_equal(curfew_child_signal(child, SIGTERM), -ESRCH);
	curfew_child_stop(child, NULL);
	curfew_child_kill(child);
	assert_int_equal(curfew_child_exit(child).rung, CURFEW_RUNG_RUNNING);
}

static void errors_come_by_lines(void **state)
{
	(void)state;
	play("tell 2 one tell 2 two fill 2 4 exit 0");
	(void)await_exit();
	assert_string_equal(lines, "[one][two][xxxx]");
}

static void end_of_input_is_the_first_rung(void **state)
{
	struct curfew_child_exit exit;

	(void)state;
	config.in = CURFEW_STDIO_PIPE;
	config.eof_wait_ms = 20000;
	play("on TERM exit 9 done on EOF say bye exit 0 done say up serve");
	await_output("up");
	assert_true(curfew_child_input(child) >= 0);
	curfew_child_stop(child, NULL);
	assert_int_equal(curfew_child_input(child), -1);
	assert_int_equal(curfew_child_rung(child), CURFEW_RUNG_EOF);
	exit = await_exit();
	assert_int_equal(exit.code, 0);
	assert_int_equal(exit.rung, CURFEW_RUNG_EOF);
	assert_false(exit.by_us || exit.forced);
	assert_string_equal(output, "up\nbye\n");
}

static void stop_signal_is_the_second_rung(void **state)
{
	struct curfew_child_exit exit;

	(void)state;
	config.in = CURFEW_STDIO_PIPE;
	config.eof_wait_ms = 20000;
	config.term_wait_ms = 20000;
	play("on EOF say eof done on TERM say term exit 143 done say up serve");
	await_output("up");
	curfew_child_stop(child, NULL);
	curfew_child_stop(child, NULL);
	await_output("eof");
	agenda_start(&child->loop->agenda, &child->ladder, curfew_now()); /* its time is over */
	exit = await_exit();
	assert_string_equal(output, "up\neof\nterm\n");
	assert_int_equal(exit.code, 143);
	assert_true(exit.by_us);
	assert_false(exit.forced);
	assert_int_equal(exit.rung, CURFEW_RUNG_TERM);
}

static void kill_is_the_last_rung(void **state)
{
	struct curfew_child_exit exit;
	int64_t start;

	(void)state;
	play("ignore TERM say up serve");
	await_output("up");
	start = curfew_now();
	curfew_child_stop(child, NULL);
	exit = await_exit();
	assert_true(curfew_now() >= start + 100000000);
	assert_int_equal(exit.signal, SIGKILL);
	assert_true(exit.by_us && exit.forced);
	assert_int_equal(exit.rung, CURFEW_RUNG_KILL);
}

static void stopped_child_is_continued(void **state)
{
	struct proc_stat stat;

	(void)state;
	config.term_wait_ms = 20000;
	play("on TERM exit 5 done stop serve");
	while (!proc_stat(curfew_child_pid(child), &stat) || stat.state != 'T') {
		sched_yield();
	}
	curfew_child_stop(child, NULL);
	assert_int_equal(await_exit().code, 5);
}

static void other_stop_signal_and_main_first(void **state)
{
	struct curfew_child_exit exit;

	(void)state;
	config.stop_signal = SIGQUIT;
	config.main_first = true;
	config.term_wait_ms = 20000;
	play("fork on QUIT say rest exit 0 done say ready serve done "
	     "on QUIT say main exit 0 done say ready serve");
	while (!strstr(output, "ready\nready")) {
		dispatch_once();
	}
	curfew_child_stop(child, NULL);
	exit = await_exit();
	assert_int_equal(exit.code, 0);
	assert_string_equal(output, "ready\nready\nmain\nrest\n");
}

static void survivors_of_the_group_are_told_and_awaited(void **state)
{
	struct curfew_child_exit exit;

	(void)state;
	config.term_wait_ms = 20000;
	play("on USR1 exit 4 done fork on TERM sleep 50 say cleaned exit 0 done say ready serve "
	     "done serve");
	await_output("ready");
	assert_int_equal(curfew_child_signal(child, SIGUSR1), 0);
	exit = await_exit();
	assert_int_equal(exit.code, 4);
	assert_int_equal(exit.rung, CURFEW_RUNG_RUNNING);
	assert_false(exit.forced);
	assert_string_equal(output, "ready\ncleaned\n");
}

static void survivors_that_do_not_listen_are_killed(void **state)
{
	struct curfew_child_exit exit;

	(void)state;
	play("on USR1 exit 4 done fork ignore TERM say ready serve done serve");
	await_output("ready");
	curfew_child_signal(child, SIGUSR1);
	exit = await_exit();
	assert_int_equal(exit.code, 4);
	assert_true(exit.forced);
}

static void escaped_process_that_holds_the_pipe_does_not_delay_the_end(void **state)
{
	struct curfew_child_exit exit;
	long escaped;

	(void)state;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	play("on USR1 exit 0 done orphan setsid say %p serve done serve");
	await_output("\n");
	escaped = atol(output);
	curfew_child_signal(child, SIGUSR1);
	exit = await_exit();
	assert_int_equal(exit.code, 0);
	assert_int_equal(kill((pid_t)escaped, SIGKILL), 0);
	assert_int_equal(waitpid((pid_t)escaped, NULL, 0), escaped);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void all_output_before_the_exit_is_passed_on(void **state)
{
	(void)state;
	play("fill 1 60000 exit 0");
	(void)await_exit();
	assert_int_equal(output_length, 60000);
}

static void paused_output_waits_for_its_reader(void **state)
{
	(void)state;
	play("fill 1 20000 exit 0");
	curfew_child_pause(child);
	while (!child->tree_ended) {
		dispatch_once();
	}
	assert_int_equal(exits, 0);
	assert_int_equal(output_length, 0);
	curfew_child_stop(child, NULL);
	curfew_child_resume(child);
	assert_false(await_exit().forced);
	assert_int_equal(output_length, 20000);
	assert_int_equal(curfew_child_exit(child).rung, CURFEW_RUNG_RUNNING);
}

static void paused_output_does_not_outlast_the_grace(void **state)
{
	(void)state;
	curfew_lifecycle_free(life);
	begin(100);
	play("fill 1 20000 exit 0");
	curfew_child_pause(child);
	while (!child->tree_ended) {
		dispatch_once();
	}
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	(void)curfew_lifecycle_wait(life);
	assert_int_equal(exits, 1);
	assert_int_equal(curfew_lifecycle_abandoned(life), 0);
	assert_int_equal(life->counts[CURFEW_BYTES_UNDELIVERED], 20000);
}

static int silences;

static void on_silence(struct curfew_child *which, void *arg)
{
	(void)which;
	(void)arg;
	assert_int_equal(exits, 0);
	silences++;
}

static struct curfew_child *start_shell(const char *script)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};

	config.argv = argv;
	child = curfew_child_start(life, NULL, &config);
	assert_non_null(child);
	child_on_silence(child, on_silence);
	return child;
}

static void silence_is_told_of_one_that_goes_on(void **state)
{
	static const enum curfew_tree trees[] = {CURFEW_TREE_GROUP, CURFEW_TREE_KEEPER};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		config.tree = trees[i];
		silences = exits = 0;
		start_shell("echo last; exec >&-; exec sleep 1000");
		while (!silences) {
			dispatch_once();
		}
		assert_string_equal(output, i ? "last\nlast\n" : "last\n");
		curfew_child_kill(child);
		(void)await_exit();
		assert_int_equal(silences, 1);
		curfew_child_free(child);
		child = NULL;
	}
}

/* Its output ends with it, and mostly before we hear of its end. */
static void silence_is_not_told_of_one_that_exits(void **state)
{
	(void)state;
	silences = 0;
	for (int i = 0; i < 100; i++) {
		config.tree = i % 2 ? CURFEW_TREE_KEEPER : CURFEW_TREE_GROUP;
		exits = 0;
		output_length = 0;
		start_shell(i % 4 < 2 ? "exit 3" : "kill -9 $$");
		(void)await_exit();
		curfew_child_free(child);
		child = NULL;
	}
	assert_int_equal(silences, 0);
}

static void what_is_killed_at_its_bound_is_noted_once(void **state)
{
	(void)state;
	play("ignore TERM say up serve");
	await_output("up");
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	while (!life->forced_count) {
		dispatch_once();
	}
	assert_int_equal(curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_CHILDREN)), 1);
	curfew_drain_cut(curfew_lifecycle_stage(life, CURFEW_CHILDREN));
	assert_true(await_exit().forced);
	assert_int_equal(life->forced_count, 1);
	assert_int_equal(life->forced_kinds[0].count, 1);
}

static void context_stops_it_and_another_kills_it(void **state)
{
	struct curfew_context *stop = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_context *kill = curfew_context_new(NULL, CURFEW_NEVER);
	struct curfew_child_exit exit;

	(void)state;
	config.term_wait_ms = CURFEW_NEVER;
	config.argv = part_words("on TERM say term done say up serve");
	child = curfew_child_start(life, stop, &config);
	assert_non_null(child);
	await_output("up");
	curfew_context_cancel_for(stop, CURFEW_FAILURE, NULL);
	await_output("term");
	curfew_child_stop(child, kill);
	curfew_context_cancel_for(kill, CURFEW_FAILURE, NULL);
	exit = await_exit();
	assert_int_equal(exit.signal, SIGKILL);
	assert_true(exit.forced);
	curfew_context_free(stop);
	curfew_context_free(kill);
}

static void context_that_was_cancelled_before_stops_it_too(void **state)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);

	(void)state;
	curfew_context_cancel_for(context, CURFEW_FAILURE, NULL);
	config.argv = part_words("serve");
	child = curfew_child_start(life, context, &config);
	assert_int_equal(await_exit().signal, SIGTERM);
	curfew_context_free(context);
}

static void lifecycle_ends_its_children(void **state)
{
	(void)state;
	play("on TERM exit 0 done say up serve");
	await_output("up");
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(curfew_lifecycle_wait(life), 0);
	assert_int_equal(exits, 1);
	assert_int_equal(life->counts[CURFEW_CHILDREN_TERM], 1);
	errno = 0;
	assert_null(curfew_child_start(life, NULL, &config));
	assert_int_equal(errno, ESHUTDOWN);
}

static void free_in_on_exit(struct curfew_child *which, void *arg)
{
	(void)arg;
	exits++;
	curfew_child_free(which);
}

static void child_may_be_freed_in_its_last_callback(void **state)
{
	(void)state;
	config.on_exit = free_in_on_exit;
	play("exit 0");
	child = NULL;
	while (!exits) {
		dispatch_once();
	}
}

static void many_short_children_leave_nothing(void **state)
{
	(void)state;
	config.on_exit = free_in_on_exit;
	for (int i = 0; i < 200; i++) {
		play("exit 0");
		child = NULL;
		while (exits <= i) {
			dispatch_once();
		}
	}
}

static void status_that_somebody_took_does_not_hang(void **state)
{
	struct curfew_child_exit exit;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	play("say x exit 3");
	exit = await_exit();
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(exit.code, 255);
	assert_int_equal(exit.signal, 0);
	assert_string_equal(output, "x\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		child_test(child_ends_by_itself),
		child_test(errors_come_by_lines),
		child_test(end_of_input_is_the_first_rung),
		child_test(stop_signal_is_the_second_rung),
		child_test(kill_is_the_last_rung),
		child_test(stopped_child_is_continued),
		child_test(other_stop_signal_and_main_first),
		child_test(survivors_of_the_group_are_told_and_awaited),
		child_test(survivors_that_do_not_listen_are_killed),
		child_test(escaped_process_that_holds_the_pipe_does_not_delay_the_end),
		child_test(all_output_before_the_exit_is_passed_on),
		child_test(paused_output_waits_for_its_reader),
		child_test(paused_output_does_not_outlast_the_grace),
		child_test(silence_is_told_of_one_that_goes_on),
		child_test(silence_is_not_told_of_one_that_exits),
		child_test(what_is_killed_at_its_bound_is_noted_once),
		child_test(context_stops_it_and_another_kills_it),
		child_test(context_that_was_cancelled_before_stops_it_too),
		child_test(lifecycle_ends_its_children),
		child_test(child_may_be_freed_in_its_last_callback),
		child_test(many_short_children_leave_nothing),
		child_test(status_that_somebody_took_does_not_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
