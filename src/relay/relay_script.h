/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: one lane with members of one id, each opened by a request, and their peers as bare
 * sockets. What a peer gets is written as t<hello>, "close 1000 why" and "<end>", a line each. The
 * registry is a small one of ours: it registers all, or lets servers wait.
 */
#ifndef RELAY_RELAY_SCRIPT_H
#define RELAY_RELAY_SCRIPT_H

#include <netinet/tcp.h>
#include <stdio.h>

#include "net/stream_script.h"
#include "relay/ending.h"
#include "relay/event.h"
#include "relay/host.h"
#include "relay/route.h"
#include "tests/allocation.h"
#include "ws/mask.h"
#include "ws/opening.h"

#define PEERS 8
#define ID "a"
#define OPENING                                                                                    \
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"               \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

#define FIN 0x80
#define TEXT (FIN | WS_OPCODE_TEXT)
#define BINARY (FIN | WS_OPCODE_BINARY)

struct peer {
	int fd;
	struct member *member; /* NULL: gone */
	char name[512];        /* of the member */
	struct ws_parser parser;
	struct buffer got;
	bool ended;
};

static struct {
	struct relay relay;
	struct relay_config config;
	struct lane lane;
	struct slot *slot;
	struct peer peers[PEERS];
	struct peer *opening; /* who is asking */
	enum member_role role;
	const char *id;
	int error;   /* of member_open */
	int fail_at; /* its allocation that fails; 0: none */
	bool failed; /* it did */
	bool server_waits;
	int members, left, limiter_left;
	int log[2];
	struct buffer logged;
} script;

/* Who is where. */

static inline struct peer *peer_of(const struct member *member)
{
	for (int i = 0; i < PEERS; i++) {
		if (script.peers[i].member == member) {
			return &script.peers[i];
		}
	}
	fail();
	return NULL;
}

static inline void script_register(struct member *member)
{
	member->registered = true;
	if (member->role == MEMBER_SERVER) {
		script.slot->server = member;
	} else {
		list_append(&script.slot->clients, &member->link);
	}
}

struct lane *registry_lane(struct relay *relay, const char *id, size_t length)
{
	assert_ptr_equal(relay, &script.relay);
	assert_int_equal(length, strlen(script.id));
	assert_memory_equal(id, script.id, length);
	return &script.lane;
}

void registry_join(struct member *member)
{
	script.members++;
	script.opening->member = member;
	memcpy(script.opening->name, member_name(member), strlen(member_name(member)) + 1);
	member->slot = script.slot;
	if (member->role == MEMBER_CLIENT || !script.server_waits) {
		script_register(member);
	}
}

void registry_pong(struct member *server)
{
	assert_int_equal(server->role, MEMBER_SERVER);
}

void registry_leave(struct member *member)
{
	if (!member->registered) {
		return;
	}
	member->registered = false;
	link_remove(&member->link);
	if (member->slot->server == member) {
		member->slot->server = NULL;
	}
	list_append(&member->slot->leaving, &member->link);
}

void registry_ended(struct member *member)
{
	assert_null(member->gathered.data);
	registry_leave(member);
	if (member->role == MEMBER_CLIENT) {
		route_notice(member, member->ws.code);
		route_notice(member, member->ws.code);
	}
	link_remove(&member->link);
	member->slot = NULL;
	member->muted = true;
	script.members--;
	peer_of(member)->member = NULL;
}

struct member *registry_client(struct slot *slot, const char *name, size_t length)
{
	struct curfew_link *lists[] = {&slot->clients, &slot->leaving};

	for (int i = 0; i < 2; i++) {
		list_each(link, lists[i]) {
			struct member *member = container_of(link, struct member, link);

			if (member->role == MEMBER_CLIENT &&
				strlen(member_name(member)) == length &&
				!memcmp(member_name(member), name, length)) {
				return member;
			}
		}
	}
	return NULL;
}

void ending_finish(struct member *member)
{
	member_close(member, WS_CLOSE_GOING_AWAY, ENDING_REASON);
}

void limiter_leave(struct limiter *limiter, const char *address)
{
	assert_ptr_equal(limiter, &script.relay.limiter);
	assert_string_equal(address, "127.0.0.1");
	script.limiter_left++;
}

void service_left(struct service *service)
{
	assert_ptr_equal(service, &script.relay.service);
	script.left++;
}

/* The HTTP side. */

