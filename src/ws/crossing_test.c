/* SPDX-License-Identifier: Apache-2.0 */
/* A WebSocket that is opened on a worker in another thread than the one that was asked for it. */
#include "net/cross_script.h"
#include "tests/allocation.h"
#include "ws/connection_script.h"

static struct {
	struct worker *to;
	void (*on_request)(void); /* behind ws_accept_on, before anything can have arrived */
	void (*on_opened)(void);
	bool opened;
	int asked; /* how often the finish() of a handler came */
} crossing;

static void heard(const char *text)
{
	buffer_append_text(&script.heard, text);
	far_tell();
}

static void on_opened(struct ws_connection *ws)
{
	assert_ptr_equal(ws, &script.ws);
	assert_true(
		pthread_equal(pthread_self(), crossing.to == far ? far->thread : pthread_self()));
	assert_int_equal(ws->state, WS_CONNECTION_OPEN);
	assert_string_equal(buffer_text(&script.heard), "");
	crossing.opened = true;
	if (crossing.on_opened) {
		crossing.on_opened();
	}
	heard("opened\n");
}

static size_t on_data(struct ws_connection *ws, const struct ws_event *piece)
{
	size_t taken = script_data(ws, piece);

	assert_true(crossing.opened);
	far_tell();
	return taken;
}

static void on_finish(struct ws_connection *ws)
{
	assert_true(crossing.opened);
	crossing.asked++;
	ws_connection_close(ws, 1012, "as it likes");
}

static void on_closed(struct ws_connection *ws, uint16_t code, bool clean)
{
	script_closed(ws, code, clean);
	far_tell();
}

static const struct ws_handler plain_handler = {
	.opened = on_opened,
	.data = on_data,
	.ended = script_ended,
	.closed = on_closed,
};

static const struct ws_handler finishing_handler = {
	.opened = on_opened,
	.data = on_data,
	.finish = on_finish,
	.closed = on_closed,
};

static void on_request(struct http_connection *from)
{
	const struct ws_setting setting = {
		.worker = crossing.to,
		.drain = &crossing.to->drain,
		.handler = script.finishes ? &finishing_handler : &plain_handler,
		.limits = &script.limits,
		.name = "test",
	};

	assert_int_equal(ws_opening_status(from), 0);
	script.error = ws_accept_on(&script.ws, from, &setting);
	script.open = !script.error;
	if (script.error) {
		assert_int_equal(script.error, -ESHUTDOWN);
		http_answer_error(from, 503, "the server is shutting down");
	}
	if (crossing.on_request) {
		crossing.on_request();
	}
	assert_false(crossing.opened);
}

static const struct http_handler http = {.request = on_request, .over = script_over};

/* A connection to an HTTP server on the first worker, for WebSockets on another one. */
static void serve_for(struct worker *to)
{
	crossing.to = to;
	crossing.opened = false;
	serve();
	script.server.handler = &http;
}

/* The peer has sent what it will, and the HTTP connection is gone. */
static void http_over(void)
{
	run_until(script_http_gone());
	assert_int_equal(script.gone, !script.open);
}

static const char *expected;

static bool has_heard(void)
{
	return !strcmp(buffer_text(&script.heard), expected);
}

static void forget_heard(void)
{
	buffer_consume(&script.heard, script.heard.length);
}

/* What the handler hears, all of it. */
static void far_heard(const char *text)
{
	expected = text;
	there_until(has_heard);
	there(forget_heard);
}

static void wait_for_peer(void)
{
	struct pollfd ready[] = {{script.peer, POLLIN, 0}, {worker->loop->epoll_fd, POLLIN, 0}};

	(void)poll(ready, 2, round_timeout());
	round_now();
}

static void far_head(const char *status)
{
	const char *end;

	while (peer_read(), !(end = strstr(buffer_text(&script.raw), "\r\n\r\n"))) {
		assert_false(script.peer_ended);
		wait_for_peer();
	}
	assert_memory_equal(buffer_text(&script.raw), status, strlen(status));
	buffer_consume(&script.raw, (size_t)(end + 4 - script.raw.data));
}

/* What the peer gets, all of it. */
static void far_got(const char *text)
{
	while (peer_read_frames(), strcmp(buffer_text(&script.got), text) != 0) {
		assert_false(script.peer_ended);
		wait_for_peer();
	}
	buffer_consume(&script.got, script.got.length);
}

static bool has_closed(void)
{
	return script.closed;
}

