/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call: its head is checked (exchange_checks_body), the body gathered (exchange_take_body), and
 * when the request is whole the arguments go to an invocation (exchange_invoke). That answers with
 * items, each a line that leaves at once, and in the end with an envelope (answered).
 *
 * What can go wrong. The body is too long, no JSON, or not what the schema wants: refused. There is
 * no room for the call: the envelope says 503. The client reads slowly: item() says so, and the
 * runner waits until exchange_writable. It goes away: exchange_over, and the call's token fires.
 * The work's deadline: exchange_cut has the invocation answer at once.
 */
#include "serve/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/compose.h"
#include "serve/event.h"

#define JSON "application/json"
#define LINES "application/x-ndjson"
#define FIELDS_MOST 64
#define TEXT_MOST 512 /* bytes of a failure's text that are logged */

/* Answers. */

static void answer_text(struct exchange *exchange, unsigned status, const char *type,
	const struct buffer *text, const char *fields)
{
	struct http_connection *connection = exchange->connection;
	struct buffer *head;

	if (text->failed) {
		http_answer_abort(connection);
		return;
	}
	head = http_answer(connection, status);
	http_compose_field(head, "Content-Type", type);
	if (fields) {
		buffer_append_text(head, fields);
	}
	http_answer_length(connection, text->length, false);
	http_answer_write(connection, buffer_text(text), text->length);
	http_answer_end(connection, NULL);
}

void exchange_answer(
	struct exchange *exchange, const char *type, const struct buffer *text, const char *fields)
{
	answer_text(exchange, 200, type, text, fields);
}

static void tell_refused(struct exchange *exchange, unsigned status, const char *reason)
{
	journal_tell(&exchange->serve->service.journal, &serve_events[SERVE_REFUSED],
		journal_text(http_peer(exchange->connection)), journal_number(status),
		journal_text(reason));
}

static void refuse_bytes(struct exchange *exchange, unsigned status, const char *sentence,
	size_t length, const char *fields)
{
	struct buffer text = {0};

	tell_refused(exchange, status, sentence);
	buffer_append_text(&text, "{\"detail\":");
	buffer_append_json(&text, sentence, length);
	buffer_append_char(&text, '}');
	answer_text(exchange, status, JSON, &text, fields);
	buffer_fini(&text);
}

void exchange_refuse(
	struct exchange *exchange, unsigned status, const char *text, const char *fields)
{
	refuse_bytes(exchange, status, text, strlen(text), fields);
}

/* Envelopes. */

static bool in_lines(const struct exchange *exchange)
{
	return exchange->serve->function.streams && exchange->kind == INVOCATION_CALL;
}

/* A plugin may say anything; HTTP has answers that carry nothing, and statuses that end nothing. */
static unsigned http_status(const struct exchange *exchange, const struct envelope *envelope)
{
	int code = envelope->status_code ? envelope->status_code : 200;

	if (exchange->serve->config->envelope_status || code == 204 || code == 205) {
		return 200;
	}
	return code < 200 || code > 599 || code == 304 ? 500 : (unsigned)code;
}

static void write_envelope(
	struct exchange *exchange, struct buffer *text, const struct envelope *envelope)
{
	if (exchange->kind == INVOCATION_PRECHECK) {
		envelope_write_precheck(text, envelope);
	} else {
		envelope_write(text, envelope);
	}
	if (in_lines(exchange)) {
		buffer_append_char(text, '\n');
	}
}

static void answer_envelope(
	struct exchange *exchange, const struct envelope *envelope, int retry_after_s)
{
	struct buffer text = {0};
	char fields[FIELDS_MOST] = "";

	if (retry_after_s) {
		(void)snprintf(fields, sizeof(fields), "Retry-After: %d\r\n", retry_after_s);
	}
	write_envelope(exchange, &text, envelope);
	answer_text(exchange, http_status(exchange, envelope), in_lines(exchange) ? LINES : JSON,
		&text, fields);
	buffer_fini(&text);
}

/* An error that is ours, not the plugin's, and comes before there is an invocation. */
static void answer_busy(struct exchange *exchange, const char *text)
{
	struct envelope envelope = {0};

	tell_refused(exchange, 503, text);
	envelope_fail(&envelope, 503, text, strlen(text));
	answer_envelope(exchange, &envelope, INVOCATION_RETRY_AFTER_S);
	envelope_fini(&envelope);
}

static void begin_lines(struct http_connection *connection)
{
	struct buffer *head = http_answer(connection, 200);

	http_compose_field(head, "Content-Type", LINES);
	http_answer_chunked(connection, false);
}

