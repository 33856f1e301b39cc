/* SPDX-License-Identifier: Apache-2.0 */
#include "child/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/allocation.h"
#include "tests/descriptors.h"

static char folder[] = "/tmp/curfew-spawn-XXXXXX";
static char path[256];
static char output[8192];
static int code;

static int setup(void **state)
{
	static bool made;

	(void)state;
	output[0] = '\0';
	if (!made) {
		made = true;
		assert_non_null(mkdtemp(folder));
	}
	return 0;
}

static char *in_folder(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *file;
	char own[256];

	(void)snprintf(own, sizeof(own), "%s/%s", folder, name);
	if (strchr(name, '/')) {
		*strrchr(own, '/') = '\0';
		(void)mkdir(own, 0755);
		(void)snprintf(own, sizeof(own), "%s/%s", folder, name);
	}
	file = fopen(own, "w");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
	assert_int_equal(chmod(own, mode), 0);
}

static struct spawn plain(char *const *argv)
{
	static char *environment[] = {"A=1", NULL};
	struct spawn spawn = {
		.path = argv[0],
		.search = "/usr/local/bin:/usr/bin:/bin",
		.argv = argv,
		.environment = environment,
		.stdio = {0, 1, 2},
		.keep = -1,
		.terminal = -1,
		.cgroup_procs = -1,
		.reset_handlers = true,
	};

	sigemptyset(&spawn.mask);
	sigemptyset(&spawn.ignore);
	return spawn;
}

