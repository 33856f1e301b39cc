/* SPDX-License-Identifier: Apache-2.0 */
#include "load/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char folder[32], path[64];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	(void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/load-file-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/file", fixture->folder);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	(void)unlink(fixture->path);
	assert_int_equal(rmdir(fixture->folder), 0);
	free(fixture);
	return 0;
}

static void reads_what_is_in_it(void **state)
{
	const struct fixture *fixture = *state;
	struct buffer content = {0};
	int fd = open(fixture->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "profile", 7), 7);
	assert_int_equal(close(fd), 0);
	buffer_append_text(&content, "the ");
	assert_int_equal(file_read(fixture->path, 7, &content), 0);
	assert_string_equal(buffer_text(&content), "the profile");
	assert_int_equal(file_read(fixture->path, 6, &content), -EFBIG);
	assert_int_equal(file_read(fixture->folder, 7, &content), -EISDIR);
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(file_read(fixture->path, 7, &content), -ENOENT);
	buffer_fini(&content);
}

/* Waits until somebody reads. */
static int open_pipe(const struct fixture *fixture)
{
	int fd = open(fixture->path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void *write_twice(void *arg)
{
	int fd = open_pipe(arg);

	assert_int_equal(write(fd, "one", 3), 3);
	assert_int_equal(write(fd, "two", 3), 3);
	assert_int_equal(close(fd), 0);
	return NULL;
}

static void reads_a_pipe_to_its_end(void **state)
{
	struct fixture *fixture = *state;
	struct buffer content = {0};
	pthread_t writer;

	assert_int_equal(mkfifo(fixture->path, 0600), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_twice, fixture), 0);
	assert_int_equal(file_read(fixture->path, 100, &content), 0);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_string_equal(buffer_text(&content), "onetwo");
	buffer_fini(&content);
}

/* Its end stays open: nothing but the signal ends the reading. */
static void *write_none_and_signal(void *arg)
{
	intptr_t fd = open_pipe(arg);

	assert_int_equal(kill(getpid(), SIGTERM), 0);
	return (void *)fd; /* NOLINT(performance-no-int-to-ptr) */
}

static void a_signal_ends_the_reading_and_stays(void **state)
{
	struct fixture *fixture = *state;
	struct buffer content = {0};
	pthread_t writer;
	sigset_t stop, mask;
	void *fd;
	int number;

	(void)alarm(60); /* which no other signal could end, were it not ended */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &stop, &mask), 0);
	assert_false(file_end_is_asked());
	assert_int_equal(mkfifo(fixture->path, 0600), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_none_and_signal, fixture), 0);
	assert_int_equal(file_read(fixture->path, 100, &content), -EINTR);
	assert_int_equal(pthread_join(writer, &fd), 0);
	assert_true(file_end_is_asked());
	assert_int_equal(sigwait(&stop, &number), 0);
	assert_int_equal(close((int)(intptr_t)fd), 0);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
	buffer_fini(&content);
	(void)alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_what_is_in_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reads_a_pipe_to_its_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_signal_ends_the_reading_and_stays, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
