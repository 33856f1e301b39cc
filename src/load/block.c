/* SPDX-License-Identifier: Apache-2.0 */
#include "load/block.h"

#include <string.h>

#include "load/rpc_answer.h"

/* The member of that name: the last one counts. */
static struct json_value member(
	const char *text, const struct json_value *object, const char *wanted)
{
	struct json_value name = {0}, value = {0}, found = {0};

	while (json_member_next(text, object, &name, &value)) {
		if (json_string_equal(text, &name, wanted, strlen(wanted))) {
			found = value;
		}
	}
	return found;
}

static bool read_quantity(
	const char *text, const struct json_value *object, const char *name, uint64_t *number)
{
	struct json_value value = member(text, object, name);

	return rpc_quantity(text, &value, number);
}

bool block_number(const char *text, const struct json_value *value, uint64_t *number)
{
	return rpc_quantity(text, value, number) && *number <= INT64_MAX;
}

static bool read_number(const char *text, const struct json_value *object, uint64_t *number)
{
	struct json_value value = member(text, object, "number");

	return block_number(text, &value, number);
}

static bool read_hash(const char *text, const struct json_value *object, const char *name,
	uint8_t hash[ETHEREUM_HASH])
{
	struct json_value value = member(text, object, name);

	return rpc_bytes(text, &value, hash, ETHEREUM_HASH);
}

static uint64_t count_elements(const char *text, const struct json_value *array)
{
	struct json_value element = {0};
	uint64_t count = 0;

	while (json_element_next(text, array, &element)) {
		count++;
	}
	return count;
}

bool block_read(const char *text, const struct json_value *value, struct chain_head *head,
	struct json_value *transactions)
{
	*head = (struct chain_head){0};
	if (value->kind != JSON_OBJECT || !read_number(text, value, &head->number) ||
		!read_hash(text, value, "hash", head->hash) ||
		!read_hash(text, value, "parentHash", head->parent) ||
		!read_quantity(text, value, "gasUsed", &head->gas_used)) {
		return false;
	}
	*transactions = member(text, value, "transactions");
	head->transactions = count_elements(text, transactions);
	return transactions->kind == JSON_ARRAY;
}

bool block_transaction_next(const char *text, const struct json_value *transactions,
	struct json_value *element, uint8_t hash[ETHEREUM_HASH])
{
	while (json_element_next(text, transactions, element)) {
		if (rpc_bytes(text, element, hash, ETHEREUM_HASH)) {
			return true;
		}
	}
	return false;
}

bool receipt_read(const char *text, const struct json_value *value, uint8_t hash[ETHEREUM_HASH],
	bool *succeeded)
{
	uint64_t status;

	if (value->kind != JSON_OBJECT || !read_hash(text, value, "transactionHash", hash) ||
		!read_quantity(text, value, "status", &status)) {
		return false;
	}
	*succeeded = status == 1;
	return true;
}

bool block_read_number(const char *text, const struct json_value *value, uint64_t *number)
{
	return value->kind == JSON_OBJECT && read_number(text, value, number);
}
