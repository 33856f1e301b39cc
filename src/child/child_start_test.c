/* SPDX-License-Identifier: Apache-2.0 */
/* The start of a child: what can fail, what it is given, and children under a keeper. */
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include "child/child_script.h"
#include "child/proc.h"
#include "core/lifecycle.h"
#include "tests/allocation.h"

static void assert_nothing_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(curfew_drain_count(curfew_lifecycle_stage(life, CURFEW_CHILDREN)), 0);
}

static void assert_refused(int error)
{
	int count = descriptors_count();

	errno = 0;
	assert_null(curfew_child_start(life, NULL, &config));
	assert_int_equal(errno, error);
	assert_nothing_left();
	assert_int_equal(descriptors_count(), count);
}

static void command_that_cannot_run_is_refused_with_its_error(void **state)
{
	static const char *const missing[] = {"/nonexistent/program", NULL};
	static const char *const unknown[] = {"no-such-program-anywhere", NULL};
	static const char *const folder[] = {"/", NULL};
	static const char *const beside[] = {"/dev/null/x", NULL};
	static const char *const nothing[] = {"", NULL};
	static const char *const none[] = {NULL};
	static const struct {
		const char *const *argv;
		int error;
	} rows[] = {{missing, ENOENT}, {unknown, ENOENT}, {folder, EACCES}, {beside, ENOTDIR},
		{nothing, ENOENT}, {none, EINVAL}, {NULL, EINVAL}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		config.argv = rows[i].argv;
		config.tree = CURFEW_TREE_GROUP;
		assert_refused(rows[i].error);
		if (rows[i].argv != nothing) {
			config.tree = CURFEW_TREE_KEEPER;
			assert_refused(rows[i].error);
		}
	}
	config.tree = CURFEW_TREE_GROUP;
	config.argv = part_words("exit 0");
	config.cwd = "/nonexistent";
	assert_refused(ENOENT);
	config.cwd = NULL;
	config.tree = CURFEW_TREE_KEEPER;
	config.keeper = "/nonexistent/curfew";
	assert_refused(ENOENT);
}

static void start_with_each_allocation_failing(enum curfew_tree tree)
{
	struct curfew_context *context = curfew_context_new(NULL, CURFEW_NEVER);
	int count = descriptors_count();
	bool failed = true;

	config.tree = tree;
	config.in = CURFEW_STDIO_PIPE;
	config.argv = part_words("serve");
	for (int n = 1; failed; n++) {
		allocation_fail(n);
		child = curfew_child_start(life, context, &config);
		failed = allocation_failed();
		assert_int_equal(failed, !child);
		if (failed) {
			assert_int_equal(errno, ENOMEM);
			assert_nothing_left();
			assert_int_equal(descriptors_count(), count);
		}
	}
	curfew_child_kill(child);
	(void)await_exit();
	curfew_child_free(child);
	child = NULL;
	curfew_context_free(context);
}

static void failed_allocation_leaves_no_process_and_no_descriptor(void **state)
{
	(void)state;
	start_with_each_allocation_failing(CURFEW_TREE_GROUP);
}

static void failed_allocation_under_a_keeper(void **state)
{
	(void)state;
	start_with_each_allocation_failing(CURFEW_TREE_KEEPER);
}

static void start_short_of_descriptors(enum curfew_tree tree)
{
	int count = descriptors_count();

	config.tree = tree;
	config.in = CURFEW_STDIO_PIPE;
	config.argv = part_words("serve");
	for (int left = 0; !child; left++) {
		descriptors_leave(left);
		child = curfew_child_start(life, NULL, &config);
		if (!child) {
			assert_int_equal(errno, EMFILE);
			assert_nothing_left();
		}
		descriptors_restore();
		assert_true(child || descriptors_count() == count);
		assert_true(left < 20);
	}
	curfew_child_kill(child);
	(void)await_exit();
	curfew_child_free(child);
	child = NULL;
}

