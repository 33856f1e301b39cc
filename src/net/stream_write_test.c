/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out: how many system calls, the queue, its high mark, half-closing, failure. */
#include "net/stream.h"

#include "net/stream_script.h"
#include "tests/allocation.h"

#define PIECES 100

/* Over a socket that keeps the bounds of messages: each is one system call. */
static void begin_packets(struct owner *owner)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	begin_on(owner, fds, NULL);
}

static void assert_message(struct owner *owner, const void *bytes, size_t length)
{
	static char message[2 * STREAM_QUEUE_HIGH];

	assert_int_equal(peer_receive(owner, message, sizeof(message)), length);
	assert_memory_equal(message, bytes, length);
}

static void many_pieces_are_one_call(void **state)
{
	struct buffer expected = {0};
	struct owner owner;
	char byte;

	(void)state;
	begin_packets(&owner);
	for (int i = 0; i < PIECES; i++) {
		char piece[4];

		(void)snprintf(piece, sizeof(piece), "%02d;", i);
		owner_write_text(&owner, piece);
		buffer_append_text(&expected, piece);
	}
	assert_int_equal(stream_queued(&owner.stream), expected.length);
	assert_int_equal(peer_receive(&owner, &byte, 1), -EAGAIN);
	settle();
	assert_message(&owner, expected.data, expected.length);
	assert_int_equal(stream_queued(&owner.stream), 0);
	assert_int_equal(owner.stream.bytes_out, expected.length);
	assert_string_equal(owner.told, "");
	buffer_fini(&expected);
	owner_cut(&owner);
	end(&owner);
}

static void what_is_large_goes_at_once(void **state)
{
	char *bytes = pattern(STREAM_AT_ONCE + 5);
	struct owner owner;

	(void)state;
	begin_packets(&owner);
	owner_write(&owner, bytes, STREAM_AT_ONCE);
	assert_message(&owner, bytes, STREAM_AT_ONCE);
	/* With what was queued in front of it. */
	owner_write(&owner, bytes, 5);
	owner_write(&owner, bytes + 5, STREAM_AT_ONCE);
	assert_message(&owner, bytes, STREAM_AT_ONCE + 5);
	/* Not what is one byte less. */
	owner_write(&owner, bytes, STREAM_AT_ONCE - 1);
	assert_int_equal(stream_queued(&owner.stream), STREAM_AT_ONCE - 1);
	settle();
	assert_message(&owner, bytes, STREAM_AT_ONCE - 1);
	free(bytes);
	owner_cut(&owner);
	end(&owner);
}

static void what_has_become_much_goes_at_once(void **state)
{
	const size_t piece = STREAM_AT_ONCE - 1;
	char *bytes = pattern(STREAM_QUEUE_AT_ONCE);
	struct owner owner;
	char byte;
	size_t at = 0;

	(void)state;
	begin_packets(&owner);
	for (; at + piece < STREAM_QUEUE_AT_ONCE; at += piece) {
		owner_write(&owner, bytes + at, piece);
	}
	owner_write(&owner, bytes + at, STREAM_QUEUE_AT_ONCE - 1 - at);
	assert_int_equal(peer_receive(&owner, &byte, 1), -EAGAIN);
	owner_write(&owner, bytes + STREAM_QUEUE_AT_ONCE - 1, 1);
	assert_message(&owner, bytes, STREAM_QUEUE_AT_ONCE);
	assert_int_equal(stream_queued(&owner.stream), 0);
	assert_string_equal(owner.told, "");
	free(bytes);
	owner_cut(&owner);
	end(&owner);
}

static void parts_are_one_call(void **state)
{
	char *bytes = pattern(STREAM_AT_ONCE);
	struct stream_part large[] = {
		{bytes, 7}, {bytes + 7, STREAM_AT_ONCE - 9}, {bytes + STREAM_AT_ONCE - 2, 2}};
	struct stream_part small[] = {{bytes, 3}, {bytes + 3, 0}, {bytes + 3, 4}};
	struct owner owner;

	(void)state;
	begin_packets(&owner);
	owner_write_parts(&owner, large, 3);
	assert_message(&owner, bytes, STREAM_AT_ONCE);
	owner_write_parts(&owner, small, 3);
	settle();
	assert_message(&owner, bytes, 7);
	owner_write(&owner, bytes, 0); /* nothing */
	settle();
	free(bytes);
	owner_cut(&owner);
	end(&owner);
}

static void bytes_may_be_composed_in_the_queue(void **state)
{
	struct owner owner;

	(void)state;
	begin_packets(&owner);
	owner_write_text(&owner, "a");
	owner_compose(&owner, "42");
	owner_write_text(&owner, "z");
	assert_int_equal(stream_position(&owner.stream), 4);
	settle();
	assert_message(&owner, "a42z", 4);
	assert_int_equal(stream_position(&owner.stream), 4);
	owner_close(&owner, false);
	owner_compose(&owner, "dropped");
	assert_int_equal(worker->dropped.length, 0);
	assert_int_equal(stream_queued(&owner.stream), 0);
	end(&owner);
}

