/* SPDX-License-Identifier: Apache-2.0 */
#include "http/chunk.h"

#include <assert.h>

#include "http/compose.h"

size_t http_chunk_head(char line[HTTP_CHUNK_HEAD_MOST], uint64_t length)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(length | 1);
	unsigned digits = (bits + 3) / 4;

	assert(length);
	for (unsigned i = digits; i > 0; i--) {
		line[i - 1] = "0123456789abcdef"[length & 15];
		length >>= 4;
	}
	line[digits] = '\r';
	line[digits + 1] = '\n';
	return digits + 2;
}

void http_chunk_last(struct buffer *out, const struct http_head *trailers)
{
	buffer_append(out, "0\r\n", 3);
	if (trailers) {
		http_compose_trailers(out, trailers);
	}
	http_compose_end(out);
}