static void missing_descriptor_leaves_no_process_and_no_descriptor(void **state)
{
	(void)state;
	start_short_of_descriptors(CURFEW_TREE_GROUP);
}

static void missing_descriptor_under_a_keeper(void **state)
{
	(void)state;
	start_short_of_descriptors(CURFEW_TREE_KEEPER);
}

/* Standard descriptors. */

#define COMBINATIONS (8 * 27)

/* What a descriptor of the child's shall be, in each way to give it one. */
static char expected(int fd, enum curfew_stdio kind, unsigned closed)
{
	switch (kind) {
	case CURFEW_STDIO_NULL:
		return 'n';
	case CURFEW_STDIO_PIPE:
		return 'p';
	default:
		return closed & (1U << fd) ? '-' : 'f';
	}
}

static char kind_of(const char *listing, int fd)
{
	char start[8];
	const char *line;

	(void)snprintf(start, sizeof(start), "%d ", fd);
	line = strstr(listing, start);
	if (!line || (line != listing && line[-1] != '\n')) {
		return '-';
	}
	line += strlen(start);
	if (strncmp(line, "pipe:", 5) == 0) {
		return 'p';
	}
	return strncmp(line, "/dev/null", 9) == 0 ? (char)'n' : (char)'f';
}

/*
 * In a process of its own: starts a child with some of 0-2 closed. Returns 0 if it is as it shall
 * be.
 */
static int start_with_closed(int combination, const char *file)
{
	enum curfew_stdio kinds[3];
	unsigned closed = (unsigned)combination % 8;
	int report;

	for (int fd = 0; fd < 3; fd++) {
		int rest = combination / 8;

		kinds[fd] = (enum curfew_stdio)((fd == 0                  ? rest
								: fd == 1 ? rest / 3
									  : rest / 9) %
			3);
		close(fd);
		if (!(closed & (1U << fd)) && open(file, O_RDWR) != fd) {
			return 2;
		}
		if (closed & (1U << fd)) {
			(void)open(
				"/dev/zero", O_RDONLY | O_CLOEXEC); /* the place is taken for now */
		}
	}
	for (int fd = 0; fd < 3; fd++) {
		if (closed & (1U << fd)) {
			close(fd);
		}
	}
	begin(20000);
	report = open(file, O_RDWR | O_TRUNC);
	report = fcntl(report, F_DUPFD, 40); /* inherited: it is where the child writes */
	config.in = kinds[0];
	config.out = kinds[1];
	config.err = kinds[2];
	config.inherit_descriptors = true;
	play("descriptors 40 exit 0");
	while (!exits) {
		(void)descriptor_readable(curfew_lifecycle_fd(life), 20000);
		curfew_lifecycle_dispatch(life);
	}
	output_length = (size_t)pread(report, output, sizeof(output) - 1, 0);
	output[output_length] = '\0';
	for (int fd = 0; fd < 3; fd++) {
		if (kind_of(output, fd) != expected(fd, kinds[fd], closed)) {
			return 10 + fd;
		}
	}
	return 0;
}

static void any_of_0_to_2_may_be_closed(void **state)
{
	char file[] = "/tmp/curfew-child-XXXXXX";

	(void)state;
	close(mkstemp(file));
	for (int combination = 0; combination < COMBINATIONS; combination++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			_exit(start_with_closed(combination, file));
		}
		waitpid(pid, &status, 0);
		if (status != 0) {
			print_error("combination %d\n", combination);
		}
		assert_int_equal(status, 0);
	}
	unlink(file);
}

static int count_lines(const char *text)
{
	int count = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		count++;
	}
	return count;
}

static void other_descriptors_are_inherited_only_when_asked(void **state)
{
	int fd = open("/dev/zero", O_RDONLY); /* not close-on-exec, as a host's may be */

	(void)state;
	play("descriptors 1 exit 0");
	(void)await_exit();
	assert_null(strstr(output, "/dev/zero"));
	assert_int_equal(count_lines(output), 3);
	curfew_child_free(child);
	exits = 0;
	output_length = 0;
	config.inherit_descriptors = true;
	play("descriptors 1 exit 0");
	(void)await_exit();
	assert_non_null(strstr(output, "/dev/zero"));
	close(fd);
}

