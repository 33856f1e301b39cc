/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend from its start to its end, and its calls.
 *
 *	backend_start                       the child runs, under its keeper
 *	backend_call ... answered, failed   calls, by the number that the child knows
 *	backend_stop, or the child ends     calls fail; the ladder runs
 *	child_ended -> ended()              the keeper is gone, and by that the whole tree
 *
 * What a child that ends by itself leaves behind is ended by the keeper first, within --term-wait.
 * That it has left is told before (left()); its calls fail when all is gone, since what it has said
 * may still be on its way.
 */
#include "mcp/backend.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/signal_name.h"
#include "child/child.h"
#include "mcp/backend_state.h"
#include "mcp/event.h"
#include "mcp/host.h"

#define NUMBER_TEXT 24 /* bytes of a number as text */
#define REASON_TEXT 96

/* Calls. */

static struct curfew_link *bucket_of(struct backend *backend, uint64_t number)
{
	return &backend->calls[number % BACKEND_BUCKETS];
}

static struct call *call_at(struct curfew_link *link)
{
	return container_of(link, struct call, link);
}

struct call *backend_find_call(struct backend *backend, uint64_t number)
{
	list_each(link, bucket_of(backend, number)) {
		if (call_at(link)->number == number) {
			return call_at(link);
		}
	}
	return NULL;
}

struct call *backend_next_call(struct backend *backend, struct call *call)
{
	struct curfew_link *bucket = call ? bucket_of(backend, call->number) : backend->calls;
	struct curfew_link *link = call ? call->link.next : bucket->next;

	while (link == bucket) {
		if (++bucket == backend->calls + BACKEND_BUCKETS) {
			return NULL;
		}
		link = bucket->next;
	}
	return call_at(link);
}

static struct call_text keep_text(
	char *memory, const struct message *message, const struct json_value *value)
{
	if (value->kind) {
		memcpy(memory, message->text + value->start, value->length);
	}
	return (struct call_text){memory, value->kind ? value->length : 0};
}

/* They are kept in the call, or, together, in memory of their own. */
int call_keep(struct call *call, const struct message *message)
{
	size_t length = (message->id.kind ? message->id.length : 0) +
		(message->token.kind ? message->token.length : 0);
	char *memory = call->small;

	assert(!call->backend);
	call_forget(call);
	if (length > CALL_TEXT_LONGEST) {
		return -EMSGSIZE;
	}
	if (length > sizeof(call->small)) {
		memory = call->large = malloc(length);
	}
	if (!memory) {
		return -ENOMEM;
	}
	call->id = keep_text(memory, message, &message->id);
	call->token = keep_text(memory + call->id.length, message, &message->token);
	return 0;
}

static int write_call(struct call *call, const struct message *message)
{
	char number[NUMBER_TEXT];
	size_t length =
		(size_t)snprintf(number, sizeof(number), "%llu", (unsigned long long)call->number);
	const struct message_change changes[] = {
		{&message->id, number, length},
		{&message->token, number, length},
	};
	size_t before;
	struct buffer *queue = input_begin(call->backend, &before);

	if (!queue) {
		return -EPIPE;
	}
	message_write_line(queue, message, changes, 2);
	return input_end(call->backend, before);
}

int backend_call(struct backend *backend, struct call *call, const struct message *message)
{
	int error;

	assert(message->kind == MESSAGE_REQUEST);
	error = call_keep(call, message);
	if (error < 0) {
		return error;
	}
	call->backend = backend;
	call->number = ++backend->next_number;
	call->cancelled = false;
	error = write_call(call, message);
	if (error < 0) {
		call->backend = NULL;
		call_forget(call);
		return error;
	}
	list_append(bucket_of(backend, call->number), &call->link);
	backend->call_count++;
	return 0;
}

/* The texts stay; the memory that they are in is returned, for the caller to free. */
static char *end_call(struct call *call)
{
	char *large = call->large;

	link_remove(&call->link);
	call->backend->call_count--;
	call->backend = NULL;
	call->large = NULL;
	return large;
}

