/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the public port: who becomes a member, and how everybody else is refused. */
#include "relay/endpoint.h"

#include <errno.h>

#include "http/server_script.h"

#define WEBSOCKET                                                                                  \
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"               \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define SERVER "GET /v1/server HTTP/1.1\r\nHost: relay.example:8080\r\n"
#define CLIENT "GET /v1/client HTTP/1.1\r\nHost: relay.example:8080\r\n"
#define AGENT "User-Agent: test\r\n"
#define AS_SERVER "X-Relay-Server: my id\r\nX-Relay-Version: 1\r\n" AGENT
#define AS_CLIENT "X-Relay-Server: my id\r\nX-Relay-Token: secret\r\n" AGENT

static struct relay_config config;
static struct relay relay;
static struct lane lane;

/* What member_open was asked, and what it answers. */
static int opens; /* how often */
static int refuses_with;
static enum member_role role;
static char id[MEMBER_ID_MOST + 1];
static char remote[INET6_ADDRSTRLEN];

int member_open(struct relay *of, struct http_connection *from, const struct member_asked *asked)
{
	assert_ptr_equal(of, &relay);
	opens++;
	role = asked->role;
	assert_true(asked->id_length <= MEMBER_ID_MOST);
	memcpy(id, asked->id, asked->id_length);
	id[asked->id_length] = '\0';
	(void)snprintf(remote, sizeof(remote), "%s", asked->remote);
	if (!refuses_with) {
		http_answer_whole(from, 200, NULL, "ok", NULL); /* in place of 101 */
	}
	return refuses_with;
}

static void connect_client(void)
{
	int fds[2];

	tcp_pair(fds);
	client = fds[1];
	script.left = 0;
	assert_int_equal(http_server_take(&lane.server, fds[0], NULL), 0);
}

static int setup(void **state)
{
	(void)state;
	workers_begin(1, 20000);
	config = (struct relay_config){.max_clients = 1};
	relay = (struct relay){
		.config = &config,
		.limiter = {.interval_ms = 0, .burst = 1},
		.lanes = &lane,
		.lane_count = 1,
		.most = 100,
		.started = curfew_now(),
	};
	http_limits_default(&relay.http_limits);
	assert_int_equal(limiter_init(&relay.limiter), 0);
	lane = (struct lane){
		.relay = &relay,
		.worker = worker,
		.server =
			{
				.worker = worker,
				.drain = &worker->drain,
				.handler = &endpoint_handler,
				.limits = &relay.http_limits,
				.scheme = "http",
				.arg = &lane,
				.left = script_left,
			},
	};
	opens = refuses_with = 0;
	got = (struct buffer){0};
	connect_client();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(client);
	run_until(script.left == 1);
	assert_int_equal(lane.requests.begun, lane.requests.ended);
	limiter_fini(&relay.limiter);
	buffer_fini(&got);
	return workers_end() ? 0 : -1;
}

/* Sends a request, and waits for an answer that begins so and has this in it. */
static void ask(const char *request, const char *status, const char *part)
{
	struct buffer text = {0};

	say(request);
	say("\r\n");
	read_until("\r\n\r\n");
	settle();
	(void)client_read();
	readable(&got, &text);
	if (strncmp(buffer_text(&text), status, strlen(status)) != 0 ||
		!strstr(buffer_text(&text), part)) {
		fail_msg("not '%s' with '%s': %s", status, part, buffer_text(&text));
	}
	buffer_fini(&text);
	buffer_consume(&got, got.length);
}

#define OPENED_STATUS "HTTP/1.1 200 "
#define BAD "HTTP/1.1 400 "

static void expect_count(enum member_role of, enum relay_outcome outcome, uint64_t count)
{
	assert_true(lane.counts.upgrades[of][outcome] == count);
}

/* Who is let in. */

static void servers_and_clients_become_members(void **state)
{
	(void)state;
	ask(SERVER AS_SERVER WEBSOCKET, OPENED_STATUS, "ok");
	assert_int_equal(opens, 1);
	assert_int_equal(role, MEMBER_SERVER);
	assert_string_equal(id, "my id");
	assert_string_equal(remote, "127.0.0.1");
	ask(CLIENT AS_CLIENT "X-Relay-Device-Name: phone\r\n" WEBSOCKET, OPENED_STATUS, "ok");
	assert_int_equal(opens, 2);
	assert_int_equal(role, MEMBER_CLIENT);
	assert_int_equal(relay.connections, 2); /* which are the members' */
	expect_count(MEMBER_SERVER, RELAY_OPENED, 1);
	expect_count(MEMBER_CLIENT, RELAY_OPENED, 1);
}

