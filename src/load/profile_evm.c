/* SPDX-License-Identifier: Apache-2.0 */
/* The scenario "evm-transfer": transfers to an Ethereum node (load/evm.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "load/evm.h"
#include "load/presigned.h"
#include "load/profile.h"

#define FIELD(field) .offset = offsetof(struct transfer, field)
#define WEI_WANTED "an amount of wei, such as 1 or \"1000000000000000000\""

/* What the scenario says. */
struct transfer {
	struct profile_common common;
	uint64_t accounts, account_seed, chain_id, gas_limit, gas_price, max_fee, max_priority,
		first_nonce;
	char *keys, *fund_from, *to, *data, *presigned;
	struct json_value fund, value, rpc, websocket;
	unsigned type, collector;
	int64_t poll_ms;
	bool receipts;
};

/* In the order of enum ethereum_kind, enum evm_collecting. */
static const char *const types[] = {"legacy", "eip1559", NULL};
static const char *const collectors[] = {"auto", "websocket", "polling", "none", NULL};

#define WHOLE(member, field, from, to)                                                             \
	{                                                                                          \
		.name = member, .kind = MEMBER_WHOLE, FIELD(field), .least = from, .most = to      \
	}
#define TEXT(field)                                                                                \
	{                                                                                          \
		.name = #field, .kind = MEMBER_TEXT, FIELD(field)                                  \
	}

static const struct member members[] = {
	PROFILE_COMMON(struct transfer),
	WHOLE("accounts", accounts, 1, EVM_ACCOUNTS_MOST),
	WHOLE("account_seed", account_seed, 0, INT64_MAX),
	TEXT(keys),
	TEXT(fund_from),
	{.name = "fund", .kind = MEMBER_VALUE, FIELD(fund), .wants = WEI_WANTED},
	WHOLE("chain_id", chain_id, 1, INT64_MAX),
	{.name = "type", .kind = MEMBER_CHOICE, FIELD(type), .choices = types},
	WHOLE("gas_limit", gas_limit, EVM_GAS_OF_TRANSFER, INT64_MAX),
	WHOLE("gas_price", gas_price, 1, INT64_MAX),
	WHOLE("max_fee", max_fee, 1, INT64_MAX),
	WHOLE("max_priority", max_priority, 1, INT64_MAX),
	{.name = "value", .kind = MEMBER_VALUE, FIELD(value), .wants = WEI_WANTED},
	TEXT(to),
	TEXT(data),
	TEXT(presigned),
	WHOLE("first_nonce", first_nonce, 0, INT64_MAX),
	{.name = "rpc", .kind = MEMBER_VALUE, FIELD(rpc), .wants = "a URL"},
	{.name = "websocket", .kind = MEMBER_VALUE, FIELD(websocket), .wants = "a URL"},
	{.name = "collector", .kind = MEMBER_CHOICE, FIELD(collector), .choices = collectors},
	{.name = "poll", .kind = MEMBER_DURATION, FIELD(poll_ms), .least = 1},
	{.name = "receipts", .kind = MEMBER_FLAG, FIELD(receipts)},
	{.name = NULL},
};

/* One that is being read. */
struct reading {
	struct profile_scenario *scenario;
	struct transfer transfer;
	struct evm *evm;
};

/* Refuses a member; returns false. */
static bool refuse(struct reading *reading, const char *name, const char *why)
{
	const struct member_place place = {.outer = reading->scenario->place, .name = name};
	struct json_value value;

	if (!member_find(reading->scenario->reading, reading->scenario->object, name, &value)) {
		value = *reading->scenario->object;
	}
	return member_refuse(reading->scenario->reading, &place, &value, "%s", why);
}

static bool read_wei(
	struct reading *reading, const char *name, const struct json_value *value, struct wei *wei)
{
	const char *text = reading->scenario->reading->text + value->start;
	bool fine = false;

