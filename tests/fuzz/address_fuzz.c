/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses, URLs and ranges: what is taken is written so that it reads as the same, the kernel's
 * form of a literal one too, and a range contains the address that it begins with.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const struct address *address)
{
	char text[ADDRESS_TEXT], again_text[ADDRESS_TEXT];
	struct address again;
	struct socket_address socket, again_socket;

	assert(!address_parse(address_text(address, text), &again));
	assert(memcmp(address, &again, sizeof(again)) == 0);
	if (!address_literal(address, &socket)) {
		return;
	}
	(void)socket_address_text(&socket, text);
	assert(!address_parse(text, &again) && address_literal(&again, &again_socket));
	assert(strcmp(text, socket_address_text(&again_socket, again_text)) == 0);
}

static void check_range(const char *text, const struct address_range *range)
{
	struct address address = {0};
	struct socket_address socket;

	(void)snprintf(address.host, sizeof(address.host), "%.*s", (int)strcspn(text, "/"), text);
	assert(address_literal(&address, &socket));
	/* Of IPv6 ranges that hold the mapped ones, these count as IPv4. */
	assert(address_range_contains(range, &socket) || range->bits < 96);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct address address;
	struct address_range range;

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (!address_parse(text, &address)) {
		check_address(&address);
	}
	if (!address_parse_url(text, &address)) {
		check_address(&address);
	}
	if (!address_range_parse(text, &range)) {
		check_range(text, &range);
	}
	free(text);
	return 0;
}