static void what_has_not_left_may_be_taken_back(void **state)
{
	struct owner owner;

	(void)state;
	begin_packets(&owner);
	owner_write_text(&owner, "first");
	settle();
	assert_message(&owner, "first", 5);
	owner_write_text(&owner, "kept");
	assert_int_equal(stream_position(&owner.stream), 9);
	owner_write_text(&owner, "taken back");
	assert_false(stream_take_back(&owner.stream, 4)); /* it has left */
	assert_false(stream_take_back(&owner.stream, 20));
	assert_true(stream_take_back(&owner.stream, 9));
	owner_write_text(&owner, " instead");
	settle();
	assert_message(&owner, "kept instead", 12);
	owner_write_text(&owner, "all");
	assert_true(stream_take_back(&owner.stream, 17));
	settle();
	assert_int_equal(stream_queued(&owner.stream), 0);
	owner_close(&owner, false);
	assert_false(stream_take_back(&owner.stream, 17));
	end(&owner);
}

/* Writes until the kernel takes no more and so much is queued. */
static size_t write_until_queued(struct owner *owner, const char *bytes, size_t most, size_t wanted)
{
	size_t written = 0;

	while (stream_queued(&owner->stream) < wanted) {
		size_t piece = most - written < 60000 ? most - written : 60000;

		owner_write(owner, bytes + written, piece);
		written += piece;
		assert_true(written < most);
	}
	return written;
}

static void a_queue_that_was_high_tells_when_it_is_empty(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;
	size_t written;

	(void)state;
	begin_unix(&owner);
	written = write_until_queued(&owner, bytes, 16 * MEGABYTE, STREAM_QUEUE_HIGH);
	settle();
	assert_string_equal(owner.told, "");
	while (!owner.writable) {
		(void)peer_receive_some(&owner, &all);
	}
	assert_int_equal(stream_queued(&owner.stream), 0);
	assert_int_equal(owner.stream.bytes_out, written);
	settle();
	/* Not again, where it is not high. */
	owner_write(&owner, bytes + written, 5000);
	settle();
	owner_write(&owner, bytes + written + 5000, 10);
	settle();
	assert_int_equal(owner.writable, 1);
	owner_close(&owner, false);
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_int_equal(all.length, written + 5010);
	assert_memory_equal(all.data, bytes, all.length);
	buffer_fini(&all);
	free(bytes);
	end(&owner);
}

/* It keeps no more memory than what is in it, however long it is never empty. */
static void a_queue_that_is_never_empty_stays_small(void **state)
{
	static char piece[30000];
	struct buffer all = {0};
	struct owner owner;

	(void)state;
	begin_unix(&owner);
	for (int i = 0; i < 2000; i++) {
		if (stream_queued(&owner.stream) < 16 * STREAM_QUEUE_HIGH) {
			owner_write(&owner, piece, sizeof(piece));
		} else {
			(void)peer_receive_some(&owner, &all);
			all.length = 0;
		}
		assert_true(owner.stream.queue.capacity <= 64 * STREAM_QUEUE_HIGH);
	}
	buffer_fini(&all);
	owner_reset(&owner);
	end(&owner);
}

/* An owner that writes from writable(), as producers do. */

static struct {
	const char *bytes;
	size_t left;
} producer;

static void produce(struct owner *owner)
{
	while (producer.left && stream_queued(&owner->stream) <= STREAM_QUEUE_HIGH) {
		size_t piece = producer.left < 7777 ? producer.left : 7777;

		owner_write(owner, producer.bytes, piece);
		producer.bytes += piece;
		producer.left -= piece;
	}
	if (!producer.left) {
		owner_close(owner, false);
	}
}