static void listening_sockets_are_passed_on_with_the_childs_pid(void **state)
{
	char pid[16];

	(void)state;
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	for (int inherit = 0; inherit < 2; inherit++) {
		static const char *const shell[] = {"sh", "-c", "echo $LISTEN_PID $$", NULL};
		long named, own;

		config.argv = shell;
		config.inherit_descriptors = inherit;
		child = curfew_child_start(life, NULL, &config);
		assert_non_null(child);
		(void)await_exit();
		assert_int_equal(sscanf(output, "%ld %ld", &named, &own), 2);
		assert_int_equal(own, curfew_child_pid(child));
		assert_int_equal(named, inherit ? own : getpid());
		curfew_child_free(child);
		child = NULL;
		exits = 0;
		output_length = 0;
	}
	unsetenv("LISTEN_PID");
}

static void environment_and_folder_are_as_configured(void **state)
{
	static const char *const shell[] = {"sh", "-c", "echo $A $B; pwd", NULL};
	static const char *const additions[] = {"A=1", "B=2", "A=3", NULL};

	(void)state;
	setenv("B", "ours", 1);
	config.argv = shell;
	config.environment = additions;
	config.cwd = "/usr";
	child = curfew_child_start(life, NULL, &config);
	(void)await_exit();
	assert_string_equal(output, "3 2\n/usr\n");
	unsetenv("B");
}

/* Keepers. */

static void keeper_ends_the_whole_tree(void **state)
{
	struct curfew_child_exit exit;
	long escaped;

	(void)state;
	config.tree = CURFEW_TREE_KEEPER;
	config.term_wait_ms = 20000;
	play("on TERM exit 7 done orphan setsid say %p serve done serve");
	assert_true(curfew_child_pid(child) > 0);
	await_output("\n");
	escaped = atol(output);
	curfew_child_stop(child, NULL);
	exit = await_exit();
	assert_int_equal(exit.code, 7);
	assert_int_equal(exit.rung, CURFEW_RUNG_TERM);
	assert_int_equal(kill((pid_t)escaped, 0), -1);
}

static void keeper_passes_signals_and_kills(void **state)
{
	struct curfew_child_exit exit;

	(void)state;
	config.tree = CURFEW_TREE_KEEPER;
	play("ignore TERM on USR1 say got done say up serve");
	await_output("up");
	assert_int_equal(curfew_child_signal(child, SIGUSR1), 0);
	await_output("got");
	curfew_child_kill(child);
	exit = await_exit();
	assert_int_equal(exit.signal, SIGKILL);
	assert_true(exit.by_us && exit.forced);
	assert_int_equal(exit.rung, CURFEW_RUNG_KILL);
}

#define DIGITS "0123456789"

static int main_exits;

static void on_main_exit_noted(struct curfew_child *which, void *arg)
{
	(void)arg;
	assert_true(curfew_child_exit(which).exited);
	assert_int_equal(exits, 0);
	main_exits++;
}

/* Returns the pid of an orphan that lives on where the main process has exited with code 3. */
static pid_t main_exits_before_its_tree(void)
{
	config.tree = CURFEW_TREE_KEEPER;
	config.term_wait_ms = 20000;
	main_exits = 0;
	play("on USR1 exit 3 done orphan setsid ignore TERM say %p serve done say up serve");
	child_on_main_exit(child, on_main_exit_noted);
	await_output("up");
	while (!strpbrk(output, DIGITS)) {
		dispatch_once();
	}
	assert_int_equal(curfew_child_signal(child, SIGUSR1), 0);
	while (!main_exits) {
		dispatch_once();
	}
	return (pid_t)atol(strpbrk(output, DIGITS));
}