/*
 * A client that was told to come again later, in band, need not be waited for: its connection would
 * be idle, and keep the process for the idle grace.
 */
static void end_lines(
	struct exchange *exchange, const struct envelope *envelope, bool has_line, bool is_stopped)
{
	struct http_connection *connection = exchange->connection;
	struct buffer text = {0};

	if (has_line) {
		write_envelope(exchange, &text, envelope);
	}
	if (text.failed) {
		http_answer_abort(connection);
		return;
	}
	if (is_stopped) {
		http_answer_last(connection);
	}
	http_answer_write(connection, buffer_text(&text), text.length);
	buffer_fini(&text);
	http_answer_end(connection, NULL);
}

/* What the invocation tells. */

static int64_t took_ms(const struct exchange *exchange)
{
	return clock_ms_between(exchange->connection->began, curfew_now());
}

/* What the end of the process stopped is no failure, and is logged as none. */
static void tell_answered(
	struct exchange *exchange, const struct envelope *envelope, int retry_after_s)
{
	bool stopped = envelope->status_code == 503 && retry_after_s;
	size_t length = envelope->text.length;

	if (envelope->status_code < 500) {
		return;
	}
	journal_tell(&exchange->serve->service.journal,
		&serve_events[stopped ? SERVE_CALL_STOPPED : SERVE_CALL_FAILED],
		journal_text(http_peer(exchange->connection)),
		journal_number(envelope->status_code),
		journal_bytes(
			buffer_text(&envelope->text), length < TEXT_MOST ? length : TEXT_MOST),
		journal_number(took_ms(exchange)));
}

static bool item(struct invocation *invocation, const char *line, size_t length)
{
	struct http_connection *connection = ((struct exchange *)invocation->owner)->connection;

	if (connection->answer == HTTP_ANSWER_NONE) {
		begin_lines(connection);
	}
	http_answer_write(connection, line, length);
	return http_queued(connection) <= STREAM_QUEUE_HIGH;
}

static void answered(struct invocation *invocation, const struct envelope *envelope,
	int retry_after_s, bool has_line)
{
	struct exchange *exchange = invocation->owner;

	exchange->invocation = NULL;
	tell_answered(exchange, envelope, retry_after_s);
	if (exchange->connection->answer != HTTP_ANSWER_NONE) {
		end_lines(exchange, envelope, has_line, retry_after_s > 0);
	} else if (in_lines(exchange) && !has_line) {
		begin_lines(exchange->connection);
		http_answer_end(exchange->connection, NULL);
	} else {
		answer_envelope(exchange, envelope, retry_after_s);
	}
}

/* It is in the report under the function's name, and its connection need not be. */
static void forced(struct invocation *invocation)
{
	http_told(((struct exchange *)invocation->owner)->connection);
}

static const struct invocation_ops invocation_ops = {
	.item = item,
	.answered = answered,
	.forced = forced,
};

/* The body. */

static bool has_body(const struct http_head *head)
{
	return head->framing == HTTP_FRAMING_LENGTH || head->framing == HTTP_FRAMING_CHUNKED;
}

static bool ends_with(struct http_text text, const char *end)
{
	size_t length = strlen(end);

	return text.length > length && !strncasecmp(text.bytes + text.length - length, end, length);
}

static bool is_json(const struct http_head *head)
{
	const struct http_field *field = http_head_find(head, "Content-Type", NULL);
	struct http_text type = {"", 0};
	const char *end;

	if (field) {
		type = http_head_text(head, field->value);
	}
	end = memchr(type.bytes, ';', type.length);
	type.length = end ? (size_t)(end - type.bytes) : type.length;
	while (type.length && strchr(" \t", type.bytes[type.length - 1])) {
		type.length--;
	}
	return http_text_equal(type, JSON) ||
		(ends_with(type, "+json") && type.length > strlen("application/+json") &&
			!strncasecmp(type.bytes, "application/", strlen("application/")));
}

static void refuse_too_long(struct exchange *exchange)
{
	exchange_refuse(exchange, 413, "the request is longer than --max-body", NULL);
}

bool exchange_checks_body(struct exchange *exchange)
{
	const struct http_head *head = &exchange->connection->parser.head;

	if (!has_body(head)) {
		return true;
	}
	if (!is_json(head)) {
		exchange_refuse(exchange, 415,
			"the Content-Type of the request has to be application/json", NULL);
		return false;
	}
	if (head->content_length > exchange->serve->config->max_body) {
		refuse_too_long(exchange);
		return false;
	}
	return true;
}