static void a_query_is_passed_over(void **state)
{
	(void)state;
	ask("GET /v1/server?x=1 HTTP/1.1\r\nHost: a\r\n" AS_SERVER WEBSOCKET, OPENED_STATUS, "ok");
	ask("GET /v1/serverx HTTP/1.1\r\nHost: a\r\n" AS_SERVER WEBSOCKET, "HTTP/1.1 404 ", "");
	ask("GET /v1 HTTP/1.1\r\nHost: a\r\n", "HTTP/1.1 404 ", "nothing here");
}

static void another_prefix_is_taken_besides_ours(void **state)
{
	(void)state;
	config.header_prefix = "X-Pyrycode";
	ask(CLIENT "x-pyrycode-server: their id\r\nX-Pyrycode-Token: secret\r\n" AGENT WEBSOCKET,
		OPENED_STATUS, "ok");
	assert_string_equal(id, "their id");
	ask(CLIENT AS_CLIENT WEBSOCKET, OPENED_STATUS, "ok");
	assert_string_equal(id, "my id");
	ask(CLIENT AS_CLIENT "X-Pyrycode-Server: their id\r\n" WEBSOCKET, OPENED_STATUS, "ok");
	assert_string_equal(id, "their id");
	config.header_prefix = NULL;
	ask(CLIENT "X-Pyrycode-Server: a\r\nX-Pyrycode-Token: b\r\n" AGENT WEBSOCKET, BAD,
		"X-Relay-Server is missing");
}

static void proxies_name_their_clients(void **state)
{
	(void)state;
	relay.trusted.count = 1;
	assert_null(address_range_parse("127.0.0.0/8", &relay.trusted.ranges[0]));
	ask(SERVER AS_SERVER WEBSOCKET "X-Forwarded-For: 10.0.0.1, 192.0.2.7\r\n", OPENED_STATUS,
		"ok");
	assert_string_equal(remote, "192.0.2.7");
}

/* Fields. */

static void fields_have_to_be_there(void **state)
{
	static const struct {
		const char *request;
		const char *wrong;
	} cases[] = {
		{SERVER WEBSOCKET, "X-Relay-Server is missing"},
		{SERVER AS_SERVER "X-Relay-Server: b\r\n" WEBSOCKET,
			"X-Relay-Server is there twice"},
		{SERVER "X-Relay-Server:\r\nX-Relay-Version: 1\r\n" AGENT WEBSOCKET,
			"X-Relay-Server is empty"},
		{SERVER "X-Relay-Server: a\r\n" AGENT WEBSOCKET, "X-Relay-Version is missing"},
		{SERVER "X-Relay-Server: a\r\nX-Relay-Version: \t \r\n" AGENT WEBSOCKET,
			"X-Relay-Version is empty"},
		{SERVER "X-Relay-Server: a\r\nX-Relay-Version: 1\r\n" WEBSOCKET,
			"User-Agent is missing"},
		{SERVER "X-Relay-Server: a\r\nX-Relay-Version: 1\r\nUser-Agent:\r\n" WEBSOCKET,
			"User-Agent is empty"},
		{SERVER AS_CLIENT WEBSOCKET, "X-Relay-Version is missing"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask(cases[i].request, BAD, cases[i].wrong);
	}
	ask(CLIENT AS_SERVER WEBSOCKET, BAD, "X-Relay-Token is missing");
	ask(CLIENT "X-Relay-Server: a\r\nX-Relay-Token:\r\n" AGENT WEBSOCKET, BAD,
		"X-Relay-Token is empty");
	assert_int_equal(opens, 0);
	expect_count(MEMBER_SERVER, RELAY_BAD_REQUEST, sizeof(cases) / sizeof(cases[0]));
	expect_count(MEMBER_CLIENT, RELAY_BAD_REQUEST, 2);
}

static void ask_with_id(const char *bytes, const char *status, const char *part)
{
	char request[2048];

	(void)snprintf(request, sizeof(request),
		SERVER "X-Relay-Server: %s\r\nX-Relay-Version: 1\r\n" AGENT WEBSOCKET, bytes);
	ask(request, status, part);
}

static void ids_are_utf8_without_control_characters(void **state)
{
	static const char *const right[] = {
		"a", "\xc3\xa9", "a \xe2\x82\xac \xf0\x9f\x98\x80 b", "\"\\{}", "\x7e"};
	static const char *const wrong[] = {"a\tb", "a\xff", "\xc3", "\xc3(", "\xc0\x80",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "x\xe2\x82"};

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		ask_with_id(right[i], OPENED_STATUS, "ok");
		assert_string_equal(id, right[i]);
	}
	ask_with_id(wrong[0], BAD, "X-Relay-Server has control characters");
	ask_with_id("a\xc2\x80", BAD, "X-Relay-Server has control characters");
	ask_with_id("\xc2\x9f", BAD, "X-Relay-Server has control characters");
	ask_with_id("\xc2\xa0", OPENED_STATUS, "ok");
	for (size_t i = 1; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ask_with_id(wrong[i], BAD, "X-Relay-Server is not UTF-8");
	}
}

