/* SPDX-License-Identifier: Apache-2.0 */
/* A process for each call: what it is told, what it answers, how it ends. */
#include "serve/process.h"

#include "serve/program_script.h"

static int setup_process(void **state)
{
	int result = setup(state);

	serve.function.runner = &process_runner;
	return result;
}

#define process_test(test) cmocka_unit_test_setup_teardown(test, setup_process, teardown)

static void a_call_is_answered_by_its_line(void **state)
{
	struct called *one;

	(void)state;
	one = call("got");
	await(one);
	assert_done(one, "{\"do\":\"got\"}");
	assert_int_equal(serve.counts.processes_started, 1);
	assert_int_equal(serve.counts.processes_died, 0);
}

static void its_input_ends_behind_the_request(void **state)
{
	struct called *one;

	(void)state;
	one = call("eof");
	await(one);
	assert_done(one, "\"eof\"");
}

/* Much longer than a pipe is. */
static void a_long_request_arrives_whole(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "size");
	struct buffer *text = &one->invocation.arguments.text;
	char size[32];

	(void)state;
	text->length--;
	buffer_append_text(text, ",\"filling\":\"");
	for (int i = 0; i < 300000; i++) {
		buffer_append_text(text, "0123456789");
	}
	buffer_append_text(text, "\"}");
	begin(one);
	await(one);
	(void)snprintf(size, sizeof(size), "%zu", text->length);
	assert_done(one, size);
}

static void a_process_need_not_read(void **state)
{
	static char *const echo[] = {"/bin/sh", "-c", "echo '{\"output\":1}'", NULL};
	struct called *one = call_of(INVOCATION_CALL, "");
	struct buffer *text = &one->invocation.arguments.text;

	(void)state;
	serve_config.command = echo;
	for (int i = 0; i < 300000; i++) {
		buffer_append_text(text, "0123456789");
	}
	begin(one);
	await(one);
	assert_done(one, "1");
}

static void a_line_needs_no_newline_at_the_end(void **state)
{
	struct called *one;

	(void)state;
	one = call("put {'output':7}");
	await(one);
	assert_done(one, "7");
}

static void its_environment_and_folder_are_as_configured(void **state)
{
	struct called *one, *two;

	(void)state;
	(void)words_add(&serve_config.environment, "A=1");
	(void)words_add(&serve_config.environment, "A=2");
	serve_config.cwd = "/proc";
	one = call("environment A");
	two = call("directory");
	await(one);
	await(two);
	assert_done(one, "\"2\"");
	assert_done(two, "\"/proc\"");
}

static void the_plugins_own_status_is_passed_on(void **state)
{
	struct called *one;

	(void)state;
	one = call("say {'status_code':404,'status_code_text':'no such file'}");
	await(one);
	assert_end(one, INVOCATION_DONE, 404, "no such file");
}

/* How it ends. */

static void an_exit_code_is_told_with_the_last_line_of_errors(void **state)
{
	static const struct {
		const char *script, *text;
	} cases[] = {
		{"exit 3", "[exit 3]"},
		{"tell first; tell the last; exit 1", "[exit 1] the last"},
		{"tell it;tell  ;say {'output':1};exit 255", "[exit 255] it"},
		{"put {'outp; exit 4", "[exit 4]"},
	};
	struct called *each[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		each[i] = call(cases[i].script);
	}
	for (size_t i = 0; i < 4; i++) {
		await(each[i]);
		assert_end(each[i], INVOCATION_DONE, 500, cases[i].text);
	}
	assert_contains(log_text(), " line=first\n");
	assert_contains(log_text(), " line=\"the last\"\n");
}

static void a_long_line_of_errors_is_told_in_part(void **state)
{
	struct called *one;

	(void)state;
	one = call("growl 100000; exit 1");
	await(one);
	assert_int_equal(one->status, 500);
	assert_true(one->said.length <= DIALOGUE_COMPLAINT + 16);
	assert_contains(buffer_text(&one->said), "[exit 1] ggggg");
	assert_contains(
		log_text(), " line=ggggg"); /* read, since the end would wait for its reader */
}

