/* SPDX-License-Identifier: Apache-2.0 */
/* Streams with a filter: what it holds, and what each direction waits for. */
#include "net/filter_script.h"

static void bytes_go_through_it(void **state)
{
	struct owner owner;
	struct fake fake;
	struct socket_address address;
	char text[ADDRESS_TEXT];

	(void)state;
	begin(&owner, &fake);
	peer_send(&owner, "ABC", 3);
	run_until(owner.got.length == 3);
	assert_string_equal(buffer_text(&owner.got), "abc");
	owner_write_text(&owner, "xyz");
	settle();
	assert_peer_gets(&owner, "XYZ");
	stream_peer(&owner.stream, &address);
	assert_string_equal(socket_address_text(&address, text), "unix:");
	fake.peer = (struct socket_address){.length = sizeof(struct sockaddr_in)};
	fake.peer.storage.ss_family = AF_INET;
	stream_peer(&owner.stream, &address);
	assert_string_equal(socket_address_host(&address, text), "0.0.0.0");
	assert_int_equal(shutdown(owner.peer, SHUT_WR), 0);
	run_until(strchr(owner.told, 'e'));
	end_filtered(&owner, &fake);
	assert_string_equal(owner.told, "rec");
}

static void what_it_holds_is_read(void **state)
{
	static char sent[50000], expected[50000];
	struct owner owner;
	struct fake fake;

	(void)state;
	memset(sent, 'A', sizeof(sent));
	memset(expected, 'a', sizeof(expected));
	begin(&owner, &fake);
	fake.gives = 700;
	peer_send(&owner, sent, sizeof(sent));
	settle();
	assert_int_equal(owner.got.length, sizeof(sent));
	assert_memory_equal(owner.got.data, expected, sizeof(expected));
	/* An owner that rests is not asked in every round. */
	owner.takes = 100;
	peer_send(&owner, sent, 10000);
	settle();
	assert_int_equal(owner.got.length, sizeof(sent) + 100);
	assert_true(stream_paused(&owner.stream));
	while (owner.got.length < sizeof(sent) + 10000) {
		size_t before = owner.got.length;

		owner_resume(&owner);
		settle(); /* the last of a piece is followed by the first of the next */
		assert_in_range(owner.got.length - before, 100, 200);
	}
	end_filtered(&owner, &fake);
}

static void the_end_waits_for_what_it_holds(void **state)
{
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	fake.gives = 2;
	owner.takes = 1;
	peer_send(&owner, "ABC", 3);
	assert_int_equal(shutdown(owner.peer, SHUT_WR), 0);
	settle();
	assert_string_equal(owner.told, "r");
	assert_string_equal(buffer_text(&owner.got), "a");
	owner.takes = SIZE_MAX;
	owner_resume(&owner); /* for what was kept, and what is held */
	settle();
	assert_string_equal(owner.told, "re");
	assert_string_equal(buffer_text(&owner.got), "abc");
	end_filtered(&owner, &fake);
}

static void reading_may_wait_for_writing(void **state)
{
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	stuff(&owner);
	fake.reads_wait = true;
	peer_send(&owner, "ABC", 3);
	settle();
	fake.reads_wait = false;
	settle();
	assert_int_equal(owner.got.length, 0);
	unstuff(&owner);
	settle();
	assert_string_equal(buffer_text(&owner.got), "abc");
	end_filtered(&owner, &fake);
}

static void writing_may_wait_for_reading(void **state)
{
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	fake.writes_wait = true;
	owner_write_text(&owner, "xyz");
	settle();
	assert_int_equal(stream_queued(&owner.stream), 3);
	fake.writes_wait = false;
	settle(); /* nothing has come yet */
	assert_int_equal(stream_queued(&owner.stream), 3);
	assert_int_equal(fake.writes, 1);
	peer_send(&owner, "A", 1);
	settle();
	assert_peer_gets(&owner, "XYZ");
	assert_string_equal(buffer_text(&owner.got), "a");
	/* Also for an owner that rests. */
	owner.takes = 0;
	peer_send(&owner, "B", 1);
	settle();
	assert_true(stream_paused(&owner.stream));
	fake.writes_wait = true;
	owner_write_text(&owner, "xyz");
	settle();
	fake.writes_wait = false;
	peer_send(&owner, "C", 1);
	settle();
	assert_peer_gets(&owner, "XYZ");
	end_filtered(&owner, &fake);
}

static void large_writes_are_taken_in_records(void **state)
{
	char *bytes = pattern(MEGABYTE);
	struct buffer all = {0};
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	fake.takes = 1000;
	owner_write(&owner, bytes, MEGABYTE);
	owner_close(&owner, false);
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_int_equal(all.length, MEGABYTE + 1); /* and the filter's own word */
	for (size_t i = 0; i < MEGABYTE; i++) {
		assert_true(all.data[i] == (char)(bytes[i] ^ MARK));
	}
	assert_int_equal(all.data[MEGABYTE], '.');
	free(bytes);
	buffer_fini(&all);
	end_filtered(&owner, &fake);
}

static void parts_are_one_record(void **state)
{
	char *bytes = pattern(4096);
	struct stream_part parts[] = {{bytes, 10}, {bytes + 10, 4000}, {bytes + 4010, 86}};
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	owner_write_parts(&owner, parts, 3);
	settle();
	assert_int_equal(fake.writes, 1);
	free(bytes);
	end_filtered(&owner, &fake);
}

static void what_is_half_written_is_not_taken_back(void **state)
{
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	stuff(&owner);
	owner_write_text(&owner, "first");
	assert_true(stream_take_back(&owner.stream, 0));
	owner_write_text(&owner, "second");
	settle();
	assert_false(stream_take_back(&owner.stream, 0));
	assert_int_equal(stream_queued(&owner.stream), 6);
	end_filtered(&owner, &fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(bytes_go_through_it),
		worker_test(what_it_holds_is_read),
		worker_test(the_end_waits_for_what_it_holds),
		worker_test(reading_may_wait_for_writing),
		worker_test(writing_may_wait_for_reading),
		worker_test(large_writes_are_taken_in_records),
		worker_test(parts_are_one_record),
		worker_test(what_is_half_written_is_not_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
