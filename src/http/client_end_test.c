/* SPDX-License-Identifier: Apache-2.0 */
/* A client that is closed anywhere, that is short of memory, or whose peer is slow. */
#include "http/client_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/chunk.h"
#include "tests/allocation.h"
#include "tests/descriptors.h"

#define INTERIM "HTTP/1.1 103 Early Hints\r\n\r\n"
#define CHUNKED                                                                                    \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"                                    \
	"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\nhello"
#define PIECE ((size_t)65536)
#define PIECE_HEAD "10000\r\n"
#define FRAMED (PIECE + sizeof(PIECE_HEAD) + 1) /* with its CRLF */
#define MUCH ((size_t)4 << 20)                  /* bytes; more than any kernel keeps for a socket */

/* In which callback a client is closed, and how. */
static const char *ending_event;
static void (*ending)(struct http_client *client);

static void end_it(struct script *each, const char *event)
{
	if (!strcmp(event, ending_event)) {
		ending(each->client);
	}
}

static void exchange_with(struct http_asked asked, const char *answer)
{
	script_request("GET", asked);
	http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
	(void)script_got();
	if (script.client) {
		script_say(answer);
	}
	(void)script_got();
	shutdown(script.peer, SHUT_WR);
	script_rounds();
}

static void ends_in(const char *event, struct http_asked asked, const char *answer)
{
	size_t length = strlen(event);
	const char *heard, *last;

	ending_event = event;
	script_begin();
	script.act = end_it;
	exchange_with(asked, answer);
	script_close_peer();
	script_until("closed\n");
	heard = script_heard();
	last = strstr(heard, event);
	assert_non_null(last);
	if (!strcmp(event, "tunnel")) {
		last = strstr(heard, "tunnel hello");
	}
	/* Nothing but closed() behind it; and what was in the same bytes is not told. */
	assert_true(length > 0 && strchr(last, '\n'));
	assert_string_equal(strchr(last, '\n') + 1, "closed\n");
	script_over();
}

static void it_may_be_closed_in_each_callback(void **state)
{
	void (*const endings[])(struct http_client *) = {http_client_close, http_client_reset};
	int count = descriptors_count();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		ending = endings[i];
		ends_in("interim", (struct http_asked){0}, INTERIM CHUNKED);
		ends_in("head", (struct http_asked){0}, INTERIM CHUNKED);
		ends_in("body", (struct http_asked){0}, INTERIM CHUNKED);
		ends_in("end", (struct http_asked){0}, INTERIM CHUNKED);
		ends_in("failed", (struct http_asked){0}, INTERIM);
		ends_in("failed", (struct http_asked){0}, "x");
		ends_in("head", (struct http_asked){.upgrade = true}, SWITCH);
		ends_in("tunnel", (struct http_asked){.upgrade = true}, SWITCH);
		ends_in("tunnel_end", (struct http_asked){.upgrade = true}, SWITCH);
	}
	assert_int_equal(descriptors_count(), count);
}

/* Every call of the owner's is possible when it is over, and writes nothing. */
static void calls_behind_the_end_do_nothing(void **state)
{
	(void)state;
	script_begin();
	script.keeps_open = true;
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_CHUNKED, 0);
	(void)script_got();
	script_say("x");
	assert_string_equal(script_heard(), "failed MALFORMED sent answered\n");
	for (int i = 0; i < 3; i++) {
		http_client_write(script.client, "hello", 5);
		http_client_end(script.client, NULL);
		http_client_tunnel_write(script.client, "hello", 5);
		http_client_resume(script.client);
		assert_int_equal(http_client_queued(script.client), 0);
		if (i == 0) {
			script_rounds();
			assert_string_equal(script_heard(), "");
			http_client_close(script.client);
		} else {
			http_client_reset(script.client);
		}
	}
	script_rounds();
	assert_string_equal(script_heard(), "closed\n");
	script_over();
}