static void a_signal_is_a_crash(void **state)
{
	struct called *one, *two;

	(void)state;
	one = call("say {'output':1}; die 11");
	two = call("put {; tell x; die 9");
	await(one);
	await(two);
	assert_end(one, INVOCATION_CRASHED, 502, "[signal SEGV]");
	assert_end(two, INVOCATION_CRASHED, 502, "[signal KILL]");
	assert_int_equal(serve.counts.processes_died, 2);
}

static void what_is_no_answer_is_refused(void **state)
{
	static const struct {
		const char *script, *text;
	} cases[] = {
		{"eof; exit 0", NULL},
		{"tell nothing", "[output] it ended without a line"},
		{"say hello", "[output] "},
		{"say ", "[output] "},
		{"say 7", "[output] "},
		{"say {'usage':7}", "[output] "},
		{"say {'output':1}; say {'output':2}; hang",
			"[output] it wrote more than one line, and is no stream"},
		{"say {'output':1}; put x",
			"[output] it wrote more than one line, and is no stream"},
		{"put {'output':", "[output] "},
		{"say hello; hang", "[output] "},
	};
	struct called *each[10];

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		each[i] = call(cases[i].script);
	}
	await(each[0]);
	assert_done(each[0], "\"eof\"");
	for (size_t i = 1; i < 10; i++) {
		await(each[i]);
		assert_contains(buffer_text(&each[i]->said), cases[i].text);
		assert_int_equal(each[i]->outcome, INVOCATION_DONE);
		assert_int_equal(each[i]->status, 500);
		assert_int_equal(each[i]->output.length, 0);
	}
}

static void a_line_may_be_as_long_as_max_line_says(void **state)
{
	size_t around = strlen("{\"output\":\"\"}");
	struct called *one, *two, *three;
	char script[64];

	(void)state;
	serve_config.max_line = 100000;
	(void)snprintf(script, sizeof(script), "long %zu", 100000 - around);
	one = call(script);
	(void)snprintf(script, sizeof(script), "long %zu; hang", 100001 - around);
	two = call(script);
	serve_config.max_line = 20;
	three = call("put {'output':'0123456789'}");
	await(one);
	await(two);
	await(three);
	assert_int_equal(one->output.length, 100000 - around + 2);
	assert_end(two, INVOCATION_DONE, 500, "[output] a line is longer than --max-line");
	assert_end(three, INVOCATION_DONE, 500, "[output] a line is longer than --max-line");
}

static void what_a_process_leaves_behind_ends_with_it(void **state)
{
	struct called *one, *two;

	(void)state;
	serve_config.term_wait_ms = 50;
	one = call("grandchild");
	two = call("heir");
	await(one);
	await(two);
	assert_int_equal(one->outcome, INVOCATION_DONE);
	assert_gone(atoi(buffer_text(&one->output)));
	assert_int_equal(two->outcome, INVOCATION_DONE);
	assert_gone(atoi(buffer_text(&two->output)));
}

static void a_command_that_is_not_there_leaves_nothing(void **state)
{
	char *real = command[0];
	struct called *one = call_of(INVOCATION_CALL, "got");

	(void)state;
	command[0] = "/nonexistent";
	assert_int_equal(process_runner.begin(&one->invocation), -ENOENT);
	command[0] = real;
	one->ends = 1;
}

/* Cancelled. */

static void a_process_that_ends_on_our_term_is_cancelled(void **state)
{
	static const char *const scripts[] = {"tell up; hang", "on-term-exit 143; tell up; hang",
		"on-term-exit 1; tell up; hang", "on-term-exit 0; tell up; hang",
		"say {'output':1}; tell up; hang"};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct called *one = call(scripts[i]);

		buffer_fini(&logged);
		run_until_logged("line=up");
		cancel(one);
		await(one);
		assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	}
	assert_int_equal(serve.counts.processes_died, 0);
}

static void what_is_answered_whole_behind_our_term_is_the_answer(void **state)
{
	struct called *one;

	(void)state;
	one = call("on-term 0; tell up; hang");
	run_until_logged("line=up");
	cancel(one);
	await(one);
	assert_done(one, "\"late\"");
}

static void one_that_crashes_on_our_term_has_crashed(void **state)
{
	static char *const trap[] = {
		"/bin/sh", "-c", "trap 'kill -SEGV $$' TERM; sleep 1000 & echo up >&2; wait", NULL};
	struct called *one;

	(void)state;
	serve_config.term_wait_ms = 3000; /* for what the shell has just begun to start */
	serve_config.command = trap;
	one = call("");
	run_until_logged("line=up");
	cancel(one);
	await(one);
	assert_end(one, INVOCATION_CRASHED, 502, "[signal SEGV]");
}

