/* SPDX-License-Identifier: Apache-2.0 */
#include "load/rpc_answer.h"

#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "ethereum/ethereum.h"
#include "json/reader.h"

enum { VERSION, ID, RESULT, ERROR, CODE, MESSAGE, COUNT };

static const struct json_path paths[COUNT] = {
	[VERSION] = {{"jsonrpc"}},
	[ID] = {{"id"}},
	[RESULT] = {{"result"}},
	[ERROR] = {{"error"}},
	[CODE] = {{"error", "code"}},
	[MESSAGE] = {{"error", "message"}},
};

static bool is_there(const struct json_value *value)
{
	return value->kind != JSON_ABSENT && value->kind != JSON_NULL;
}

static bool has_id(const char *text, const struct json_value *id, uint64_t expected)
{
	int64_t found;

	return json_integer(text, id, &found) && (uint64_t)found == expected;
}

void rpc_answer_read(struct rpc_answer *answer, uint64_t id, const char *text, size_t length)
{
	struct json_value values[COUNT];
	struct json_reader reader = {.paths = paths, .values = values, .count = COUNT};

	*answer = (struct rpc_answer){.verdict = RPC_GARBAGE, .text = text};
	if (!text || json_read(&reader, text, length) != JSON_OK) {
		return;
	}
	if (is_there(&values[ERROR])) {
		if (values[ERROR].kind == JSON_OBJECT &&
			(has_id(text, &values[ID], id) || values[ID].kind == JSON_NULL)) {
			answer->verdict = RPC_ERROR;
			answer->message = values[MESSAGE];
			(void)json_integer(text, &values[CODE], &answer->code);
		}
	} else if (values[RESULT].kind != JSON_ABSENT && has_id(text, &values[ID], id)) {
		answer->verdict = RPC_RESULT;
		answer->result = values[RESULT];
	}
}

bool rpc_notice_read(struct rpc_notice *notice, const char *text, size_t length)
{
	static const struct json_path notice_paths[] = {
		{{"method"}}, {{"params", "subscription"}}, {{"params", "result"}}};
	struct json_value values[3];
	struct json_reader reader = {.paths = notice_paths, .values = values, .count = 3};
	static const char method[] = "eth_subscription";

	if (json_read(&reader, text, length) != JSON_OK ||
		!json_string_equal(text, &values[0], method, sizeof(method) - 1) ||
		!is_there(&values[1]) || !is_there(&values[2])) {
		return false;
	}
	*notice = (struct rpc_notice){text, values[1], values[2]};
	return true;
}

/* geth, reth, erigon, nethermind, besu, anvil, and those built on Cosmos. */
static const struct {
	const char *part;
	enum rpc_refusal refusal;
} refusals[] = {
	{"already known", RPC_KNOWN},
	{"already imported", RPC_KNOWN},
	{"already exists", RPC_KNOWN},
	{"known transaction", RPC_KNOWN},
	{"tx already in mempool", RPC_KNOWN},
	{"alreadyknown", RPC_KNOWN},
	{"nonce", RPC_NONCE},
	{"account sequence", RPC_NONCE},
	{"underpriced", RPC_NONCE},
	{"insufficient", RPC_FUNDS},
};

static bool has_part(const char *text, const char *part)
{
	size_t length = strlen(part);

	for (; *text; text++) {
		if (!strncasecmp(text, part, length)) {
			return true;
		}
	}
	return false;
}

enum rpc_refusal rpc_refusal_of(const struct rpc_answer *answer)
{
	enum rpc_refusal refusal = RPC_OTHER;
	struct buffer message = {0};

	if (answer->verdict != RPC_ERROR || answer->message.kind != JSON_STRING) {
		return RPC_OTHER;
	}
	json_string_decode(&message, answer->text, &answer->message);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (has_part(buffer_text(&message), refusals[i].part)) {
			refusal = refusals[i].refusal;
			break;
		}
	}
	buffer_fini(&message);
	return refusal;
}

bool rpc_quantity(const char *text, const struct json_value *value, uint64_t *number)
{
	return value->kind == JSON_STRING &&
		ethereum_read_quantity(text + value->start + 1, value->length - 2, number);
}

bool rpc_bytes(const char *text, const struct json_value *value, uint8_t *bytes, size_t length)
{
	return value->kind == JSON_STRING &&
		ethereum_read_hex(text + value->start + 1, value->length - 2, bytes, length);
}
