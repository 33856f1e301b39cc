/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/relay_script.h"

#define LONG_MESSAGE 100000 /* more than is read at once */

static uint64_t dropped(void)
{
	return atomic_load(&script.lane.counts.dropped);
}

static uint64_t frames(enum relay_direction direction)
{
	return atomic_load(&script.lane.counts.frames[direction]);
}

static uint64_t bytes(enum relay_direction direction)
{
	return atomic_load(&script.lane.counts.bytes[direction]);
}

/* From a client. */

static void a_client_s_bytes_pass_as_they_are(void **state)
{
	struct peer *server = open_server(), *client = open_client();
	static const char *const messages[] = {"1",
		" {\"a\" : [ 1.0e+2 , \"\\u00e9\xc3\xa9\" ] }\r\n",
		"123456789012345678901234567890", "\"\\ud800\"", "null"};
	uint64_t sum = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct buffer rest = {0};

		buffer_appendf(&rest, "\"frame\":%s", messages[i]);
		say_frame(client, i % 2 ? BINARY : TEXT, messages[i]);
		expect_envelope(server, client->name, buffer_text(&rest));
		buffer_fini(&rest);
		sum += strlen(messages[i]);
	}
	assert_int_equal(frames(RELAY_TO_SERVER), 5);
	assert_int_equal(bytes(RELAY_TO_SERVER), sum);
	assert_int_equal(atomic_load(&script.lane.counts.latency[0]), 5);
	expect_got(client, "");
}

static void what_is_no_json_ends_the_client(void **state)
{
	struct peer *server = open_server(), *client = open_client(), *other = open_client();

	(void)state;
	say(client, "1");
	say(client, "{\"secret\":");
	say(client, "2");
	expect_envelope(server, client->name, "\"frame\":1");
	expect_got(client, "close 1000 not JSON\n");
	assert_int_equal(frames(RELAY_TO_SERVER), 1);
	read_log();
	assert_null(strstr(buffer_text(&script.logged), "secret"));
	assert_non_null(
		strstr(buffer_text(&script.logged), "event=not_routed server_id=a conn_id="));
	expect_logged("reason=\"the text ends within a value\"");
	say_close(client, 1000);
	expect_got(client, "<end>\n");
	expect_envelope(server, client->name, "\"close_code\":1000");
	say(other, "3");
	expect_envelope(server, other->name, "\"frame\":3");
}

static void without_a_server_it_goes_nowhere(void **state)
{
	struct peer *client = open_client();

	(void)state;
	say(client, "1");
	expect_got(client, "");
	assert_int_equal(frames(RELAY_TO_SERVER), 0);
	say_close(client, 1000);
	expect_got(client, "close 1000 \n<end>\n");
}

/* A message of which every piece comes alone, and two that come together. */
static void pieces_are_gathered(void **state)
{
	static const char text[] = "{\"a\":\"\xc3\xa9\"}";
	struct peer *server = open_server(), *client = open_client();

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char one[2] = {text[i]};

		expect_got(server, "");
		say_frame(client,
			(i ? WS_OPCODE_CONTINUATION : WS_OPCODE_TEXT) |
				(i == sizeof(text) - 2 ? FIN : 0),
			one);
	}
	expect_envelope(server, client->name, "\"frame\":{\"a\":\"\xc3\xa9\"}");
	say_frame(client, WS_OPCODE_TEXT, "");
	say_frame(client, WS_OPCODE_CONTINUATION, "");
	say_frame(client, FIN | WS_OPCODE_CONTINUATION, "12");
	expect_envelope(server, client->name, "\"frame\":12");
	assert_null(client->member->gathered.data);
	assert_int_equal(frames(RELAY_TO_SERVER), 2);
}

/* Each place where a segment may end. */
static void a_cut_anywhere_changes_nothing(void **state)
{
	struct peer *server = open_server(), *client = open_client();
	struct buffer two = {0}, expected = {0};

	(void)state;
	append_frame(&two, TEXT, "[\"a\"]", 5);
	append_frame(&two, WS_OPCODE_BINARY, "[1", 2);
	append_frame(&two, FIN | WS_OPCODE_CONTINUATION, ",2]", 3);
	buffer_appendf(&expected,
		"t<{\"conn_id\":\"%s\",\"frame\":[\"a\"]}>\n"
		"t<{\"conn_id\":\"%s\",\"frame\":[1,2]}>\n",
		client->name, client->name);
	for (size_t cut = 0; cut <= two.length; cut++) {
		peer_send_bytes(client, two.data, cut);
		settle();
		peer_send_bytes(client, two.data + cut, two.length - cut);
		expect_got(server, buffer_text(&expected));
		assert_null(client->member->gathered.data);
	}
	buffer_fini(&two);
	buffer_fini(&expected);
}

static char *long_text(size_t length)
{
	char *text = malloc(length + 1);

	memset(text, 'x', length);
	text[0] = '"';
	text[length - 1] = '"';
	text[length] = '\0';
	return text;
}