static void one_that_ignores_our_term_is_killed_with_all_of_its_tree(void **state)
{
	struct called *one;
	pid_t pid;

	(void)state;
	serve_config.term_wait_ms = 50;
	serve.function.streams = true;
	one = call("grandchild; ignore-term; tell up; hang");
	run_until_logged("line=up");
	run_until(one->item_count);
	pid = atoi(strstr(buffer_text(&one->items), "\"output\":") + strlen("\"output\":"));
	assert_int_equal(kill(pid, 0), 0);
	cancel(one);
	await(one);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
	assert_gone(pid);
}

static void a_cut_kills_at_once(void **state)
{
	struct called *one;

	(void)state;
	one = call("ignore-term; tell up; hang");
	run_until_logged("line=up");
	cancel(one);
	cut(one);
	await(one);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
}

static void a_call_may_be_cancelled_before_its_request_is_written(void **state)
{
	struct called *one;

	(void)state;
	one = call("hang");
	cancel(one);
	await(one);
	assert_int_equal(one->outcome, INVOCATION_CANCELLED);
}

static void the_lifecycle_ends_a_process_too(void **state)
{
	struct called *one;

	(void)state;
	one = call("tell up; hang");
	run_until_logged("line=up");
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_int_equal(one->ends, 1);
	assert_int_equal(process_runner.begin(&one->invocation), -ESHUTDOWN);
}

/* The precheck. */

static void precheck(const char *script, int status, const char *text)
{
	struct called *one = call_of(INVOCATION_PRECHECK, "not told");
	char variable[256];

	(void)snprintf(variable, sizeof(variable), "SERVE_CHILD=%s", script);
	serve_config.environment = (struct words){{variable}, 1};
	serve.function.streams = true;
	begin(one);
	await(one);
	assert_end(one, INVOCATION_DONE, status, text);
	assert_int_equal(one->item_count, 0);
}

static void a_precheck_has_an_argument_and_no_input(void **state)
{
	(void)state;
	precheck("tell fine", 0, "");
	precheck("eof", 0, "");
	precheck("say {'status_code':503,'status_code_text':'no disk'}", 503, "no disk");
	precheck("tell no key; exit 1", 500, "[exit 1] no key");
}

static void without_memory_a_process_is_not_begun(void **state)
{
	struct called *one = call_of(INVOCATION_CALL, "got");
	int error = -ENOMEM;

	(void)state;
	for (int n = 1; error; n++) {
		allocation_fail(n);
		error = process_runner.begin(&one->invocation);
		(void)allocation_failed();
		assert_true(!error || error == -ENOMEM);
		assert_true(n < 100);
	}
	await(one);
	assert_done(one, "{\"do\":\"got\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		process_test(a_call_is_answered_by_its_line),
		process_test(its_input_ends_behind_the_request),
		process_test(a_long_request_arrives_whole),
		process_test(a_process_need_not_read),
		process_test(a_line_needs_no_newline_at_the_end),
		process_test(its_environment_and_folder_are_as_configured),
		process_test(the_plugins_own_status_is_passed_on),
		process_test(an_exit_code_is_told_with_the_last_line_of_errors),
		process_test(a_long_line_of_errors_is_told_in_part),
		process_test(a_signal_is_a_crash),
		process_test(what_is_no_answer_is_refused),
		process_test(a_line_may_be_as_long_as_max_line_says),
		process_test(what_a_process_leaves_behind_ends_with_it),
		process_test(a_command_that_is_not_there_leaves_nothing),
		process_test(a_process_that_ends_on_our_term_is_cancelled),
		process_test(what_is_answered_whole_behind_our_term_is_the_answer),
		process_test(one_that_crashes_on_our_term_has_crashed),
		process_test(one_that_ignores_our_term_is_killed_with_all_of_its_tree),
		process_test(a_cut_kills_at_once),
		process_test(a_call_may_be_cancelled_before_its_request_is_written),
		process_test(the_lifecycle_ends_a_process_too),
		process_test(a_precheck_has_an_argument_and_no_input),
		process_test(without_memory_a_process_is_not_begun),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
