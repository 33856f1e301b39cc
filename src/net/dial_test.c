/* SPDX-License-Identifier: Apache-2.0 */
/* How dials end, but for those that are given up. */
#include "net/dial.h"

#include <fcntl.h>
#include <netinet/tcp.h>

#include "base/clock.h"
#include "net/dial_script.h"

static void connects(void **state)
{
	static const char *const texts[] = {"127.0.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0",
		"unix:/tmp/curfew-dial-test.sock", "unix:@curfew-dial-test"};
	int count = descriptors_count();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct address address;
		int listening = listener(texts[i], &address);
		int fd = dial_address(address, SOON);
		int no_delay = 0;
		socklen_t length = sizeof(no_delay);

		assert_true(fd >= 0);
		accept_one(listening, fd);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		if (!address.is_unix) {
			getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
			assert_int_equal(no_delay, 1);
		}
		close(fd);
		close(listening);
		listen_unlink(&address);
	}
	assert_int_equal(descriptors_count(), count);
}

static void is_refused(void **state)
{
	struct address address;
	uint16_t port = closed_port();
	int count = descriptors_count();

	(void)state;
	assert_null(address_parse("127.0.0.1:1", &address));
	address.port = port;
	assert_int_equal(dial_address(address, SOON), -ECONNREFUSED);
	assert_null(address_parse("[::1]:1", &address));
	address.port = port;
	assert_int_equal(dial_address(address, SOON), -ECONNREFUSED);
	parse_own("unix:@curfew-dial-nobody", &address);
	assert_int_equal(dial_address(address, SOON), -ECONNREFUSED);
	assert_null(address_parse("unix:/run/curfew-none/here", &address));
	assert_int_equal(dial_address(address, SOON), -ENOENT);
	assert_null(address_parse("224.0.0.1:1", &address));
	assert_int_equal(dial_address(address, SOON), -ENETUNREACH);
	assert_int_equal(descriptors_count(), count);
}

/* Against itself, when the kernel chooses the port that is dialled: it tries them in a row. */
static void does_not_meet_itself(void **state)
{
	struct dial_target target = {.address = {.host = "0.0.0.0", .port = 45678}};

	(void)state;
	for (int i = 0; i < 30000; i++) {
		assert_int_equal(dial(&target, SOON), -ECONNREFUSED);
	}
	dial_target_fini(&target);
}

static void silence_lasts_until_the_deadline(void **state)
{
	static const char *const texts[] = {"127.0.0.1:0", "[::1]:0", "unix:@curfew-dial-silent"};
	int count = descriptors_count();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct silent silent;
		int64_t begun;

		silent_begin(&silent, texts[i]);
		begun = curfew_now();
		assert_int_equal(dial_address(silent.address, 100), -ETIMEDOUT);
		assert_true(clock_ms_between(begun, curfew_now()) >= 100);
		assert_int_equal(dial_address(silent.address, 0), -ETIMEDOUT);
		silent_end(&silent);
	}
	assert_int_equal(descriptors_count(), count);
}

static void a_full_unix_socket_is_tried_again(void **state)
{
	struct silent silent;
	struct dial_target target = {0};
	struct ending ending = {0};

	(void)state;
	silent_begin(&silent, "unix:@curfew-dial-full");
	target.address = silent.address;
	start(&ending, &target, SOON);
	round_now();
	assert_int_equal(ending.told, 0);
	close(accept(silent.fd, NULL, NULL));
	await_end(&ending);
	assert_true(is_connected(ending.fd));
	close(ending.fd);
	dial_target_fini(&target);
	silent_end(&silent);
}

static void short_of_descriptors_it_fails(void **state)
{
	struct address address;
	int listening = listener("127.0.0.1:0", &address);
	int result;

	(void)state;
	descriptors_leave(0);
	result = dial_address(address, SOON);
	descriptors_restore();
	assert_int_equal(result, -EMFILE);
	close(listening);
}

