/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document by which a program tells what it is (program.h), read into serve->function. What is
 * wrong with it is quoted.
 */
#ifndef SERVE_DESCRIPTION_H
#define SERVE_DESCRIPTION_H

#include "serve/host.h"

#define DESCRIPTION_WORD "--describe"

/*
 * Fills in all of serve->function but its runner and its texts. Returns 0, or -1 with one sentence
 * in *refusal; what was filled in by then is function_fini's in any case.
 */
int description_read(struct serve *serve, const char *text, size_t length, struct buffer *refusal);

/*
 * Makes one line for a terminal of a sentence that quotes others: control characters become spaces,
 * and what is not UTF-8 question marks.
 */
void description_make_plain(struct buffer *refusal);

/* Writes the beginning of such a sentence, "'./x --describe' ", and what follows; returns -1. */
int description_refuse(struct serve *serve, struct buffer *refusal, const char *what);

#endif