	if (value->kind == JSON_ABSENT) {
		return true;
	}
	if (value->kind == JSON_STRING) {
		fine = wei_read(text + 1, value->length - 2, wei);
	} else if (value->kind == JSON_NUMBER) {
		fine = wei_read(text, value->length, wei);
	}
	return fine ||
		refuse(reading, name, "is no amount of wei, such as 1 or \"1000000000000000000\"");
}

static bool read_amounts(struct reading *reading)
{
	struct evm_setting *setting = &reading->evm->setting;
	const struct transfer *transfer = &reading->transfer;

	setting->kind = (enum ethereum_kind)transfer->type;
	setting->chain_id = transfer->chain_id;
	setting->gas_limit = transfer->gas_limit;
	setting->gas_price = transfer->gas_price;
	setting->max_fee = transfer->max_fee;
	setting->max_priority = transfer->max_priority;
	setting->first_nonce = transfer->first_nonce;
	if (setting->kind == ETHEREUM_LEGACY && (setting->max_fee || setting->max_priority)) {
		return refuse(reading, "type",
			"is \"legacy\", which has \"gas_price\", not \"max_fee\" and "
			"\"max_priority\"");
	}
	if (setting->kind == ETHEREUM_EIP1559 && setting->gas_price) {
		return refuse(reading, "gas_price",
			"is of \"legacy\" transactions; others have \"max_fee\" and "
			"\"max_priority\"");
	}
	if (setting->max_fee && setting->max_priority > setting->max_fee) {
		return refuse(reading, "max_priority", "is above \"max_fee\"");
	}
	if (setting->max_fee && !setting->max_priority) {
		setting->max_priority =
			setting->max_fee < EVM_PRIORITY ? setting->max_fee : EVM_PRIORITY;
	}
	return read_wei(reading, "fund", &transfer->fund, &setting->fund) &&
		read_wei(reading, "value", &transfer->value, &setting->value);
}

static bool read_receiver(struct reading *reading)
{
	static const char *const words[] = {
		[EVM_TO_ACCOUNTS] = "accounts", [EVM_TO_RANDOM] = "random", [EVM_TO_SELF] = "self"};
	struct evm_setting *setting = &reading->evm->setting;
	const char *to = reading->transfer.to;

	if (!to) {
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(to, words[i])) {
			setting->receiver = (enum evm_receiver)i;
			return true;
		}
	}
	setting->receiver = EVM_TO_ADDRESS;
	return ethereum_read_hex(to, strlen(to), setting->to, ETHEREUM_ADDRESS) ||
		refuse(reading, "to",
			"is none of \"accounts\", \"random\", \"self\", and no address of 40 "
			"hexadecimal digits");
}

static bool read_data(struct reading *reading)
{
	struct evm_setting *setting = &reading->evm->setting;
	const char *data = reading->transfer.data;
	size_t digits;

	if (!data) {
		return true;
	}
	digits = strlen(data) - (strncmp(data, "0x", 2) ? 0 : 2);
	if (digits % 2 || digits / 2 > EVM_DATA_MOST) {
		return refuse(reading, "data",
			"is no whole number of bytes, up to 65536, as "
			"hexadecimal digits");
	}
	setting->data_length = digits / 2;
	setting->data = malloc(setting->data_length + 1);
	if (!setting->data) {
		reading->scenario->reading->refusal->failed = true;
		return false;
	}
	return ethereum_read_hex(data, strlen(data), setting->data, setting->data_length) ||
		refuse(reading, "data", "is not made of hexadecimal digits");
}

/* Files are read now, so that what is wrong with them is known before anything begins. */

static int read_keys(struct reading *reading, struct buffer *why)
{
	const struct transfer *transfer = &reading->transfer;
	struct evm *evm = reading->evm;
	char *path = profile_file(reading->scenario, transfer->keys);
	int error = path ? evm_read_keys(evm, path, why) : -ENOMEM;

	if (!error && transfer->accounts && evm->account_count > transfer->accounts) {
		evm->account_count = transfer->accounts;
	}
	free(path);
	return error;
}

