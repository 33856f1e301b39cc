/* SPDX-License-Identifier: Apache-2.0 */
/* A stream that goes to another owner, with all that it has. */
#include "net/filter_script.h"

static struct owner old, new;

/* The new one hears nothing inside the call, and the old one nothing but that it is gone. */
static void move(void)
{
	new = (struct owner){.peer = old.peer, .takes = SIZE_MAX};
	CALL(&new, assert_int_equal(stream_move(&new.stream, &old.stream, &owner_ops), 0));
	old.over = true;
}

static void move_inside(struct owner *owner)
{
	assert_ptr_equal(owner, &old);
	owner->on_received = NULL;
	move();
}

/* The rest, and the end of it. */
static void over(void)
{
	run_until(is_closed(&old));
	owner_cut(&new);
	end(&new);
	old.peer = -1;
	end(&old);
}

static void expect_new(const char *got)
{
	settle();
	assert_string_equal(buffer_text(&new.got), got);
}

static void both_directions_go_on(void **state)
{
	struct buffer all = {0};

	(void)state;
	begin_tcp(&old);
	owner_write_text(&old, "queued, ");
	peer_send(&old, "in the kernel, ", 15);
	move();
	owner_write_text(&new, "and more");
	peer_send(&new, "and later", 9);
	expect_new("in the kernel, and later");
	while (all.length < 16) {
		(void)peer_receive_some(&new, &all);
	}
	assert_string_equal(buffer_text(&all), "queued, and more");
	assert_string_equal(old.told, "c");
	assert_int_equal(new.stream.bytes_in, 24);
	assert_int_equal(new.stream.bytes_out, 16);
	buffer_fini(&all);
	over();
}

/* However much the old one takes: the rest is the new one's, in order. */
static void what_was_not_taken_goes_along(void **state)
{
	(void)state;
	for (size_t takes = 0; takes <= 5; takes++) {
		begin_tcp(&old);
		old.takes = takes;
		old.on_received = move_inside;
		peer_send(&old, "hello", 5);
		run_until(is_closed(&old));
		expect_new(&"hello"[takes]);
		peer_send(&new, ", you", 5);
		settle();
		assert_string_equal(buffer_text(&new.got) + 5 - takes, ", you");
		over();

		begin_tcp(&old); /* kept, and then moved */
		old.takes = takes;
		peer_send(&old, "hello", 5);
		settle();
		move();
		expect_new(&"hello"[takes]);
		over();
	}
}

/* The end is told again, whether the old one knew of it or not. */
static void the_peers_end_goes_along(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		begin_tcp(&old);
		old.takes = i == 1 ? 0 : SIZE_MAX;
		peer_send(&old, "hello", 5);
		assert_int_equal(shutdown(old.peer, SHUT_WR), 0);
		if (i < 2) {
			settle();
		}
		move();
		expect_new(i ? "hello" : "");
		assert_string_equal(new.told, i ? "re" : "e");
		over();
	}
}

static void failures_go_along(void **state)
{
	(void)state;
	begin_tcp(&old);
	peer_reset(&old);
	owner_write_text(&old, "nobody reads it");
	round_wait();
	move();
	new.peer = -1;
	run_until(strchr(new.told, 'f') != NULL);
	over();
}

/* A queue that the kernel did not take, and the writable() that is owed for it. */
static void a_long_queue_goes_along(void **state)
{
	char *bytes = pattern(4 * MEGABYTE);
	struct buffer all = {0};

	(void)state;
	begin_unix(&old);
	owner_write(&old, bytes, 4 * MEGABYTE);
	settle();
	move();
	while (all.length < 4 * MEGABYTE) {
		(void)peer_receive_some(&new, &all);
	}
	assert_memory_equal(all.data, bytes, all.length);
	settle();
	assert_int_equal(new.writable, 1);
	buffer_fini(&all);
	free(bytes);
	over();
}

/* And what it holds, of which the kernel knows nothing. */
static void its_filter_goes_along(void **state)
{
	struct fake fake;

	(void)state;
	begin(&old, &fake);
	fake.gives = 2;
	old.on_received = move_inside;
	peer_send(&old, "ABCDE", 5);
	run_until(is_closed(&old));
	expect_new("cde");
	owner_write_text(&new, "xyz");
	settle();
	assert_peer_gets(&new, "XYZ");
	assert_int_equal(fake.frees, 0);
	over();
	assert_int_equal(fake.frees, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(both_directions_go_on),
		worker_test(what_was_not_taken_goes_along),
		worker_test(the_peers_end_goes_along),
		worker_test(failures_go_along),
		worker_test(a_long_queue_goes_along),
		worker_test(its_filter_goes_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
