/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that leave, the work's deadline, and memory that runs out, in each state. */
#include "mcp/channel.h"

#include "mcp/channel_script.h"
#include "tests/allocation.h"

#define PRIMING "id: 1-0\nretry: 1000\ndata: \n\n"
#define UNAVAILABLE                                                                                \
	"HTTP/1.1 503 Service Unavailable\nContent-Type: text/plain; charset=utf-8\n"              \
	"Retry-After: 1\nContent-Length: 28\nConnection: close\n\nthe server is shutting down\n"

/* Clients that leave. */

/* No event id was given, so that nobody can come for it. */
static void an_answer_for_nobody_is_dropped(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	attach(&channel);
	peer_gone(peer);
	expect_told("left 1\n");
	assert_int_equal(channel.state, CHANNEL_AWAY);
	pass_ms(CHANNEL_QUIET_MS);
	notify("{\"a\":1}");
	answer("{}");
	assert_true(channel_is_done(&channel));
	assert_int_equal(replay.count, 0);
	assert_int_equal(replay.dropped, 2);
	(void)ask(GET("/mcp"));
	assert_false(resume(&channel, 0));
	channel_fini(&channel);
}

static void so_are_a_batch_and_what_was_collected_of_it(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	channel.is_batch = true;
	channel.expected = 2;
	attach(&channel);
	answer("{\"id\":1}");
	peer_gone(peer);
	expect_told("left 1\n");
	assert_null(channel.batch.data);
	answer("{\"id\":2}");
	assert_true(channel_is_done(&channel));
	assert_int_equal(replay.count, 0);
	channel_fini(&channel);
}

static void what_a_client_can_come_for_is_kept(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	attach(&channel);
	pass_ms(CHANNEL_QUIET_MS);
	expect_of(peer, EVENTS_HEAD PRIMING);
	peer_gone(peer);
	expect_told("left 1\n");
	answer("{}");
	channel_fini(&channel);
	assert_int_equal(replay.count, 1);
	assert_int_equal(replay.dropped, 0);
	peer = ask(GET("/mcp"));
	assert_true(replay_answer(&replay, arrived, FIELDS, 1, 0));
	expect_of(peer, EVENTS_HEAD "id: 1-1\ndata: {}\n\n<over>");
}

static void stateless_answers_are_not(void **state)
{
	struct peer *peer = ask(POST_REQUEST);

	(void)state;
	channel_begin(&channel, CHANNEL_ONCE, 1);
	attach(&channel);
	notify("{}");
	peer_gone(peer);
	expect_told("left 1\n");
	notify("{}");
	answer("{}");
	assert_true(channel_is_done(&channel));
	channel_fini(&channel);
}

static void nor_are_messages_of_the_older_transport(void **state)
{
	struct peer *peer = ask(GET("/sse"));

	(void)state;
	channel_begin(&channel, CHANNEL_PLAIN, 0);
	attach(&channel);
	peer_gone(peer);
	expect_told("left 0\n");
	notify("{}");
	channel_fini(&channel);
}

/* A client that has closed looks like one that has no more to say, until something is written. */
static void pings_find_out_who_is_gone(void **state)
{
	struct peer *peer = ask(GET("/mcp"));

	(void)state;
	channel_begin(&channel, CHANNEL_GET, 0);
	attach(&channel);
	expect_of(peer, EVENTS_HEAD "id: 0-0\nretry: 1000\ndata: \n\n");
	peer_leave(peer); /* what is written then is answered by a reset */
	expect_told("");
	pass_ms(CHANNEL_PROBE_MS);
	expect_told("left 0\n");
	notify("{}");
	assert_int_equal(replay.count, 1);
	channel_fini(&channel);
}

static void and_who_is_not(void **state)
{
	struct peer *peer = ask(GET("/mcp"));

	(void)state;
	channel_begin(&channel, CHANNEL_GET, 0);
	attach(&channel);
	expect_of(peer, EVENTS_HEAD "id: 0-0\nretry: 1000\ndata: \n\n");
	assert_int_equal(shutdown(peer->fd, SHUT_WR), 0);
	expect_of(peer, ": ping\n\n");
	pass_ms(CHANNEL_PROBE_MS);
	expect_of(peer, ": ping\n\n");
	notify("{}");
	expect_of(peer, "id: 0-1\ndata: {}\n\n");
	pass_ms(CHANNEL_PING_MS - 1);
	expect_of(peer, "");
	channel_end(&channel, 0);
	channel_fini(&channel);
	expect_of(peer, "<over><end>");
}

