/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that do not read as fast as is written: who is told, and what is kept where. */
#include "mcp/channel.h"

#include "mcp/channel_script.h"

#define LARGE 20000

static void begin_slow_stream(struct peer **peer)
{
	*peer = ask_slowly(GET("/mcp"));
	channel_begin(&channel, CHANNEL_GET, 0);
	channel.primes = false;
	attach(&channel);
	settle();
}

/* Until its connection's queue is above the mark; returns how many events. */
static int fill(struct channel *of)
{
	int count = 0;

	while (!channel_is_full(of)) {
		send_large(of, (char)('a' + count % 26), LARGE, false);
		count++;
		settle();
		assert_true(count < 100);
	}
	return count;
}

/* What a client gets of large events, letter by letter: "abc". Reads until so many have come. */
static void expect_letters(struct peer *peer, const char *letters, bool over)
{
	struct buffer text = {0}, found = {0};
	size_t length = strlen(letters);
	bool more = true;

	while (more) {
		const char *at;

		round_now();
		more = peer_read(peer);
		buffer_fini(&text);
		buffer_fini(&found);
		peer_text(peer, &text);
		for (at = buffer_text(&text); (at = strstr(at, "\ndata: ")); at += 7) {
			buffer_append_char(&found, at[7]);
		}
		if (found.length >= length && !over) {
			settle();
			more = false;
		} else if (over && strstr(buffer_text(&text), "<over>")) {
			more = false;
		}
	}
	assert_string_equal(buffer_text(&found), letters);
	buffer_fini(&text);
	buffer_fini(&found);
}

/* It was broken off: nobody can take what it got for all there is. */
static void expect_broken_off(struct peer *peer)
{
	struct buffer text = {0};

	while (peer_read(peer)) {
		round_now();
	}
	peer_text(peer, &text);
	assert_null(strstr(buffer_text(&text), "<over>"));
	buffer_fini(&text);
}

static void a_slow_client_makes_it_full(void **state)
{
	struct peer *peer;
	char letters[101] = "";
	int count;

	(void)state;
	begin_slow_stream(&peer);
	assert_false(channel_is_full(&channel));
	count = fill(&channel);
	assert_true(http_queued(channel.connection) > STREAM_QUEUE_HIGH);
	expect_told("");
	for (int i = 0; i < count; i++) {
		letters[i] = (char)('a' + i % 26);
	}
	expect_letters(peer, letters, false);
	expect_told("writable 0\n");
	assert_false(channel_is_full(&channel));
	channel_end(&channel, 0);
	expect_told("");
	channel_fini(&channel);
}

static void nobody_is_told_who_did_not_ask(void **state)
{
	struct peer *peer;

	(void)state;
	begin_slow_stream(&peer);
	send_large(&channel, 'a', 10 * LARGE, false);
	assert_true(http_queued(channel.connection) > STREAM_QUEUE_HIGH);
	expect_letters(peer, "a", false);
	expect_told("");
	channel_end(&channel, 0);
	channel_fini(&channel);
}

static void it_is_over_when_the_client_is_gone(void **state)
{
	struct peer *peer;

	(void)state;
	begin_slow_stream(&peer);
	(void)fill(&channel);
	peer_leave(peer);
	expect_told("writable 0\nleft 0\n");
	assert_false(channel_is_full(&channel));
	channel_fini(&channel);
}