static inline void script_request(struct http_connection *from)
{
	const struct member_asked asked = {
		.role = script.role,
		.id = script.id,
		.id_length = strlen(script.id),
		.remote = http_peer(from),
	};

	atomic_fetch_add(&script.relay.connections, 1);
	allocation_fail(script.fail_at);
	script.error = member_open(&script.relay, from, &asked);
	script.failed = allocation_failed();
	if (script.error) {
		atomic_fetch_sub(&script.relay.connections, 1);
		http_answer_error(from, 503, "no");
	}
}

static inline void script_over(struct http_connection *from, bool whole)
{
	(void)from;
	(void)whole;
}

static const struct http_handler script_http = {.request = script_request, .over = script_over};

static inline void script_begin(void)
{
	memset(&script, 0, sizeof(script));
	script.id = ID;
	script.relay.config = &script.config;
	script.config.max_memory = UINT64_MAX;
	script.relay.lanes = &script.lane;
	script.relay.lane_count = 1;
	ws_limits_default(&script.relay.ws_limits);
	script.relay.ws_limits.ping_ms = CURFEW_NEVER;
	http_limits_default(&script.relay.http_limits);
	script.lane.relay = &script.relay;
	script.lane.worker = worker;
	script.lane.server = (struct http_server){
		.worker = worker,
		.drain = &worker->drain,
		.handler = &script_http,
		.limits = &script.relay.http_limits,
		.scheme = "http",
	};
	script.slot = calloc(1, sizeof(*script.slot));
	list_init(&script.slot->clients);
	list_init(&script.slot->leaving);
	assert_int_equal(pipe2(script.log, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(journal_init(&script.relay.service.journal, life, script.log[1], "relay",
				 CURFEW_LEVEL_INFO, JOURNAL_TEXT),
		0);
}

static inline int script_setup(void **state)
{
	worker_setup(state);
	script_begin();
	return 0;
}

/* What peers send and get. */

static inline void peer_send_bytes(struct peer *peer, const void *bytes, size_t length)
{
	assert_int_equal(send(peer->fd, bytes, length, MSG_NOSIGNAL), length);
}

static inline void append_frame(
	struct buffer *out, unsigned first, const void *bytes, size_t length)
{
	static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
	struct ws_frame frame = {
		.fin = first & FIN, .opcode = first & 0x0f, .masked = true, .length = length};
	uint8_t header[WS_HEADER_MOST];
	char *room;

	memcpy(frame.key, key, sizeof(key));
	buffer_append(out, header, ws_frame_write(header, &frame));
	room = buffer_reserve(out, length);
	assert_non_null(room);
	ws_mask((uint8_t *)room, bytes, length, ws_mask_key(key));
	buffer_commit(out, length);
}

static inline void say_frame(struct peer *peer, unsigned first, const char *text)
{
	struct buffer frame = {0};

	append_frame(&frame, first, text, strlen(text));
	peer_send_bytes(peer, frame.data, frame.length);
	buffer_fini(&frame);
}

static inline void say(struct peer *peer, const char *text)
{
	say_frame(peer, TEXT, text);
}

static inline void say_close(struct peer *peer, unsigned code)
{
	uint8_t payload[WS_CONTROL_MOST];
	struct buffer frame = {0};

	append_frame(&frame, FIN | WS_OPCODE_CLOSE, payload, ws_close_write(payload, code, ""));
	peer_send_bytes(peer, frame.data, frame.length);
	buffer_fini(&frame);
}

static inline void write_event(struct peer *peer, const struct ws_event *event)
{
	struct buffer *got = &peer->got;

	switch (event->kind) {
	case WS_DATA:
		if (event->starts) {
			buffer_append_text(got, event->opcode == WS_OPCODE_TEXT ? "t<" : "b<");
		}
		buffer_append(got, event->bytes, event->length);
		if (event->ends) {
			buffer_append_text(got, ">\n");
		}
		break;
	case WS_CLOSE:
		buffer_appendf(got, "close %u %.*s\n", event->code, (int)event->length,
			event->length ? (char *)event->bytes : "");
		break;
	case WS_FAULT:
		buffer_appendf(got, "fault: %s\n", ws_fault_text(event->fault));
		break;
	default:
		break;
	}
}

static inline void peer_read(struct peer *peer)
{
	static char bytes[65536];
	ssize_t n = 0;

	while (!peer->ended && (n = recv(peer->fd, bytes, sizeof(bytes), 0)) > 0) {
		for (size_t at = 0; at < (size_t)n;) {
			struct ws_event event;

			at += ws_parser_next(
				&peer->parser, (uint8_t *)bytes + at, (size_t)n - at, &event);
			write_event(peer, &event);
		}
	}
	if (!peer->ended && (n == 0 || errno != EAGAIN)) {
		peer->ended = true;
		buffer_append_text(&peer->got, n == 0 ? "<end>\n" : "<reset>\n");
	}
}

static inline void settle_peers(void)
{
	for (int again = 0; again < 2; again++) {
		settle();
		for (int i = 0; i < PEERS; i++) {
			if (script.peers[i].fd) {
				peer_read(&script.peers[i]);
			}
		}
	}
}

/* All that a peer has got since it was asked last. */
static inline void expect_got(struct peer *peer, const char *expected)
{
	settle_peers();
	assert_string_equal(buffer_text(&peer->got), expected);
	buffer_consume(&peer->got, peer->got.length);
}

static inline void read_log(void)
{
	char bytes[4096];
	ssize_t n;

	settle();
	while ((n = read(script.log[0], bytes, sizeof(bytes))) > 0) {
		buffer_append(&script.logged, bytes, (size_t)n);
	}
}

/* Something that was logged since this was asked last, before nothing else. */
static inline void expect_logged(const char *text)
{
	read_log();
	if (!strstr(buffer_text(&script.logged), text)) {
		assert_string_equal(buffer_text(&script.logged), text);
	}
	buffer_consume(&script.logged, script.logged.length);
}

/* A peer asks; its answer is read. Returns the status. */
static inline int ask_as(struct peer *peer, enum member_role role)
{
	const int yes = 1;
	char head[4096];
	ssize_t length;
	int fds[2], status;

	tcp_pair(fds);
	for (int i = 0; i < 2; i++) {
		(void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	}
	*peer = (struct peer){.fd = fds[1]};
	ws_parser_init(&peer->parser, WS_CLIENT, 0);
	script.opening = peer;
	script.role = role;
	assert_int_equal(http_server_take(&script.lane.server, fds[0], NULL), 0);
	peer_send_bytes(peer, OPENING, strlen(OPENING));
	settle();
	length = recv(peer->fd, head, sizeof(head) - 1, 0);
	assert_true(length > 0);
	head[length] = '\0';
	assert_int_equal(sscanf(head, "HTTP/1.1 %d ", &status), 1);
	return status;
}

static inline struct peer *peer_new(void)
{
	struct peer *peer = script.peers;

	while (peer->fd) {
		peer++;
	}
	assert_true(peer < script.peers + PEERS);
	return peer;
}

static inline struct peer *open_as(enum member_role role)
{
	struct peer *peer = peer_new();

	assert_int_equal(ask_as(peer, role), 101);
	assert_int_equal(script.error, 0);
	assert_non_null(peer->member);
	return peer;
}

#define open_server() open_as(MEMBER_SERVER)
#define open_client() open_as(MEMBER_CLIENT)

/* An envelope of a peer's for another: the rest of it behind its name. */
static inline void tell(struct peer *server, const char *name, const char *rest)
{
	struct buffer text = {0};

	buffer_appendf(&text, "{\"conn_id\":\"%s\",%s}", name, rest);
	say(server, buffer_text(&text));
	buffer_fini(&text);
}

/* What the server gets of a client's: the rest of the envelope behind the name. */
static inline void expect_envelope(struct peer *server, const char *name, const char *rest)
{
	struct buffer text = {0};

	buffer_appendf(&text, "t<{\"conn_id\":\"%s\",%s}>\n", name, rest);
	expect_got(server, buffer_text(&text));
	buffer_fini(&text);
}

/* All go, and give back what they had. */
static inline int script_teardown(void **state)
{
	for (int i = 0; i < PEERS; i++) {
		if (script.peers[i].fd > 0) {
			close(script.peers[i].fd);
		}
		buffer_fini(&script.peers[i].got);
	}
	run_until(!script.members && !script.lane.server.connections &&
		!atomic_load(&script.relay.connections));
	settle();
	assert_int_equal(script.left, script.limiter_left);
	assert_int_equal(atomic_load(&script.lane.counts.gathered), 0);
	free(script.slot);
	read_log();
	buffer_fini(&script.logged);
	journal_fini(&script.relay.service.journal, 0);
	close(script.log[0]);
	close(script.log[1]);
	return worker_teardown(state);
}

#define relay_test(test) cmocka_unit_test_setup_teardown(test, script_setup, script_teardown)

#endif