/* What was not taken is not handed out any more, though that was asked for. */
static void closing_behind_a_resume(void **state)
{
	(void)state;
	for (int reset = 0; reset < 2; reset++) {
		script_begin();
		script_request("GET", (struct http_asked){0});
		http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
		(void)script_got();
		script.most = 2;
		script_say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
		assert_string_equal(script_heard(), "head 200\nbody he\n");
		http_client_resume(script.client);
		if (reset) {
			http_client_reset(script.client);
		} else {
			http_client_close(script.client);
		}
		script_rounds();
		script_close_peer();
		script_until("closed");
		assert_string_equal(script_heard(), "closed\n");
		script_over();
	}
}

/* Writes until it should rest. Returns how many pieces were written. */
static size_t write_pieces(size_t before)
{
	static char body[PIECE];
	size_t count = 0;

	while (http_client_queued(script.client) <= STREAM_QUEUE_HIGH) {
		memset(body, 'a' + (int)((before + count) % 26), sizeof(body));
		http_client_write(script.client, body, PIECE);
		count++;
		assert_true(count < MUCH / PIECE);
	}
	return count;
}

/* A request that was written whole reaches a server that does not answer it. */
static void closing_is_in_order(void **state)
{
	static char body[PIECE];
	size_t length = 0;

	(void)state;
	memset(body, 'a', sizeof(body));
	script_begin();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_LENGTH, MUCH);
	for (size_t sum = 0; sum < MUCH; sum += PIECE) {
		http_client_write(script.client, body, PIECE);
	}
	http_client_end(script.client, NULL);
	assert_true(http_client_queued(script.client) > 0);
	http_client_close(script.client);
	script_rounds();
	assert_string_equal(script_heard(), "");
	for (const char *got = script_got(); *got; got = script_got()) {
		length += strlen(got);
	}
	assert_true(length > MUCH);
	assert_int_equal(recv(script.peer, body, 1, 0), 0);
	script_close_peer();
	script_until("closed");
	script_over();
}

/* Who has written all hears no more of it. */
static void a_whole_request_is_not_told_to_go_on(void **state)
{
	(void)state;
	script_begin();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_CHUNKED, 0);
	(void)write_pieces(0);
	http_client_end(script.client, NULL);
	while (*script_got()) {}
	assert_int_equal(http_client_queued(script.client), 0);
	assert_string_equal(script_heard(), "");
	script_over();
}

/* What goes out of an answered request is none of the next one. */
static void sent_is_told_of_each_request(void **state)
{
	static char some[PIECE];
	uint64_t before;

	(void)state;
	script_begin();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_CHUNKED, 0);
	for (size_t sum = 0; sum < MUCH; sum += PIECE) {
		http_client_write(script.client, some, PIECE);
	}
	script_say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	http_client_end(script.client, NULL);
	assert_string_equal(script_heard(), "head 200\nend\n");
	script_request("GET", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
	before = script.client->stream.bytes_out;
	while (script.client->stream.bytes_out == before) {
		assert_true(recv(script.peer, some, sizeof(some), 0) > 0);
		script_rounds();
	}
	shutdown(script.peer, SHUT_WR);
	script_rounds();
	assert_string_equal(script_heard(), "failed CLOSED reused\nclosed\n");
	script_over();
}

/* Nobody waits for a server that has answered and reads no more. */
static void what_is_answered_is_closed_at_once(void **state)
{
	static char body[PIECE];

	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		script_begin();
		script_request("POST", (struct http_asked){0});
		http_client_head_end(script.client, HTTP_FRAMING_LENGTH, MUCH + 1);
		for (size_t sum = 0; sum < MUCH; sum += PIECE) {
			http_client_write(script.client, body, PIECE);
		}
		script_rounds();
		script_say("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
		assert_string_equal(script_heard(), "head 413\nend\n");
		if (whole) {
			http_client_write(script.client, body, 1);
			http_client_end(script.client, NULL);
			assert_true(script.client->reusable);
		}
		http_client_close(script.client);
		script_rounds();
		assert_string_equal(script_heard(), "closed\n");
		script_over();
	}
}

/* Checks that what the server got goes on, from *at, as chunks of PIECE bytes do. */
static void check_chunks(const char *got, size_t *at)
{
	static const char head[] = PIECE_HEAD, end[] = HTTP_CHUNK_END;

	for (; *got; got++, ++*at) {
		size_t place = *at % FRAMED;

		if (place < sizeof(head) - 1) {
			assert_int_equal(*got, head[place]);
		} else if (place < FRAMED - 2) {
			assert_int_equal(*got, 'a' + (int)(*at / FRAMED % 26));
		} else {
			assert_int_equal(*got, end[place + 2 - FRAMED]);
		}
	}
}