void call_answer(struct call *call, const char *line, size_t length)
{
	char *large = end_call(call);

	call->ops->answered(call, line, length);
	free(large);
}

void call_fail(struct call *call, int code, const char *reason)
{
	char *large = end_call(call);

	call->ops->failed(call, code, reason);
	free(large);
}

void call_forget(struct call *call)
{
	if (call->backend) {
		free(end_call(call));
		return;
	}
	free(call->large);
	call->large = NULL;
}

static void fail_calls(struct backend *backend, int code, const char *reason)
{
	struct call *call;

	while ((call = backend_next_call(backend, NULL))) {
		call_fail(call, code, reason);
	}
}

/* What else is sent. */

void backend_cancel(struct call *call, const char *reason)
{
	struct buffer *queue;
	size_t before;

	if (!call->backend || call->cancelled) {
		return;
	}
	queue = input_begin(call->backend, &before);
	if (!queue) {
		return;
	}
	call->cancelled = true;
	buffer_appendf(queue,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
		"\"params\":{\"requestId\":%llu,\"reason\":",
		(unsigned long long)call->number);
	buffer_append_json(queue, reason, strlen(reason));
	buffer_append_text(queue, "}}\n");
	(void)input_end(call->backend, before);
}

void backend_cancel_as(struct call *call, const struct message *message)
{
	char number[NUMBER_TEXT];
	struct message_change change = {&message->cancelled, number, 0};
	struct buffer *queue;
	size_t before;

	if (!call->backend || call->cancelled) {
		return;
	}
	queue = input_begin(call->backend, &before);
	if (!queue) {
		return;
	}
	call->cancelled = true;
	change.length =
		(size_t)snprintf(number, sizeof(number), "%llu", (unsigned long long)call->number);
	message_write_line(queue, message, &change, 1);
	(void)input_end(call->backend, before);
}

void backend_send(struct backend *backend, const struct message *message)
{
	size_t before;
	struct buffer *queue = input_begin(backend, &before);

	if (queue) {
		message_write_line(queue, message, NULL, 0);
		(void)input_end(backend, before);
	}
}

void backend_send_text(struct backend *backend, const char *text, size_t length)
{
	size_t before;
	struct buffer *queue = input_begin(backend, &before);

	if (queue) {
		buffer_append(queue, text, length);
		buffer_append_char(queue, '\n');
		(void)input_end(backend, before);
	}
}

/* The end. */

void backend_stop(struct backend *backend, int code, const char *reason)
{
	if (backend->stopping) {
		return;
	}
	backend->stopping = true;
	fail_calls(backend, code, reason);
	input_finish(backend);
	output_drop(backend);
	curfew_child_resume(backend->child); /* what it still says is read, and dropped */
	curfew_child_stop(backend->child, NULL);
}

static void note_end(const struct backend *backend, const struct curfew_child_exit *exit)
{
	char signal[SIGNAL_NAME_BYTES];

	if (!backend->left) {
		return;
	}
	journal_tell(&backend->mcp->service.journal, &mcp_events[MCP_CHILD_ENDED],
		journal_text(backend->name),
		exit->signal ? journal_text(NULL) : journal_number(exit->code),
		journal_text(exit->signal ? signal_name(exit->signal, signal) : NULL));
}

static void describe_end(const struct backend *backend, const struct curfew_child_exit *exit,
	char reason[REASON_TEXT])
{
	enum curfew_rung rung = curfew_child_rung(backend->child);
	char signal[SIGNAL_NAME_BYTES];

	if (!backend->left && backend->mcp->ending) {
		(void)snprintf(reason, REASON_TEXT, "the server is shutting down");
	} else if (!backend->left && rung >= CURFEW_RUNG_TERM && backend->input.broken) {
		/* One that had died before we wrote has no reader either. */
		(void)snprintf(reason, REASON_TEXT, "the server does not read its input any more");
	} else if (exit->signal) {
		(void)snprintf(reason, REASON_TEXT, "the server was killed by SIG%s",
			signal_name(exit->signal, signal));
	} else {
		(void)snprintf(reason, REASON_TEXT, "the server exited with code %d", exit->code);
	}
}