static void ids_are_not_too_long(void **state)
{
	char text[MEMBER_ID_MOST + 2] = {0};

	(void)state;
	memset(text, 'a', MEMBER_ID_MOST);
	ask_with_id(text, OPENED_STATUS, "ok");
	assert_string_equal(id, text);
	text[MEMBER_ID_MOST] = 'a';
	ask_with_id(text, BAD, "X-Relay-Server is too long");
}

/* How it is asked for. */

static void a_websocket_has_to_be_asked_for(void **state)
{
	(void)state;
	ask(SERVER AS_SERVER, "HTTP/1.1 426 ", "\nUpgrade: websocket\n");
	ask(SERVER AS_SERVER "Upgrade: websocket\r\nConnection: Upgrade\r\n", BAD, "");
	ask(SERVER AS_SERVER "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			     "Sec-WebSocket-Version: 8\r\n"
			     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
		"HTTP/1.1 426 ", "\nSec-WebSocket-Version: 13\n");
	ask("POST /v1/server HTTP/1.1\r\nHost: a\r\n" AS_SERVER WEBSOCKET, "HTTP/1.1 405 ",
		"\nAllow: GET\n");
	assert_int_equal(opens, 0);
	expect_count(MEMBER_SERVER, RELAY_NO_UPGRADE, 3);
	expect_count(MEMBER_SERVER, RELAY_BAD_REQUEST, 1);
}

static void the_host_has_to_be_the_domain(void **state)
{
	(void)state;
	config.domain = "Relay.example";
	ask(SERVER AS_SERVER WEBSOCKET, OPENED_STATUS, "ok");
	config.domain = "other.example";
	ask(SERVER AS_SERVER WEBSOCKET, "HTTP/1.1 421 ", "another host");
	ask("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n", OPENED_STATUS, "ok"); /* of balancers */
	expect_count(MEMBER_SERVER, RELAY_WRONG_HOST, 1);
	assert_int_equal(opens, 1);
}

/* Places. */

static void there_are_so_many_members(void **state)
{
	(void)state;
	relay.most = 1;
	ask(SERVER AS_SERVER WEBSOCKET, OPENED_STATUS, "ok");
	ask(CLIENT AS_CLIENT WEBSOCKET, "HTTP/1.1 503 ", "\nRetry-After: 5\n");
	assert_int_equal(relay.connections, 1);
	expect_count(MEMBER_CLIENT, RELAY_FULL, 1);
	relay.connections--;
	ask(CLIENT AS_CLIENT WEBSOCKET, OPENED_STATUS, "ok");
}

static void an_address_asks_not_too_often(void **state)
{
	(void)state;
	relay.limiter.interval_ms = 7000;
	ask(SERVER "X-Relay-Server: \r\n" WEBSOCKET, BAD, ""); /* which costs nothing */
	ask(SERVER AS_SERVER, "HTTP/1.1 426 ", "");
	ask(SERVER AS_SERVER WEBSOCKET, OPENED_STATUS, "ok");
	ask(SERVER AS_SERVER WEBSOCKET, "HTTP/1.1 429 ", "\nRetry-After: 7\n");
	ask("GET /healthz HTTP/1.1\r\nHost: a\r\n", OPENED_STATUS, "ok");
	assert_int_equal(relay.connections, 1);
	expect_count(MEMBER_SERVER, RELAY_RATE_LIMITED, 1);
}

