/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four promises of an end. What lingering saves is seen over TCP only: closing a socket that
 * has unread input resets the connection, and what was sent on it is lost.
 */
#include "net/stream.h"

#include <netinet/tcp.h>

#include "net/stream_script.h"

#define REQUEST 100000 /* bytes that nobody reads */

static void nothing_to_save_is_closed_at_once(void **state)
{
	struct owner owner;
	char bytes[8];

	(void)state;
	begin_tcp(&owner);
	settle();
	owner_write(&owner, "last", 4);
	peer_send(&owner, "x", 1);
	run_until(owner.got.length);
	owner_close(&owner, false);
	assert_string_equal(owner.told, "r"); /* closed() is not inside the call */
	assert_true(stream_closing(&owner.stream));
	owner_close(&owner, true);
	settle();
	assert_int_equal(peer_receive(&owner, bytes, sizeof(bytes)), 4);
	assert_int_equal(peer_receive(&owner, bytes, sizeof(bytes)), 0);
	end(&owner);
	assert_string_equal(owner.told, "rc");
}

static void the_descriptor_goes_with_it(void **state)
{
	int count = descriptors_count();

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct owner owner;

		begin_tcp(&owner);
		if (i == 0) {
			owner_close(&owner, false);
		} else if (i == 1) {
			owner_cut(&owner);
		} else {
			owner_reset(&owner);
		}
		end(&owner);
		assert_int_equal(descriptors_count(), count);
	}
}

static void the_queue_is_written_first(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;

	(void)state;
	begin_unix(&owner);
	owner_write(&owner, bytes, 16 * MEGABYTE);
	assert_true(stream_queued(&owner.stream) > STREAM_QUEUE_HIGH);
	owner_close(&owner, false);
	settle();
	assert_false(is_closed(&owner));
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_int_equal(all.length, 16 * MEGABYTE);
	assert_memory_equal(all.data, bytes, all.length);
	buffer_fini(&all);
	free(bytes);
	end(&owner);
	assert_string_equal(owner.told, "c"); /* no writable(), no ended() */
}

/* A response to a request of which nobody reads the body. */
static void a_response_survives_unread_input(void **state)
{
	char *request = pattern(REQUEST);
	char *response = pattern(MEGABYTE);

	(void)state;
	for (int comes_later = 0; comes_later < 2; comes_later++) {
		struct buffer all = {0};
		struct owner owner;
		int64_t begun;

		begin_tcp(&owner);
		owner.takes = 10; /* the head, say */
		peer_send(&owner, request, comes_later ? 10 : REQUEST);
		run_until(owner.got.length);
		owner_write(&owner, response, MEGABYTE);
		owner_close(&owner, comes_later);
		settle();
		if (comes_later) {
			peer_send(&owner, request, REQUEST);
			settle();
		}
		assert_false(is_closed(&owner));
		assert_int_equal(peer_receive_all(&owner, &all), 0);
		assert_int_equal(all.length, MEGABYTE);
		assert_memory_equal(all.data, response, MEGABYTE);
		if (comes_later) { /* it may go on for a while */
			peer_send(&owner, request, REQUEST);
			settle();
			assert_false(is_closed(&owner));
		}
		begun = curfew_now();
		peer_close(&owner); /* and its end is the stream's */
		run_until(is_closed(&owner));
		assert_true(clock_ms_between(begun, curfew_now()) < STREAM_LINGER_MS - 100);
		buffer_fini(&all);
		end(&owner);
	}
	free(request);
	free(response);
}

/* Of which the stream has not heard yet, and which carries the last acknowledgement. */
static void a_response_survives_input_that_comes_just_then(void **state)
{
	struct buffer all = {0};
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	settle();
	owner_write(&owner, "answer", 6);
	settle();
	peer_send(&owner, "input", 5);
	owner_close(&owner, false);
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_string_equal(buffer_text(&all), "answer");
	peer_close(&owner);
	end(&owner);
	buffer_fini(&all);
}

/* Writes as much as both kernels take, and closes; returns how much that is. */
static size_t close_behind_full_windows(
	struct owner *owner, const char *response, struct buffer *all)
{
	size_t length = 0;

	while (!stream_queued(&owner->stream)) {
		owner_write(owner, response + length, 50000);
		length += 50000;
	}
	while (stream_queued(&owner->stream)) {
		(void)peer_receive_some(owner, all);
	}
	owner_close(owner, false);
	settle();
	assert_false(is_closed(owner));
	return length;
}

