/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in: back-pressure, the end, failure, and owners that close from within a callback. */
#include "net/stream.h"

#include "net/address.h"
#include "net/stream_script.h"
#include "tests/allocation.h"

static void what_is_taken_arrives(void **state)
{
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	settle();
	peer_send(&owner, "one ", 4);
	peer_send(&owner, "two", 3);
	run_until(owner.got.length == 7);
	assert_string_equal(buffer_text(&owner.got), "one two");
	assert_int_equal(owner.stream.bytes_in, 7);
	assert_false(stream_paused(&owner.stream));
	assert_string_equal(owner.told, "r");
	owner_cut(&owner);
	end(&owner);
}

static void what_is_not_taken_is_kept(void **state)
{
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	owner.takes = 3;
	peer_send(&owner, "onetwothr", 9);
	run_until(owner.got.length);
	settle();
	assert_string_equal(buffer_text(&owner.got), "one");
	assert_true(stream_paused(&owner.stream));
	peer_send(&owner, "ee", 2); /* stays in the kernel */
	settle();
	assert_string_equal(buffer_text(&owner.got), "one");
	owner_resume(&owner);
	settle();
	assert_string_equal(buffer_text(&owner.got), "onetwo");
	assert_true(stream_paused(&owner.stream));
	owner.takes = 0; /* not one byte */
	owner_resume(&owner);
	settle();
	assert_true(stream_paused(&owner.stream));
	owner.takes = SIZE_MAX;
	owner_resume(&owner);
	owner_resume(&owner); /* it goes on already */
	settle();
	assert_string_equal(buffer_text(&owner.got), "onetwothree");
	assert_false(stream_paused(&owner.stream));
	owner_resume(&owner);
	settle();
	owner_cut(&owner);
	end(&owner);
}

/*
 * An owner that rests stops the peer: what is kept is bounded, and every byte comes in its place.
 */