/* The first answers no more, in the tests that use it; the port is theirs. */
static const struct scripted_name silent_first[] = {
	{"backend", 0, {"127.0.0.1", "127.0.0.2"}},
	{NULL, 0, {NULL}},
};

static void a_silent_address_is_overtaken(void **state)
{
	int count = descriptors_count();
	struct silent silent;
	struct address address;
	char text[64];
	int64_t begun;
	int listening, fd;

	(void)state;
	silent_begin(&silent, "127.0.0.1:0");
	(void)snprintf(text, sizeof(text), "127.0.0.2:%u", silent.address.port);
	listening = listener(text, &address);
	names_set(silent_first);
	(void)snprintf(address.host, sizeof(address.host), "backend");
	begun = curfew_now();
	fd = dial_address(address, SOON);
	assert_true(clock_ms_between(begun, curfew_now()) >= 250);
	accept_one(listening, fd);
	close(fd);
	close(listening);
	silent_end(&silent);
	assert_int_equal(descriptors_count(), count);
}

/* The first is still tried while the second is; here it is the second that has nobody. */
static void a_silent_address_has_its_time(void **state)
{
	int count = descriptors_count();
	struct silent silent;
	struct dial_target target = {.address = {.host = "backend"}};
	int64_t begun = curfew_now();

	(void)state;
	silent_begin(&silent, "127.0.0.1:0");
	names_set(silent_first);
	target.address.port = silent.address.port;
	assert_int_equal(dial(&target, 400), -ETIMEDOUT);
	assert_true(clock_ms_between(begun, curfew_now()) >= 400);
	dial_target_fini(&target);
	silent_end(&silent);
	assert_int_equal(descriptors_count(), count);
}

/*
 * A full queue drops the SYN, which the kernel sends again a second later: then there is room, or
 * nobody listens any more.
 */
static void answers_may_come_late(void **state)
{
	static const struct scripted_name table[] = {
		{"both", 0, {"127.0.0.1", "127.0.0.2"}},
		{NULL, 0, {NULL}},
	};
	int count = descriptors_count();
	struct silent room, first, second;
	struct dial_target one = {0}, both = {.address = {.host = "both"}};
	struct ending connected = {0}, refused = {0};
	char text[64];
	int opened;

	(void)state;
	names_set(table);
	silent_begin(&room, "127.0.0.1:0");
	silent_begin(&first, "127.0.0.1:0");
	(void)snprintf(text, sizeof(text), "127.0.0.2:%u", first.address.port);
	silent_begin(&second, text);
	one.address = room.address;
	both.address.port = first.address.port;
	opened = descriptors_count();
	start(&connected, &one, SOON);
	start(&refused, &both, SOON);
	run_until(descriptors_count() == opened + 3);
	silent_end(&first);
	silent_end(&second);
	silent_drain(&room);
	await_end(&connected);
	await_end(&refused);
	assert_int_equal(connected.error, 0);
	accept_one(room.fd, connected.fd);
	assert_int_equal(refused.error, -ECONNREFUSED);
	close(connected.fd);
	silent_end(&room);
	dial_target_fini(&one);
	dial_target_fini(&both);
	assert_int_equal(descriptors_count(), count);
}

static void errors_have_words(void **state)
{
	(void)state;
	assert_string_equal(dial_error_text(-ECONNREFUSED), "refuses connections");
	assert_string_equal(
		dial_error_text(-EMFILE), "cannot be connected to for lack of resources");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(connects),
		worker_test(is_refused),
		worker_test(does_not_meet_itself),
		worker_test(silence_lasts_until_the_deadline),
		worker_test(a_full_unix_socket_is_tried_again),
		worker_test(short_of_descriptors_it_fails),
		worker_test(a_silent_address_is_overtaken),
		worker_test(a_silent_address_has_its_time),
		worker_test(answers_may_come_late),
		cmocka_unit_test(errors_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