/* Where nobody would be told, an answer is given to whoever is there; else it is found out. */
static void before_an_answer_only_who_asks_is_told(void **state)
{
	struct peer *peer = ask(POST_REQUEST), *other = ask(POST_REQUEST);
	struct channel once;

	(void)state;
	channel_begin(&channel, CHANNEL_POST, 1);
	channel_attach(&channel, peer->connection, FIELDS);
	channel_begin(&once, CHANNEL_ONCE, 2);
	channel_attach(&once, other->connection, FIELDS);
	assert_int_equal(shutdown(peer->fd, SHUT_WR), 0);
	peer_leave(other);
	settle();
	assert_int_equal(channel.state, CHANNEL_QUIET);
	answer("{}");
	expect_of(peer, JSON_HEAD "Content-Length: 2\nConnection: close\n\n{}<end>");
	pass_ms(CHANNEL_PROBE_MS);
	expect_told("left 2\n");
	channel_fini(&once);
	channel_fini(&channel);
}

static void nobody_leaves_who_has_come_again(void **state)
{
	struct peer *peer = ask(GET("/mcp")), *other = ask(GET("/mcp"));

	(void)state;
	channel_begin(&channel, CHANNEL_GET, 0);
	channel_attach(&channel, peer->connection, FIELDS);
	http_answer_abort(peer->connection);
	assert_null(channel.connection);
	channel_attach(&channel, other->connection, FIELDS);
	expect_told("");
	http_answer_abort(other->connection);
	channel_fini(&channel);
	expect_told("");
}

/* The work's deadline. */

static void answer_at_cut(struct channel *of)
{
	tell(of, "cut");
	while (of->expected) {
		send_to(of, "{\"error\":1}", true);
	}
}

/* The memory is not there any more when it returns. */
static void answer_and_free_at_cut(struct channel *of)
{
	answer_at_cut(of);
	channel_fini(of);
	memset(of, 0x5a, sizeof(*of));
}

static void send_nothing_at_cut(struct channel *of)
{
	tell(of, "cut");
}

enum moment { BEFORE, BEGUN, HALF };

static const struct {
	enum channel_form form;
	enum moment when;
	bool is_batch;
	void (*cut)(struct channel *channel);
	const char *before, *then, *told;
} cuts[] = {
	{CHANNEL_POST, BEFORE, false, answer_at_cut, "",
		JSON_HEAD "Content-Length: 11\nConnection: close\n\n{\"error\":1}<end>", "cut 1\n"},
	{CHANNEL_POST, BEFORE, false, answer_and_free_at_cut, "",
		JSON_HEAD "Content-Length: 11\nConnection: close\n\n{\"error\":1}<end>", "cut 1\n"},
	{CHANNEL_ONCE, BEFORE, false, answer_and_free_at_cut, "",
		JSON_HEAD "Content-Length: 11\nConnection: close\n\n{\"error\":1}<end>", "cut 1\n"},
	{CHANNEL_POST, BEFORE, false, send_nothing_at_cut, "", UNAVAILABLE "<end>",
		"cut 1\nleft 1\n"},
	{CHANNEL_POST, BEFORE, false, NULL, "", UNAVAILABLE "<end>", "left 1\n"},
	{CHANNEL_POST, HALF, true, answer_at_cut, "",
		JSON_HEAD "Content-Length: 25\nConnection: close\n\n[{\"half\":1},\n{\"error\":1}]"
			  "<end>",
		"cut 1\n"},
	{CHANNEL_POST, BEGUN, false, answer_at_cut, EVENTS_HEAD PRIMING "id: 1-1\ndata: {}\n\n",
		"id: 1-2\ndata: {\"error\":1}\n\n<over><end>", "cut 1\n"},
	{CHANNEL_POST, BEGUN, false, answer_and_free_at_cut,
		EVENTS_HEAD PRIMING "id: 1-1\ndata: {}\n\n",
		"id: 1-2\ndata: {\"error\":1}\n\n<over><end>", "cut 1\n"},
	{CHANNEL_POST, BEGUN, false, NULL, EVENTS_HEAD PRIMING "id: 1-1\ndata: {}\n\n",
		"retry: 1000\n\n<over><end>", ""},
	{CHANNEL_GET, BEGUN, false, answer_at_cut, EVENTS_HEAD PRIMING "id: 1-1\ndata: {}\n\n",
		"retry: 1000\n\n<over><end>", ""},
	{CHANNEL_PLAIN, BEGUN, false, NULL, EVENTS_HEAD "event: message\ndata: {}\n\n",
		"retry: 1000\n\n<over><end>", ""},
};