static void long_messages_pass_both_ways(void **state)
{
	struct peer *server = open_server(), *client = open_client();
	char *text = long_text(LONG_MESSAGE);
	struct buffer rest = {0}, expected = {0};

	(void)state;
	buffer_appendf(&rest, "\"frame\":%s", text);
	say(client, text);
	expect_envelope(server, client->name, buffer_text(&rest));
	tell(server, client->name, buffer_text(&rest));
	buffer_appendf(&expected, "t<%s>\n", text);
	expect_got(client, buffer_text(&expected));
	assert_null(client->member->gathered.data);
	assert_null(server->member->gathered.data);
	free(text);
	buffer_fini(&rest);
	buffer_fini(&expected);
}

/* What the ws room finds out: nothing of such a message has been forwarded. */
static const struct bad_row {
	const char *first, *last;
	uint64_t most;
	const char *got;
} bad[] = {
	{"\"a", "\xc3(\"", 0, "close 1007 text that is not UTF-8\n<end>\n"},
	{"\"a", "\xc3", 0, "close 1007 text that is not UTF-8\n<end>\n"},
	{"\"abcd", "efg\"", 8, "close 1009 message too big\n<end>\n"},
};

static void of_a_broken_message_nothing_is_forwarded(void **state)
{
	struct peer *server = open_server();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct peer *client;

		script.relay.ws_limits.message_most = bad[i].most;
		client = open_client();
		say_frame(client, WS_OPCODE_TEXT, bad[i].first);
		settle();
		say_frame(client, FIN | WS_OPCODE_CONTINUATION, bad[i].last);
		expect_got(client, bad[i].got);
		expect_envelope(server, client->name, "\"close_code\":1001");
	}
	assert_int_equal(frames(RELAY_TO_SERVER), 0);
}

/* What is binary is not checked as it comes, but is JSON or not. */
static void binary_is_utf8_too(void **state)
{
	struct peer *server = open_server(), *client = open_client();

	(void)state;
	say_frame(client, BINARY, "\"\xc3(\"");
	expect_got(client, "close 1000 not JSON\n");
	expect_got(server, "");
	expect_logged("reason=\"a string is not UTF-8\"");
}

/* From a server. */

static void a_frame_goes_to_its_client_alone(void **state)
{
	struct peer *server = open_server(), *one = open_client(), *other = open_client();

	(void)state;
	tell(server, one->name, "\"frame\": {\"a\" : 1.0 } ,\"token\":null");
	expect_got(one, "t<{\"a\" : 1.0 }>\n");
	expect_got(other, "");
	tell(server, other->name, "\"frame\":\"\\u00e9\"");
	expect_got(other, "t<\"\\u00e9\">\n");
	expect_got(one, "");
	assert_int_equal(frames(RELAY_TO_CLIENT), 2);
	assert_int_equal(bytes(RELAY_TO_CLIENT), 12 + 8);
	assert_int_equal(dropped(), 0);
}

static void what_is_no_envelope_is_dropped(void **state)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{"secret", "reason=\"a value is expected\""},
		{"[\"secret\"]", "reason=\"it is no object\""},
		{"{\"frame\":\"secret\"}", "reason=\"it has no conn_id\""},
		{"{\"conn_id\":\"secret\",\"frame\":1}", "reason=\"no client has its conn_id\""},
		{"", "reason=\"there is no value\""},
	};
	struct peer *server = open_server(), *client = open_client();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		say(server, rows[i].text);
		read_log();
		assert_null(strstr(buffer_text(&script.logged), "secret"));
		expect_logged(rows[i].reason);
		assert_int_equal(dropped(), i + 1);
	}
	tell(server, server->name, "\"frame\":1");
	expect_logged("reason=\"no client has its conn_id\"");
	tell(server, client->name, "\"frame\":2");
	expect_got(client, "t<2>\n");
	expect_got(server, "");
}

static void a_close_code_comes_behind_its_frame(void **state)
{
	struct peer *server = open_server(), *one = open_client(), *other = open_client();

	(void)state;
	tell(server, one->name, "\"frame\":1");
	tell(server, one->name, "\"close_code\":4000,\"frame\":\"bye\"");
	tell(server, one->name, "\"frame\":2");
	expect_got(one, "t<1>\nt<\"bye\">\nclose 4000 \n");
	expect_logged("reason=\"its client is being closed\"");
	tell(server, other->name, "\"close_code\":1000");
	expect_got(other, "close 1000 \n");
	/* Who was asked to go is neither heard nor missed. */
	say(one, "3");
	say(other, "no JSON");
	say_close(one, 4000);
	say_close(other, 1000);
	expect_got(one, "<end>\n");
	expect_got(server, "");
	assert_int_equal(frames(RELAY_TO_CLIENT), 2);
	assert_int_equal(frames(RELAY_TO_SERVER), 0);
	assert_int_equal(script.members, 1);
}

