/* SPDX-License-Identifier: Apache-2.0 */
#include "child/keeper.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct row {
	const char *text;
	enum keeper_word word;
	long number;
} rows[] = {
	{"stop", KEEPER_STOP, -1},
	{"stop\n", KEEPER_STOP, -1},
	{"stop 250", KEEPER_STOP, 250},
	{"kill", KEEPER_KILL, -1},
	{"kill\n", KEEPER_KILL, -1},
	{"signal 10", KEEPER_SIGNAL, 10},
	{"pid 4194304", KEEPER_PID, 4194304},
	{"error 2\n", KEEPER_ERROR, 2},
	{"", KEEPER_NONE, 0},
	{"\n", KEEPER_NONE, 0},
	{" ", KEEPER_NONE, 0},
	{"stop ", KEEPER_NONE, 0},
	{"stop x", KEEPER_NONE, 0},
	{"stop 1x", KEEPER_NONE, 0},
	{"stop -1", KEEPER_NONE, 0},
	{"stopped", KEEPER_NONE, 0},
	{"signal", KEEPER_NONE, 0},
	{"signal 99999999999", KEEPER_NONE, 0},
	{"signal 999999999999999999999999", KEEPER_NONE, 0},
	{"pid", KEEPER_NONE, 0},
	{"exit", KEEPER_NONE, 0},
	{"exit 3", KEEPER_NONE, 0},
	{"exit code=3", KEEPER_NONE, 0},
	{"exit code=3 signal=0 by_us=0 rung=term", KEEPER_NONE, 0},
	{"exit code=3 signal=0 by_us=0 rung=never forced=0", KEEPER_NONE, 0},
	{"exit code=256 signal=0 by_us=0 rung=term forced=0", KEEPER_NONE, 0},
	{"exit code=-1 signal=0 by_us=0 rung=term forced=0", KEEPER_NONE, 0},
	{"exit code=0 signal=65 by_us=0 rung=term forced=0", KEEPER_NONE, 0},
	{"exit code=0 signal=9 by_us=0 rung=term forced=0 more", KEEPER_NONE, 0},
	{"ended", KEEPER_NONE, 0},
	{"ended code=3 signal=0 by_us=0 rung=term", KEEPER_NONE, 0},
	{"ends code=3 signal=0 by_us=0 rung=term forced=0", KEEPER_NONE, 0},
	{"KILL", KEEPER_NONE, 0},
};

static void every_word_is_understood_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keeper_message message = keeper_parse(rows[i].text);

		if (message.word != rows[i].word) {
			fail_msg("'%s': %d", rows[i].text, message.word);
		}
		if (message.word != KEEPER_NONE) {
			assert_int_equal(message.number, rows[i].number);
		}
	}
}

static void long_text_is_not_understood(void **state)
{
	char text[4096];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(keeper_parse(text).word, KEEPER_NONE);
}

static void exits_come_out_as_they_went_in(void **state)
{
	(void)state;
	for (int i = 0; i < 4 * 256 * 4; i++) {
		struct curfew_child_exit exit = {
			.exited = true,
			.code = i % 256,
			.signal = i / 256 * 21 % 65,
			.by_us = i & 1,
			.forced = i & 2,
			.rung = (enum curfew_rung)(i / 1024),
		};
		enum keeper_word word = i % 5 ? KEEPER_EXIT : KEEPER_ENDED;
		char text[KEEPER_MESSAGE];
		struct keeper_message message;

		assert_true(keeper_format_exit(word, &exit, text) < KEEPER_MESSAGE);
		message = keeper_parse(text);
		assert_int_equal(message.word, word);
		assert_int_equal(message.exit.code, exit.code);
		assert_int_equal(message.exit.signal, exit.signal);
		assert_int_equal(message.exit.by_us, exit.by_us);
		assert_int_equal(message.exit.forced, exit.forced);
		assert_int_equal(message.exit.rung, exit.rung);
		assert_true(message.exit.exited);
	}
}

static void messages_go_through_a_socket_one_by_one(void **state)
{
	struct keeper_message message;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(keeper_receive(ends[0], &message), 0);
	assert_int_equal(keeper_await(ends[0], &message, 0), -ETIMEDOUT);
	keeper_send(ends[1], "pid 17");
	keeper_send(ends[1], "kill");
	assert_int_equal(keeper_await(ends[0], &message, CURFEW_NEVER), 1);
	assert_int_equal(message.word, KEEPER_PID);
	assert_int_equal(message.number, 17);
	assert_int_equal(keeper_receive(ends[0], &message), 1);
	assert_int_equal(message.word, KEEPER_KILL);
	close(ends[1]);
	assert_int_equal(keeper_receive(ends[0], &message), -EPIPE);
	assert_int_equal(keeper_await(ends[0], &message, curfew_after_ms(1000)), -EPIPE);
	keeper_send(ends[0], "stop"); /* nobody listens: no signal, no error */
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_understood_and_nothing_else),
		cmocka_unit_test(long_text_is_not_understood),
		cmocka_unit_test(exits_come_out_as_they_went_in),
		cmocka_unit_test(messages_go_through_a_socket_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