static void a_producer_goes_by_the_queue(void **state)
{
	char *bytes = pattern(32 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;

	(void)state;
	begin_unix(&owner);
	producer.bytes = bytes;
	producer.left = 32 * MEGABYTE;
	owner.on_writable = produce;
	produce(&owner);
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_int_equal(all.length, 32 * MEGABYTE);
	assert_memory_equal(all.data, bytes, all.length);
	free(bytes);
	buffer_fini(&all);
	end(&owner);
	assert_string_equal(owner.told, "wc");
}

static void one_large_write_arrives(void **state)
{
	char *bytes = pattern(64 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;

	(void)state;
	begin_unix(&owner);
	owner_write(&owner, bytes, 64 * MEGABYTE);
	owner_close(&owner, false);
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_int_equal(all.length, 64 * MEGABYTE);
	assert_memory_equal(all.data, bytes, all.length);
	free(bytes);
	buffer_fini(&all);
	end(&owner);
}

static void shutting_ends_what_we_send(void **state)
{
	struct owner owner;
	char bytes[8];

	(void)state;
	begin_tcp(&owner);
	owner_write_text(&owner, "last");
	owner_shut(&owner);
	owner_write_text(&owner, "dropped");
	owner_compose(&owner, "dropped");
	owner_shut(&owner);
	settle();
	assert_int_equal(peer_receive(&owner, bytes, sizeof(bytes)), 4);
	assert_int_equal(peer_receive(&owner, bytes, sizeof(bytes)), 0);
	peer_send(&owner, "reading", 7); /* goes on */
	run_until(owner.got.length == 7);
	assert_int_equal(shutdown(owner.peer, SHUT_WR), 0);
	run_until(strchr(owner.told, 'e'));
	assert_false(stream_closing(&owner.stream));
	settle();
	owner_close(&owner, false);
	end(&owner);
}

static void shutting_waits_for_the_queue(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;
	size_t written;

	(void)state;
	begin_unix(&owner);
	written = write_until_queued(&owner, bytes, 16 * MEGABYTE, 1);
	owner_shut(&owner);
	settle();
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	assert_int_equal(all.length, written);
	assert_memory_equal(all.data, bytes, written);
	assert_string_equal(owner.told, "");
	free(bytes);
	buffer_fini(&all);
	owner_close(&owner, false);
	end(&owner);
}

/* Each way in which writing finds that the peer is gone; never inside the call. */
static void a_peer_that_is_gone_is_told_once(void **state)
{
	char *bytes = pattern(MEGABYTE);

	(void)state;
	for (int large = 0; large < 2; large++) {
		for (int shuts = 0; shuts < 2; shuts++) {
			struct owner owner;

			begin_unix(&owner);
			settle();
			peer_close(&owner);
			owner_write(&owner, bytes, large ? MEGABYTE : 10);
			if (shuts) {
				owner_shut(&owner);
			}
			run_until(strchr(owner.told, 'f'));
			settle();
			assert_ptr_equal(strchr(owner.told, 'f'), strrchr(owner.told, 'f'));
			assert_int_equal(owner.error, -EPIPE);
			owner_close(&owner, false);
			end(&owner);
		}
	}
	free(bytes);
}

/*
 * An answer that came before the peer stopped reading is not lost with what could not be written.
 */
static void last_words_are_read(void **state)
{
	struct owner owner;

	(void)state;
	begin_unix(&owner);
	settle();
	peer_send(&owner, "no more", 7);
	peer_close(&owner);
	owner_write_text(&owner, "the rest");
	run_until(strchr(owner.told, 'f'));
	assert_string_equal(buffer_text(&owner.got), "no more");
	settle();
	owner_close(&owner, false);
	end(&owner);
}

static void cut_it(struct owner *owner)
{
	owner_cut(owner);
}

static void an_owner_may_end_it_at_the_last_words(void **state)
{
	struct owner owner;

	(void)state;
	begin_unix(&owner);
	settle();
	owner.on_received = cut_it;
	peer_send(&owner, "no more", 7);
	peer_close(&owner);
	owner_write_text(&owner, "the rest");
	end(&owner);
	assert_string_equal(owner.told, "rc");
}

static void write_and_cut(struct owner *owner)
{
	owner_write_text(owner, "more"); /* for the end of the round, when it is gone */
	owner_cut(owner);
}

static void an_owner_may_end_it_when_it_may_write(void **state)
{
	char *bytes = pattern(16 * MEGABYTE);
	struct buffer all = {0};
	struct owner owner;

	(void)state;
	begin_unix(&owner);
	owner.on_writable = write_and_cut;
	(void)write_until_queued(&owner, bytes, 16 * MEGABYTE, STREAM_QUEUE_HIGH);
	assert_int_equal(peer_receive_all(&owner, &all), 0);
	end(&owner);
	settle();
	assert_string_equal(owner.told, "wc");
	buffer_fini(&all);
	free(bytes);
}

static void short_of_memory_it_fails(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct owner owner;

		begin_tcp(&owner);
		allocation_fail(n);
		owner_write_text(&owner, "composed and ");
		owner_compose(&owner, "written");
		settle();
		failed = allocation_failed();
		assert_string_equal(owner.told, failed ? "f" : "");
		assert_int_equal(owner.error, failed ? -ENOMEM : 0);
		owner_reset(&owner);
		end(&owner);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(many_pieces_are_one_call),
		worker_test(what_is_large_goes_at_once),
		worker_test(what_has_become_much_goes_at_once),
		worker_test(parts_are_one_call),
		worker_test(bytes_may_be_composed_in_the_queue),
		worker_test(what_has_not_left_may_be_taken_back),
		worker_test(a_queue_that_was_high_tells_when_it_is_empty),
		worker_test(a_queue_that_is_never_empty_stays_small),
		worker_test(a_producer_goes_by_the_queue),
		worker_test(one_large_write_arrives),
		worker_test(shutting_ends_what_we_send),
		worker_test(shutting_waits_for_the_queue),
		worker_test(a_peer_that_is_gone_is_told_once),
		worker_test(last_words_are_read),
		worker_test(an_owner_may_end_it_at_the_last_words),
		worker_test(an_owner_may_end_it_when_it_may_write),
		worker_test(short_of_memory_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
