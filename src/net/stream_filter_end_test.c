/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of streams with a filter. */
#include "net/filter_script.h"

static void assert_fails(struct owner *owner, const struct fake *fake, int error)
{
	run_until(strchr(owner->told, 'f'));
	assert_int_equal(owner->error, error);
	settle(); /* its owner takes its time, and there is still input */
	assert_ptr_equal(strchr(owner->told, 'f'), strrchr(owner->told, 'f'));
	owner_close(owner, false);
	end_filtered(owner, fake);
}

static void it_has_the_last_word(void **state)
{
	(void)state;
	for (int closes = 0; closes < 2; closes++) {
		struct owner owner;
		struct fake fake;

		begin(&owner, &fake);
		fake.shuts_wait = 2;
		owner_write_text(&owner, "xyz");
		if (closes) {
			owner_close(&owner, false);
		} else {
			owner_shut(&owner);
		}
		settle();
		assert_int_equal(fake.shuts, 3);
		assert_peer_gets(&owner, "XYZ.");
		assert_peer_gets(&owner, "");
		if (closes) {
			run_until(is_closed(&owner));
		}
		end_filtered(&owner, &fake);
	}
}

static void it_has_it_where_nothing_was_written(void **state)
{
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	owner_close(&owner, false);
	settle();
	assert_peer_gets(&owner, ".");
	end_filtered(&owner, &fake);
}

static void a_cut_says_the_last_word_behind_all_or_not(void **state)
{
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	owner_write_text(&owner, "xyz");
	owner_cut(&owner);
	assert_peer_gets(&owner, "XYZ.");
	end_filtered(&owner, &fake);
	begin(&owner, &fake);
	stuff(&owner);
	owner_write_text(&owner, "xyz");
	owner_cut(&owner);
	assert_int_equal(fake.shuts, 0);
	end_filtered(&owner, &fake);
	begin(&owner, &fake);
	owner_reset(&owner);
	assert_int_equal(fake.shuts, 0);
	end_filtered(&owner, &fake);
}

static void its_failures_are_told_once(void **state)
{
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	fake.read_error = -EPROTO;
	peer_send(&owner, "ABC", 3);
	assert_fails(&owner, &fake, -EPROTO);
	begin(&owner, &fake);
	fake.write_error = -EPROTO;
	owner_write_text(&owner, "xyz");
	peer_send(&owner, "ABC", 3);
	assert_fails(&owner, &fake, -EPROTO);
	begin(&owner, &fake);
	fake.shut_error = -EPROTO;
	owner_shut(&owner);
	assert_fails(&owner, &fake, -EPROTO);
	/* Not, when it is closed: then it is just closed. */
	begin(&owner, &fake);
	fake.shut_error = -EPROTO;
	owner_close(&owner, false);
	settle();
	assert_string_equal(owner.told, "c");
	end_filtered(&owner, &fake);
}

static void nothing_is_waited_for_in_vain(void **state)
{
	static const char request[] = "nobody reads this";
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	fake.reads_wait = true;
	peer_send(&owner, request, sizeof(request));
	run_until(owner.stream.filter->read_wants_write);
	owner_close(&owner, true);
	settle();
	assert_false(is_closed(&owner)); /* it lingers */
	peer_close(&owner);
	end_filtered(&owner, &fake);
	begin(&owner, &fake);
	fake.writes_wait = true;
	owner_write_text(&owner, "xyz");
	settle();
	fake.read_error = -EPROTO;
	peer_send(&owner, request, sizeof(request));
	assert_fails(&owner, &fake, -EPROTO);
}

static void a_closing_stream_leaves_the_filter_its_input(void **state)
{
	struct owner owner;
	struct fake fake;

	(void)state;
	begin(&owner, &fake);
	fake.writes_wait = true;
	owner_write_text(&owner, "xyz");
	owner_close(&owner, true);
	settle();
	peer_send(&owner, "ABC", 3);
	round_now();
	assert_int_equal(recv(owner.stream.fd, (char[4]){0}, 4, MSG_PEEK), 3);
	fake.writes_wait = false;
	settle();
	assert_peer_gets(&owner, "XYZ.");
	peer_close(&owner);
	end_filtered(&owner, &fake);
	/* Not, when it waits for room. */
	begin(&owner, &fake);
	stuff(&owner);
	owner_write_text(&owner, "xyz");
	owner_close(&owner, true);
	settle();
	peer_send(&owner, "ABC", 3);
	settle();
	assert_int_equal(recv(owner.stream.fd, (char[4]){0}, 4, MSG_PEEK), -1);
	unstuff(&owner);
	settle();
	assert_peer_gets(&owner, "XYZ.");
	peer_close(&owner);
	end_filtered(&owner, &fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(it_has_the_last_word),
		worker_test(it_has_it_where_nothing_was_written),
		worker_test(a_cut_says_the_last_word_behind_all_or_not),
		worker_test(its_failures_are_told_once),
		worker_test(nothing_is_waited_for_in_vain),
		worker_test(a_closing_stream_leaves_the_filter_its_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