static int read_rich(struct reading *reading, struct buffer *why)
{
	const char *from = reading->transfer.fund_from;
	char *path = profile_file(reading->scenario, from);
	int error = path ? evm_read_rich(reading->evm, from, path, why) : -ENOMEM;

	free(path);
	return error;
}

static bool read_accounts(struct reading *reading)
{
	const struct transfer *transfer = &reading->transfer;
	struct evm *evm = reading->evm;
	struct buffer why = {0};
	int error = 0;

	evm->setting.account_count = transfer->accounts;
	evm->setting.account_seed = transfer->account_seed;
	if (transfer->keys) {
		error = read_keys(reading, &why);
	} else {
		evm->setting.account_count = transfer->accounts ? transfer->accounts : 10;
		error = evm_derive_accounts(evm);
	}
	if (error) {
		(void)(error == -EINVAL && refuse(reading, "keys", buffer_text(&why)));
	} else if (transfer->fund_from) {
		error = read_rich(reading, &why);
		(void)(error == -EINVAL && refuse(reading, "fund_from", buffer_text(&why)));
	}
	reading->scenario->reading->refusal->failed |= error == -ENOMEM;
	buffer_fini(&why);
	return !error;
}

/* Where it goes; who is asked, and who tells of blocks. */

static bool read_targets(struct reading *reading)
{
	struct profile_scenario *scenario = reading->scenario;
	const struct member_place place = {.outer = scenario->place, .name = "endpoints"};
	struct evm *evm = reading->evm;

	if (reading->transfer.common.endpoints.kind != JSON_ABSENT) {
		return profile_endpoints(scenario, &place, &reading->transfer.common.endpoints,
			       evm->endpoints, &evm->endpoint_count) == 0;
	}
	evm->endpoint_count = scenario->endpoint_count;
	for (size_t i = 0; i < evm->endpoint_count; i++) {
		evm->endpoints[i] = (uint32_t)i;
	}
	return evm->endpoint_count ||
		member_refuse(scenario->reading, scenario->place, scenario->object,
			"has no \"endpoints\", nor has the profile");
}

/* One URL of this kind. */
static bool read_url(struct reading *reading, const char *name, const struct json_value *value,
	enum endpoint_kind kind, uint32_t *index)
{
	struct profile_scenario *scenario = reading->scenario;
	const struct member_place place = {.outer = scenario->place, .name = name};
	uint32_t indexes[PLAN_ENDPOINTS_MOST];
	size_t count;

	if (value->kind != JSON_STRING) {
		return member_refuse_value(scenario->reading, &place, value, "a URL");
	}
	if (profile_endpoints(scenario, &place, value, indexes, &count) != 0) {
		return false;
	}
	*index = indexes[0];
	return scenario->plan->endpoints[*index].kind == kind ||
		refuse(reading, name,
			kind == ENDPOINT_HTTP ? "is no http:// or https:// URL"
					      : "is no ws:// or wss:// URL");
}

static bool find_rpc(struct reading *reading)
{
	struct evm *evm = reading->evm;

	if (reading->transfer.rpc.kind != JSON_ABSENT) {
		return read_url(reading, "rpc", &reading->transfer.rpc, ENDPOINT_HTTP, &evm->rpc);
	}
	for (size_t i = 0; i < evm->endpoint_count; i++) {
		evm->rpc = evm->endpoints[i];
		if (evm->plan->endpoints[evm->rpc].kind == ENDPOINT_HTTP) {
			return true;
		}
	}
	return refuse(reading, "rpc",
		"is missing: all endpoints are WebSockets, and nonces are asked for over HTTP");
}