void backend_end(struct backend *backend)
{
	const struct curfew_child_exit exit = curfew_child_exit(backend->child);
	char reason[REASON_TEXT];

	note_end(backend, &exit);
	describe_end(backend, &exit, reason);
	backend->stopping = true;
	fail_calls(backend, MESSAGE_SERVER_ERROR, reason);
	input_fini(backend);
	output_fini(backend);
	curfew_child_free(backend->child);
	backend->child = NULL;
	backend->ops->ended(backend, reason);
}

/*
 * What comes from here on, be it a signal, is no reason for its end. A keeper does not know that we
 * have closed the input: our own ladder does.
 */
static void main_exited(struct curfew_child *child, void *arg)
{
	struct backend *backend = arg;
	const struct curfew_child_exit exit = curfew_child_exit(child);
	char reason[REASON_TEXT];

	if (backend->stopping) {
		return;
	}
	backend->left = curfew_child_rung(child) == CURFEW_RUNG_RUNNING;
	if (backend->ops->left && (backend->left || backend->input.broken)) {
		describe_end(backend, &exit, reason);
		backend->ops->left(backend, reason);
	}
}

static void child_ended(struct curfew_child *child, void *arg)
{
	struct backend *backend = arg;

	(void)child;
	backend->exited = true;
	if (output_finish(backend)) {
		backend_end(backend);
	}
}

/* The start. */

/* Returns a vector to be freed: those of --env, then more; NULL: no memory. */
static const char **make_environment(const struct words *given, const char *const *more)
{
	size_t count = 0;
	const char **variables;

	while (more && more[count]) {
		count++;
	}
	variables = calloc(given->count + count + 1, sizeof(*variables));
	if (!variables) {
		return NULL;
	}
	for (size_t i = 0; i < given->count; i++) {
		variables[i] = given->word[i];
	}
	for (size_t i = 0; i < count; i++) {
		variables[given->count + i] = more[i];
	}
	return variables;
}

static int start_child(struct backend *backend, const char *const *environment)
{
	const struct mcp_config *config = backend->mcp->config;
	struct curfew_child_config child;

	curfew_child_defaults(&child);
	child.argv = (const char *const *)config->command;
	child.environment = environment;
	child.cwd = config->cwd;
	child.in = child.out = child.err = CURFEW_STDIO_PIPE;
	child.tree = CURFEW_TREE_KEEPER;
	child.keeper = config->keeper;
	child.eof_wait_ms = config->eof_wait_ms;
	child.term_wait_ms = config->term_wait_ms;
	child.on_output = output_read;
	child.on_error_line = output_error_line;
	child.on_exit = child_ended;
	child.arg = backend;
	backend->child = curfew_child_start(backend->mcp->service.life, NULL, &child);
	if (!backend->child) {
		return -errno;
	}
	child_on_main_exit(backend->child, main_exited);
	return 0;
}

int backend_start(struct backend *backend, struct mcp *mcp, const struct backend_ops *ops,
	const char *name, const char *const *environment)
{
	const char **variables = make_environment(&mcp->config->environment, environment);
	int error;

	if (!variables) {
		return -ENOMEM;
	}
	*backend = (struct backend){.mcp = mcp, .ops = ops};
	for (int i = 0; i < BACKEND_BUCKETS; i++) {
		list_init(&backend->calls[i]);
	}
	(void)snprintf(backend->name, sizeof(backend->name), "%s", name);
	input_init(backend);
	output_init(backend);
	error = start_child(backend, variables);
	free(variables);
	return error;
}
