/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line splitter. The first byte gives the bound; the rest is the input. A second, naive
 * splitter over the whole input is the oracle; the real one must agree when fed byte by byte, and
 * cut in two at every point.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_SPLITS 256

static void write_piece(struct buffer *out, const char *bytes, size_t length, int starts, int ends)
{
	buffer_appendf(out, "%zu%c%c:", length, starts ? 's' : '-', ends ? 'e' : '-');
	buffer_append(out, bytes, length);
}

static void note(const struct line *line, void *arg)
{
	write_piece(arg, line->bytes, line->length, line->starts, line->ends);
}

static void split_naively(struct buffer *out, const char *bytes, size_t length, size_t bound)
{
	size_t start = 0;
	int starts = 1;

	for (size_t i = 0; i <= length; i++) {
		if (i == length || bytes[i] == '\n') {
			if (i < length || i > start) {
				write_piece(out, bytes + start, i - start, starts, 1);
			}
			start = i + 1;
			starts = 1;
		} else if (i - start == bound) {
			write_piece(out, bytes + start, bound, starts, 0);
			start = i;
			starts = 0;
		}
	}
}

static void check(
	const struct buffer *expected, const char *bytes, size_t length, size_t bound, size_t cut)
{
	struct line_splitter splitter;
	struct buffer seen = {0};

	assert(!line_splitter_init(&splitter, bound, note, &seen));
	if (cut <= length) {
		line_splitter_feed(&splitter, bytes, cut);
		line_splitter_feed(&splitter, bytes + cut, length - cut);
	} else {
		for (size_t i = 0; i < length; i++) {
			line_splitter_feed(&splitter, bytes + i, 1);
		}
	}
	line_splitter_finish(&splitter);
	line_splitter_fini(&splitter);
	assert(!seen.failed && seen.length == expected->length);
	assert(!seen.length || !memcmp(seen.data, expected->data, seen.length));
	buffer_fini(&seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer expected = {0};
	const char *bytes = (const char *)data + 1;
	size_t bound, length;

	if (!size) {
		return 0;
	}
	bound = data[0] % 64 + 1U;
	length = size - 1;
	split_naively(&expected, bytes, length, bound);
	check(&expected, bytes, length, bound, SIZE_MAX);
	for (size_t cut = 0; cut <= length && cut <= MOST_SPLITS; cut++) {
		check(&expected, bytes, length, bound, cut);
	}
	buffer_fini(&expected);
	return 0;
}