static void far_over(void)
{
	if (script.peer >= 0) {
		close(script.peer);
	}
	http_over();
	if (script.open) {
		there_until(has_closed);
	}
	buffer_fini(&script.heard);
	buffer_fini(&script.got);
	buffer_fini(&script.raw);
	crossing.on_request = NULL;
	crossing.on_opened = NULL;
}

static void send_hello(void)
{
	assert_int_equal(ws_send(&script.ws, WS_OPCODE_TEXT, "hello", 5), 0);
}

static void it_is_opened_there(void **state)
{
	(void)state;
	serve_for(far);
	say(OPENING);
	far_head("HTTP/1.1 101 ");
	far_heard("opened\n");
	http_over();
	assert_int_equal(curfew_drain_count(&worker->drain), 0);
	assert_int_equal(curfew_drain_count(&far->drain), 1);
	say_frame(TEXT, "one");
	far_heard("t<one>\n");
	there(send_hello);
	far_got("t<hello>\n");
	say_close(1000, "");
	far_got("close 1000 \n<end>\n");
	far_heard("ended: the peer closed it\nclosed 1000 clean\n");
	far_over();
}

/* With the same way for the thread that was asked: nothing is called before its next round. */
static void there_may_be_here(void **state)
{
	(void)state;
	serve_for(worker);
	crossing.on_opened = send_hello;
	say(OPENING);
	run_until(crossing.opened);
	far_head("HTTP/1.1 101 ");
	far_got("t<hello>\n");
	say_frame(TEXT, "one");
	expect_heard("opened\nt<one>\n");
	close(script.peer);
	script.peer = -1;
	run_until(script.closed);
	far_over();
}

/* Wherever what it sends is cut, and with frames right behind the handshake. */
static void frames_may_come_ahead(void **state)
{
	struct buffer bytes = {0};

	(void)state;
	buffer_append_text(&bytes, OPENING);
	append_frame(&bytes, TEXT, "hello", 5, true);
	append_frame(&bytes, BINARY, "you", 3, true);
	for (size_t cut = 1; cut <= bytes.length; cut++) {
		serve_for(far);
		send_bytes(bytes.data, cut);
		settle();
		send_bytes(bytes.data + cut, bytes.length - cut);
		http_over();
		far_heard("opened\nt<hello>\nb<you>\n");
		far_over();
	}
	buffer_fini(&bytes);
}

/* What came ahead is still told, and then that the peer has gone. */
static void the_peer_may_end_ahead(void **state)
{
	struct buffer bytes = {0};

	(void)state;
	buffer_append_text(&bytes, OPENING);
	for (int i = 0; i < 2; i++) {
		serve_for(far);
		send_bytes(bytes.data, bytes.length);
		peer_shut();
		http_over();
		far_heard(i ? "opened\nt<hello>\nended: it broke off\nclosed 1006\n"
			    : "opened\nended: it broke off\nclosed 1006\n");
		far_head("HTTP/1.1 101 ");
		far_over();
		append_frame(&bytes, TEXT, "hello", 5, true);
	}
	buffer_fini(&bytes);
}

/* While it is on its way: half of it, or all. */
static void the_peer_may_go_meanwhile(void **state)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		far_stop();
		serve_for(far);
		say(OPENING);
		http_over();
		assert_true(script.open);
		if (i == 0) {
			peer_shut();
		} else {
			(void)setsockopt(
				script.peer, SOL_SOCKET, SO_LINGER, &now, i == 1 ? sizeof(now) : 0);
			close(script.peer);
			script.peer = -1;
		}
		far_go();
		far_heard("opened\nended: it broke off\nclosed 1006\n");
		far_over();
	}
}

/* The drain's wishes. */

static void close_far(void)
{
	curfew_drain_close(&far->drain, CURFEW_NEVER);
}

static void cut_far(void)
{
	curfew_drain_cut(&far->drain);
}

static void close_and_cut_far(void)
{
	close_far();
	cut_far();
}

static void a_drain_that_is_closed_takes_none(void **state)
{
	(void)state;
	close_far();
	serve_for(far);
	say(OPENING);
	far_head("HTTP/1.1 503 ");
	assert_int_equal(script.error, -ESHUTDOWN);
	far_over();
}

/* What is asked on the way, of which the drain knows nothing, is done behind opened(). */
static void it_may_be_asked_to_finish_on_its_way(void **state)
{
	(void)state;
	far_stop();
	serve_for(far);
	crossing.on_request = close_far;
	say(OPENING);
	http_over();
	say_frame(TEXT, "meanwhile");
	far_go();
	far_head("HTTP/1.1 101 ");
	far_got("close 1001 shutting down\n");
	far_heard("opened\nt<meanwhile>\n");
	say_frame(TEXT, "still heard");
	say_close(1001, "");
	far_heard("t<still heard>\nended: closed\nclosed 1001 clean\n");
	far_got("<end>\n");
	far_over();
}

