/* SPDX-License-Identifier: Apache-2.0 */
/* What a client says it has got last (Last-Event-ID): an id is two numbers as we write them. */
#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mcp/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t number, sequence, other_number = 0, other_sequence = 0;
	char written[64];
	int length;

	if (channel_parse_id((const char *)data, size, &number, &sequence)) {
		length = snprintf(
			written, sizeof(written), "%" PRIu64 "-%" PRIu64, number, sequence);
		assert((size_t)length == size && !memcmp(written, data, size));
	} else if (size < sizeof(written)) { /* then it is no text that we write */
		memcpy(written, data, size);
		written[size] = '\0';
		if (sscanf(written, "%" SCNu64 "-%" SCNu64, &other_number, &other_sequence) == 2) {
			char again[64];

			(void)snprintf(again, sizeof(again), "%" PRIu64 "-%" PRIu64, other_number,
				other_sequence);
			assert(strlen(written) != size || strcmp(again, written) != 0);
		}
	}
	return 0;
}
