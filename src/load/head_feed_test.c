/* SPDX-License-Identifier: Apache-2.0 */
#include "load/head_feed.h"

#include "load/node_script.h"

#define HANDSHAKE_MS 5000
#define NOTICE(number)                                                                             \
	"{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{\"subscription\":"       \
	"\"0x7\",\"result\":{\"hash\":\"0x1\",\"number\":\"" number "\"}}}"

static struct head_feed *feed;
static struct buffer heard;
/* What the owner closes it in: "subscribed", "head", "lost"; NULL: none. */
static const char *closes_in;

static void note_event(const char *event, const char *more)
{
	allocation_spare(true);
	buffer_appendf(&heard, "%s%s\n", event, more);
	allocation_spare(false);
	if (closes_in && !strcmp(closes_in, event)) {
		head_feed_close(feed);
		feed = NULL;
	}
}

static void note_subscribed(void *arg)
{
	assert_ptr_equal(arg, &heard);
	note_event("subscribed", "");
}

static void note_head(void *arg, uint64_t number)
{
	char text[32];

	assert_ptr_equal(arg, &heard);
	(void)snprintf(text, sizeof(text), " %llu", (unsigned long long)number);
	note_event("head", text);
}

static void note_lost(void *arg, const char *why)
{
	char text[100];

	assert_ptr_equal(arg, &heard);
	(void)snprintf(text, sizeof(text), ": the node %s", why);
	note_event("lost", text);
}

static const struct head_feed_handler handler = {
	.subscribed = note_subscribed, .head = note_head, .lost = note_lost};

static int setup(void **state)
{
	int error = node_setup(state);

	closes_in = NULL;
	feed = head_feed_new(worker, &node.websocket, NULL, &handler, &heard);
	assert_non_null(feed);
	return error;
}

static int teardown(void **state)
{
	head_feed_close(feed);
	buffer_fini(&heard);
	return node_teardown(state);
}

#define feed_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* Waits until so much is heard, and nothing else. */
static void expect(const char *expected)
{
	run_until(heard.length >= strlen(expected));
	node_settle();
	assert_string_equal(buffer_text(&heard), expected);
	buffer_consume(&heard, heard.length);
}

/* Returns the connection over which it has subscribed. */
static struct node_peer *subscribe(void)
{
	struct node_question *question = node_await("eth_subscribe");
	struct node_peer *peer = question->peer;

	node_result(question, "\"0x7\"");
	expect("subscribed\n");
	return peer;
}

static void hears_of_each_block(void **state)
{
	struct node_peer *peer = subscribe();

	(void)state;
	node_expect_asked("eth_subscribe [\"newHeads\"]\n");
	node_say_frame(peer, NOTICE("0x10"));
	node_say_frame(peer, NOTICE("0x11"));
	node_say_frame(peer, NOTICE("0x11"));
	node_say_frame(peer, NOTICE("0xf"));
	expect("head 16\nhead 17\nhead 17\nhead 15\n");
	pass_ms(60000);
	expect("");
}

/* Cut between any two bytes. */
static void a_notice_may_come_in_pieces(void **state)
{
	struct node_peer *peer = subscribe();
	struct buffer frame = {0};

	(void)state;
	node_append_frame(&frame, NOTICE("0x10"), strlen(NOTICE("0x10")));
	for (size_t cut = 0; cut <= frame.length; cut++) {
		node_send(peer, frame.data, cut);
		node_settle();
		if (cut < frame.length) {
			assert_int_equal(heard.length, 0);
		}
		node_send(peer, frame.data + cut, frame.length - cut);
		expect("head 16\n");
	}
	buffer_fini(&frame);
}

/* As a message of several frames, with a ping between. */
static void a_notice_may_come_in_frames(void **state)
{
	static const char text[] = NOTICE("0x10");
	struct node_peer *peer = subscribe();
	struct buffer frames = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		const struct ws_frame frame = {
			.opcode = i ? WS_OPCODE_CONTINUATION : WS_OPCODE_TEXT,
			.fin = i == sizeof(text) - 2,
			.length = 1,
		};
		uint8_t header[WS_HEADER_MOST];

		buffer_append(&frames, header, ws_frame_write(header, &frame));
		buffer_append_char(&frames, text[i]);
		if (i == 20) {
			buffer_append(&frames, "\x89\x00", 2);
		}
	}
	node_send(peer, frames.data, frames.length);
	expect("head 16\n");
	buffer_fini(&frames);
}