static void keeper_tells_of_the_main_process_before_its_tree_has_ended(void **state)
{
	pid_t orphan = main_exits_before_its_tree();
	struct curfew_child_exit exit = curfew_child_exit(child);

	(void)state;
	assert_int_equal(exit.code, 3);
	assert_int_equal(exit.rung, CURFEW_RUNG_RUNNING);
	assert_int_equal(curfew_child_rung(child), CURFEW_RUNG_RUNNING);
	assert_int_equal(kill(orphan, SIGKILL), 0);
	exit = await_exit();
	assert_int_equal(exit.code, 3);
	assert_false(exit.forced);
	assert_int_equal(main_exits, 1);
}

static void what_a_keeper_told_stays_where_it_is_killed(void **state)
{
	pid_t orphan = main_exits_before_its_tree();
	struct curfew_child_exit exit;

	(void)state;
	assert_int_equal(kill(child->tree.main, SIGKILL), 0);
	assert_int_equal(kill(orphan, SIGKILL), 0);
	exit = await_exit();
	assert_int_equal(exit.code, 3);
	assert_int_equal(exit.signal, 0);
	assert_int_equal(main_exits, 1);
}

static void what_the_keeper_killed_by_itself_is_noted(void **state)
{
	struct curfew_child_exit exit;

	(void)state;
	config.tree = CURFEW_TREE_KEEPER;
	play("ignore TERM say up serve");
	await_output("up");
	child->config.term_wait_ms = 20000; /* ours comes later than the keeper's, of 100 */
	curfew_child_stop(child, NULL);
	exit = await_exit();
	assert_true(exit.forced);
	assert_int_equal(exit.rung, CURFEW_RUNG_KILL);
	assert_int_equal(life->forced_count, 1);
	assert_int_equal(life->forced_kind_count, 1);
	assert_string_equal(life->forced_kinds[0].kind, "child");
	assert_int_equal(life->forced_kinds[0].count, 1);
}

static bool is_stopped(pid_t pid)
{
	struct proc_stat stat;

	return proc_stat(pid, &stat) && stat.state == 'T';
}

static void keeper_that_was_stopped_is_continued(void **state)
{
	(void)state;
	config.tree = CURFEW_TREE_KEEPER;
	config.term_wait_ms = 20000;
	play("on TERM exit 7 done say up serve");
	await_output("up");
	assert_int_equal(kill(child->tree.main, SIGSTOP), 0);
	while (!is_stopped(child->tree.main)) {
		sched_yield();
	}
	curfew_child_stop(child, NULL);
	assert_int_equal(await_exit().code, 7);
}

static void keeper_that_was_killed_tells_so(void **state)
{
	struct curfew_child_exit exit;

	(void)state;
	config.tree = CURFEW_TREE_KEEPER;
	play("say up serve");
	await_output("up");
	assert_int_equal(kill(child->tree.main, SIGKILL), 0);
	exit = await_exit();
	assert_int_equal(exit.signal, SIGKILL);
	assert_int_equal(exit.code, 0);
	assert_false(exit.by_us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		child_test(command_that_cannot_run_is_refused_with_its_error),
		child_test(failed_allocation_leaves_no_process_and_no_descriptor),
		child_test(failed_allocation_under_a_keeper),
		child_test(missing_descriptor_leaves_no_process_and_no_descriptor),
		child_test(missing_descriptor_under_a_keeper),
		child_test(any_of_0_to_2_may_be_closed),
		child_test(other_descriptors_are_inherited_only_when_asked),
		child_test(listening_sockets_are_passed_on_with_the_childs_pid),
		child_test(environment_and_folder_are_as_configured),
		child_test(keeper_ends_the_whole_tree),
		child_test(keeper_passes_signals_and_kills),
		child_test(keeper_tells_of_the_main_process_before_its_tree_has_ended),
		child_test(what_a_keeper_told_stays_where_it_is_killed),
		child_test(what_the_keeper_killed_by_itself_is_noted),
		child_test(keeper_that_was_stopped_is_continued),
		child_test(keeper_that_was_killed_tells_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