static void back_pressure_reaches_the_peer(void **state)
{
	struct owner owner;
	char *bytes = pattern(8 * MEGABYTE);
	size_t sent = 0;
	ssize_t n;

	(void)state;
	begin_tcp(&owner);
	owner.takes = 1000;
	do {
		n = send(owner.peer, bytes + sent, 8 * MEGABYTE - sent, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		settle();
	} while (n > 0);
	assert_true(sent < 8 * MEGABYTE);
	assert_int_equal(owner.got.length, 1000);
	assert_true(owner.stream.unread.length <= WORKER_SCRATCH);
	for (size_t i = 1; owner.got.length < sent; i++) {
		owner.takes = i * 7919 % 100000;
		owner_resume(&owner);
		settle();
	}
	assert_memory_equal(owner.got.data, bytes, sent);
	free(bytes);
	owner_cut(&owner);
	end(&owner);
}

/* The kernel tells of all of it once, and of the end with it. */
static void what_takes_several_reads_is_read_to_its_end(void **state)
{
	char *bytes = pattern(3 * WORKER_SCRATCH);
	const int room = MEGABYTE;

	(void)state;
	for (int i = 0; i < 12; i++) {
		size_t length = (size_t)(i / 6 + 1) * WORKER_SCRATCH + (size_t)(i % 3) - 1;
		bool ends = i % 6 >= 3;
		struct owner owner;

		begin_unix(&owner);
		settle();
		assert_int_equal(
			setsockopt(owner.peer, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
		peer_send(&owner, bytes, length);
		if (ends) {
			assert_int_equal(shutdown(owner.peer, SHUT_WR), 0);
		}
		settle();
		assert_int_equal(owner.got.length, length);
		assert_memory_equal(owner.got.data, bytes, length);
		assert_string_equal(owner.told, ends ? "re" : "r");
		owner_cut(&owner);
		end(&owner);
	}
	free(bytes);
}

static void the_end_comes_behind_the_last_byte(void **state)
{
	struct owner owner;
	char byte;

	(void)state;
	begin_tcp(&owner);
	owner.takes = 2;
	peer_send(&owner, "last", 4);
	assert_int_equal(shutdown(owner.peer, SHUT_WR), 0);
	run_until(owner.got.length == 2);
	settle();
	assert_string_equal(owner.told, "r");
	owner_resume(&owner); /* takes the other two */
	settle();
	assert_string_equal(buffer_text(&owner.got), "last");
	assert_string_equal(owner.told, "re");
	owner_resume(&owner);
	settle();
	assert_string_equal(owner.told, "re"); /* once */
	owner_write(&owner, "x", 1);           /* writing goes on */
	settle();
	assert_int_equal(peer_receive(&owner, &byte, 1), 1);
	assert_int_equal(peer_receive(&owner, &byte, 1), -EAGAIN);
	owner_close(&owner, false);
	end(&owner);
}

static void a_reset_is_told_once_behind_what_came_before(void **state)
{
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	owner.takes = 4;
	peer_send(&owner, "before", 6);
	run_until(owner.got.length == 4);
	peer_reset(&owner);
	settle();
	assert_string_equal(owner.told, "r"); /* it rests */
	owner_resume(&owner);
	run_until(strchr(owner.told, 'f'));
	assert_string_equal(buffer_text(&owner.got), "before");
	assert_int_equal(owner.error, -ECONNRESET);
	owner_write(&owner, "x", 1);
	owner_shut(&owner);
	owner_resume(&owner);
	settle(); /* and nothing is asked again and again, though it is not closed */
	assert_string_equal(owner.told, "rf");
	assert_false(stream_closing(&owner.stream));
	owner_close(&owner, true);
	assert_true(stream_closing(&owner.stream));
	end(&owner);
}

static void a_reset_is_seen_without_reading(void **state)
{
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	settle();
	peer_reset(&owner);
	run_until(strchr(owner.told, 'f'));
	assert_int_equal(owner.error, -ECONNRESET);
	owner_reset(&owner);
	end(&owner);
}

static void a_reset_is_minded_while_reading_rests(void **state)
{
	(void)state;
	for (int later = 0; later < 2; later++) {
		struct owner owner;

		begin_tcp(&owner);
		owner.takes = 4;
		if (!later) {
			stream_mind_reset(&owner.stream);
		}
		peer_send(&owner, "before", 6);
		run_until(owner.got.length == 4);
		if (later) {
			stream_mind_reset(&owner.stream);
		}
		peer_reset(&owner);
		run_until(strchr(owner.told, 'f'));
		assert_int_equal(owner.error, -ECONNRESET);
		assert_string_equal(buffer_text(&owner.got), "befo");
		settle();
		assert_string_equal(owner.told, "rf");
		owner_reset(&owner);
		end(&owner);
	}
}

/* Its end alone is none: the peer may wait for an answer. */
static void an_end_is_not_minded_while_reading_rests(void **state)
{
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	owner.takes = 4;
	stream_mind_reset(&owner.stream);
	peer_send(&owner, "before", 6);
	run_until(owner.got.length == 4);
	assert_return_code(shutdown(owner.peer, SHUT_WR), errno);
	settle();
	assert_string_equal(owner.told, "r");
	owner_resume(&owner);
	run_until(strchr(owner.told, 'e'));
	assert_string_equal(buffer_text(&owner.got), "before");
	owner_reset(&owner);
	end(&owner);
}

/* Owners that end it from within a callback: nothing else is called. */

static void close_it(struct owner *owner)
{
	owner_close(owner, false);
}

static void cut_it(struct owner *owner)
{
	owner_cut(owner);
}

static void reset_it(struct owner *owner)
{
	owner_reset(owner);
}

static void (*const endings[])(struct owner *owner) = {close_it, cut_it, reset_it};

static void owners_may_end_it_when_they_receive(void **state)
{
	(void)state;
	for (int rest = 0; rest < 2; rest++) { /* whether they take it or not */
		for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
			struct owner owner;

			begin_tcp(&owner);
			owner.on_received = endings[i];
			owner.takes = rest ? 0 : SIZE_MAX;
			peer_send(&owner, "bytes", 5);
			peer_close(&owner);
			run_until(is_closed(&owner));
			assert_string_equal(owner.told, "rc");
			end(&owner);
		}
	}
}

static void owners_may_end_it_when_they_are_handed_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct owner owner;

		begin_tcp(&owner);
		owner.takes = 1;
		peer_send(&owner, "bytes", 5);
		peer_close(&owner);
		run_until(owner.got.length);
		owner.on_received = endings[i];
		owner_resume(&owner);
		run_until(is_closed(&owner));
		assert_string_equal(owner.told, "rc");
		end(&owner);
		/* And before they are. */
		begin_tcp(&owner);
		owner.takes = 1;
		peer_send(&owner, "bytes", 5);
		run_until(owner.got.length);
		owner_resume(&owner);
		endings[i](&owner);
		peer_close(&owner);
		end(&owner);
	}
}

static void owners_may_end_it_at_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct owner owner;

		begin_tcp(&owner);
		owner.on_ended = endings[i];
		peer_close(&owner);
		run_until(is_closed(&owner));
		assert_string_equal(owner.told, "ec");
		end(&owner);
		begin_tcp(&owner);
		owner.on_failed = endings[i];
		peer_reset(&owner);
		run_until(is_closed(&owner));
		assert_string_equal(owner.told, "fc");
		end(&owner);
	}
}

