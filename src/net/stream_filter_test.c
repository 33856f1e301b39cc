/* SPDX-License-Identifier: Apache-2.0 */
/* Streams with a filter that waits for what the test says. */
#include "net/stream.h"

#include "net/address.h"
#include "net/stream_script.h"

#define MARK 0x20 /* what the filter changes in each byte */

struct fake {
	struct stream_filter filter;
	struct buffer held; /* was read and not given out yet */
	size_t gives;       /* bytes of each read */
	size_t takes;       /* bytes of each write */
	bool reads_wait;    /* for the socket to become writable */
	bool writes_wait;   /* for the socket to become readable */
	int shuts_wait;     /* how often it cannot be said that all was sent */
	int read_error, write_error, shut_error;
	int writes, shuts, frees; /* how often */
	struct socket_address peer;
};

static ssize_t fake_read(struct stream_filter *filter, int fd, void *bytes, size_t length)
{
	struct fake *fake = container_of(filter, struct fake, filter);
	char *room = buffer_reserve(&fake->held, 65536);
	ssize_t n;

	filter->read_wants_write = fake->reads_wait;
	if (fake->reads_wait || fake->read_error) {
		return fake->reads_wait ? -EAGAIN : fake->read_error;
	}
	if (!fake->held.length) {
		n = recv(fd, room, 65536, 0);
		if (n <= 0) {
			return n < 0 ? -errno : 0;
		}
		buffer_commit(&fake->held, (size_t)n);
	}
	length = length < fake->gives ? length : fake->gives;
	length = length < fake->held.length ? length : fake->held.length;
	for (size_t i = 0; i < length; i++) {
		((char *)bytes)[i] = (char)(fake->held.data[i] ^ MARK);
	}
	buffer_consume(&fake->held, length);
	return (ssize_t)length;
}

static ssize_t fake_write(struct stream_filter *filter, int fd, const void *bytes, size_t length)
{
	struct fake *fake = container_of(filter, struct fake, filter);
	char record[4096];
	ssize_t n;

	fake->writes++;
	filter->write_wants_read = fake->writes_wait;
	if (fake->writes_wait || fake->write_error) {
		return fake->writes_wait ? -EAGAIN : fake->write_error;
	}
	length = length < fake->takes ? length : fake->takes;
	for (size_t i = 0; i < length; i++) {
		record[i] = (char)(((const char *)bytes)[i] ^ MARK);
	}
	n = send(fd, record, length, MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

static int fake_shut(struct stream_filter *filter, int fd)
{
	struct fake *fake = container_of(filter, struct fake, filter);

	fake->shuts++;
	if (fake->shuts_wait) {
		fake->shuts_wait--;
		return -EAGAIN;
	}
	if (fake->shut_error) {
		return fake->shut_error;
	}
	return send(fd, ".", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static void fake_free(struct stream_filter *filter)
{
	struct fake *fake = container_of(filter, struct fake, filter);

	fake->frees++;
	buffer_fini(&fake->held);
}

static const struct socket_address *fake_peer(const struct stream_filter *filter)
{
	const struct fake *fake = container_of(filter, const struct fake, filter);

	return fake->peer.length ? &fake->peer : NULL;
}

static const struct stream_filter_ops fake_ops = {
	.read = fake_read,
	.write = fake_write,
	.shut = fake_shut,
	.free = fake_free,
	.peer = fake_peer,
};

static void begin(struct owner *owner, struct fake *fake)
{
	int fds[2];

	*fake = (struct fake){.filter.ops = &fake_ops, .gives = SIZE_MAX, .takes = 4096};
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	begin_on(owner, fds, &fake->filter);
}

static void end_filtered(struct owner *owner, const struct fake *fake)
{
	if (!owner->over) {
		owner_cut(owner);
	}
	end(owner);
	assert_int_equal(fake->frees, 1);
}

static void assert_peer_gets(struct owner *owner, const char *text)
{
	char bytes[64];
	ssize_t n = peer_receive(owner, bytes, sizeof(bytes));

	assert_int_equal(n, strlen(text));
	assert_memory_equal(bytes, text, (size_t)n);
}

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

/* No poll tells of bytes that the filter holds. */
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

/* Fills the kernel's buffer, so that the socket is not writable. */
static void stuff(struct owner *owner)
{
	static char bytes[65536];

	while (send(owner->stream.fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0) {}
	assert_int_equal(errno, EAGAIN);
}

static void unstuff(struct owner *owner)
{
	static char bytes[65536];

	while (recv(owner->peer, bytes, sizeof(bytes), 0) > 0) {}
}

/* settle() sees that nothing is asked in vain, though there is input all the time. */
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

/* A filter that had to wait has made a record of some of it, and tries that again. */
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

static void assert_fails(struct owner *owner, const struct fake *fake, int error)
{
	run_until(strchr(owner->told, 'f'));
	assert_int_equal(owner->error, error);
	settle(); /* its owner takes its time, and there is still input */
	assert_ptr_equal(strchr(owner->told, 'f'), strrchr(owner->told, 'f'));
	owner_close(owner, false);
	end_filtered(owner, fake);
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

/* What a filter waited for does not count any more when the stream lingers or has failed. */
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

/* A closing stream that cannot write drops what comes, unless the filter waits for it. */
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
		worker_test(it_has_the_last_word),
		worker_test(a_cut_says_the_last_word_behind_all_or_not),
		worker_test(its_failures_are_told_once),
		worker_test(nothing_is_waited_for_in_vain),
		worker_test(a_closing_stream_leaves_the_filter_its_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
