/* SPDX-License-Identifier: Apache-2.0 */
/* How a backend starts and ends, by itself, by us, by the lifecycle; a child that does not read. */
#include <sched.h>

#include "base/clock.h"
#include "child/proc.h"
#include "mcp/backend_script.h"

static void start_with(char *first, char *second)
{
	command[1] = first;
	command[2] = second;
	command[3] = NULL;
	start();
}

/* Whatever it was told to do, it was done when it answers. */
static struct asked *done(const char *method)
{
	struct asked *one = ask("\"done\"", method);

	await(one);
	return one;
}

static void assert_value(const struct asked *one, const char *value)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"id\":\"done\",\"result\":{\"value\":\"%s\"}}", value);
	assert_string_equal(buffer_text(&one->answer), text);
}

static pid_t grandchild(void)
{
	const struct asked *one = done("grandchild");

	return (pid_t)atoi(strstr(buffer_text(&one->answer), "value") + strlen("value\":\""));
}

static void assert_gone(pid_t pid)
{
	assert_true(pid > 1);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

/* Start. */

static void the_child_gets_its_environment_and_folder(void **state)
{
	static const char *const more[] = {"A=3", "C=4", NULL};

	(void)state;
	(void)words_add(&mcp_config.environment, "A=1");
	(void)words_add(&mcp_config.environment, "B=2");
	mcp_config.cwd = "/proc";
	assert_int_equal(backend_start(&backend, &mcp, &noting, "s1", more), 0);
	running = true;
	assert_value(done("environment A"), "3");
	assert_value(done("environment B"), "2");
	assert_value(done("environment C"), "4");
	assert_value(done("environment D"), "none");
	assert_value(done("directory"), "/proc");
}

static void a_command_that_is_not_there_leaves_nothing(void **state)
{
	char *real = command[0];

	(void)state;
	command[0] = "/nonexistent";
	assert_int_equal(backend_start(&backend, &mcp, &noting, "s1", NULL), -ENOENT);
	command[0] = real;
}

static void after_the_end_has_come_to_children_none_is_started(void **state)
{
	(void)state;
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_int_equal(backend_start(&backend, &mcp, &noting, "s1", NULL), -ESHUTDOWN);
}

/* Its own end. */

static void dies_with_calls(const char *method, const char *text)
{
	struct asked *held[3], *last;

	start();
	for (int i = 0; i < 3; i++) {
		held[i] = ask("1", "hold");
	}
	last = ask("1", method);
	run_until(!running);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(held[i]->ends, 1);
		assert_int_equal(held[i]->code, MESSAGE_SERVER_ERROR);
		assert_string_equal(held[i]->reason, text);
	}
	assert_string_equal(last->reason, text);
	assert_string_equal(reason, text);
	assert_int_equal(lefts, 1);
}

static void a_child_that_exits_fails_its_calls(void **state)
{
	(void)state;
	dies_with_calls("exit 7", "the server exited with code 7");
	run_until_logged("event=child_ended session=s1 code=7\n");
}

static void a_child_that_is_killed_fails_its_calls(void **state)
{
	(void)state;
	dies_with_calls("die 9", "the server was killed by SIGKILL");
	run_until_logged("event=child_ended session=s1 signal=KILL\n");
}

static void what_a_child_leaves_behind_ends_with_it(void **state)
{
	pid_t pid;
	struct asked *one;

	(void)state;
	mcp_config.term_wait_ms = 50;
	start();
	pid = grandchild();
	assert_int_equal(kill(pid, 0), 0);
	one = ask("1", "exit 1");
	run_until(!running);
	assert_string_equal(one->reason, "the server exited with code 1");
	assert_gone(pid);
}

static void that_it_has_left_is_told_before_the_rest_of_its_tree_ends(void **state)
{
	struct asked *one;
	pid_t pid;

	(void)state;
	start();
	pid = grandchild();
	one = ask("1", "exit 1");
	run_until(lefts);
	assert_string_equal(reason, "the server exited with code 1");
	assert_int_equal(kill(pid, 0), 0);
	assert_true(running && !one->ends);
	mcp.ending = true; /* what comes now does not change it */
	backend_stop(&backend, -32001, "it was enough");
	assert_int_equal(kill(pid, SIGKILL), 0);
	run_until(!running);
	assert_int_equal(lefts, 1);
	run_until_logged("event=child_ended session=s1 code=1\n");
}

static void a_child_that_closes_its_input_is_ended(void **state)
{
	struct asked *held, *one;

	(void)state;
	mcp_config.eof_wait_ms = 50;
	start();
	held = ask("1", "hold");
	(void)done("close");
	one = ask("2", "ping");
	while (!backend.input.broken) { /* the keeper may still have that end, for a moment */
		backend_send_text(&backend, "{}", 2);
		round_now();
	}
	run_until(!running);
	assert_string_equal(one->reason, "the server does not read its input any more");
	assert_string_equal(held->reason, "the server does not read its input any more");
	assert_int_equal(lefts, 1); /* as if it had ended by itself */
}