static void what_is_no_head_is_passed_over(void **state)
{
	static const char *const messages[] = {
		"",
		"{",
		"[]",
		"nonsense",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x8\"}",
		"{\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"0x7\"}}",
		"{\"method\":\"eth_other\",\"params\":{\"subscription\":\"0x7\",\"result\":{"
		"\"number\":\"0x1\"}}}",
		NOTICE("16"),
		NOTICE("0xg"),
		NOTICE("0x11111111111111111"),
	};
	struct node_peer *peer = subscribe();

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		node_say_frame(peer, messages[i]);
	}
	node_say_frame(peer, NOTICE("0x10"));
	expect("head 16\n");
}

/* Whose number is asked for then, by the owner. */
static void a_notice_before_the_answer_is_passed_over(void **state)
{
	struct node_question *question = node_await("eth_subscribe");

	(void)state;
	node_say_frame(question->peer, NOTICE("0x10"));
	node_settle();
	node_result(question, "\"0x7\"");
	expect("subscribed\n");
}

/* The one before is lost, and the next comes after a pause. */
static void again_after(int64_t ms)
{
	int accepted = node.accepted;

	pass_ms(ms - 1);
	assert_int_equal(node.accepted, accepted);
	pass_ms(1);
	run_until(node.accepted == accepted + 1);
}

static void a_subscription_that_is_lost_is_made_again(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct node_peer *peer = subscribe();

		node_say_frame(peer, NOTICE("0x10"));
		expect("head 16\n");
		if (i == 1) {
			node_reset(peer);
		} else {
			node_close(peer);
		}
		expect("lost: the node ended the WebSocket\n");
		again_after(50);
	}
	(void)subscribe();
}

/* It says that it ends, in order. */
static void a_node_that_closes_the_websocket(void **state)
{
	struct node_peer *peer = subscribe();

	(void)state;
	node_send(peer, "\x88\x02\x03\xe9", 4);
	expect("lost: the node ended the WebSocket\n");
	node_close(peer);
	node_settle();
	again_after(50);
	(void)subscribe();
}

static void nobody_listens(void **state)
{
	static const int pauses[] = {50, 100, 200, 400, 800, 1000, 1000};

	(void)state;
	node_close(subscribe());
	node_die();
	expect("lost: the node ended the WebSocket\n");
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		pass_ms(pauses[i] - 1);
		assert_int_equal(heard.length, 0);
		pass_ms(1);
		expect("lost: the node refuses connections\n");
	}
	node_listen();
	again_after(1000);
	node_close(subscribe());
	expect("lost: the node ended the WebSocket\n");
	again_after(50);
}

static void a_node_without_websockets(void **state)
{
	(void)state;
	node.refuses_ws = true;
	expect("lost: the node does not open a WebSocket\n");
	again_after(50);
	expect("lost: the node does not open a WebSocket\n");
	node.refuses_ws = false;
	again_after(100);
	(void)subscribe();
}

static void a_node_that_lets_nobody_subscribe(void **state)
{
	(void)state;
	node_error(node_await("eth_subscribe"), -32601, "no such method");
	expect("lost: the node does not let us subscribe\n");
	again_after(50);
	node_say(node_await("eth_subscribe"), "{\"id\":2,\"result\":\"0x7\"}");
	expect("lost: the node does not let us subscribe\n");
	again_after(100);
	node_say(node_await("eth_subscribe"), "");
	expect("lost: the node does not let us subscribe\n");
	again_after(200);
	(void)subscribe();
}

static void a_node_that_says_nothing(void **state)
{
	(void)state;
	node_forget(node_await("eth_subscribe"));
	pass_ms(HANDSHAKE_MS - 1);
	expect("");
	pass_ms(1);
	expect("lost: the node does not open a WebSocket in time\n");
	again_after(50);
	/* Nor does it answer the handshake. */
	node_close(subscribe());
	expect("lost: the node ended the WebSocket\n");
	loop_unwatch(worker->loop, &node.source);
	pass_ms(50);
	pass_ms(HANDSHAKE_MS - 1);
	expect("");
	pass_ms(1);
	expect("lost: the node does not open a WebSocket in time\n");
	assert_int_equal(loop_watch(worker->loop, &node.source, EPOLLIN), 0);
}

/* Half a connection: nothing comes, its end neither. */
static void a_node_that_is_silent_is_found_out(void **state)
{
	struct node_peer *peer = subscribe();

	(void)state;
	loop_unwatch(worker->loop, &peer->source);
	pass_ms(30000);
	expect("");
	pass_ms(30000);
	expect("lost: the node ended the WebSocket\n");
	again_after(50);
	(void)subscribe();
}

