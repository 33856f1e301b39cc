/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes into lines, with bounded memory. What comes out depends on the bytes alone, not on the
 * pieces in which they were fed.
 */
#ifndef BASE_LINE_H
#define BASE_LINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A line without its newline, or a piece of one that is longer than the bound. All pieces but a
 * line's last have exactly the bound's length. The bytes are valid during the call.
 */
struct line {
	const char *bytes;
	size_t length;
	bool starts; /* the first piece of its line */
	bool ends;   /* the last piece: a newline followed, or the input ended here */
};

typedef void line_fn(const struct line *line, void *arg);

struct line_splitter {
	char *held; /* the beginning of a piece, of at most bound bytes */
	size_t length;
	size_t bound;
	bool inside; /* a piece of this line was given out already */
	line_fn *each;
	void *arg;
};

/* bound: bytes of the longest piece, at least 1. Returns 0 or -ENOMEM. */
int line_splitter_init(struct line_splitter *splitter, size_t bound, line_fn *each, void *arg);

/* Frees the memory; what was held is dropped. */
void line_splitter_fini(struct line_splitter *splitter);

/* Calls each(line, arg) for every line, or full piece, that is whole with these bytes. */
void line_splitter_feed(struct line_splitter *splitter, const char *bytes, size_t length);

/*
 * The input is over: gives out a last line without a newline, if there is one. More may be fed
 * later.
 */
void line_splitter_finish(struct line_splitter *splitter);

#endif
