/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests, one behind the other: whole and in pieces, and beside llhttp alone. */
#include "tests/fuzz/http_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	messages_check(HTTP_REQUESTS, data, size);
	return 0;
}