/* Bytes of all bodies at the same time; one alone always has room. */
static size_t gathered_most(const struct serve *serve)
{
	size_t body = (size_t)serve->config->max_body;

	return body > SERVE_BODIES_MOST ? body : SERVE_BODIES_MOST;
}

/* It will not run, and the end need not wait for the rest; what is whole is answered in order. */
static bool is_in_vain(const struct exchange *exchange, size_t length)
{
	const struct http_head *head = &exchange->connection->parser.head;

	return head->framing == HTTP_FRAMING_LENGTH &&
		exchange->body.length + length < head->content_length &&
		curfew_token_cancelled(curfew_context_token(exchange->serve->context));
}

size_t exchange_take_body(struct exchange *exchange, const char *bytes, size_t length)
{
	struct serve *serve = exchange->serve;

	if (is_in_vain(exchange, length)) {
		answer_busy(exchange, INVOCATION_STOPPED);
		return length;
	}
	if (exchange->body.length + length > serve->config->max_body) {
		refuse_too_long(exchange);
		return length;
	}
	if (serve->gathered + length > gathered_most(serve)) {
		answer_busy(exchange, "[busy] too many bytes of requests wait at the same time");
		return length;
	}
	buffer_append(&exchange->body, bytes, length);
	if (exchange->body.failed) {
		answer_busy(exchange, INVOCATION_NO_MEMORY);
		return length;
	}
	serve->gathered += length;
	exchange->gathered += length;
	return length;
}

/* The call. */

/* Returns whether it could be read; if not, it was refused. */
static bool reads_arguments(struct exchange *exchange, struct arguments *arguments)
{
	struct buffer told = {0};
	enum arguments_outcome outcome = arguments_read(arguments, exchange->serve->function.inputs,
		buffer_text(&exchange->body), exchange->body.length, &told);

	buffer_fini(&exchange->body);
	switch (outcome) {
	case ARGUMENTS_OK:
		break;
	case ARGUMENTS_NOT_JSON:
		refuse_bytes(exchange, 400, buffer_text(&told), told.length, NULL);
		break;
	case ARGUMENTS_INVALID:
		tell_refused(exchange, 422, "the parameters do not fit the schema");
		answer_text(exchange, 422, JSON, &told, NULL);
		break;
	case ARGUMENTS_NO_MEMORY:
		answer_busy(exchange, INVOCATION_NO_MEMORY);
		break;
	}
	buffer_fini(&told);
	return outcome == ARGUMENTS_OK;
}

static void start(struct exchange *exchange, struct arguments *arguments)
{
	struct envelope refusal = {0};
	int retry_after_s = 0;

	(void)http_peer(exchange->connection); /* nobody can ask any more when it is reset */
	exchange->invocation = invocation_start(exchange->serve, exchange->kind, arguments,
		&invocation_ops, exchange, &refusal, &retry_after_s);
	if (!exchange->invocation) {
		tell_refused(exchange, (unsigned)refusal.status_code, buffer_text(&refusal.text));
		answer_envelope(exchange, &refusal, retry_after_s);
	}
	envelope_fini(&refusal);
}

void exchange_invoke(struct exchange *exchange)
{
	struct arguments arguments = {0};

	exchange->kind = INVOCATION_CALL;
	if (reads_arguments(exchange, &arguments)) {
		start(exchange, &arguments);
	}
	arguments_fini(&arguments);
}

void exchange_precheck(struct exchange *exchange)
{
	const struct envelope fine = {0};
	struct arguments none = {0};

	exchange->kind = INVOCATION_PRECHECK;
	if (exchange->serve->function.has_precheck) {
		start(exchange, &none);
	} else {
		answer_envelope(exchange, &fine, 0);
	}
	arguments_fini(&none);
}

void exchange_writable(struct exchange *exchange)
{
	if (exchange->invocation) {
		invocation_resume(exchange->invocation);
	}
}

void exchange_cut(struct exchange *exchange)
{
	if (exchange->invocation) {
		invocation_cut(exchange->invocation);
	} else if (exchange->connection->answer == HTTP_ANSWER_NONE) {
		answer_busy(exchange, INVOCATION_STOPPED);
	}
}

void exchange_over(struct exchange *exchange, bool whole)
{
	struct serve *serve = exchange->serve;

	if (exchange->invocation) {
		if (!whole) {
			journal_tell(&serve->service.journal, &serve_events[SERVE_CALL_LEFT],
				journal_text(http_peer(exchange->connection)),
				journal_number(took_ms(exchange)));
		}
		invocation_leave(exchange->invocation);
	}
	serve->gathered -= exchange->gathered;
	buffer_fini(&exchange->body);
	free(exchange);
}
