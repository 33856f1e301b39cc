/* SPDX-License-Identifier: Apache-2.0 */
/* What a child of the session era is told, and what its answers lack. */
#include "mcp/era.h"
#include "json/edit.h"

#define CODE_NO_RESOURCE (-32002) /* of the session era; MESSAGE_BAD_PARAMS in this one */

#define CURFEW_INFO "{\"name\":\"curfew\",\"version\":\"" CURFEW_VERSION "\"}"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Whose results say how long they may be kept. */
static const char *const aging[] = {
	"tools/list",
	"prompts/list",
	"resources/list",
	"resources/templates/list",
	"resources/read",
};

static void append_value(struct buffer *out, const char *text, const struct json_value *value)
{
	buffer_append(out, text + value->start, value->length);
}

static bool is_one_of(const struct message *message, const char *const *methods, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (message_is(message, methods[i])) {
			return true;
		}
	}
	return false;
}

static void find(const char *text, size_t length, const struct json_path *paths,
	struct json_value *values, size_t count)
{
	struct json_reader reader = {.paths = paths, .values = values, .count = count};

	(void)json_read(&reader, text, length);
}

void era_write_probe(struct buffer *out)
{
	buffer_append_text(out,
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"server/"
		"discover\",\"params\":{\"_meta\":{"
		"\"" ERA_META "protocolVersion\":\"" ERA_VERSION "\",\"" ERA_META
		"clientInfo\":" CURFEW_INFO ",\"" ERA_META "clientCapabilities\":{}}}}");
}

bool era_is_introduction(const char *answer, size_t length)
{
	static const struct json_path path = {{"result", "supportedVersions"}};
	struct json_value versions, version = {0};

	find(answer, length, &path, &versions, 1);
	while (json_element_next(answer, &versions, &version)) {
		if (json_string_equal(answer, &version, ERA_VERSION, sizeof(ERA_VERSION) - 1)) {
			return true;
		}
	}
	return false;
}

void era_write_initialize(struct buffer *out, const struct message *message, const struct era *era)
{
	buffer_append_text(out,
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
		"\"protocolVersion\":\"" ERA_BEFORE "\",\"capabilities\":");
	if (era) {
		append_value(out, message->text, &era->capabilities);
	} else {
		buffer_append_text(out, "{}");
	}
	buffer_append_text(out, ",\"clientInfo\":");
	if (era && era->client.kind == JSON_OBJECT) {
		append_value(out, message->text, &era->client);
	} else {
		buffer_append_text(out, CURFEW_INFO);
	}
	buffer_append_text(out, "}}");
}

bool era_is_welcome(const char *answer, size_t length)
{
	static const struct json_path path = {{"result"}};
	struct json_value result;

	find(answer, length, &path, &result, 1);
	return result.kind == JSON_OBJECT;
}

/*
 * Appends a child's capabilities. What it would tell of changes there is no stream for, so that
 * none are promised.
 */
static void append_capabilities(struct buffer *out, const char *answer, size_t length)
{
	static const struct json_path paths[] = {
		{{"result", "capabilities", "tools", "listChanged"}},
		{{"result", "capabilities", "prompts", "listChanged"}},
		{{"result", "capabilities", "resources", "listChanged"}},
		{{"result", "capabilities", "resources", "subscribe"}},
		{{"result", "capabilities"}},
	};
	struct json_value values[COUNT(paths)];
	const struct json_value *all = &values[COUNT(paths) - 1];
	struct json_edit edits[COUNT(paths) - 1];

	find(answer, length, paths, values, COUNT(paths));
	if (all->kind != JSON_OBJECT) {
		buffer_append_text(out, "{}");
		return;
	}
	for (size_t i = 0; i < COUNT(edits); i++) {
		edits[i] = (struct json_edit){&values[i], "false", sizeof("false") - 1};
	}
	json_splice(out, answer, all, edits, COUNT(edits));
}

void era_write_discovery(
	struct buffer *out, const struct message *request, const char *answer, size_t length)
{
	static const struct json_path paths[] = {
		{{"result", "instructions"}},
		{{"result", "serverInfo"}},
	};
	struct json_value values[COUNT(paths)];

	find(answer, length, paths, values, COUNT(paths));
	buffer_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	append_value(out, request->text, &request->id);
	buffer_append_text(out,
		",\"result\":{\"resultType\":\"complete\",\"supportedVersions\":[\"" ERA_VERSION
		"\"],\"capabilities\":");
	append_capabilities(out, answer, length);
	if (values[0].kind == JSON_STRING) {
		buffer_append_text(out, ",\"instructions\":");
		append_value(out, answer, &values[0]);
	}
	buffer_append_text(out, ",\"ttlMs\":0,\"cacheScope\":\"private\"");
	if (values[1].kind == JSON_OBJECT) {
		buffer_append_text(out, ",\"_meta\":{\"" ERA_META "serverInfo\":");
		append_value(out, answer, &values[1]);
		buffer_append_char(out, '}');
	}
	buffer_append_text(out, "}}");
}

bool era_logs(const char *answer, size_t length)
{
	static const struct json_path path = {{"result", "capabilities", "logging"}};
	struct json_value logging;

	find(answer, length, &path, &logging, 1);
	return logging.kind == JSON_OBJECT;
}