/* Our end of it. */

static void stopping_fails_calls_at_once_and_lets_the_tree_go(void **state)
{
	struct asked *held;
	struct call late = {.ops = &asked_ops};
	struct message message;
	pid_t pid;

	(void)state;
	mcp_config.term_wait_ms = 50;
	start();
	pid = grandchild();
	held = ask("1", "hold");
	backend_stop(&backend, -32001, "it was enough");
	assert_int_equal(held->ends, 1);
	assert_int_equal(held->code, -32001);
	assert_string_equal(held->reason, "it was enough");
	assert_true(running);
	message = read_text("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");
	assert_int_equal(backend_call(&backend, &late, &message), -EPIPE);
	assert_null(late.backend);
	backend_send(&backend, &message);
	backend_stop(&backend, -32001, "again");
	run_until(!running);
	assert_string_equal(reason, "the server exited with code 0"); /* by the end of its input */
	assert_gone(pid);
	assert_int_equal(lefts, 0);
	assert_null(strstr(log_text(), "child_ended"));
}

static void one_that_ignores_the_end_of_its_input_gets_the_stop_signal(void **state)
{
	int64_t begun = curfew_now();

	(void)state;
	mcp_config.eof_wait_ms = 50;
	start_with("ignore-eof", NULL);
	(void)done("ping");
	backend_stop(&backend, -32001, "it was enough");
	run_until(!running);
	assert_string_equal(reason, "the server was killed by SIGTERM");
	assert_true(curfew_now() - begun < 8 * NS_PER_S); /* unless told, it waits for 10 s */
}

static void one_that_ignores_all_is_killed(void **state)
{
	(void)state;
	mcp_config.eof_wait_ms = 50;
	mcp_config.term_wait_ms = 50;
	start_with("ignore-eof", "ignore-term");
	(void)done("ping");
	backend_stop(&backend, -32001, "it was enough");
	run_until(!running);
	assert_string_equal(reason, "the server was killed by SIGKILL");
}

static void what_was_sent_before_the_stop_is_written(void **state)
{
	(void)state;
	start();
	(void)ask("1", "tell goodbye");
	backend_stop(&backend, -32001, "it was enough");
	run_until(!running);
	run_until_logged("event=child_said session=s1 line=goodbye\n");
}

static void stop_listening(void)
{
	backend_pause(&backend);
}

static void one_that_is_paused_can_still_end_in_order(void **state)
{
	(void)state;
	start();
	on_message = stop_listening;
	(void)ask("1", "flood 10000 100");
	run_until(said_count);
	backend_stop(&backend, -32001, "it was enough");
	backend_resume(&backend);
	run_until(!running);
	assert_int_equal(said_count, 1);
	assert_string_equal(reason, "the server exited with code 0");
}

static void the_lifecycle_ends_it_too(void **state)
{
	(void)state;
	start();
	(void)done("ping");
	mcp.ending = true;
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_false(running);
	assert_string_equal(reason, "the server is shutting down");
	assert_int_equal(lefts, 0);
	assert_null(strstr(log_text(), "child_ended"));
}

static void fail_and_call_again(struct call *call, int code, const char *text)
{
	const struct message message =
		read_text("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}");

	assert_int_equal(backend_call(&backend, call, &message), -EPIPE);
	note_failure(call, code, text);
}

static void a_call_that_failed_by_the_end_is_not_begun_again(void **state)
{
	static const struct call_ops again = {note_answer, NULL, fail_and_call_again};
	struct asked *one, *two;

	(void)state;
	start();
	one = ask("1", "hold");
	one->call.ops = &again;
	backend_stop(&backend, -32001, "it was enough");
	assert_int_equal(one->ends, 1);
	run_until(!running);
	start();
	two = ask("1", "hold");
	two->call.ops = &again;
	(void)ask("2", "exit 0");
	run_until(!running);
	assert_int_equal(two->ends, 1);
}

/* A child that does not read. */

/* The keeper passes the signal on. */
static bool child_is_stopped(void)
{
	struct proc_stat stat;

	return proc_stat(curfew_child_pid(backend.child), &stat) && stat.state == 'T';
}

static void stop_child(void)
{
	assert_int_equal(curfew_child_signal(backend.child, SIGSTOP), 0);
	while (!child_is_stopped()) {
		sched_yield();
	}
}

