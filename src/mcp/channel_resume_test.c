/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that go on: on another connection, from where the client stands, each event once. */
#include "mcp/channel.h"

#include "mcp/channel_script.h"

#define EVENTS 5

static void write_priming(struct buffer *text, int number, int at)
{
	buffer_appendf(text, "id: %d-%d\nretry: 1000\ndata: \n\n", number, at);
}

/* The events of a channel behind one, up to another. */
static void write_events(struct buffer *text, int number, int after, int last)
{
	for (int i = after + 1; i <= last; i++) {
		buffer_appendf(text, "id: %d-%d\ndata: {\"n\":%d}\n\n", number, i, i);
	}
}

static void send_events(struct channel *of, int first, int last, bool answered)
{
	for (int i = first; i <= last; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "{\"n\":%d}", i);
		send_to(of, text, answered && i == last);
	}
}

static void expect_events(struct peer *peer, int number, int after, int last, const char *behind)
{
	struct buffer text = {0};

	buffer_append_text(&text, EVENTS_HEAD);
	write_priming(&text, number, after);
	write_events(&text, number, after, last);
	buffer_append_text(&text, behind);
	expect_of(peer, buffer_text(&text));
	buffer_fini(&text);
}

/* At every position, while the channel goes on; the connection broke before it was read. */
static void a_post_goes_on_from_any_event(void **state)
{
	(void)state;
	for (int at = 0; at <= EVENTS; at++) {
		struct peer *peer = ask(POST_REQUEST);

		channel_begin(&channel, CHANNEL_POST, 1);
		attach(&channel);
		send_events(&channel, 1, EVENTS, false);
		peer_gone(peer);
		expect_told("left 1\n");
		peer = ask(GET("/mcp"));
		assert_true(resume(&channel, (uint64_t)at));
		expect_events(peer, 1, at, EVENTS, "");
		send_events(&channel, EVENTS + 1, EVENTS + 2, true);
		assert_true(channel_is_done(&channel));
		expect_of(peer, "id: 1-6\ndata: {\"n\":6}\n\nid: 1-7\ndata: {\"n\":7}\n\n<over>");
		channel_fini(&channel);
		peer_leave(peer);
		replay_fini(&replay);
		replay_init(&replay, 1000);
	}
}

/* Its owner may have kept the channel, or not. */
static void a_post_that_is_over_is_told_to_its_end(void **state)
{
	(void)state;
	for (int at = 0; at <= EVENTS; at++) {
		struct peer *peer = ask(POST_REQUEST);

		channel_begin(&channel, CHANNEL_POST, 1);
		attach(&channel);
		send_events(&channel, 1, 2, false);
		peer_gone(peer);
		expect_told("left 1\n");
		send_events(&channel, 3, EVENTS, true);
		assert_true(channel_is_done(&channel));
		peer = ask(GET("/mcp"));
		assert_true(resume(&channel, (uint64_t)at));
		channel_fini(&channel);
		for (int again = 0; again < 2; again++) {
			struct buffer text = {0};

			buffer_append_text(&text, EVENTS_HEAD);
			write_events(&text, 1, at, EVENTS);
			buffer_append_text(&text, "<over>");
			expect_of(peer, buffer_text(&text));
			buffer_fini(&text);
			if (!again) {
				peer_ask(peer, GET("/mcp"));
				assert_true(
					replay_answer(&replay, arrived, FIELDS, 1, (uint64_t)at));
			}
		}
		peer_leave(peer);
		replay_fini(&replay);
		replay_init(&replay, 1000);
	}
}

static void only_what_was_given_can_be_named(void **state)
{
	struct peer *peer = ask(POST_REQUEST), *other;

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	attach(&channel);
	other = ask(GET("/mcp"));
	assert_false(resume(&channel, 0)); /* QUIET: no id was given */
	notify("{\"n\":1}");
	assert_false(resume(&channel, 2));
	assert_false(replay_answer(&replay, arrived, FIELDS, 1, 2));
	assert_false(replay_answer(&replay, arrived, FIELDS, 2, 0));
	assert_int_equal(arrived->answer, HTTP_ANSWER_NONE);
	assert_true(resume(&channel, 1));
	expect_events(other, 1, 1, 1, "");
	expect_events(peer, 1, 0, 1, "<over>");
	answer("{\"n\":2}");
	assert_false(channel_resume(&channel, arrived, FIELDS, 3));
	channel_fini(&channel);
	expect_of(other, "id: 1-2\ndata: {\"n\":2}\n\n<over>");
}

/* A client that has all of it, and does not know that it was the end. */
static void behind_the_last_event_is_the_end(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	attach(&channel);
	send_events(&channel, 1, 2, true);
	channel_fini(&channel);
	peer_gone(peer);
	peer = ask(GET("/mcp"));
	assert_true(replay_answer(&replay, arrived, FIELDS, 1, 2));
	expect_of(peer, EVENTS_HEAD "<over>");
}

/* A client whose protocol has no priming event may resume where it was given any other id. */
static void without_priming_there_is_less_to_name(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	channel.primes = false;
	attach(&channel);
	pass_ms(CHANNEL_QUIET_MS);
	expect_of(peer, EVENTS_HEAD);
	(void)ask(GET("/mcp"));
	assert_false(resume(&channel, 0));
	notify("{\"n\":1}");
	assert_true(resume(&channel, 0));
	expect_of(peer, "id: 1-1\ndata: {\"n\":1}\n\n<over>");
	expect_of(&peers[1], EVENTS_HEAD "id: 1-1\ndata: {\"n\":1}\n\n");
	answer("{}");
	channel_fini(&channel);
	expect_of(&peers[1], "id: 1-2\ndata: {}\n\n<over>");
}