/* Runs it to its end; output and code are what came out. Returns what spawn_start did. */
static int run(struct spawn *spawn)
{
	int count = descriptors_count();
	size_t length = 0;
	ssize_t more;
	int pidfd = -2;
	int fds[2];
	int status;
	pid_t pid;
	int error;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	spawn->stdio[1] = fds[1];
	error = spawn_start(spawn, &pid, &pidfd);
	close(fds[1]);
	if (error) {
		assert_int_equal(pidfd, -1);
		assert_int_equal(waitpid(-1, NULL, 0), -1);
	} else {
		while ((more = read(fds[0], output + length, sizeof(output) - length - 1)) > 0) {
			length += (size_t)more;
		}
		output[length] = '\0';
		assert_int_equal(waitpid(pid, &status, 0), pid);
		code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
		assert_int_equal(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
		close(pidfd);
	}
	close(fds[0]);
	assert_int_equal(descriptors_count(), count);
	return error;
}

static void program_is_found_as_execvp_finds_it(void **state)
{
	char *argv[] = {"tool", NULL};
	struct spawn spawn = plain(argv);
	char search[1024];

	(void)state;
	write_file("none/tool", "#!/bin/sh\necho none\n", 0644);
	write_file("good/tool", "#!/bin/sh\necho good $A\n", 0755);
	write_file("late/tool", "#!/bin/sh\necho late\n", 0755);
	(void)snprintf(search, sizeof(search), "/nonexistent:%s/none:/dev/null:%s/good:%s/late",
		folder, folder, folder);
	spawn.search = search;
	assert_int_equal(run(&spawn), 0);
	assert_string_equal(output, "good 1\n");
	(void)snprintf(search, sizeof(search), "/nonexistent:%s/none", folder);
	assert_int_equal(run(&spawn), -EACCES);
	spawn.search = "/nonexistent";
	assert_int_equal(run(&spawn), -ENOENT);
	spawn.search = "";
	(void)snprintf(search, sizeof(search), "%s/good", folder);
	spawn.cwd = search;
	assert_int_equal(run(&spawn), 0);
	spawn.search = "/nonexistent:";
	assert_int_equal(run(&spawn), 0);
	spawn.search = NULL;
	assert_int_equal(run(&spawn), -ENOENT);
	argv[0] = "true";
	spawn.path = argv[0];
	assert_int_equal(run(&spawn), 0);
	spawn.path = "";
	assert_int_equal(run(&spawn), -ENOENT);
}

static void search_that_is_too_long_is_passed_over(void **state)
{
	char *argv[] = {"true", NULL};
	struct spawn spawn = plain(argv);
	char *search = malloc(10000);

	(void)state;
	memset(search, 'x', 9000);
	memcpy(search + 9000, ":/bin", sizeof(":/bin"));
	spawn.search = search;
	assert_int_equal(run(&spawn), 0);
	search[9000] = '\0';
	assert_int_equal(run(&spawn), -ENOENT);
	free(search);
}

static void file_without_a_format_is_a_script(void **state)
{
	char *argv[] = {in_folder("script"), "one", "two words", NULL};
	struct spawn spawn = plain(argv);

	(void)state;
	write_file("script", "echo $# \"$2\"\n", 0755);
	assert_int_equal(run(&spawn), 0);
	assert_string_equal(output, "2 two words\n");
	argv[0] = "script";
	spawn.path = argv[0];
	spawn.search = folder;
	assert_int_equal(run(&spawn), 0);
	assert_string_equal(output, "2 two words\n");
}

static void what_cannot_run_is_told(void **state)
{
	char *argv[] = {in_folder("plain"), NULL};
	struct spawn spawn = plain(argv);

	(void)state;
	write_file("plain", "x", 0644);
	assert_int_equal(run(&spawn), -EACCES);
	write_file("interpreter", "#!/nonexistent/shell\n", 0755);
	argv[0] = in_folder("interpreter");
	spawn.path = argv[0];
	assert_int_equal(run(&spawn), -ENOENT);
	spawn.path = folder;
	assert_int_equal(run(&spawn), -EACCES);
	spawn.path = "/bin/true";
	spawn.cwd = in_folder("plain");
	assert_int_equal(run(&spawn), -ENOTDIR);
}

static void stdio_may_be_permuted(void **state)
{
	static const int orders[6][3] = {
		{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	(void)state;
	for (int order = 0; order < 6; order++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			char *argv[] = {"sh", "-c",
				"for i in 0 1 2; do readlink /proc/$$/fd/$i; done >\"$0\"",
				in_folder("links"), NULL};
			struct spawn spawn = plain(argv);
			char links[256] = "";
			int pidfd, fd;

			for (int i = 0; i < 3; i++) {
				static const char *const devices[] = {
					"/dev/null", "/dev/zero", "/dev/full"};

				close(i);
				if (open(devices[i], O_RDWR) != i) {
					_exit(1);
				}
				spawn.stdio[i] = orders[order][i];
			}
			if (spawn_start(&spawn, &pid, &pidfd) || waitpid(pid, NULL, 0) != pid) {
				_exit(2);
			}
			fd = open(in_folder("links"), O_RDONLY);
			(void)!read(fd, links, sizeof(links) - 1);
			for (int i = 0; i < 3; i++) {
				static const char *const names[] = {"null", "zero", "full"};
				/* "/dev/null\n", each of ten bytes; descriptor 1 is the file. */
				const char *line = strtok(i ? NULL : links, "\n");

				if (i != 1 && strcmp(line + 5, names[orders[order][i]]) != 0) {
					_exit(10 + i);
				}
			}
			_exit(0);
		}
		waitpid(pid, &status, 0);
		assert_int_equal(status, 0);
	}
}

static void host_handler(int signal)
{
	(void)signal;
	_exit(99); /* in a child with our memory this would be noticed */
}

/* The masks of /proc/self/status as numbers. */
static unsigned long long mask_in_output(const char *name)
{
	const char *line = strstr(output, name);

	assert_non_null(line);
	return strtoull(line + strlen(name) + 1, NULL, 16);
}

static void mask_and_dispositions_are_those_that_are_given(void **state)
{
	char *argv[] = {"cat", "/proc/self/status", NULL};
	struct spawn spawn = plain(argv);

	(void)state;
	signal(SIGUSR1, host_handler);
	signal(SIGUSR2, SIG_IGN);
	sigaddset(&spawn.mask, SIGHUP);
	sigaddset(&spawn.mask, SIGRTMAX);
	sigaddset(&spawn.ignore, SIGCHLD);
	assert_int_equal(run(&spawn), 0);
	assert_int_equal(mask_in_output("SigBlk:"), 1ULL << (SIGHUP - 1) | 1ULL << (SIGRTMAX - 1));
	assert_int_equal(mask_in_output("SigIgn:"), 1ULL << (SIGUSR2 - 1) | 1ULL << (SIGCHLD - 1));
	assert_int_equal(mask_in_output("SigCgt:"), 0);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

static void own_mask_is_as_before(void **state)
{
	char *argv[] = {"true", NULL};
	struct spawn spawn = plain(argv);
	sigset_t original, before, now;

	(void)state;
	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &before, &original);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(run(&spawn), 0);
	spawn.path = "/nonexistent";
	assert_int_equal(run(&spawn), -ENOENT);
	pthread_sigmask(SIG_SETMASK, &original, &now);
	for (int signal = 1; signal < _NSIG; signal++) {
		assert_int_equal(sigismember(&before, signal), sigismember(&now, signal));
	}
}

static int grouped(enum spawn_group group)
{
	char *argv[] = {"sh", "-c", "read _ _ _ _ group _ </proc/$$/stat; echo $group $$", NULL};
	struct spawn spawn = plain(argv);
	int own_group, pid;

	spawn.group = group;
	assert_int_equal(run(&spawn), 0);
	assert_int_equal(sscanf(output, "%d %d", &own_group, &pid), 2);
	return group == SPAWN_GROUP_OWN ? own_group - pid : own_group - getpgrp();
}

static void group_is_its_own_or_ours(void **state)
{
	(void)state;
	assert_int_equal(grouped(SPAWN_GROUP_OWN), 0);
	assert_int_equal(grouped(SPAWN_GROUP_SHARED), 0);
}

static void one_more_descriptor_may_be_kept(void **state)
{
	char *argv[] = {"ls", "/proc/self/fd", NULL};
	struct spawn spawn = plain(argv);
	int other = open("/dev/zero", O_RDONLY);
	int kept = fcntl(other, F_DUPFD_CLOEXEC, 50);

	(void)state;
	spawn.keep = kept;
	assert_int_equal(run(&spawn), 0);
	assert_string_equal(output, "0\n1\n2\n3\n50\n");
	spawn.keep = -1;
	spawn.inherit_descriptors = true;
	assert_int_equal(run(&spawn), 0);
	assert_null(strstr(output, "50\n"));
	close(other);
	close(kept);
}

/* As on Linux 5.10, which does not know CLOSE_RANGE_CLOEXEC. */
static void refuse_close_range(void)
{
	struct sock_filter code_of_filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = 4, .filter = code_of_filter};

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		_exit(3);
	}
}

