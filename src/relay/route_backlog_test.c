/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for those who do not read. */
#include "relay/relay_script.h"

static uint64_t frames(enum relay_direction direction)
{
	return atomic_load(&script.lane.counts.frames[direction]);
}

/* Says numbers until the outbox of whom they are for is full. Returns how many. */
static int say_until_closed(struct peer *from, const struct peer *to, const char *name)
{
	static char padding[4096];
	struct buffer text = {0};
	int said = 0;

	memset(padding, ' ', sizeof(padding) - 1);
	while (to->member->ws.state == WS_CONNECTION_OPEN) {
		buffer_consume(&text, text.length);
		if (name) {
			buffer_appendf(&text, "{\"conn_id\":\"%s\",\"frame\":[%d%s]}", name, ++said,
				padding);
		} else {
			buffer_appendf(&text, "[%d%s]", ++said, padding);
		}
		say(from, buffer_text(&text));
		settle();
	}
	buffer_fini(&text);
	return said;
}

/* How many came, each behind the one before; then the close frame, and nothing else. */
static int count_in_order(struct peer *peer)
{
	const char *at;
	int count = 0;

	settle_peers();
	for (at = strchr(buffer_text(&peer->got), '['); at; at = strchr(at + 1, '[')) {
		assert_int_equal(atoi(at + 1), ++count);
	}
	at = strstr(buffer_text(&peer->got), "close ");
	assert_non_null(at);
	assert_string_equal(at, "close 1011 backlog full\n");
	assert_null(strstr(at, "["));
	return count;
}

/* Nothing is ended because a machine is slow. */
static void small_outboxes(void)
{
	script.relay.ws_limits.outbox_most = 100000;
	script.relay.ws_limits.write_ms = CURFEW_NEVER;
	script.relay.ws_limits.close_ms = CURFEW_NEVER;
}

static void a_server_that_does_not_read_is_ended(void **state)
{
	struct peer *server, *client;
	int said;

	(void)state;
	small_outboxes();
	server = open_server();
	client = open_client();
	said = say_until_closed(client, server, NULL);
	expect_logged("reason=\"backlog full\"");
	say(client, "[0]"); /* for nobody */
	settle();
	assert_int_equal(count_in_order(server), said - 1);
	assert_int_equal(frames(RELAY_TO_SERVER), said - 1);
	expect_got(client, "");
	assert_null(script.slot->server);
}

static void a_client_that_does_not_read_is_ended(void **state)
{
	struct peer *server, *client;
	int said;

	(void)state;
	small_outboxes();
	server = open_server();
	client = open_client();
	said = say_until_closed(server, client, client->name);
	expect_logged("reason=\"backlog full\"");
	tell(server, client->name, "\"frame\":[0]");
	settle();
	assert_int_equal(count_in_order(client), said - 1);
	assert_int_equal(frames(RELAY_TO_CLIENT), said - 1);
	assert_int_equal(atomic_load(&script.lane.counts.dropped), 2);
	/* What it says before its own close frame counts. */
	say(client, "[7]");
	expect_envelope(server, client->name, "\"frame\":[7]");
	say_close(client, 1011);
	expect_envelope(server, client->name, "\"close_code\":1011");
}

/* Which cannot be told of an end has missed one. */
static void a_notice_without_room_ends_the_server(void **state)
{
	struct peer *server, *client;

	(void)state;
	script.relay.ws_limits.outbox_most = WS_MESSAGE_COST + 32;
	server = open_server();
	client = open_client();
	say_close(client, 1000);
	settle();
	expect_got(server, "close 1011 backlog full\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		relay_test(a_server_that_does_not_read_is_ended),
		relay_test(a_client_that_does_not_read_is_ended),
		relay_test(a_notice_without_room_ends_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