/* A subscription is named by the id of its request, which the child knows as another one. */
static void write_as_of_era(struct buffer *out, const struct message *request, const char *text,
	size_t length, const struct json_value *subscription)
{
	const struct json_value whole = {.kind = JSON_OBJECT, .length = length};
	const struct json_edit edit = {
		subscription, request->text + request->id.start, request->id.length};

	json_splice(out, text, &whole, &edit, 1);
}

bool era_is_subscription(const struct message *request)
{
	return message_is(request, "subscriptions/listen");
}

void era_write_end_of_subscription(struct buffer *out, const struct message *request)
{
	buffer_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	append_value(out, request->text, &request->id);
	buffer_append_text(out,
		",\"result\":{\"resultType\":\"complete\",\"_meta\":{\"" ERA_META
		"subscriptionId\":");
	append_value(out, request->text, &request->id);
	buffer_append_text(out, "}}}");
}

void era_write_notification(
	struct buffer *out, const struct message *request, const struct message *notification)
{
	static const struct json_path path = {{"params", "_meta", ERA_META "subscriptionId"}};
	struct json_value subscription;

	find(notification->text, notification->length, &path, &subscription, 1);
	write_as_of_era(out, request, notification->text, notification->length, &subscription);
}

struct answer {
	struct json_value id, result, type, age, scope, subscription, code;
};

static void read_answer(struct answer *answer, const char *text, size_t length)
{
	static const struct json_path paths[] = {
		{{"id"}},
		{{"result"}},
		{{"result", "resultType"}},
		{{"result", "ttlMs"}},
		{{"result", "cacheScope"}},
		{{"result", "_meta", ERA_META "subscriptionId"}},
		{{"error", "code"}},
	};
	struct json_value values[COUNT(paths)];

	find(text, length, paths, values, COUNT(paths));
	*answer = (struct answer){
		values[0], values[1], values[2], values[3], values[4], values[5], values[6]};
}

/* What the result lacks, to stand behind its brace. */
static void append_missing(
	struct buffer *out, const struct message *request, const struct answer *answer)
{
	if (!answer->type.kind) {
		buffer_append_text(out, "\"resultType\":\"complete\",");
	}
	if (is_one_of(request, aging, COUNT(aging))) {
		if (!answer->age.kind) {
			buffer_append_text(out, "\"ttlMs\":0,");
		}
		if (!answer->scope.kind) {
			buffer_append_text(out, "\"cacheScope\":\"private\",");
		}
	}
}

static bool is_empty_object(const char *text, const struct json_value *object)
{
	size_t at = object->start + 1;

	while (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r') {
		at++;
	}
	return text[at] == '}';
}

static void write_adapted(struct buffer *out, const struct message *request, const char *text,
	size_t length, const struct answer *answer, int64_t code)
{
	const struct json_value whole = {.kind = JSON_OBJECT, .length = length};
	struct json_value brace = answer->result;
	struct buffer begin = {0};
	struct json_edit edits[3];

	brace.length = 1;
	if (brace.kind == JSON_OBJECT) {
		buffer_append_char(&begin, '{');
		append_missing(&begin, request, answer);
		if (begin.length > 1 && is_empty_object(text, &answer->result)) {
			begin.length--; /* the comma */
		}
	} else {
		brace.kind = JSON_ABSENT;
	}
	edits[0] = (struct json_edit){
		&answer->id, request->text + request->id.start, request->id.length};
	edits[1] = (struct json_edit){&brace, buffer_text(&begin), begin.length};
	edits[2] = (struct json_edit){&answer->code, "-32602", sizeof("-32602") - 1};
	json_splice(out, text, &whole, edits, code == CODE_NO_RESOURCE ? 3 : 2);
	out->failed = out->failed || begin.failed;
	buffer_fini(&begin);
}

static unsigned status_of(int64_t code)
{
	switch (code) {
	case MESSAGE_NO_METHOD:
		return 404;
	case ERA_HEADER_MISMATCH:
	case ERA_MISSING_CAPABILITY:
	case ERA_UNSUPPORTED_VERSION:
		return 400;
	default:
		return 200;
	}
}

unsigned era_write_answer(struct buffer *out, const struct message *request, const char *answer,
	size_t length, bool is_of_era)
{
	struct answer found;
	int64_t code = 0;

	read_answer(&found, answer, length);
	(void)json_integer(answer, &found.code, &code);
	if (is_of_era) {
		write_as_of_era(out, request, answer, length, &found.subscription);
	} else {
		write_adapted(out, request, answer, length, &found, code);
	}
	return status_of(code);
}

bool era_passes(const struct message *notification, bool logs)
{
	static const char *const elsewhere[] = {
		"notifications/cancelled",
		"notifications/elicitation/complete",
		"notifications/prompts/list_changed",
		"notifications/resources/list_changed",
		"notifications/resources/updated",
		"notifications/roots/list_changed",
		"notifications/tools/list_changed",
	};

	if (message_is(notification, "notifications/message")) {
		return logs;
	}
	return !is_one_of(notification, elsewhere, COUNT(elsewhere));
}