static void descriptors_are_closed_on_an_older_kernel_too(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		char *argv[] = {"ls", "/proc/self/fd", NULL};
		struct spawn spawn = plain(argv);

		for (int i = 0; i < 100; i++) {
			(void)dup(0);
		}
		refuse_close_range();
		if (run(&spawn) != 0) {
			_exit(1);
		}
		_exit(strcmp(output, "0\n1\n2\n3\n") == 0 ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void failed_allocation_starts_nothing(void **state)
{
	char *argv[] = {"true", NULL};
	struct spawn spawn = plain(argv);
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		pid_t pid;
		int pidfd;
		int error;

		allocation_fail(n);
		error = spawn_start(&spawn, &pid, &pidfd);
		failed = allocation_failed();
		assert_int_equal(error, failed ? -ENOMEM : 0);
		if (!failed) {
			spawn_reap(pid);
			close(pidfd);
		}
	}
	assert_int_equal(waitpid(-1, NULL, 0), -1);
}

static int remove_one(const char *name, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat;
	(void)type;
	(void)walk;
	return remove(name);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define spawn_test(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		spawn_test(program_is_found_as_execvp_finds_it),
		spawn_test(search_that_is_too_long_is_passed_over),
		spawn_test(file_without_a_format_is_a_script),
		spawn_test(what_cannot_run_is_told),
		spawn_test(stdio_may_be_permuted),
		spawn_test(mask_and_dispositions_are_those_that_are_given),
		spawn_test(own_mask_is_as_before),
		spawn_test(group_is_its_own_or_ours),
		spawn_test(one_more_descriptor_may_be_kept),
		spawn_test(descriptors_are_closed_on_an_older_kernel_too),
		spawn_test(failed_allocation_starts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
