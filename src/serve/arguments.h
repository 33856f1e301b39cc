/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a call against the schema of the function's inputs: what is wrong with it, each with
 * its place, or the parameters as ranges of the text. Nothing is converted: a number keeps its
 * digits, and "1" is no integer. 1.0 is one, as JSON Schema has it. Members that were not declared
 * are left out.
 */
#ifndef SERVE_ARGUMENTS_H
#define SERVE_ARGUMENTS_H

#include "base/buffer.h"
#include "serve/schema.h"

#define ARGUMENTS_ERRORS_MOST 100 /* that are told of one body */
#define ARGUMENTS_INPUT_MOST 1024 /* bytes of an input that is told; a longer one: null */

enum arguments_outcome {
	ARGUMENTS_OK,
	ARGUMENTS_NOT_JSON, /* 400: *told is a sentence: "the body is not JSON: byte 3: ..." */
	ARGUMENTS_INVALID,  /* 422: *told is {"detail":[{"type","loc","msg","input"},...]} */
	ARGUMENTS_NO_MEMORY,
};

/* Zeroed: none. */
struct arguments {
	struct buffer text;        /* one object: the declared parameters in their order, presets
	                               filled in at every depth, values as they came */
	struct json_value root;    /* of the text */
	struct json_value *values; /* by the schema's members; NULL where there are none */
};

/*
 * Checks a body; an empty one (white space) is fine where nothing is required. The types and
 * messages of errors are pydantic's (version 2): missing "Field required"; string_type "Input
 * should be a valid string"; int_type; int_from_float; float_type; bool_type; list_type; dict_type
 * "Input should be a valid dictionary"; none_required "Input should be None"; enum "Input should be
 * 'a', 'b' or 'c'"; loc begins with "body", has names and indices, and behind a union the type of
 * the alternative.
 */
enum arguments_outcome arguments_read(struct arguments *arguments, const struct schema *inputs,
	const char *body, size_t length, struct buffer *told);

void arguments_fini(struct arguments *arguments);

/*
 * Finds a value by its parameter's name, or by a JSON Pointer (RFC 6901) if name begins with a
 * slash; "": the whole text. Returns false if there is none.
 */
bool arguments_find(const struct arguments *arguments, const struct schema *inputs,
	const char *name, struct json_value *value);

#endif