static void a_message_that_is_too_long(void **state)
{
	struct node_peer *peer = subscribe();
	const struct ws_frame frame = {.opcode = WS_OPCODE_TEXT, .length = (1 << 20) + 1};
	uint8_t header[WS_HEADER_MOST];

	(void)state;
	node_send(peer, header, ws_frame_write(header, &frame));
	expect("lost: the node ended the WebSocket\n");
	node_close(peer);
	node_settle();
	again_after(50);
	(void)subscribe();
}

static void a_feed_may_be_closed_at_any_point(void **state)
{
	for (int point = 0; point < 12; point++) {
		for (int i = 0; i < point; i++) {
			round_now();
			if (i > 6 && node_find("eth_subscribe")) {
				node_result(node_find("eth_subscribe"), "\"0x7\"");
			}
		}
		head_feed_close(feed);
		feed = NULL;
		buffer_consume(&heard, heard.length);
		pass_ms(10000);
		expect("");
		teardown(state);
		setup(state);
	}
}

static void a_feed_may_be_closed_by_whom_it_calls(void **state)
{
	static const char *const events[] = {"subscribed", "head", "lost"};
	struct node_peer *peer;

	for (size_t i = 0; i < 3; i++) {
		closes_in = events[i];
		peer = node_await("eth_subscribe")->peer;
		node_result(node_first(), "\"0x7\"");
		node_say_frame(peer, NOTICE("0x10"));
		run_until(heard.length);
		node_close(peer);
		run_until(!feed);
		node_settle();
		teardown(state);
		setup(state);
	}
}

static void a_feed_may_be_closed_while_it_pauses(void **state)
{
	(void)state;
	node_close(subscribe());
	expect("lost: the node ended the WebSocket\n");
	head_feed_close(feed);
	feed = NULL;
	pass_ms(10000);
	expect("");
	assert_int_equal(node.accepted, 1);
}

/* The end has come: it is not connected again. */
static void a_feed_that_is_cut_stays_so(void **state)
{
	(void)state;
	(void)subscribe();
	curfew_drain_close(&worker->peers, curfew_now());
	run_until(!node_connections());
	for (int i = 0; i < 10; i++) {
		pass_ms(1000);
	}
	assert_int_equal(node.accepted, 1);
	assert_null(head_feed_new(worker, &node.websocket, NULL, &handler, &heard));
	assert_int_equal(errno, ESHUTDOWN);
}

/* It is lost, or hears all the same; and in the end it hears. */
static void a_feed_for_which_there_is_no_memory(void **state)
{
	bool failed = true;

	(void)state;
	node_can("eth_subscribe", "\"0x7\"");
	for (int n = 1; failed; n++) {
		head_feed_close(feed);
		run_until(!node_connections());
		node_settle();
		allocation_fail(n);
		feed = head_feed_new(worker, &node.websocket, NULL, &handler, &heard);
		assert_true(feed || errno == ENOMEM);
		for (int i = 0; feed && i < 8; i++) {
			pass_ms(1500);
			allocation_spare(true);
			node_say_frame(node_ws(), NOTICE("0x10"));
			allocation_spare(false);
		}
		failed = allocation_failed();
		if (feed) {
			node_say_frame(node_ws(), NOTICE("0x11"));
			run_until(strstr(buffer_text(&heard), "head 17\n"));
		}
		buffer_consume(&heard, heard.length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		feed_test(hears_of_each_block),
		feed_test(a_notice_may_come_in_pieces),
		feed_test(a_notice_may_come_in_frames),
		feed_test(what_is_no_head_is_passed_over),
		feed_test(a_notice_before_the_answer_is_passed_over),
		feed_test(a_subscription_that_is_lost_is_made_again),
		feed_test(a_node_that_closes_the_websocket),
		feed_test(nobody_listens),
		feed_test(a_node_without_websockets),
		feed_test(a_node_that_lets_nobody_subscribe),
		feed_test(a_node_that_says_nothing),
		feed_test(a_node_that_is_silent_is_found_out),
		feed_test(a_message_that_is_too_long),
		feed_test(a_feed_may_be_closed_at_any_point),
		feed_test(a_feed_may_be_closed_by_whom_it_calls),
		feed_test(a_feed_may_be_closed_while_it_pauses),
		feed_test(a_feed_that_is_cut_stays_so),
		feed_test(a_feed_for_which_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