static void fill_up(void)
{
	char method[1024];
	int count = 0;

	memset(method, 'x', sizeof(method));
	method[sizeof(method) - 1] = '\0';
	while (!backend_is_full(&backend)) {
		struct buffer line = {0};
		struct message message;

		buffer_appendf(&line, "{\"method\":\"%s\",\"jsonrpc\":\"2.0\"}", method);
		message = read_text(buffer_text(&line));
		backend_send(&backend, &message);
		buffer_fini(&line);
		round_now();
		assert_true(++count < 1000);
	}
	assert_true(count > 250);
	assert_true(backend.input.queue.length - backend.input.start <= BACKEND_QUEUE_HIGH + 2048);
	for (int i = 0; i < 20; i++) {
		round_now();
	}
	assert_true(backend_is_full(&backend));
	assert_int_equal(rooms, 0);
}

static void a_child_that_does_not_read_is_full_and_can_be_stopped(void **state)
{
	struct asked *one;

	(void)state;
	mcp_config.eof_wait_ms = 50;
	start();
	(void)done("deaf");
	one = ask("1", "ping");
	fill_up();
	assert_int_equal(one->ends, 0);
	backend_stop(&backend, -32001, "it was enough");
	assert_string_equal(one->reason, "it was enough");
	run_until(!running);
	assert_string_equal(reason, "the server was killed by SIGTERM");
}

static void the_lifecycle_ends_one_that_does_not_read(void **state)
{
	(void)state;
	mcp_config.eof_wait_ms = 50;
	start();
	(void)done("deaf");
	fill_up();
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_false(running);
}

static bool fired;

static void note_fired(struct source *source, uint32_t events)
{
	(void)events;
	loop_unwatch(worker->loop, source);
	fired = true;
}

/* The ladder closes our end, whoever runs it, and somebody else gets its number. */
static void a_descriptor_that_is_not_ours_any_more_is_left_alone(void **state)
{
	struct source other = {.ready = note_fired};

	(void)state;
	mcp_config.eof_wait_ms = 50;
	start();
	(void)done("deaf");
	fill_up();
	assert_true(backend.input.source.events);
	curfew_child_stop(backend.child, NULL);
	other.fd = dup3(journal_pipe[0], backend.input.source.fd, O_CLOEXEC);
	assert_int_equal(other.fd, backend.input.source.fd);
	assert_int_equal(loop_watch(worker->loop, &other, EPOLLIN), 0);
	run_until(!running);
	assert_false(fired);
	assert_int_equal(write(journal_pipe[1], "x", 1), 1);
	run_until(fired);
	close(other.fd);
}

static void room_is_told_when_the_child_reads_again(void **state)
{
	struct asked *one;

	(void)state;
	start();
	(void)done("ping");
	stop_child();
	fill_up();
	one = ask("1", "ping");
	assert_int_equal(curfew_child_signal(backend.child, SIGCONT), 0);
	run_until(rooms);
	await(one);
	assert_int_equal(rooms, 1);
	assert_false(backend_is_full(&backend));
	assert_null(backend.input.queue.data);
	assert_int_equal(backend.input.source.events, 0);
}

static void lines_of_one_round_leave_together_at_its_end(void **state)
{
	struct asked *one, *two;

	(void)state;
	start();
	one = ask("1", "ping");
	two = ask("2", "ping");
	assert_true(backend.input.queue.length > 80);
	round_now();
	assert_null(backend.input.queue.data);
	await(one);
	await(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		backend_test(the_child_gets_its_environment_and_folder),
		backend_test(a_command_that_is_not_there_leaves_nothing),
		backend_test(after_the_end_has_come_to_children_none_is_started),
		backend_test(a_child_that_exits_fails_its_calls),
		backend_test(a_child_that_is_killed_fails_its_calls),
		backend_test(what_a_child_leaves_behind_ends_with_it),
		backend_test(that_it_has_left_is_told_before_the_rest_of_its_tree_ends),
		backend_test(a_child_that_closes_its_input_is_ended),
		backend_test(stopping_fails_calls_at_once_and_lets_the_tree_go),
		backend_test(one_that_ignores_the_end_of_its_input_gets_the_stop_signal),
		backend_test(one_that_ignores_all_is_killed),
		backend_test(what_was_sent_before_the_stop_is_written),
		backend_test(one_that_is_paused_can_still_end_in_order),
		backend_test(the_lifecycle_ends_it_too),
		backend_test(a_call_that_failed_by_the_end_is_not_begun_again),
		backend_test(a_child_that_does_not_read_is_full_and_can_be_stopped),
		backend_test(the_lifecycle_ends_one_that_does_not_read),
		backend_test(a_descriptor_that_is_not_ours_any_more_is_left_alone),
		backend_test(room_is_told_when_the_child_reads_again),
		backend_test(lines_of_one_round_leave_together_at_its_end),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