static bool find_websocket(struct reading *reading)
{
	struct evm_setting *setting = &reading->evm->setting;
	bool has_url = reading->transfer.websocket.kind != JSON_ABSENT;

	setting->collecting = (enum evm_collecting)reading->transfer.collector;
	if (has_url &&
		!read_url(reading, "websocket", &reading->transfer.websocket, ENDPOINT_WEBSOCKET,
			&reading->evm->websocket)) {
		return false;
	}
	if (setting->collecting == EVM_COLLECT_WEBSOCKET && !has_url) {
		return refuse(reading, "websocket", "is missing: the URL that tells of blocks");
	}
	if (setting->collecting == EVM_COLLECT_AUTO) {
		setting->collecting = has_url ? EVM_COLLECT_WEBSOCKET : EVM_COLLECT_POLLING;
	}
	reading->evm->collects = setting->collecting != EVM_COLLECT_NOT;
	return true;
}

static bool check_presigned(struct reading *reading, const char *path)
{
	struct buffer why = {0};
	int error = presigned_check(path, &why);

	(void)(error == -EINVAL && refuse(reading, "presigned", buffer_text(&why)));
	reading->scenario->reading->refusal->failed |= error == -ENOMEM || why.failed;
	buffer_fini(&why);
	return !error;
}

static bool read_presigned(struct reading *reading)
{
	struct transfer *transfer = &reading->transfer;

	if (transfer->presigned && (transfer->fund_from || transfer->keys)) {
		return refuse(reading, "presigned",
			"stands beside \"keys\" or \"fund_from\", but its transactions are signed");
	}
	if (!transfer->presigned) {
		return true;
	}
	reading->evm->setting.presigned = profile_file(reading->scenario, transfer->presigned);
	return reading->evm->setting.presigned &&
		check_presigned(reading, reading->evm->setting.presigned);
}

static bool read_whole(struct reading *reading)
{
	struct evm_setting *setting = &reading->evm->setting;

	setting->poll_ms = reading->transfer.poll_ms;
	setting->receipts = reading->transfer.receipts;
	reading->evm->scenario = (uint32_t)reading->scenario->index;
	return read_amounts(reading) && read_receiver(reading) && read_data(reading) &&
		read_targets(reading) && find_rpc(reading) && find_websocket(reading) &&
		read_presigned(reading) && read_accounts(reading);
}

static int read_transfer(struct profile_scenario *scenario)
{
	struct plan *plan = scenario->plan;
	struct reading reading = {.scenario = scenario};
	bool fine;

	if (plan->shared) {
		member_refuse(scenario->reading, scenario->place, scenario->object,
			"is a second one of the kind \"evm-transfer\", of which there can be one");
		return scenario->reading->refusal->failed ? -ENOMEM : -EINVAL;
	}
	reading.evm = evm_new(plan);
	if (!reading.evm) {
		return -ENOMEM;
	}
	plan->shared = reading.evm;
	reading.transfer = (struct transfer){
		.account_seed = plan->seed,
		.gas_limit = EVM_GAS_OF_TRANSFER,
		.type = ETHEREUM_EIP1559,
		.poll_ms = reading.evm->setting.poll_ms,
		.receipts = true,
	};
	fine = member_read(scenario->reading, scenario->place, scenario->object, members,
		       &reading.transfer) &&
		read_whole(&reading);
	member_free(members, &reading.transfer);
	return fine ? 0 : scenario->reading->refusal->failed ? -ENOMEM : -EINVAL;
}

/* An account has one transaction in flight, and one thread. */
static int finish(struct plan *plan)
{
	const struct evm *evm = plan->shared;

	if (evm->setting.presigned) {
		return 0;
	}
	if ((size_t)plan->threads > evm->account_count) {
		plan->threads = (int)evm->account_count;
	}
	if (!plan->is_open && (size_t)plan->connections > evm->account_count) {
		plan->connections = (int)evm->account_count;
	}
	return 0;
}

const struct profile_kind profile_evm = {
	.word = "evm-transfer",
	.members = members,
	.source = &evm_source_kind,
	.read = read_transfer,
	.finish = finish,
};
