/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks and receipts of Ethereum nodes, read from what they answer. */
#ifndef LOAD_BLOCK_H
#define LOAD_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "load/chain.h"
#include "json/value.h"

/*
 * A block of eth_getBlockByNumber, with the hashes of its transactions. False: it is none.
 * transactions: an array of the text.
 */
bool block_read(const char *text, const struct json_value *value, struct chain_head *head,
	struct json_value *transactions);

/* Goes through its transactions, as json_element_next does. One that is no hash is passed over. */
bool block_transaction_next(const char *text, const struct json_value *transactions,
	struct json_value *element, uint8_t hash[ETHEREUM_HASH]);

/* A receipt: whose it is, and whether it was carried out (status 1). False: it is none. */
bool receipt_read(const char *text, const struct json_value *value, uint8_t hash[ETHEREUM_HASH],
	bool *succeeded);

/* The number of a head of newHeads. */
bool block_read_number(const char *text, const struct json_value *value, uint64_t *number);

/* The number of a block, as a quantity. Half of those of 64 bits are none: others are behind it. */
bool block_number(const char *text, const struct json_value *value, uint64_t *number);

#endif
