/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/era.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "json/edit.h"

#define ENCODED_PREFIX "=?base64?"
#define ENCODED_SUFFIX "?="

static const struct json_path paths[] = {{{"params", "_meta", ERA_META "clientCapabilities"}},
	{{"params", "_meta", ERA_META "clientInfo"}}, {{"params", "_meta", ERA_META "logLevel"}},
	{{"params", "requestState"}}, {{"params", "inputResponses"}},
#define ERA_INPUT(name, method, capability)                                                        \
	{{"params", "_meta", ERA_META "clientCapabilities", capability}},
	ERA_INPUTS(ERA_INPUT)
#undef ERA_INPUT
};

/* Methods of the session era that this one has not. */
static const char *const removed[] = {
	"initialize",
	"ping",
	"logging/setLevel",
	"resources/subscribe",
	"resources/unsubscribe",
};

bool era_is_named(const struct http_head *head)
{
	const struct http_field *field = http_head_find(head, "MCP-Protocol-Version", NULL);

	return field && http_head_says(head, field->value, ERA_VERSION);
}

static void read_paths(struct era *era, const struct message *message)
{
	struct json_value values[sizeof(paths) / sizeof(*paths)];
	struct json_reader reader = {
		.paths = paths,
		.values = values,
		.count = sizeof(paths) / sizeof(*paths),
	};

	(void)json_read(&reader, message->text, message->length);
	*era = (struct era){
		.capabilities = values[0],
		.client = values[1],
		.log_level = values[2],
		.state = values[3],
		.inputs = values[4],
	};
	for (int i = 0; i < ERA_INPUT_KINDS; i++) {
		era->may_ask[i] = values[5 + i].kind == JSON_OBJECT;
	}
}

static unsigned refuse(struct buffer *refusal, const struct message *message, unsigned status,
	int code, const char *text)
{
	message_write_error(
		refusal, message->text + message->id.start, message->id.length, code, text);
	return status;
}

static unsigned refuse_version(struct buffer *refusal, const struct message *message)
{
	buffer_append_text(refusal, "{\"jsonrpc\":\"2.0\",\"id\":");
	buffer_append(refusal, message->text + message->id.start, message->id.length);
	buffer_appendf(refusal,
		",\"error\":{\"code\":%d,\"message\":\"this protocol version is not "
		"supported\",\"data\":{\"supported\":[\"" ERA_VERSION "\"],\"requested\":",
		ERA_UNSUPPORTED_VERSION);
	buffer_append(refusal, message->text + message->era.start, message->era.length);
	buffer_append_text(refusal, "}}}");
	return 400;
}

/* Whether a field's value is `=?base64?...?=` of these bytes. */
static bool is_encoded(struct http_text field, const struct buffer *bytes)
{
	size_t around = sizeof(ENCODED_PREFIX ENCODED_SUFFIX) - 1;
	size_t room = (bytes->length + 2) / 3 * 4;
	unsigned char *encoded;
	bool is = false;

	if (field.length != around + room ||
		memcmp(field.bytes, ENCODED_PREFIX, sizeof(ENCODED_PREFIX) - 1) != 0 ||
		memcmp(field.bytes + field.length - 2, ENCODED_SUFFIX, 2) != 0) {
		return false;
	}
	encoded = malloc(room + 1); /* OpenSSL ends it with a NUL */
	if (encoded) {
		(void)EVP_EncodeBlock(
			encoded, (const unsigned char *)buffer_text(bytes), (int)bytes->length);
		is = !memcmp(field.bytes + sizeof(ENCODED_PREFIX) - 1, encoded, room);
	}
	free(encoded);
	return is;
}

static bool looks_encoded(struct http_text field)
{
	size_t prefix = sizeof(ENCODED_PREFIX) - 1, suffix = sizeof(ENCODED_SUFFIX) - 1;

	return field.length >= prefix + suffix && !memcmp(field.bytes, ENCODED_PREFIX, prefix) &&
		!memcmp(field.bytes + field.length - suffix, ENCODED_SUFFIX, suffix);
}

/* Whether a field says what a value of the body does. Neither is there: it does. */
static bool agrees(const struct http_head *head, const char *name, const struct message *message,
	const struct json_value *value, bool may_be_encoded)
{
	const struct http_field *field = http_head_find(head, name, NULL);
	struct buffer says = {0};
	struct http_text text;
	bool same;

	if (!field || value->kind != JSON_STRING) {
		return !field && value->kind != JSON_STRING;
	}
	text = http_head_text(head, field->value);
	json_string_decode(&says, message->text, value);
	if (may_be_encoded && looks_encoded(text)) {
		same = is_encoded(text, &says);
	} else {
		same = says.length == text.length &&
			!memcmp(buffer_text(&says), text.bytes, text.length);
	}
	same = same && !says.failed;
	buffer_fini(&says);
	return same;
}

/* Which value Mcp-Name has to name; NULL: none. */
static const struct json_value *named(const struct message *message)
{
	if (message_is(message, "tools/call") || message_is(message, "prompts/get")) {
		return &message->name;
	}
	return message_is(message, "resources/read") ? &message->uri : NULL;
}

static bool is_removed(const struct message *message)
{
	for (size_t i = 0; i < sizeof(removed) / sizeof(*removed); i++) {
		if (message_is(message, removed[i])) {
			return true;
		}
	}
	return false;
}

static const char *find_mismatch(const struct message *message, const struct http_head *head)
{
	const struct json_value *name = named(message);

	if (!agrees(head, "MCP-Protocol-Version", message, &message->era, false)) {
		return "the field MCP-Protocol-Version does not say what the request's _meta does";
	}
	if (!agrees(head, "Mcp-Method", message, &message->method, false)) {
		return "the field Mcp-Method does not name the request's method";
	}
	if (name && !agrees(head, "Mcp-Name", message, name, true)) {
		return "the field Mcp-Name does not name what the request is for";
	}
	return NULL;
}

unsigned era_read(struct era *era, const struct message *message, const struct http_head *head,
	struct buffer *refusal)
{
	const char *mismatch;

	read_paths(era, message);
	if (message->era.kind != JSON_STRING || era->capabilities.kind != JSON_OBJECT) {
		return refuse(refusal, message, 400, MESSAGE_BAD_PARAMS,
			"params._meta has to have " ERA_META "protocolVersion and " ERA_META
			"clientCapabilities");
	}
	mismatch = find_mismatch(message, head);
	if (mismatch) {
		return refuse(refusal, message, 400, ERA_HEADER_MISMATCH, mismatch);
	}
	if (!json_string_equal(
		    message->text, &message->era, ERA_VERSION, sizeof(ERA_VERSION) - 1)) {
		return refuse_version(refusal, message);
	}
	if (is_removed(message)) {
		return refuse(refusal, message, 404, MESSAGE_NO_METHOD,
			"this protocol version has no such method");
	}
	return 0;
}

bool era_takes_inputs(const struct message *message)
{
	return named(message);
}

enum era_input era_input_of(const struct message *message)
{
	static const char *const methods[] = {
#define ERA_INPUT(name, method, capability) method,
		ERA_INPUTS(ERA_INPUT)
#undef ERA_INPUT
	};

	for (int i = 0; i < ERA_INPUT_KINDS; i++) {
		if (message_is(message, methods[i])) {
			return (enum era_input)i;
		}
	}
	return ERA_INPUT_KINDS;
}
