/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of the child's. One that is whole within what was read is looked at where it stands; the
 * beginning of another is kept, and of one that is longer than --max-message only its first and
 * last bytes, in which the id is, so that its call can be told.
 */
#include <assert.h>

#include "mcp/backend_state.h"
#include "mcp/event.h"
#include "mcp/host.h"

#define ENDS_KEPT 4096 /* bytes of a line that is too long, at each end */
#define NOISE_TOLD 512 /* bytes of a line of noise that are logged */

static struct backend *backend_of(struct backend_output *output)
{
	return container_of(output, struct backend, output);
}

/* Messages. */

static void drop(struct backend *backend)
{
	backend->mcp->counts.messages_dropped++;
}

static void note_noise(struct backend *backend, const char *line, size_t length)
{
	backend->mcp->counts.noise_lines++;
	journal_tell(&backend->mcp->service.journal, &mcp_events[MCP_NOISE],
		journal_text(backend->name),
		journal_bytes(line, length < NOISE_TOLD ? length : NOISE_TOLD));
}

/* Returns the call that a number of ours in the message stands for; NULL: none. */
static struct call *call_of(
	struct backend *backend, const struct message *message, const struct json_value *value)
{
	int64_t number;

	return json_integer(message->text, value, &number) && number > 0
		? backend_find_call(backend, (uint64_t)number)
		: NULL;
}

/* The message with the client's text in the place of our number. */
static struct buffer restore(struct backend *backend, const struct message *message,
	const struct json_value *value, const struct call_text *text)
{
	const struct message_change change = {value, text->data, text->length};
	struct buffer line = worker_spare_take(backend->mcp->worker);

	message_write(&line, message, &change, 1);
	return line;
}

static void take_response(struct backend *backend, const struct message *message)
{
	struct call *call = call_of(backend, message, &message->id);
	struct buffer line;

	if (!call) {
		drop(backend);
		return;
	}
	line = restore(backend, message, &message->id, &call->id);
	if (line.failed) {
		call_fail(call, MESSAGE_INTERNAL_ERROR, "there is no memory for the answer");
	} else {
		call_answer(call, line.data, line.length);
	}
	worker_spare_give(backend->mcp->worker, &line);
}

static void take_progress(struct backend *backend, const struct message *message)
{
	struct call *call = call_of(backend, message, &message->progress);
	struct buffer line;

	if (!call || !call->token.length || !call->ops->progress) {
		drop(backend);
		return;
	}
	line = restore(backend, message, &message->progress, &call->token);
	if (line.failed) {
		drop(backend);
	} else {
		call->ops->progress(call, line.data, line.length);
	}
	worker_spare_give(backend->mcp->worker, &line);
}

static void take_message(struct backend *backend, const struct message *message)
{
	switch (message->kind) {
	case MESSAGE_RESPONSE:
		take_response(backend, message);
		return;
	case MESSAGE_NOTIFICATION:
		if (message_is(message, "notifications/progress")) {
			take_progress(backend, message);
			return;
		}
		backend->ops->message(backend, message);
		return;
	case MESSAGE_REQUEST:
		backend->ops->message(backend, message);
		return;
	case MESSAGE_BATCH:
	case MESSAGE_INVALID:
		note_noise(backend, message->text, message->length);
		return;
	}
}

/* Servers of 2025-03-26 may answer in batches; its messages need not belong together. */
static void take_batch(struct backend *backend, const struct message *batch)
{
	struct json_value element = {0};
	struct message message;

	while (!backend->stopping && message_next(batch, &element, &message)) {
		take_message(backend, &message);
	}
}

static void take_line(struct backend *backend, const char *line, size_t length)
{
	struct message message;
	enum json_error error = message_read(&message, line, length, NULL);

	if (error == JSON_EMPTY) {
		return;
	}
	if (error) {
		note_noise(backend, line, length);
	} else if (message.kind == MESSAGE_BATCH) {
		take_batch(backend, &message);
	} else {
		take_message(backend, &message);
	}
}

/* The child would wait for ever for what its client never gets. */
static void refuse_long_request(struct backend *backend, const char *id, size_t length)
{
	struct buffer text = {0};

	message_write_error(&text, id, length, MESSAGE_INVALID_REQUEST,
		"the request is longer than --max-message");
	if (!text.failed) {
		backend_send_text(backend, text.data, text.length);
	}
	buffer_fini(&text);
}

/* Its beginning and its end are there. */
static void take_long_line(struct backend *backend, const struct backend_output *output)
{
	const struct buffer *tail = &output->tail;
	size_t kept = tail->length < ENDS_KEPT ? tail->length : ENDS_KEPT;
	struct call *call = NULL;
	enum message_kind kind;
	const char *id;
	size_t length;

	journal_tell(&backend->mcp->service.journal, &mcp_events[MCP_TOO_LONG],
		journal_text(backend->name), journal_number((int64_t)output->length));
	kind = message_find_id(output->line.data, output->line.length,
		tail->data + tail->length - kept, kept, &id, &length);
	if (kind == MESSAGE_REQUEST) {
		refuse_long_request(backend, id, length);
	} else if (kind == MESSAGE_RESPONSE) {
		const struct message message = {.text = id};
		const struct json_value value = {.kind = JSON_NUMBER, .length = length};

		call = call_of(backend, &message, &value);
	}
	if (call) {
		call_fail(call, MESSAGE_INTERNAL_ERROR,
			"the server's answer was longer than --max-message");
	} else {
		drop(backend);
	}
}

/* Lines. */

static void forget_line(struct backend *backend, struct backend_output *output)
{
	worker_spare_give(backend->mcp->worker, &output->line);
	buffer_fini(&output->tail);
	output->length = 0;
	output->is_long = false;
}