static void codes_that_may_not_be_sent_are_dropped(void **state)
{
	static const int codes[] = {1, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535};
	struct peer *server = open_server(), *client = open_client();

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		char rest[64];

		(void)snprintf(rest, sizeof(rest), "\"frame\":1,\"close_code\":%d", codes[i]);
		tell(server, client->name, rest);
		expect_logged("reason=\"its close_code may not be sent\"");
		assert_int_equal(dropped(), i + 1);
	}
	expect_got(client, "");
	tell(server, client->name, "\"close_code\":4999");
	expect_got(client, "close 4999 \n");
}

/* Whatever the id is. */
static void names_pass_both_ways(void **state)
{
	struct peer *server, *client;
	struct buffer text = {0};

	(void)state;
	script.id = "\"\\\xc3\xa9";
	server = open_server();
	client = open_client();
	say(client, "1");
	settle_peers();
	/* What came, as it came, is an envelope for the client. */
	buffer_append(&text, server->got.data + 2, server->got.length - 4);
	assert_non_null(strstr(buffer_text(&text), "\"client-\\\"\\\\\xc3\xa9-"));
	say(server, buffer_text(&text));
	expect_got(client, "t<1>\n");
	buffer_fini(&text);
}

/* Another server has the id by now, and the clients are its own. */
static void who_has_lost_the_id_is_not_heard(void **state)
{
	struct peer *old = open_server(), *server, *client;

	(void)state;
	member_close(old->member, 1011, "gone");
	server = open_server();
	client = open_client();
	tell(old, client->name, "\"frame\":1");
	expect_logged("reason=\"another server has its id\"");
	tell(server, client->name, "\"frame\":2");
	expect_got(client, "t<2>\n");
}

/* Notices. */

static void a_notice_comes_behind_the_last_frame(void **state)
{
	static const struct {
		unsigned code;
		const char *notice;
	} rows[] = {{1000, "1000"}, {4321, "4321"}, {WS_CLOSE_NO_CODE, "1001"}};
	struct peer *server = open_server();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer *client = open_client();
		struct buffer expected = {0};

		say(client, "1");
		say_close(client, rows[i].code);
		buffer_appendf(&expected,
			"t<{\"conn_id\":\"%s\",\"frame\":1}>\n"
			"t<{\"conn_id\":\"%s\",\"close_code\":%s}>\n",
			client->name, client->name, rows[i].notice);
		expect_got(server, buffer_text(&expected));
		buffer_fini(&expected);
	}
	assert_int_equal(frames(RELAY_TO_SERVER), 3);
}

static void a_client_that_breaks_off_is_missed_too(void **state)
{
	struct peer *server = open_server(), *client = open_client();

	(void)state;
	say(client, "1");
	assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
	settle_peers();
	assert_non_null(strstr(buffer_text(&server->got), "\"frame\":1}>\nt<"));
	assert_non_null(strstr(buffer_text(&server->got), "\"close_code\":1001}>\n"));
}

/* Behind our close frame it is heard until its own. */
static void what_crosses_our_close_frame_is_forwarded(void **state)
{
	struct peer *server = open_server(), *client = open_client();

	(void)state;
	member_close(client->member, 1001, "shutting down");
	say(client, "1");
	expect_envelope(server, client->name, "\"frame\":1");
	say_close(client, 1001);
	expect_got(client, "close 1001 shutting down\n<end>\n");
	expect_envelope(server, client->name, "\"close_code\":1001");
}

/* The server has asked for it too, and knows. */
static void who_is_closed_twice_is_not_missed(void **state)
{
	struct peer *server = open_server(), *client = open_client();

	(void)state;
	member_close(client->member, 1011, "backlog full");
	tell(server, client->name, "\"close_code\":1000");
	expect_logged("reason=\"its client is being closed\"");
	say_close(client, 1011);
	expect_got(client, "close 1011 backlog full\n<end>\n");
	expect_got(server, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		relay_test(a_client_s_bytes_pass_as_they_are),
		relay_test(what_is_no_json_ends_the_client),
		relay_test(without_a_server_it_goes_nowhere),
		relay_test(pieces_are_gathered),
		relay_test(a_cut_anywhere_changes_nothing),
		relay_test(long_messages_pass_both_ways),
		relay_test(of_a_broken_message_nothing_is_forwarded),
		relay_test(binary_is_utf8_too),
		relay_test(a_frame_goes_to_its_client_alone),
		relay_test(names_pass_both_ways),
		relay_test(what_is_no_envelope_is_dropped),
		relay_test(a_close_code_comes_behind_its_frame),
		relay_test(codes_that_may_not_be_sent_are_dropped),
		relay_test(who_has_lost_the_id_is_not_heard),
		relay_test(a_notice_comes_behind_the_last_frame),
		relay_test(a_client_that_breaks_off_is_missed_too),
		relay_test(who_is_closed_twice_is_not_missed),
		relay_test(what_crosses_our_close_frame_is_forwarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
