/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/relay_script.h"

#define IDLE_MOST 1024 /* bytes of a member that says nothing */

static void expect_escaped(const struct member *member, const char *escaped)
{
	assert_int_equal(member->escaped_length, strlen(escaped) + 8);
	assert_memory_equal(member->text + member->escaped_at, escaped, strlen(escaped));
}

static void a_member_has_its_texts(void **state)
{
	struct member *member;
	size_t length;

	(void)state;
	script.id = "caf\xc3\xa9 \"1\"";
	member = open_client()->member;
	assert_int_equal(strlen(member_name(member)), 7 + strlen(script.id) + 9);
	assert_memory_equal(member_name(member), "client-caf\xc3\xa9 \"1\"-", 17);
	assert_string_equal(member_remote(member), "127.0.0.1");
	assert_ptr_equal(member_id(member, &length), member_name(member) + 7);
	assert_int_equal(length, strlen(script.id));
	expect_escaped(member, "client-caf\xc3\xa9 \\\"1\\\"-");
	member = open_server()->member;
	assert_memory_equal(member_name(member), "server-caf\xc3\xa9 \"1\"-", 17);
	script.id = "plain";
	member = open_client()->member;
	expect_escaped(member, "client-plain-");
	assert_ptr_equal(member->text + member->escaped_at, member_name(member));
}

static void names_differ(void **state)
{
	struct peer *one = open_client(), *other = open_client();

	(void)state;
	assert_string_not_equal(one->name, other->name);
}

static void a_name_has_another_number_in_both_texts(void **state)
{
	static const char *const ids[] = {"plain", "\"1\""};
	char before[64];
	const char *number;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct member *member;

		script.id = ids[i];
		member = open_client()->member;
		(void)snprintf(before, sizeof(before), "%s", member_name(member));
		member_rename(member);
		assert_string_not_equal(member_name(member), before);
		assert_int_equal(strlen(member_name(member)), strlen(before));
		assert_memory_equal(member_name(member), before, strlen(before) - 8);
		number = member_name(member) + strlen(before) - 8;
		assert_int_equal(strspn(number, "0123456789abcdef"), 8);
		assert_memory_equal(
			member->text + member->escaped_at + member->escaped_length - 8, number, 8);
		assert_string_equal(member_remote(member), "127.0.0.1");
		assert_ptr_equal(member->ws.hold.name, member_name(member));
	}
}

/* Of a uuid and an address, with what malloc(3) adds. */
static void an_idle_member_is_small(void **state)
{
	static const char text[] = "client-01234567-0123-0123-0123-0123456789ab-01234567\0"
				   "203.100.113.100";

	(void)state;
	assert_true(sizeof(struct member) + sizeof(text) + 16 <= IDLE_MOST);
}

static void data_waits_for_a_place(void **state)
{
	struct peer *server, *client = open_client();

	(void)state;
	script.server_waits = true;
	server = open_server();
	tell(server, client->name, "\"frame\":1");
	tell(server, client->name, "\"frame\":2");
	expect_got(client, "");
	script_register(server->member);
	ws_connection_resume(&server->member->ws);
	expect_got(client, "t<1>\nt<2>\n");
}

static void who_has_no_place_is_muted_when_closed(void **state)
{
	struct peer *server, *client = open_client();

	(void)state;
	script.server_waits = true;
	server = open_server();
	tell(server, client->name, "\"frame\":1");
	say_close(server, 4409);
	expect_got(client, "");
	member_close(server->member, 4409, "id taken");
	expect_got(server, "close 4409 id taken\n<end>\n");
	expect_got(client, "");
	assert_null(server->member);
	assert_int_equal(atomic_load(&script.lane.counts.dropped), 0);
}

static void closing_twice_is_closing_once(void **state)
{
	struct peer *client = open_client();

	(void)state;
	member_close(client->member, 4404, "evicted");
	assert_false(client->member->registered);
	member_close(client->member, 1001, "shutting down");
	expect_got(client, "close 4404 evicted\n");
	say_close(client, 4404);
	expect_got(client, "<end>\n");
}

static void its_places_are_given_back_once(void **state)
{
	struct peer *client = open_client();

	(void)state;
	assert_int_equal(atomic_load(&script.relay.connections), 1);
	say_close(client, 1000);
	expect_got(client, "close 1000 \n<end>\n");
	close(client->fd);
	client->fd = -1;
	run_until(!atomic_load(&script.relay.connections));
	assert_int_equal(script.left, 1);
	assert_int_equal(script.limiter_left, 1);
}

static void its_end_is_logged(void **state)
{
	struct peer *client = open_client();
	char line[1024];

	(void)state;
	say_close(client, 4000);
	(void)snprintf(line, sizeof(line),
		"event=closed server_id=a conn_id=%s remote=127.0.0.1 code=4000 sent=4000 "
		"cause=\"the peer closed it\" age_ms=",
		client->name);
	expect_logged(line);
	client = open_client();
	say_frame(client, TEXT, "\xff");
	expect_logged("code=1006 sent=1007 cause=\"text that is not UTF-8\" age_ms=");
}