static void an_address_has_not_too_many(void **state)
{
	(void)state;
	relay.limiter.most = 1;
	ask(SERVER AS_SERVER WEBSOCKET, OPENED_STATUS, "ok");
	ask(SERVER AS_SERVER WEBSOCKET, "HTTP/1.1 429 ", "too many connections");
	relay.most = 1;
	limiter_leave(&relay.limiter, "127.0.0.1");
	ask(SERVER AS_SERVER WEBSOCKET, "HTTP/1.1 503 ", "");
	relay.most = 2;
	ask(SERVER AS_SERVER WEBSOCKET, OPENED_STATUS, "ok"); /* the 503 gave its place back */
	expect_count(MEMBER_SERVER, RELAY_RATE_LIMITED, 1);
}

static void at_the_end_nobody_is_let_in(void **state)
{
	(void)state;
	relay.ending = true;
	ask(SERVER AS_SERVER WEBSOCKET, "HTTP/1.1 503 ", "\nRetry-After: 1\n");
	ask(CLIENT AS_CLIENT WEBSOCKET, "HTTP/1.1 503 ", "shutting down");
	expect_count(MEMBER_SERVER, RELAY_ENDING, 1);
	assert_int_equal(opens, 0);
}

static void one_that_could_not_be_opened_has_no_place(void **state)
{
	(void)state;
	relay.limiter.most = 1;
	refuses_with = -ESHUTDOWN;
	ask(SERVER AS_SERVER WEBSOCKET, "HTTP/1.1 503 ", "shutting down");
	refuses_with = -ENOMEM;
	ask(SERVER AS_SERVER WEBSOCKET, "HTTP/1.1 503 ", "memory");
	assert_int_equal(opens, 2);
	assert_int_equal(relay.connections, 0);
	expect_count(MEMBER_SERVER, RELAY_ENDING, 1);
	expect_count(MEMBER_SERVER, RELAY_FAILED, 1);
	refuses_with = 0;
	ask(SERVER AS_SERVER WEBSOCKET, OPENED_STATUS, "ok");
}

/* The rest. */

static void health_is_told(void **state)
{
	(void)state;
	lane.counts.servers = 3;
	lane.counts.clients = 14;
	ask("GET /healthz HTTP/1.1\r\nHost: a\r\n", OPENED_STATUS,
		"\"connected_binaries\":3,\"connected_phones\":14,\"uptime_seconds\":0}");
	ask("GET /healthz HTTP/1.1\r\nHost: a\r\n", OPENED_STATUS, "\nCache-Control: no-store\n");
	ask("GET /healthz HTTP/1.1\r\nHost: a\r\n", OPENED_STATUS,
		"{\"status\":\"ok\",\"version\":\"" CURFEW_VERSION "\",");
	ask("HEAD /healthz HTTP/1.1\r\nHost: a\r\n", OPENED_STATUS, "application/json");
	ask("DELETE /healthz HTTP/1.1\r\nHost: a\r\n", "HTTP/1.1 405 ", "\nAllow: GET, HEAD\n");
}

static void what_is_no_request_is_counted(void **state)
{
	(void)state;
	say("GET / HTTP/9.9\r\n");
	ask("", "HTTP/1.1 505 ", "");
	assert_int_equal(lane.requests.ended, 1);
}

#define endpoint_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		endpoint_test(servers_and_clients_become_members),
		endpoint_test(a_query_is_passed_over),
		endpoint_test(another_prefix_is_taken_besides_ours),
		endpoint_test(proxies_name_their_clients),
		endpoint_test(fields_have_to_be_there),
		endpoint_test(ids_are_utf8_without_control_characters),
		endpoint_test(ids_are_not_too_long),
		endpoint_test(a_websocket_has_to_be_asked_for),
		endpoint_test(the_host_has_to_be_the_domain),
		endpoint_test(there_are_so_many_members),
		endpoint_test(an_address_asks_not_too_often),
		endpoint_test(an_address_has_not_too_many),
		endpoint_test(at_the_end_nobody_is_let_in),
		endpoint_test(one_that_could_not_be_opened_has_no_place),
		endpoint_test(health_is_told),
		endpoint_test(what_is_no_request_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
