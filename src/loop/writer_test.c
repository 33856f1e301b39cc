/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/drain.h"
#include "tests/allocation.h"
#include "tests/descriptors.h"

#define BIG 1000000 /* more than a pipe or a socket holds */

static struct loop loop;
static struct curfew_drain drain;
static struct writer writer;
static bool done;
static int emptied;
static char *big;

static void note_done(void *arg)
{
	(void)arg;
	done = true;
}

static void note_emptied(struct writer *which)
{
	assert_ptr_equal(which, &writer);
	emptied++;
}

static int setup(void **state)
{
	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	drain_init(&drain, &loop.agenda);
	curfew_drain_on_done(&drain, note_done, NULL);
	done = false;
	emptied = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	writer_fini(&writer);
	loop_dispatch(&loop);
	drain_fini(&drain);
	loop_fini(&loop);
	return 0;
}

static void open_writer(int fd)
{
	assert_int_equal(writer_init(&writer, &loop, fd, &drain), 0);
	writer.emptied = note_emptied;
}

static void close_drain(void)
{
	curfew_drain_close(&drain, CURFEW_NEVER);
	loop_dispatch(&loop);
}

/* Reads some bytes of the big text, which go on at an offset. */
static size_t read_some(int fd, size_t offset)
{
	char bytes[4096];
	ssize_t length = read(fd, bytes, sizeof(bytes));

	assert_true(length > 0);
	assert_memory_equal(bytes, big + offset, (size_t)length);
	return (size_t)length;
}

static void read_all(int fd)
{
	size_t offset = 0;

	while (offset < BIG) {
		loop_dispatch(&loop);
		offset += read_some(fd, offset);
	}
	loop_dispatch(&loop);
}

static void is_written_at_once_where_there_is_room(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_writer(fds[1]);
	assert_int_equal(writer_write(&writer, big, 100), 0);
	assert_int_equal(read_some(fds[0], 0), 100);
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	close_drain();
	assert_true(done);
	assert_int_equal(writer_write(&writer, big, 100), 0);
	assert_int_equal(read_some(fds[0], 0), 100);
	close(fds[0]);
	close(fds[1]);
}