/* Another stream's owner, which has it handed out at the end of this very round. */
static struct owner *resting;

static void resume_other(struct owner *owner)
{
	(void)owner;
	owner_resume(resting);
}

static void write_and_cut(struct owner *owner)
{
	owner_write(owner, "more", 4); /* for the end of a round, when it is gone */
	owner_cut(owner);
}

static void what_it_had_to_do_is_forgotten(void **state)
{
	struct owner first, second;

	(void)state;
	begin_tcp(&first);
	begin_tcp(&second);
	second.takes = 1;
	peer_send(&second, "bytes", 5);
	run_until(second.got.length);
	resting = &second;
	second.on_received = write_and_cut;
	first.on_received = resume_other;
	peer_send(&first, "bytes", 5);
	run_until(is_closed(&second));
	settle();
	end(&second);
	owner_cut(&first);
	end(&first);
}

static void short_of_memory_it_fails(void **state)
{
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	owner.takes = 1;
	peer_send(&owner, "bytes", 5);
	buffer_append_text(&owner.got, "room"); /* so that the owner needs none */
	allocation_fail(1);
	run_until(strchr(owner.told, 'f'));
	assert_true(allocation_failed());
	assert_int_equal(owner.error, -ENOMEM);
	settle();
	assert_string_equal(owner.told, "rf");
	owner_reset(&owner);
	end(&owner);
}

/* However long its owner takes to close it, and whatever becomes possible. */
static void one_that_failed_rests(void **state)
{
	struct owner owner;

	(void)state;
	begin_unix(&owner);
	owner.takes = 1;
	while (!owner.stream.blocked) {
		owner_write(&owner, (char[65536]){0}, 65536);
	}
	settle();
	peer_send(&owner, "bytes", 5);
	buffer_append_text(&owner.got, "room");
	allocation_fail(1);
	run_until(strchr(owner.told, 'f'));
	assert_true(allocation_failed());
	peer_send(&owner, "more", 4);
	settle();
	while (recv(owner.peer, (char[65536]){0}, 65536, 0) > 0) {}
	settle(); /* it could write */
	assert_string_equal(owner.told, "rf");
	owner_close(&owner, false);
	end(&owner);
}

/* More than one read takes: a socket that has an error is not watched any more. */
static void what_came_before_a_reset_is_read(void **state)
{
	const int room = 8 * WORKER_SCRATCH;
	char *bytes = pattern(2 * WORKER_SCRATCH);
	struct owner owner;

	(void)state;
	begin_tcp(&owner);
	setsockopt(owner.stream.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	peer_send(&owner, bytes, 2 * WORKER_SCRATCH);
	peer_reset(&owner);
	run_until(strchr(owner.told, 'f'));
	assert_string_equal(owner.told, "rf");
	assert_true(owner.got.length > WORKER_SCRATCH); /* what had arrived */
	assert_memory_equal(owner.got.data, bytes, owner.got.length);
	free(bytes);
	owner_close(&owner, false);
	end(&owner);
}

static void the_peer_has_an_address(void **state)
{
	struct owner owner;
	struct socket_address address;
	char text[ADDRESS_TEXT];

	(void)state;
	begin_tcp(&owner);
	stream_peer(&owner.stream, &address);
	assert_string_equal(socket_address_host(&address, text), "127.0.0.1");
	owner_cut(&owner);
	stream_peer(&owner.stream, &address); /* its socket is gone */
	assert_int_equal(address.length, 0);
	end(&owner);
}

static void what_cannot_be_polled_is_no_stream(void **state)
{
	struct owner owner = {.peer = -1};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(stream_init(&owner.stream, worker, fd, &owner_ops, NULL) < 0);
	assert_int_equal(close(fd), 0); /* still ours */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(what_is_taken_arrives),
		worker_test(what_is_not_taken_is_kept),
		worker_test(back_pressure_reaches_the_peer),
		worker_test(what_takes_several_reads_is_read_to_its_end),
		worker_test(the_end_comes_behind_the_last_byte),
		worker_test(a_reset_is_told_once_behind_what_came_before),
		worker_test(a_reset_is_seen_without_reading),
		worker_test(a_reset_is_minded_while_reading_rests),
		worker_test(an_end_is_not_minded_while_reading_rests),
		worker_test(owners_may_end_it_when_they_receive),
		worker_test(owners_may_end_it_when_they_are_handed_the_rest),
		worker_test(owners_may_end_it_at_its_end),
		worker_test(what_it_had_to_do_is_forgotten),
		worker_test(short_of_memory_it_fails),
		worker_test(one_that_failed_rests),
		worker_test(what_came_before_a_reset_is_read),
		worker_test(the_peer_has_an_address),
		worker_test(what_cannot_be_polled_is_no_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