static void without_memory_nothing_is_answered(void **state)
{
	struct peer *peer = peer_new();

	(void)state;
	for (script.fail_at = 1;; script.fail_at++) {
		int status = ask_as(peer, MEMBER_CLIENT);

		if (!script.failed) {
			assert_int_equal(status, 101);
			break;
		}
		assert_int_equal(status, 503);
		assert_int_equal(script.error, -ENOMEM);
		close(peer->fd);
		peer->fd = 0;
	}
	assert_true(script.fail_at > 2);
	script.fail_at = 0;
}

static void without_memory_a_message_ends_its_member(void **state)
{
	struct peer *server = open_server(), *client = open_client();
	char part[] = "[1,2,3,";
	struct ws_event piece = {
		.kind = WS_DATA,
		.opcode = WS_OPCODE_TEXT,
		.starts = true,
		.bytes = (uint8_t *)part,
		.length = sizeof(part) - 1,
	};

	(void)state;
	settle();
	while (worker->spare_count) {
		buffer_fini(&worker->spares[--worker->spare_count]);
	}
	allocation_fail(1);
	client->member->ws.handler->data(&client->member->ws, &piece);
	assert_true(allocation_failed());
	expect_got(client, "close 1011 out of memory\n");
	say_frame(client, FIN | WS_OPCODE_TEXT, "4");
	expect_got(server, "");
	assert_null(client->member->gathered.data);
}

static uint64_t gathered(void)
{
	return atomic_load(&script.lane.counts.gathered);
}

/* Says a piece of a message that is not whole, of so many bytes. */
static void say_piece(struct peer *peer, unsigned opcode, size_t length)
{
	struct buffer text = {0};

	memset(buffer_reserve(&text, length), '1', length);
	buffer_commit(&text, length);
	buffer_append_char(&text, '\0');
	say_frame(peer, opcode, text.data);
	buffer_fini(&text);
	settle_peers();
}

static void where_memory_is_short_half_a_message_ends_its_member(void **state)
{
	struct peer *server = open_server(), *client = open_client(), *other = open_client();

	(void)state;
	script.config.max_memory = 200000; /* a third of it for each */
	say_piece(client, WS_OPCODE_TEXT, 120000);
	assert_int_equal(gathered(), 120000);
	say_piece(other, WS_OPCODE_TEXT, 60000);
	say_piece(other, WS_OPCODE_CONTINUATION, 19000);
	assert_int_equal(gathered(), 199000);
	say_piece(other, WS_OPCODE_CONTINUATION, 2000);
	expect_got(other, "close 1011 memory is short\n");
	assert_int_equal(gathered(), 120000);
	say_frame(client, FIN | WS_OPCODE_CONTINUATION, "1");
	settle_peers();
	assert_true(server->got.length > 120000); /* who said no more goes on */
	assert_int_equal(gathered(), 0);
}

/* What is half said when it ends is given back: registry_ended sees to it. */
static void half_a_message_is_forgotten(void **state)
{
	struct peer *server = open_server(), *client = open_client();

	(void)state;
	say_frame(client, WS_OPCODE_TEXT, "[1");
	settle();
	assert_non_null(client->member->gathered.data);
	say_close(client, 1000);
	expect_envelope(server, client->name, "\"close_code\":1000");
	assert_null(client->member);
}

static bool all_closed(void)
{
	for (int i = 0; i < PEERS; i++) {
		if (script.peers[i].fd && !strstr(buffer_text(&script.peers[i].got), "close ")) {
			return false;
		}
	}
	return true;
}

/* 42, 44: and counted as such. */
static void the_drain_asks_them_to_finish(void **state)
{
	struct peer *client = open_client(), *stuck = open_client();

	(void)state;
	curfew_drain_close(&worker->drain, curfew_now() + 200 * INT64_C(1000000));
	while (!all_closed()) {
		settle_peers();
	}
	expect_got(client, "close 1001 shutting down\n");
	say_close(client, 1001);
	expect_got(client, "<end>\n");
	assert_int_equal(atomic_load(&script.lane.counts.closed_clean), 1);
	run_until(!stuck->member);
	settle();
	assert_int_equal(atomic_load(&script.lane.counts.closed_clean), 1);
	assert_int_equal(atomic_load(&script.lane.counts.closed_forced), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		relay_test(a_member_has_its_texts),
		relay_test(names_differ),
		relay_test(a_name_has_another_number_in_both_texts),
		cmocka_unit_test(an_idle_member_is_small),
		relay_test(data_waits_for_a_place),
		relay_test(who_has_no_place_is_muted_when_closed),
		relay_test(closing_twice_is_closing_once),
		relay_test(its_places_are_given_back_once),
		relay_test(its_end_is_logged),
		relay_test(without_memory_nothing_is_answered),
		relay_test(without_memory_a_message_ends_its_member),
		relay_test(where_memory_is_short_half_a_message_ends_its_member),
		relay_test(half_a_message_is_forgotten),
		relay_test(the_drain_asks_them_to_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
