/* SPDX-License-Identifier: Apache-2.0 */
/* A stream that goes to a worker in another thread, with all that it has. */
#include <fcntl.h>

#include "net/cross_script.h"
#include "net/filter_script.h"
#include "tests/allocation.h"

static struct owner old, new;

/* What the new one hears, there. */

static void new_arrived(struct stream *stream)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	assert_string_equal(owner->told, "");
	assert_true(pthread_equal(pthread_self(), far->thread));
	note(owner, 'a');
	far_tell();
}

static size_t new_received(struct stream *stream, char *bytes, size_t length)
{
	size_t taken = owner_received(stream, bytes, length);

	assert_true(pthread_equal(pthread_self(), far->thread));
	far_tell();
	return taken;
}

static void new_ended(struct stream *stream)
{
	owner_ended(stream);
	far_tell();
}

static void new_writable(struct stream *stream)
{
	owner_writable(stream);
	far_tell();
}

static void new_failed(struct stream *stream, int error)
{
	owner_failed(stream, error);
	far_tell();
}

static void new_closed(struct stream *stream)
{
	owner_closed(stream);
	far_tell();
}

static const struct stream_ops new_ops = {
	.received = new_received,
	.ended = new_ended,
	.writable = new_writable,
	.failed = new_failed,
	.closed = new_closed,
	.arrived = new_arrived,
};

static void cross(void)
{
	new = (struct owner){.peer = old.peer, .takes = SIZE_MAX};
	CALL(&new, stream_cross(&new.stream, &old.stream, far, &new_ops));
	old.over = true;
}

static void cross_inside(struct owner *owner)
{
	assert_ptr_equal(owner, &old);
	owner->on_received = NULL;
	cross();
}

/* The old one has gone, and the new one is there, or is on its way behind what far_stop holds. */
static void crossed(void)
{
	run_until(is_closed(&old));
	assert_int_equal(old.told[strlen(old.told) - 1], 'c');
}

static bool is_over(void)
{
	return is_closed(&new);
}

static void cut_new(void)
{
	owner_cut(&new);
}

static void over(void)
{
	there(cut_new);
	there_until(is_over);
	buffer_fini(&new.got);
	buffer_fini(&old.got);
	if (new.peer >= 0) {
		peer_close(&new);
	}
}

static const char *expected;

static bool has_got(void)
{
	return !strcmp(buffer_text(&new.got), expected);
}

static void expect_new(const char *got)
{
	expected = got;
	there_until(has_got);
}

static bool has_been_told(void)
{
	return !strcmp(new.told, expected);
}

static void expect_told(const char *told)
{
	expected = told;
	there_until(has_been_told);
}

/* Reads what the new one writes. */
static void expect_peer(const char *bytes, size_t length)
{
	struct buffer all = {0};
	struct pollfd ready = {.fd = new.peer, .events = POLLIN};

	while (all.length < length) {
		ssize_t n = peer_receive(&new, buffer_reserve(&all, length), length - all.length);

		assert_true(n > 0 || n == -EAGAIN);
		if (n > 0) {
			buffer_commit(&all, (size_t)n);
		} else {
			(void)poll(&ready, 1, -1);
		}
	}
	assert_memory_equal(all.data, bytes, length);
	buffer_fini(&all);
}

static void write_more(void)
{
	assert_int_equal(new.stream.bytes_out, 8);
	owner_write_text(&new, "and more");
}

static void both_directions_go_on(void **state)
{
	(void)state;
	begin_tcp(&old);
	owner_write_text(&old, "queued, ");
	peer_send(&old, "in the kernel, ", 15);
	cross();
	crossed();
	expect_new("in the kernel, ");
	expect_peer("queued, ", 8);
	there(write_more);
	expect_peer("and more", 8);
	peer_send(&new, "and later", 9);
	expect_new("in the kernel, and later");
	assert_string_equal(old.told, "c");
	expect_told("ar");
	over();
}

/* From the call on it is in nobody's thread until it is there. */
static void nothing_happens_on_the_way(void **state)
{
	char byte;

	(void)state;
	far_stop();
	begin_tcp(&old);
	owner_write_text(&old, "queued");
	peer_send(&old, "hello", 5);
	cross();
	crossed();
	settle();
	assert_string_equal(old.told, "c");
	assert_string_equal(new.told, "");
	assert_int_equal(peer_receive(&new, &byte, 1), -EAGAIN);
	far_go();
	expect_peer("queued", 6);
	expect_new("hello");
	over();
}

/* However much the old one takes: the rest is the new one's, in order. */
static void what_was_not_taken_goes_along(void **state)
{
	(void)state;
	for (size_t takes = 0; takes <= 5; takes++) {
		begin_tcp(&old);
		old.takes = takes;
		old.on_received = cross_inside;
		peer_send(&old, "hello", 5);
		crossed();
		peer_send(&new, ", you", 5);
		expect_new(&"hello, you"[takes]);
		over();

		begin_tcp(&old); /* kept, and then moved */
		old.takes = takes;
		peer_send(&old, "hello", 5);
		settle();
		cross();
		crossed();
		peer_send(&new, ", you", 5);
		expect_new(&"hello, you"[takes]);
		over();
	}
}

