/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a backend share: backend.c (calls, start, end), its input, its output. */
#ifndef MCP_BACKEND_STATE_H
#define MCP_BACKEND_STATE_H

#include "mcp/backend.h"

/* backend.c: the call of a number; NULL: there is none. */
struct call *backend_find_call(struct backend *backend, uint64_t number);

/* The call is over; the callback, which is the last of it, may free its owner. */
void call_answer(struct call *call, const char *line, size_t length);
void call_fail(struct call *call, int code, const char *reason);

/* backend_input.c */
void input_init(struct backend *backend);

/*
 * Returns where one line may be appended, with *before for input_end, which has it sent; NULL: the
 * child does not read any more. input_end returns 0, or -ENOMEM: then nothing of it is sent.
 */
struct buffer *input_begin(struct backend *backend, size_t *before);
int input_end(struct backend *backend, size_t before);

/* The last that is written: what the child does not take now is dropped. */
void input_finish(struct backend *backend);
void input_fini(struct backend *backend);

/* backend_output.c */
void output_init(struct backend *backend);
void output_read(struct curfew_child *child, const char *bytes, size_t length, void *arg);
void output_error_line(struct curfew_child *child, const char *line, size_t length, void *arg);

/* The child is gone: a last line without its newline is one, too. */
void output_finish(struct backend *backend);
void output_fini(struct backend *backend);

#endif