/* A process that reads the whole big text. */
static pid_t start_reader(int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		size_t offset = 0;

		while (offset < BIG) {
			offset += read_some(fd, offset);
		}
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void what_is_left_is_written_until_a_deadline(void **state)
{
	int fds[2];
	int status;
	pid_t reader;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_writer(fds[1]);
	assert_true(writer_write(&writer, big, BIG) > 0);
	writer_flush(&writer, curfew_after_ms(1)); /* nobody reads */
	assert_true(writer.pending.length > 0);
	reader = start_reader(fds[0]);
	writer_flush(&writer, CURFEW_NEVER);
	assert_int_equal(writer.pending.length, 0);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	close_drain();
	assert_true(done);
	close(fds[0]);
	close(fds[1]);
}

static void full_pipe_keeps_the_drain_until_all_is_written(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_writer(fds[1]);
	assert_true(writer_write(&writer, big, BIG) > 0);
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	close_drain();
	assert_false(done);
	read_all(fds[0]);
	loop_dispatch(&loop);
	assert_true(done);
	assert_int_equal(emptied, 1);
	close(fds[0]);
	close(fds[1]);
}

static void full_socket_is_written_without_blocking(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	open_writer(fds[1]);
	assert_true(writer_write(&writer, big, BIG) > 0);
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	close_drain();
	read_all(fds[0]);
	loop_dispatch(&loop);
	assert_true(done);
	close(fds[0]);
	close(fds[1]);
}

/* As where the pipe is another user's, and cannot be opened anew. */
static void shared_pipe_is_written_without_blocking(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_writer(fds[1]);
	close(writer.source.fd);
	writer.source.fd = dup(fds[1]);
	writer.is_shared = true;
	assert_true(writer_write(&writer, big, BIG) > 0);
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	close_drain();
	read_all(fds[0]);
	loop_dispatch(&loop);
	assert_true(done);
	close(fds[0]);
	close(fds[1]);
}

static void reader_that_is_gone_ends_the_writing(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_writer(fds[1]);
	assert_true(writer_write(&writer, big, BIG) > 0);
	close_drain();
	close(fds[0]);
	assert_true(descriptor_readable(loop.epoll_fd, 20000));
	loop_dispatch(&loop);
	loop_dispatch(&loop);
	assert_true(done);
	assert_int_equal(writer_write(&writer, big, BIG), 0);
	close(fds[1]);
}

static void reader_that_is_gone_before_is_noticed_at_the_write(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_writer(fds[1]);
	close(fds[0]);
	assert_int_equal(writer_write(&writer, big, 100), 0);
	close_drain();
	assert_true(done);
	close(fds[1]);
}

static void cut_with_nothing_pending_is_no_failure(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_writer(fds[1]);
	curfew_drain_cut(&drain);
	loop_dispatch(&loop);
	assert_true(done);
	assert_int_equal(writer_write(&writer, big, 100), 0);
	assert_int_equal(read_some(fds[0], 0), 100);
	close(fds[0]);
	close(fds[1]);
}

static void cut_drops_what_is_pending(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_writer(fds[1]);
	assert_true(writer_write(&writer, big, BIG) > 0);
	curfew_drain_cut(&drain);
	loop_dispatch(&loop);
	assert_true(done);
	close(fds[0]);
	close(fds[1]);
}

static void regular_file_gets_everything(void **state)
{
	FILE *file = tmpfile();
	char *bytes = malloc(BIG);

	(void)state;
	open_writer(fileno(file));
	assert_int_equal(writer_write(&writer, big, BIG), 0);
	close_drain();
	assert_true(done);
	assert_int_equal(pread(fileno(file), bytes, BIG, 0), BIG);
	assert_memory_equal(bytes, big, BIG);
	free(bytes);
	fclose(file);
}

static void full_disk_is_no_reason_to_wait(void **state)
{
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	open_writer(fd);
	assert_int_equal(writer_write(&writer, big, 100), 0);
	close_drain();
	assert_true(done);
	close(fd);
}

static void failed_init_holds_and_opens_nothing(void **state)
{
	int count;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	count = descriptors_count();
	assert_int_equal(writer_init(&writer, &loop, -1, &drain), -EBADF);
	writer_fini(&writer);
	descriptors_leave(0);
	assert_int_equal(writer_init(&writer, &loop, fds[1], &drain), -EMFILE);
	descriptors_restore();
	writer_fini(&writer);
	close_drain();
	assert_true(done);
	assert_int_equal(writer_init(&writer, &loop, fds[1], &drain), -ESHUTDOWN);
	assert_int_equal(descriptors_count(), count);
	close(fds[0]);
	close(fds[1]);
}

static void failed_allocation_loses_the_bytes_and_no_more(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	open_writer(fds[1]);
	allocation_fail(1);
	(void)writer_write(&writer, big, 100);
	assert_true(allocation_failed());
	close_drain();
	assert_true(done);
	close(fds[0]);
	close(fds[1]);
}

static int make_big(void **state)
{
	(void)state;
	big = malloc(BIG);
	for (size_t i = 0; i < BIG; i++) {
		big[i] = (char)random();
	}
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int free_big(void **state)
{
	(void)state;
	free(big);
	return 0;
}

#define writer_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		writer_test(is_written_at_once_where_there_is_room),
		writer_test(what_is_left_is_written_until_a_deadline),
		writer_test(full_pipe_keeps_the_drain_until_all_is_written),
		writer_test(full_socket_is_written_without_blocking),
		writer_test(shared_pipe_is_written_without_blocking),
		writer_test(reader_that_is_gone_ends_the_writing),
		writer_test(reader_that_is_gone_before_is_noticed_at_the_write),
		writer_test(cut_drops_what_is_pending),
		writer_test(cut_with_nothing_pending_is_no_failure),
		writer_test(regular_file_gets_everything),
		writer_test(full_disk_is_no_reason_to_wait),
		writer_test(failed_init_holds_and_opens_nothing),
		writer_test(failed_allocation_loses_the_bytes_and_no_more),
	};

	return cmocka_run_group_tests(tests, make_big, free_big);
}
