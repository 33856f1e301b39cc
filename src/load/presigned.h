/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of signed transactions, one a line, as hexadecimal digits: what --presign writes, and a
 * profile's "presigned" names. Read as a stream, so that their size does not matter.
 */
#ifndef LOAD_PRESIGNED_H
#define LOAD_PRESIGNED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buffer.h"

#define PRESIGNED_MOST 300000 /* bytes of a line */

/* A reader's place in such a file. Zeroed: not open. */
struct presigned {
	FILE *file;
	uint64_t line; /* the number of the next one, from 0; empty ones do not count */
	uint64_t row;  /* the number of the last line in the file, from 1 */
	char *text;    /* the last line */
};

/* Returns 0 or a negative errno. */
int presigned_open(struct presigned *presigned, const char *path);
void presigned_close(struct presigned *presigned);

/*
 * Appends the bytes of the number-th transaction, which is not before those that were read already.
 * Returns 0; 1 at the end of the file; -EINVAL for a line that is none; or -ENOMEM.
 */
int presigned_read(struct presigned *presigned, uint64_t number, struct buffer *raw);

/*
 * Reads a file to its end: whether there is a transaction in it, and each is whole. Returns 0;
 * -EINVAL with a refusal, which tells the line; or -ENOMEM.
 */
int presigned_check(const char *path, struct buffer *refusal);

#endif