static void or_when_its_answer_ends(void **state)
{
	struct peer *peer = ask_slowly(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	attach(&channel);
	(void)fill(&channel);
	answer("{}");
	expect_told("writable 1\n");
	channel_fini(&channel);
	peer_leave(peer);
	begin_slow_stream(&peer);
	(void)fill(&channel);
	channel_end(&channel, 0);
	expect_told("writable 0\n");
	channel_fini(&channel);
}

/* What it was sent and has not read is not kept twice: the new one asks for what it lacks. */
static void a_slow_one_that_is_replaced_is_cut_off(void **state)
{
	struct peer *slow, *peer;
	struct http_connection *before;
	char expected[300];

	(void)state;
	begin_slow_stream(&slow);
	(void)snprintf(expected, sizeof(expected), EVENTS_HEAD "id: 0-%d\ndata: {}\n\n",
		fill(&channel) + 1);
	before = channel.connection;
	peer = ask(GET("/mcp"));
	attach(&channel);
	assert_true(stream_closing(&before->stream));
	expect_told("writable 0\n");
	notify("{}");
	expect_of(peer, expected);
	channel_end(&channel, 0);
	channel_fini(&channel);
	expect_broken_off(slow);
}

/* Twenty events of a client that comes back and reads slowly. */
static void begin_behind(struct peer **peer, int count)
{
	*peer = ask(GET("/mcp"));
	channel_begin(&channel, CHANNEL_GET, 0);
	channel.primes = false;
	attach(&channel);
	for (int i = 0; i < count; i++) {
		send_large(&channel, (char)('a' + i), LARGE, false);
	}
	peer_gone(*peer);
	expect_told("left 0\n");
	*peer = ask_slowly(GET("/mcp"));
	assert_true(resume(&channel, 0));
}

static void what_is_sent_again_goes_as_it_is_read(void **state)
{
	struct peer *peer;

	(void)state;
	begin_behind(&peer, 20);
	assert_true(channel_is_full(&channel));
	assert_true(http_queued(channel.connection) < STREAM_QUEUE_HIGH + LARGE + 100);
	send_large(&channel, 'u', LARGE, false); /* behind what is sent again */
	send_large(&channel, 'v', 10, false);
	settle();
	assert_true(http_queued(channel.connection) < STREAM_QUEUE_HIGH + LARGE + 100);
	while (http_queued(channel.connection) > STREAM_QUEUE_HIGH) {
		assert_true(peer_read(peer));
		settle();
	}
	assert_true(channel_is_full(&channel)); /* it has not got all that is there */
	expect_told("");
	expect_letters(peer, "abcdefghijklmnopqrstuv", false);
	expect_told("writable 0\n");
	send_large(&channel, 'w', 10, false);
	expect_letters(peer, "abcdefghijklmnopqrstuvw", false);
	channel_end(&channel, 0);
	expect_letters(peer, "abcdefghijklmnopqrstuvw", true);
	channel_fini(&channel);
}

static void an_end_lets_nothing_out(void **state)
{
	struct peer *peer;

	(void)state;
	begin_behind(&peer, 20);
	channel_end(&channel, 0);
	channel_fini(&channel);
	expect_letters(peer, "abcdefghijklmnopqrst", true);
}

/* A POST that is done while its client is behind: the channel may go, and the store finishes it. */
static void begin_rest(struct peer **peer)
{
	*peer = ask(POST_REQUEST);
	channel_begin(&channel, CHANNEL_POST, 1);
	channel.primes = false;
	attach(&channel);
	for (int i = 0; i < 20; i++) {
		send_large(&channel, (char)('a' + i), LARGE, false);
	}
	peer_gone(*peer);
	expect_told("left 1\n");
	*peer = ask_slowly(GET("/mcp"));
	assert_true(resume(&channel, 0));
	assert_true(channel_is_full(&channel));
	answer("zz");
	assert_true(channel_is_done(&channel));
	channel_fini(&channel);
	expect_told("writable 1\n");
	assert_int_equal(replay.reader_count, 1);
}

static void the_rest_is_written_without_the_channel(void **state)
{
	struct peer *peer;

	(void)state;
	begin_rest(&peer);
	expect_letters(peer, "abcdefghijklmnopqrstz", true);
	settle();
	assert_int_equal(replay.reader_count, 0);
}

static void until_the_client_leaves(void **state)
{
	struct peer *peer;

	(void)state;
	begin_rest(&peer);
	peer_leave(peer);
	run_until(!peer->connection);
	assert_int_equal(replay.reader_count, 0);
}

static void or_the_store_goes(void **state)
{
	struct peer *peer;

	(void)state;
	begin_rest(&peer);
	replay_fini(&replay);
	assert_int_equal(replay.reader_count, 0);
	expect_letters(peer, "abcdefghijklmnopqrstz", true);
}

static void few_are_written_at_a_time(void **state)
{
	struct peer *peer;
	struct http_connection *first;

	(void)state;
	begin_rest(&peer);
	first = peer->connection;
	for (int i = 1; i < REPLAY_READERS_MOST; i++) {
		(void)ask_slowly(GET("/mcp"));
		assert_true(replay_answer(&replay, arrived, FIELDS, 1, 0));
		assert_int_equal(replay.reader_count, i + 1);
	}
	assert_false(stream_closing(&first->stream));
	(void)ask_slowly(GET("/mcp"));
	assert_true(replay_answer(&replay, arrived, FIELDS, 1, 0));
	assert_int_equal(replay.reader_count, REPLAY_READERS_MOST);
	assert_true(stream_closing(&first->stream));
	expect_broken_off(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		channel_test(a_slow_client_makes_it_full),
		channel_test(nobody_is_told_who_did_not_ask),
		channel_test(it_is_over_when_the_client_is_gone),
		channel_test(or_when_its_answer_ends),
		channel_test(a_slow_one_that_is_replaced_is_cut_off),
		channel_test(what_is_sent_again_goes_as_it_is_read),
		channel_test(an_end_lets_nothing_out),
		channel_test(the_rest_is_written_without_the_channel),
		channel_test(until_the_client_leaves),
		channel_test(or_the_store_goes),
		channel_test(few_are_written_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