static void its_owner_may_finish_it(void **state)
{
	(void)state;
	crossing.asked = 0;
	serve_for(far);
	script.finishes = true;
	crossing.on_request = close_far;
	say(OPENING);
	far_head("HTTP/1.1 101 ");
	far_got("close 1012 as it likes\n");
	say_close(1012, "");
	far_heard("opened\nclosed 1012 clean\n");
	assert_int_equal(crossing.asked, 1);
	far_over();
}

static void close_it(void)
{
	ws_connection_close(&script.ws, 4404, "no server");
}

static void cut_it(void)
{
	send_hello();
	ws_connection_cut(&script.ws);
}

/* Its owner has closed it by then: one close frame is all. */
static void it_may_be_closed_as_it_opens(void **state)
{
	(void)state;
	serve_for(far);
	crossing.on_request = close_far;
	crossing.on_opened = close_it;
	say(OPENING);
	far_head("HTTP/1.1 101 ");
	far_got("close 4404 no server\n");
	say_close(4404, "");
	far_got("<end>\n");
	far_heard("opened\nended: closed\nclosed 4404 clean\n");
	far_over();
}

static void it_may_be_cut_as_it_opens(void **state)
{
	(void)state;
	serve_for(far);
	crossing.on_request = close_and_cut_far;
	crossing.on_opened = cut_it;
	say(OPENING);
	far_head("HTTP/1.1 101 ");
	far_got("t<hello>\n<end>\n");
	far_heard("opened\nended: cut\nclosed 1006\n");
	far_over();
}

/* It gets its 101 and its 1001 even so, as far as the kernel takes them. */
static void it_may_be_cut_on_its_way(void **state)
{
	void (*const ways[])(void) = {cut_far, close_and_cut_far};

	(void)state;
	for (int i = 0; i < 2; i++) {
		if (i) { /* a drain that is open */
			assert_int_equal(far_teardown(NULL), 0);
			assert_int_equal(far_setup(NULL), 0);
		}
		far_stop();
		serve_for(far);
		crossing.on_request = ways[i];
		say(OPENING);
		http_over();
		far_go();
		far_head("HTTP/1.1 101 ");
		far_got("close 1001 shutting down\n<end>\n");
		far_heard("opened\nended: cut\nclosed 1006\n");
		far_over();
	}
}

/* The report counts it where it is: closed in order, or forced. */
static void the_end_awaits_it(void **state)
{
	(void)state;
	far_stop();
	serve_for(far);
	say(OPENING);
	http_over();
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	settle();
	assert_false(curfew_lifecycle_done(life));
	far_go();
	far_head("HTTP/1.1 101 ");
	far_got("close 1001 shutting down\n");
	say_close(1001, "");
	far_got("<end>\n");
	far_over();
	assert_int_equal(worker_pool_run(&pool), 0);
}

/* Wherever the first thread's memory ends: it is opened, or it breaks off; and nothing is left. */
static void memory_may_end(void **state)
{
	struct buffer bytes = {0};
	bool failed = true;

	(void)state;
	buffer_append_text(&bytes, OPENING);
	append_frame(&bytes, TEXT, "hello", 5, true);
	for (int n = 1; failed; n++) {
		serve_for(far);
		settle();
		send_bytes(bytes.data, bytes.length);
		peer_shut();
		allocation_fail(n);
		http_over();
		failed = allocation_failed();
		if (!failed) {
			far_heard("opened\nt<hello>\nended: it broke off\nclosed 1006\n");
		}
		far_over();
		assert_true(n > 1 || failed);
	}
	buffer_fini(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		far_test(it_is_opened_there),
		far_test(there_may_be_here),
		far_test(frames_may_come_ahead),
		far_test(the_peer_may_end_ahead),
		far_test(the_peer_may_go_meanwhile),
		far_test(a_drain_that_is_closed_takes_none),
		far_test(it_may_be_asked_to_finish_on_its_way),
		far_test(its_owner_may_finish_it),
		far_test(it_may_be_closed_as_it_opens),
		far_test(it_may_be_cut_as_it_opens),
		far_test(it_may_be_cut_on_its_way),
		far_test(the_end_awaits_it),
		far_test(memory_may_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