/* Without memory for what the child says, its answers are lost. */
static void give_up(struct backend *backend)
{
	backend_stop(
		backend, MESSAGE_INTERNAL_ERROR, "there is no memory for what the server says");
}

static void keep_tail(struct backend_output *output, const char *bytes, size_t length)
{
	if (length > ENDS_KEPT) {
		bytes += length - ENDS_KEPT;
		length = ENDS_KEPT;
	}
	if (output->tail.length + length > 2 * ENDS_KEPT) {
		buffer_consume(&output->tail, output->tail.length - ENDS_KEPT);
	}
	buffer_append(&output->tail, bytes, length);
}

/*
 * The line is too long with these bytes: of all of them, only both ends are kept. How much of the
 * beginning does not depend on the chunks in which it came.
 */
static void enter_long(
	struct backend_output *output, const char *bytes, size_t length, size_t head_most)
{
	struct buffer line = output->line;
	size_t there = line.length < head_most ? line.length : head_most;

	output->is_long = true;
	buffer_init(&output->line);
	buffer_append(&output->line, line.data, there);
	buffer_append(
		&output->line, bytes, head_most - there < length ? head_most - there : length);
	keep_tail(output, line.data, line.length);
	buffer_fini(&line);
}

/* A part of a line: its end, or all that has come of it. */
static void keep(struct backend *backend, const char *bytes, size_t length)
{
	struct backend_output *output = &backend->output;
	uint64_t most = backend->mcp->config->max_message;

	output->length += length;
	if (!output->is_long && output->length > most) {
		enter_long(output, bytes, length, most < ENDS_KEPT ? (size_t)most : ENDS_KEPT);
	}
	if (output->is_long) {
		keep_tail(output, bytes, length);
	} else {
		if (!output->line.data) {
			output->line = worker_spare_take(backend->mcp->worker);
		}
		buffer_append(&output->line, bytes, length);
	}
	if (output->line.failed || output->tail.failed) {
		give_up(backend);
	}
}

/* The bytes before a newline. */
static void end_line(struct backend *backend, const char *bytes, size_t length)
{
	struct backend_output line;

	if (!backend->output.length && length <= backend->mcp->config->max_message) {
		take_line(backend, bytes, length);
		return;
	}
	keep(backend, bytes, length);
	if (backend->stopping) {
		return;
	}
	line = backend->output;
	buffer_init(&backend->output.line);
	buffer_init(&backend->output.tail);
	forget_line(backend, &backend->output);
	if (line.is_long) {
		take_long_line(backend, &line);
	} else {
		take_line(backend, line.line.data, line.line.length);
	}
	forget_line(backend, &line);
}

/* What a callback makes of the backend is looked at after each line. */
static void take(struct backend *backend, const char *bytes, size_t length)
{
	while (length && !backend->stopping) {
		const char *end;

		if (backend->pauses) {
			buffer_append(&backend->output.held, bytes, length);
			if (backend->output.held.failed) {
				give_up(backend);
			}
			return;
		}
		end = memchr(bytes, '\n', length);
		if (!end) {
			keep(backend, bytes, length);
			return;
		}
		end_line(backend, bytes, (size_t)(end - bytes));
		length -= (size_t)(end + 1 - bytes);
		bytes = end + 1;
	}
}

/* If it is paused meanwhile, or still, the rest is held again. */
static void take_held(struct backend *backend)
{
	struct buffer held = backend->output.held;

	buffer_init(&backend->output.held);
	take(backend, held.data, held.length);
	buffer_fini(&held);
}

/* What the child object calls. */

void output_read(struct curfew_child *child, const char *bytes, size_t length, void *arg)
{
	struct backend *backend = arg;

	(void)child;
	assert(!backend->output.held.length); /* the child is paused until that is taken */
	take(backend, bytes, length);
}

void output_error_line(struct curfew_child *child, const char *line, size_t length, void *arg)
{
	struct backend *backend = arg;

	(void)child;
	journal_tell(&backend->mcp->service.journal, &mcp_events[MCP_CHILD_SAID],
		journal_text(backend->name), journal_bytes(line, length));
}

/* Pausing. */

void backend_pause(struct backend *backend)
{
	if (backend->pauses++ == 0 && !backend->stopping) {
		curfew_child_pause(backend->child);
	}
}

static void resume(struct worker_flush *flush)
{
	struct backend *backend = backend_of(container_of(flush, struct backend_output, again));

	if (backend->exited) {
		if (output_finish(backend)) {
			backend_end(backend);
		}
		return;
	}
	take_held(backend);
	if (!backend->pauses) {
		curfew_child_resume(backend->child);
	}
}

/* At the end of the round: whoever resumes is not called before this has returned. */
void backend_resume(struct backend *backend)
{
	assert(backend->pauses > 0);
	if (--backend->pauses == 0 && !backend->stopping) {
		worker_flush_later(backend->mcp->worker, &backend->output.again);
	}
}

void output_init(struct backend *backend)
{
	backend->output = (struct backend_output){.again = {.run = resume}};
}

bool output_finish(struct backend *backend)
{
	take_held(backend);
	if (backend->pauses && (backend->output.held.length || backend->output.length)) {
		return false;
	}
	if (backend->output.length) {
		end_line(backend, "", 0);
	}
	return true;
}

void output_drop(struct backend *backend)
{
	output_fini(backend);
	if (backend->exited) {
		worker_flush_later(backend->mcp->worker, &backend->output.again);
	}
}

void output_fini(struct backend *backend)
{
	worker_flush_forget(&backend->output.again);
	forget_line(backend, &backend->output);
	buffer_fini(&backend->output.held);
}