/* The test's own worker is used up by its end. */
static void the_deadline_ends_each_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		const struct channel_ops ops = {owner_left, owner_writable_again, cuts[i].cut};
		struct peer *peer;

		assert_int_equal(channels_setup(NULL), 0);
		peer = ask(POST_REQUEST);
		channel_begin(&channel, cuts[i].form, 1);
		channel.ops = &ops;
		channel.is_batch = cuts[i].is_batch;
		channel.expected += cuts[i].is_batch;
		attach(&channel);
		if (cuts[i].when == BEGUN) {
			notify("{}");
		} else if (cuts[i].when == HALF) {
			answer("{\"half\":1}");
		}
		expect_of(peer, cuts[i].before);
		curfew_drain_cut(&worker->drain);
		expect_of(peer, cuts[i].then);
		expect_told(cuts[i].told);
		if (cuts[i].cut != answer_and_free_at_cut) {
			channel_fini(&channel);
		}
		assert_int_equal(channels_teardown(NULL), 0);
	}
}

/* Memory. */

/* Returns whether an allocation failed. */
static bool attach_and_send(int n, enum channel_form form, bool is_batch)
{
	channel_begin(&channel, form, 1);
	channel.is_batch = is_batch;
	channel.expected += is_batch;
	allocation_fail(n);
	attach(&channel);
	if (is_batch) {
		answer("{\"id\":0}");
	}
	if (form != CHANNEL_ONCE) {
		notify("{}");
	}
	if (channel.expected) {
		answer("{\"id\":1}");
	}
	return allocation_failed();
}

/* Whatever fails: the client gets all of it, or no end of it; and the owner knows which. */
static void assert_whole_or_broken_off(struct peer *peer)
{
	struct buffer text = {0};
	bool left;

	settle();
	left = !channel_is_done(&channel) && !channel.connection;
	expect_told(left ? "left 1\n" : "");
	channel_end(&channel, 0);
	channel_fini(&channel);
	while (peer_read(peer) && peer->connection) {
		round_now();
	}
	peer_text(peer, &text);
	if (strstr(buffer_text(&text), "<over>")) {
		assert_false(left);
		assert_int_equal(replay.dropped, 0);
		assert_non_null(strstr(buffer_text(&text), "data: {"));
	}
	buffer_fini(&text);
}

static void without_memory_an_answer_is_broken_off(void **state)
{
	static const enum channel_form forms[] = {
		CHANNEL_POST, CHANNEL_POST, CHANNEL_GET, CHANNEL_PLAIN, CHANNEL_ONCE};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		bool failed = true;

		for (int n = 1; failed; n++) {
			struct peer *peer;

			assert_int_equal(channels_setup(NULL), 0);
			peer = ask(POST_REQUEST);
			failed = attach_and_send(n, forms[i], i == 1);
			assert_true(failed || n > 1);
			assert_whole_or_broken_off(peer);
			assert_int_equal(channels_teardown(NULL), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		channel_test(an_answer_for_nobody_is_dropped),
		channel_test(so_are_a_batch_and_what_was_collected_of_it),
		channel_test(what_a_client_can_come_for_is_kept),
		channel_test(stateless_answers_are_not),
		channel_test(nor_are_messages_of_the_older_transport),
		channel_test(pings_find_out_who_is_gone),
		channel_test(and_who_is_not),
		channel_test(before_an_answer_only_who_asks_is_told),
		channel_test(nobody_leaves_who_has_come_again),
		cmocka_unit_test(the_deadline_ends_each_in_order),
		cmocka_unit_test(without_memory_an_answer_is_broken_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
