/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a child of curfew mcp writes. The first byte gives --max-message; the rest is the output.
 * What is made of it must be the same however it is cut: whole, byte by byte, and in two at every
 * point. Each call ends once at most, and what its owner gets is JSON with the client's id. What
 * the child gets is answers.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/list.h"
#include "child/child.h"
#include "mcp/backend_state.h"
#include "mcp/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALLS 8
#define MOST_SPLITS 128
#define ID "\"the client's\""
#define TOKEN "12345678901234567890"

static struct worker worker;
static struct curfew_child child; /* takes input, of which nothing is written */
static struct mcp_config config;
static struct mcp mcp = {.config = &config, .worker = &worker};
static struct buffer seen;

static void note(const char *what, const char *text, size_t length)
{
	struct message message;

	assert(message_read(&message, text, length, NULL) == JSON_OK);
	buffer_append_text(&seen, what);
	buffer_append(&seen, text, length);
	buffer_append_char(&seen, '\n');
}

static void answered(struct call *call, const char *line, size_t length)
{
	struct message message;

	assert(!call->backend);
	assert(message_read(&message, line, length, NULL) == JSON_OK);
	assert(message.kind == MESSAGE_RESPONSE && message.id.length == strlen(ID) &&
		!memcmp(line + message.id.start, ID, strlen(ID)));
	note("answer ", line, length);
}

static void progressed(struct call *call, const char *line, size_t length)
{
	assert(call->backend);
	note("progress ", line, length);
}

static void failed(struct call *call, int code, const char *reason)
{
	assert(!call->backend);
	buffer_appendf(&seen, "failed %d %d %s\n", (int)call->number, code, reason);
}

static void came(struct backend *backend, const struct message *message)
{
	assert(!backend->stopping);
	assert(message->kind == MESSAGE_REQUEST || message->kind == MESSAGE_NOTIFICATION);
	note("message ", message->text, message->length);
}

static const struct call_ops call_ops = {answered, progressed, failed};
static const struct backend_ops backend_ops = {.message = came};

/* What the child would get. */
static void note_input(struct backend *backend)
{
	struct buffer *queue = &backend->input.queue;

	for (size_t at = 0; at < queue->length;) {
		const char *line = queue->data + at;
		const char *end = memchr(line, '\n', queue->length - at);
		struct message message;

		assert(end);
		assert(message_read(&message, line, (size_t)(end - line), NULL) == JSON_OK);
		assert(message.kind == MESSAGE_RESPONSE);
		note("told ", line, (size_t)(end - line));
		at += (size_t)(end - line) + 1;
	}
	worker_flush_forget(&backend->input.flush);
	worker_spare_give(&worker, queue);
}

/* Calls in flight, without a child that they were sent to. */
static void begin(struct backend *backend, struct call calls[CALLS])
{
	*backend = (struct backend){.mcp = &mcp, .ops = &backend_ops, .child = &child};
	list_init(&worker.unflushed);
	for (int i = 0; i < BACKEND_BUCKETS; i++) {
		list_init(&backend->calls[i]);
	}
	output_init(backend);
	for (unsigned i = 0; i < CALLS; i++) {
		calls[i] = (struct call){.ops = &call_ops, .backend = backend, .number = i + 1};
		calls[i].id = (struct call_text){ID, strlen(ID)};
		calls[i].token = (struct call_text){TOKEN, i % 2 ? strlen(TOKEN) : 0};
		list_append(&backend->calls[(i + 1) % BACKEND_BUCKETS], &calls[i].link);
		backend->call_count++;
	}
	mcp.counts = (struct mcp_counts){0};
}

static void feed(const char *bytes, size_t length, size_t cut)
{
	struct backend backend;
	struct call calls[CALLS];

	begin(&backend, calls);
	if (cut <= length) {
		output_read(NULL, bytes, cut, &backend);
		output_read(NULL, bytes + cut, length - cut, &backend);
	} else {
		for (size_t i = 0; i < length; i++) {
			output_read(NULL, bytes + i, 1, &backend);
		}
	}
	assert(output_finish(&backend));
	assert(!backend.stopping);
	output_fini(&backend);
	note_input(&backend);
	buffer_appendf(&seen, "%d left, %d noise, %d dropped", (int)backend.call_count,
		(int)mcp.counts.noise_lines, (int)mcp.counts.messages_dropped);
	for (unsigned i = 0; i < CALLS; i++) {
		call_forget(&calls[i]);
	}
	assert(!backend.call_count);
}

static void check(const struct buffer *expected, const char *bytes, size_t length, size_t cut)
{
	feed(bytes, length, cut);
	assert(!seen.failed && seen.length == expected->length &&
		!memcmp(seen.data, expected->data, seen.length));
	buffer_fini(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 1;
	struct buffer expected;

	if (!size) {
		return 0;
	}
	config.max_message = (data[0] + 1U) * 4;
	feed(bytes, size - 1, 0);
	expected = seen;
	buffer_init(&seen);
	check(&expected, bytes, size - 1, SIZE_MAX);
	for (size_t cut = 1; cut < size && cut <= MOST_SPLITS; cut++) {
		check(&expected, bytes, size - 1, cut);
	}
	buffer_fini(&expected);
	while (worker.spare_count) {
		buffer_fini(&worker.spares[--worker.spare_count]);
	}
	return 0;
}