/* What the peer's kernel has not taken yet would be lost with a reset as well. */
static void output_on_its_way_is_waited_for(void **state)
{
	char *response = pattern(16 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;
	int64_t begun;
	size_t length;

	(void)state;
	begin_tcp(&owner);
	length = close_behind_full_windows(&owner, response, &all);
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	begun = curfew_now();
	run_until(is_closed(&owner)); /* it is acknowledged, though the peer does not end */
	assert_true(clock_ms_between(begun, curfew_now()) < STREAM_LINGER_MS - 100);
	assert_int_equal(all.length, length);
	assert_memory_equal(all.data, response, length);
	end(&owner);
	buffer_fini(&all);
	free(response);
}

static void a_cut_leaves_output_on_its_way(void **state)
{
	char *response = pattern(16 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;
	size_t length;

	(void)state;
	begin_tcp(&owner);
	length = close_behind_full_windows(&owner, response, &all);
	peer_send(&owner, response, 1000);
	owner_cut(&owner);
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_int_equal(all.length, length);
	assert_memory_equal(all.data, response, length);
	end(&owner);
	buffer_fini(&all);
	free(response);
}

static void lingering_is_bounded(void **state)
{
	int64_t begun = curfew_now();
	struct owner owner;
	char byte;

	(void)state;
	begin_tcp(&owner);
	owner_write(&owner, "x", 1);
	owner_close(&owner, true); /* and the peer does nothing */
	run_until(is_closed(&owner));
	assert_in_range(
		clock_ms_between(begun, curfew_now()), STREAM_LINGER_MS, STREAM_LINGER_MS + 10000);
	assert_int_equal(peer_receive(&owner, &byte, 1), 1);
	end(&owner);
}

static void a_reset_ends_lingering(void **state)
{
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	owner_close(&owner, true);
	settle();
	assert_false(is_closed(&owner));
	peer_reset(&owner);
	end(&owner);
	assert_string_equal(owner.told, "c");
}

/*
 * Two that write and do not read would wait for each other: a stream that closes reads and drops.
 */
static void a_peer_that_writes_first_is_no_deadlock(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;
	size_t sent = 0;

	(void)state;
	begin_unix(&owner);
	owner.takes = 10;
	peer_send(&owner, bytes, 20);
	run_until(owner.got.length);
	owner_write(&owner, bytes, 16 * MEGABYTE);
	owner_close(&owner, true);
	while (sent < 16 * MEGABYTE) {
		ssize_t n = send(owner.peer, bytes + sent, 16 * MEGABYTE - sent, MSG_NOSIGNAL);

		if (n > 0) {
			sent += (size_t)n;
		} else {
			assert_int_equal(errno, EAGAIN);
			round_wait();
		}
		round_now();
	}
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_int_equal(all.length, 16 * MEGABYTE);
	assert_memory_equal(all.data, bytes, all.length);
	peer_close(&owner);
	end(&owner);
	buffer_fini(&all);
	free(bytes);
}

static void a_peer_that_ends_while_it_is_closed_gets_all(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;

	(void)state;
	begin_unix(&owner);
	owner_write(&owner, bytes, 16 * MEGABYTE);
	owner_close(&owner, true);
	settle();
	assert_int_equal(shutdown(owner.peer, SHUT_WR), 0);
	settle();
	assert_false(is_closed(&owner));
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_int_equal(all.length, 16 * MEGABYTE);
	end(&owner);
	buffer_fini(&all);
	free(bytes);
}

static void a_peer_that_goes_while_it_is_closed_ends_it(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	owner_write(&owner, bytes, 16 * MEGABYTE);
	owner_close(&owner, false);
	settle();
	assert_false(is_closed(&owner));
	peer_reset(&owner);
	end(&owner);
	assert_string_equal(owner.told, "c");
	free(bytes);
}

/* Cutting. */

static void a_cut_writes_what_the_kernel_takes(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;
	char small[8];

	(void)state;
	begin_tcp(&owner);
	owner_write(&owner, "last", 4);
	owner_cut(&owner);
	assert_string_equal(owner.told, "");
	assert_int_equal(peer_receive(&owner, small, sizeof(small)), 4); /* already */
	assert_int_equal(peer_receive(&owner, small, sizeof(small)), 0);
	owner_cut(&owner);
	owner_reset(&owner);
	owner_close(&owner, true);
	owner_write(&owner, "no", 2);
	end(&owner);
	/* It does not wait for a peer that does not read. */
	begin_tcp(&owner);
	owner_write(&owner, bytes, 16 * MEGABYTE);
	owner_cut(&owner);
	settle();
	assert_true(is_closed(&owner));
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_true(all.length > 0 && all.length < 16 * MEGABYTE);
	assert_memory_equal(all.data, bytes, all.length);
	end(&owner);
	buffer_fini(&all);
	free(bytes);
}

static void a_cut_response_survives_unread_input(void **state)
{
	char *request = pattern(REQUEST);

	(void)state;
	for (int lingers = 0; lingers < 2; lingers++) {
		struct buffer all = {0};
		struct owner owner;

		begin_tcp(&owner);
		owner.takes = 10;
		peer_send(&owner, request, 20);
		run_until(owner.got.length);
		owner_write(&owner, request, REQUEST);
		if (lingers) {
			owner_close(&owner, true);
			settle();
		}
		peer_send(&owner, request, REQUEST);
		owner_cut(&owner);
		assert_int_equal(peer_receive_all(&owner, &all), 0);
		assert_int_equal(all.length, REQUEST);
		end(&owner);
		buffer_fini(&all);
	}
	free(request);
}

static void a_closing_stream_may_be_cut_and_reset(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct owner owner;

		begin_tcp(&owner);
		if (i % 3) { /* 1: with a queue, 2: lingering */
			owner_write(&owner, bytes, i % 3 == 1 ? 16 * MEGABYTE : 1);
		}
		owner_close(&owner, true);
		if (i % 3) {
			settle();
			assert_false(is_closed(&owner));
		}
		if (i < 3) {
			owner_cut(&owner);
		} else {
			owner_reset(&owner);
		}
		settle();
		assert_true(is_closed(&owner));
		end(&owner);
	}
	free(bytes);
}

static void a_reset_is_one_to_the_peer(void **state)
{
	(void)state;
	for (int queued = 0; queued < 2; queued++) {
		char *bytes = pattern(16 * MEGABYTE);
		struct buffer all = {0};
		struct owner owner;

		begin_tcp(&owner);
		owner_write(&owner, bytes, queued ? 16 * MEGABYTE : 10);
		settle();
		owner_reset(&owner);
		assert_false(is_closed(&owner));
		assert_int_equal(peer_receive_all(&owner, &all), -ECONNRESET);
		end(&owner);
		buffer_fini(&all);
		free(bytes);
	}
}

static struct owner other;

static void cut_other(struct owner *owner)
{
	owner->on_received = NULL;
	owner_cut(&other);
}

/* What a stream is being read from is not touched when another one is cut meanwhile. */
static void a_cut_leaves_the_input_of_others(void **state)
{
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	begin_tcp(&other);
	other.takes = 0;
	peer_send(&other, "-", 1);
	run_until(stream_paused(&other.stream));
	peer_send(&other, "--------------------", 20);
	owner.takes = 5;
	owner.on_received = cut_other;
	peer_send(&owner, "hello, world", 12);
	run_until(owner.got.length);
	owner.takes = SIZE_MAX;
	owner_resume(&owner);
	run_until(owner.got.length == 12);
	assert_memory_equal(owner.got.data, "hello, world", 12);
	owner_cut(&owner);
	end(&owner);
	end(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(nothing_to_save_is_closed_at_once),
		worker_test(the_descriptor_goes_with_it),
		worker_test(the_queue_is_written_first),
		worker_test(a_response_survives_unread_input),
		worker_test(a_response_survives_input_that_comes_just_then),
		worker_test(output_on_its_way_is_waited_for),
		worker_test(a_cut_leaves_output_on_its_way),
		worker_test(lingering_is_bounded),
		worker_test(a_reset_ends_lingering),
		worker_test(a_peer_that_writes_first_is_no_deadlock),
		worker_test(a_peer_that_ends_while_it_is_closed_gets_all),
		worker_test(a_peer_that_goes_while_it_is_closed_ends_it),
		worker_test(a_cut_writes_what_the_kernel_takes),
		worker_test(a_cut_response_survives_unread_input),
		worker_test(a_closing_stream_may_be_cut_and_reset),
		worker_test(a_reset_is_one_to_the_peer),
		worker_test(a_cut_leaves_the_input_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