/* A writer rests above the mark, and is told when it may go on; every byte arrives, in order. */
static void a_slow_server_is_written_to_in_its_time(void **state)
{
	size_t count = 0, at = 0;

	(void)state;
	script_begin();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_CHUNKED, 0);
	assert_non_null(strstr(script_got(), "chunked\r\n\r\n"));
	for (int times = 0; times < 3; times++) {
		count += write_pieces(count);
		script_rounds();
		assert_string_equal(script_heard(), "");
		for (const char *got = script_got(); *got; got = script_got()) {
			check_chunks(got, &at);
		}
		assert_int_equal(at, count * FRAMED);
		assert_string_equal(script_heard(), "writable\n");
	}
	http_client_end(script.client, NULL);
	assert_string_equal(script_got(), "0\r\n\r\n");
	script_over();
}

static void it_may_be_closed_when_it_may_write(void **state)
{
	void (*const endings[])(struct http_client *) = {http_client_close, http_client_reset};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		ending_event = "writable";
		ending = endings[i];
		script_begin();
		script.act = end_it;
		script_request("POST", (struct http_asked){0});
		http_client_head_end(script.client, HTTP_FRAMING_LENGTH, MUCH);
		(void)write_pieces(0);
		while (*script_got()) {}
		script_close_peer();
		script_until("closed\n");
		assert_string_equal(script_heard(), "writable\nclosed\n");
		script_over();
	}
}

/* One allocation after the other fails: the exchange is whole, or its failure is told, once. */
static void exchange_short_of(int n, struct http_asked asked, const char *answer, bool *failed)
{
	const char *heard;

	script_begin();
	allocation_fail(n);
	exchange_with(asked, answer);
	*failed = allocation_failed();
	script_rounds();
	if (script.client) {
		http_client_close(script.client);
	}
	script_rounds();
	heard = script_heard();
	if (strstr(heard, "failed ")) {
		assert_non_null(strstr(heard, *failed ? "failed NO_MEMORY" : "failed CLOSED"));
		assert_string_equal(strchr(strstr(heard, "failed"), '\n') + 1, "closed\n");
	} else {
		assert_non_null(strstr(heard, "hello"));
	}
	script_over();
}

static void each_allocation_may_fail(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		exchange_short_of(n, (struct http_asked){0}, INTERIM CHUNKED, &failed);
		assert_true(n > 2 || failed);
	}
	failed = true;
	for (int n = 1; failed; n++) {
		exchange_short_of(n, (struct http_asked){.upgrade = true}, SWITCH, &failed);
	}
}

/* What is not taken has to be kept, for which there may be no memory. */
static void keeping_may_fail(void **state)
{
	(void)state;
	script_begin();
	script_request("GET", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
	(void)script_got();
	script_say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
	script.most = 2;
	allocation_fail(1);
	script_say("hello");
	assert_true(allocation_failed());
	assert_string_equal(
		script_heard(), "head 200\nbody he\nfailed NO_MEMORY sent answered\nclosed\n");
	script_over();
}

static void a_socket_that_cannot_be_watched(void **state)
{
	struct http_client client;

	(void)state;
	assert_true(http_client_init(&client, script.worker, -1, NULL, &script_handler, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_may_be_closed_in_each_callback),
		cmocka_unit_test(calls_behind_the_end_do_nothing),
		cmocka_unit_test(closing_behind_a_resume),
		cmocka_unit_test(closing_is_in_order),
		cmocka_unit_test(a_whole_request_is_not_told_to_go_on),
		cmocka_unit_test(sent_is_told_of_each_request),
		cmocka_unit_test(what_is_answered_is_closed_at_once),
		cmocka_unit_test(a_slow_server_is_written_to_in_its_time),
		cmocka_unit_test(it_may_be_closed_when_it_may_write),
		cmocka_unit_test(each_allocation_may_fail),
		cmocka_unit_test(keeping_may_fail),
		cmocka_unit_test(a_socket_that_cannot_be_watched),
	};

	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