/* The end is told again, whether the old one knew of it or not. */
static void the_peers_end_goes_along(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		begin_tcp(&old);
		old.takes = i == 1 ? 0 : SIZE_MAX;
		peer_send(&old, "hello", 5);
		if (i < 3) {
			assert_int_equal(shutdown(old.peer, SHUT_WR), 0);
		}
		if (i < 2) {
			settle();
		}
		cross();
		crossed();
		if (i == 3) { /* while it is on its way, or soon after */
			assert_int_equal(shutdown(new.peer, SHUT_WR), 0);
		}
		expect_told(i ? "are" : "ae");
		expect_new(i ? "hello" : "");
		over();
	}
}

/* Before it goes, when that is known and when it is not; while it is on its way. */
static void resets_go_along(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		far_stop();
		begin_tcp(&old);
		if (i < 2) {
			peer_reset(&old);
		}
		if (i == 1) {
			owner_write_text(&old, "nobody reads it");
			round_wait();
		}
		cross();
		crossed();
		if (i == 2) {
			peer_reset(&new);
		}
		new.peer = -1;
		far_go();
		expect_told("af");
		assert_int_equal(new.error, -ECONNRESET);
		over();
	}
}

/* What the old one has found out, and not told yet, is told by the new one. */
static void a_failure_goes_along(void **state)
{
	static const char much[STREAM_AT_ONCE];
	struct pollfd gone;

	(void)state;
	begin_tcp(&old);
	gone = (struct pollfd){.fd = old.stream.fd};
	peer_reset(&old);
	assert_int_equal(poll(&gone, 1, -1), 1);
	owner_write(&old, much, sizeof(much));
	assert_int_equal(old.stream.state, STREAM_FAILED);
	cross();
	new.peer = -1;
	crossed();
	assert_string_equal(old.told, "c");
	expect_told("af");
	over();
}

/* A queue that the kernel did not take, and the writable() that is owed for it. */
static void a_long_queue_goes_along(void **state)
{
	char *bytes = pattern(4 * MEGABYTE);

	(void)state;
	begin_unix(&old);
	owner_write(&old, bytes, 4 * MEGABYTE);
	settle();
	cross();
	crossed();
	expect_peer(bytes, 4 * MEGABYTE);
	expect_told("aw");
	free(bytes);
	over();
}

static void write_xyz(void)
{
	owner_write_text(&new, "xyz");
}

/* And what it holds, of which the kernel knows nothing. */
static void its_filter_goes_along(void **state)
{
	struct fake fake;

	(void)state;
	begin(&old, &fake);
	fake.gives = 2;
	old.on_received = cross_inside;
	peer_send(&old, "ABCDE", 5);
	crossed();
	expect_new("cde");
	there(write_xyz);
	expect_peer("XYZ", 3);
	assert_int_equal(fake.frees, 0);
	over();
	assert_int_equal(fake.frees, 1);
}

/* Of the other thread's kernel object nobody knows before: here its place is a file's. */
static void it_may_find_no_poll(void **state)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(file >= 0);
	far_stop();
	begin_tcp(&old);
	cross();
	crossed();
	assert_true(dup3(file, new.stream.fd, O_CLOEXEC) >= 0);
	close(file);
	far_go();
	expect_told("af");
	assert_int_equal(new.error, -EPERM);
	over();
	assert_string_equal(new.told, "afc");
}

static void fail_inside(struct owner *owner)
{
	cross_inside(owner);
	allocation_fail(1);
}

/* Where there is no memory for what was not taken: what comes next would not be what follows. */
static void it_may_find_no_memory(void **state)
{
	(void)state;
	begin_tcp(&old);
	old.takes = 2;
	old.on_received = fail_inside;
	peer_send(&old, "hello", 5);
	crossed();
	assert_true(allocation_failed());
	expect_told("af");
	assert_int_equal(new.error, -ENOMEM);
	assert_string_equal(buffer_text(&old.got), "he");
	over();
}

static void close_arrived(struct stream *stream)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	new_arrived(stream);
	owner_write_text(owner, ", bye");
	owner_close(owner, false);
}

static void cut_arrived(struct stream *stream)
{
	struct owner *owner = container_of(stream, struct owner, stream);

	new_arrived(stream);
	owner_write_text(owner, ", bye");
	owner_cut(owner);
}

static void reset_arrived(struct stream *stream)
{
	new_arrived(stream);
	owner_reset(container_of(stream, struct owner, stream));
}

/* What is queued goes before it, unless it is reset; nothing else is told. */
static void it_may_end_as_it_arrives(void **state)
{
	void (*const ways[])(struct stream *) = {close_arrived, cut_arrived, reset_arrived};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct stream_ops ops = new_ops;
		char byte;

		ops.arrived = ways[i];
		begin_tcp(&old);
		peer_send(&old, "unread", i == 0 ? 0 : 6);
		owner_write_text(&old, "queued");
		new = (struct owner){.peer = old.peer, .takes = SIZE_MAX};
		CALL(&new, stream_cross(&new.stream, &old.stream, far, &ops));
		old.over = true;
		crossed();
		expect_told("ac");
		if (i < 2) {
			expect_peer("queued, bye", 11);
		}
		assert_int_equal(peer_receive(&new, &byte, 1), i == 2 ? -ECONNRESET : 0);
		peer_close(&new);
		buffer_fini(&new.got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		far_test(both_directions_go_on),
		far_test(nothing_happens_on_the_way),
		far_test(what_was_not_taken_goes_along),
		far_test(the_peers_end_goes_along),
		far_test(resets_go_along),
		far_test(a_failure_goes_along),
		far_test(a_long_queue_goes_along),
		far_test(its_filter_goes_along),
		far_test(it_may_find_no_poll),
		far_test(it_may_find_no_memory),
		far_test(it_may_end_as_it_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
