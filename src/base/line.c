/* SPDX-License-Identifier: Apache-2.0 */
#include "base/line.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int line_splitter_init(struct line_splitter *splitter, size_t bound, line_fn *each, void *arg)
{
	assert(bound > 0);
	*splitter = (struct line_splitter){.bound = bound, .each = each, .arg = arg};
	splitter->held = malloc(bound);
	return splitter->held ? 0 : -ENOMEM;
}

void line_splitter_fini(struct line_splitter *splitter)
{
	free(splitter->held);
	splitter->held = NULL;
	splitter->length = 0;
}

static void give(struct line_splitter *splitter, const char *bytes, size_t length, bool ends)
{
	const struct line line = {bytes, length, .starts = !splitter->inside, .ends = ends};

	splitter->inside = !ends;
	splitter->length = 0;
	splitter->each(&line, splitter->arg);
}

/*
 * Takes bytes that hold no newline but, where ends, have one behind them. A full piece is given out
 * only when a byte more of its line is known: whether it is the last one is then certain.
 */
static void take(struct line_splitter *splitter, const char *bytes, size_t length, bool ends)
{
	while (splitter->length + length > splitter->bound) {
		size_t part = splitter->bound - splitter->length;

		if (splitter->length) {
			memcpy(splitter->held + splitter->length, bytes, part);
			give(splitter, splitter->held, splitter->bound, false);
		} else {
			give(splitter, bytes, part, false);
		}
		bytes += part;
		length -= part;
	}
	if (ends && !splitter->length) {
		give(splitter, bytes, length, true);
		return;
	}
	if (length) {
		memcpy(splitter->held + splitter->length, bytes, length);
		splitter->length += length;
	}
	if (ends) {
		give(splitter, splitter->held, splitter->length, true);
	}
}

void line_splitter_feed(struct line_splitter *splitter, const char *bytes, size_t length)
{
	while (length) {
		const char *newline = memchr(bytes, '\n', length);
		size_t part = newline ? (size_t)(newline - bytes) : length;

		take(splitter, bytes, part, newline);
		part += newline ? 1 : 0;
		bytes += part;
		length -= part;
	}
}

void line_splitter_finish(struct line_splitter *splitter)
{
	if (splitter->length) {
		give(splitter, splitter->held, splitter->length, true);
	}
}
