/* SPDX-License-Identifier: Apache-2.0 */
/* For node_script.h: what a scripted node is made of, and how it answers. */
#ifndef LOAD_NODE_STATE_SCRIPT_H
#define LOAD_NODE_STATE_SCRIPT_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "load/plan.h"
#include "net/worker_script.h"
#include "tests/allocation.h"
#include "tests/descriptors.h"
#include "ws/frame.h"
#include "ws/handshake.h"
#include "ws/parser.h"
#include "json/reader.h"

#define NODE_PEERS 32
#define NODE_CANNED 16

/* A connection of somebody's. */
struct node_peer {
	struct source source; /* fd -1: there is none */
	struct buffer in;
	bool is_ws;
	struct ws_parser parser;
	struct buffer message;
};

struct node_question {
	struct node_peer *peer; /* NULL: it is gone */
	struct curfew_link link;
	uint64_t id;
	char method[48];
	char params[700];
};

struct scripted_node {
	struct source source; /* the listener */
	uint16_t port;
	struct endpoint endpoint, websocket;
	struct node_peer peers[NODE_PEERS];
	int fence[2];
	int accepted;               /* connections, ever */
	struct curfew_link waiting; /* questions */
	struct buffer asked;
	bool is_called; /* by the loop */
	bool refuses_ws;
	struct {
		const char *method, *result;
	} canned[NODE_CANNED];
	/* Answers it and returns true; or leaves it. NULL */
	bool (*answer)(struct node_question *question);
};

static struct scripted_node node;
static int64_t node_clock;
static int node_descriptors;

/* What it says. */

static inline void node_send(struct node_peer *peer, const void *bytes, size_t length)
{
	size_t sent = 0;

	while (peer && sent < length) {
		ssize_t n = send(peer->source.fd, (const char *)bytes + sent, length - sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN) {
			return; /* who asked is gone */
		}
		sent += n > 0 ? (size_t)n : 0;
		if (n < 0) {
			assert_false(node.is_called); /* answered by the test itself: others read */
			round_now();
		}
	}
}

static inline void node_append_frame(struct buffer *out, const char *text, size_t length)
{
	const struct ws_frame frame = {.fin = true, .opcode = WS_OPCODE_TEXT, .length = length};
	uint8_t header[WS_HEADER_MOST];

	buffer_append(out, header, ws_frame_write(header, &frame));
	buffer_append(out, text, length);
}

static inline void node_say_frame(struct node_peer *peer, const char *text)
{
	struct buffer frame = {0};

	node_append_frame(&frame, text, strlen(text));
	node_send(peer, frame.data, frame.length);
	buffer_fini(&frame);
}

static inline void node_forget(struct node_question *question)
{
	link_remove(&question->link);
	free(question);
}

/* Answers over HTTP with any status. The question is over, as it is by all of these. */
static inline void node_status(struct node_question *question, int status, const char *body)
{
	struct buffer answer = {0};

	buffer_appendf(&answer,
		"HTTP/1.1 %d Some\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		status, strlen(body));
	buffer_append_text(&answer, body);
	node_send(question->peer, answer.data, answer.length);
	buffer_fini(&answer);
	node_forget(question);
}

static inline void node_say(struct node_question *question, const char *body)
{
	if (question->peer && question->peer->is_ws) {
		node_say_frame(question->peer, body);
		node_forget(question);
	} else {
		node_status(question, 200, body);
	}
}

static inline void node_result(struct node_question *question, const char *result)
{
	struct buffer body = {0};

	buffer_appendf(&body, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":%s}",
		(unsigned long long)question->id, result);
	node_say(question, buffer_text(&body));
	buffer_fini(&body);
}

static inline void node_error(struct node_question *question, int code, const char *message)
{
	struct buffer body = {0};

	buffer_appendf(&body,
		"{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{\"code\":%d,\"message\":\"%s\"}}",
		(unsigned long long)question->id, code, message);
	node_say(question, buffer_text(&body));
	buffer_fini(&body);
}

#endif