/* The session's own stream. */

static void messages_wait_for_a_stream(void **state)
{
	struct peer *peer;

	(void)state;
	channel_begin(&channel, CHANNEL_GET, 0);
	send_events(&channel, 1, 3, false);
	assert_int_equal(replay.count, 3);
	peer = ask(GET("/mcp"));
	attach(&channel);
	expect_events(peer, 0, 0, 3, "");
	send_events(&channel, 4, 4, false);
	expect_of(peer, "id: 0-4\ndata: {\"n\":4}\n\n");
	peer_gone(peer);
	expect_told("left 0\n");
	send_events(&channel, 5, 6, false);
	peer = ask(GET("/mcp")); /* it does not say where it stands: from where it left */
	attach(&channel);
	expect_events(peer, 0, 4, 6, "");
	peer_gone(peer);
	expect_told("left 0\n");
	peer = ask(GET("/mcp"));
	assert_true(resume(&channel, 2));
	expect_events(peer, 0, 2, 6, "");
	channel_end(&channel, 0);
	expect_of(peer, "<over>");
	replay_fini(&replay);
	assert_int_equal(replay.dropped, 0);
	channel_fini(&channel);
}

static void what_was_dropped_is_passed_over(void **state)
{
	struct peer *peer, *other;

	(void)state;
	replay_init(&replay, 3);
	channel_begin(&channel, CHANNEL_GET, 0);
	send_events(&channel, 1, 5, false);
	assert_int_equal(replay.dropped, 2);
	peer = ask(GET("/mcp"));
	attach(&channel);
	expect_of(peer,
		EVENTS_HEAD "id: 0-0\nretry: 1000\ndata: \n\nid: 0-3\ndata: {\"n\":3}\n\n"
			    "id: 0-4\ndata: {\"n\":4}\n\nid: 0-5\ndata: {\"n\":5}\n\n");
	peer_gone(peer);
	expect_told("left 0\n");
	replay_fini(&replay); /* all of it */
	peer = ask(GET("/mcp"));
	attach(&channel);
	expect_events(peer, 0, 5, 5, "");
	other = ask(GET("/mcp"));
	assert_true(resume(&channel, 0));
	expect_of(peer, "<over>");
	expect_events(other, 0, 0, 0, "");
	peer_ask(peer, GET("/mcp"));
	attach(&channel);
	expect_events(peer, 0, 5, 5, ""); /* what is not there any more is not waited for */
	expect_of(other, "<over>");
	peer_ask(other, GET("/mcp"));
	attach(&channel);
	expect_events(other, 0, 5, 5, "");
	send_events(&channel, 6, 6, false);
	expect_of(other, "id: 0-6\ndata: {\"n\":6}\n\n");
	channel_end(&channel, 0);
	channel_fini(&channel);
}

static void channels_share_the_store(void **state)
{
	struct channel post;
	struct peer *peer = ask(POST_REQUEST), *other;

	(void)state;
	channel_begin(&channel, CHANNEL_GET, 0);
	channel_begin(&post, CHANNEL_POST, 1);
	attach(&post);
	for (int i = 1; i <= 3; i++) {
		send_events(&post, i, i, false);
		send_events(&channel, i, i, false);
	}
	expect_events(peer, 1, 0, 3, "");
	peer = ask(GET("/mcp"));
	attach(&channel);
	expect_events(peer, 0, 0, 3, "");
	other = ask(GET("/mcp"));
	assert_true(resume(&post, 1));
	expect_events(other, 1, 1, 3, "");
	channel_end(&channel, 0);
	channel_fini(&channel);
	channel_end(&post, 0);
	channel_fini(&post);
}

/* The old one may be half-dead; if it is not, it learns that it is over. */
static void a_second_stream_takes_the_place_of_the_first(void **state)
{
	struct peer *first = ask(GET("/mcp")), *second;

	(void)state;
	channel_begin(&channel, CHANNEL_GET, 0);
	attach(&channel);
	send_events(&channel, 1, 1, false);
	second = ask(GET("/mcp"));
	attach(&channel);
	send_events(&channel, 2, 2, false);
	expect_events(first, 0, 0, 1, "<over>");
	expect_events(second, 0, 1, 2, "");
	peer_ask(first, GET("/mcp"));
	assert_true(resume(&channel, 0));
	expect_events(first, 0, 0, 2, "");
	expect_of(second, "<over>");
	expect_told("");
	channel_end(&channel, 0);
	expect_of(first, "<over>");
	channel_fini(&channel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		channel_test(a_post_goes_on_from_any_event),
		channel_test(a_post_that_is_over_is_told_to_its_end),
		channel_test(only_what_was_given_can_be_named),
		channel_test(behind_the_last_event_is_the_end),
		channel_test(without_priming_there_is_less_to_name),
		channel_test(messages_wait_for_a_stream),
		channel_test(what_was_dropped_is_passed_over),
		channel_test(channels_share_the_store),
		channel_test(a_second_stream_takes_the_place_of_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
