/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of JSON-RPC 2.0, whose ids are the numbers of their requests. */
#ifndef LOAD_RPC_H
#define LOAD_RPC_H

#include <stddef.h>
#include <stdint.h>

#include "load/outcome.h"
#include "load/pattern.h"

/*
 * Appends a call to an empty pattern. params: a JSON text of an array or an object (NULL: none),
 * whose white space is left out, with places or without. Returns false with a refusal, of what is
 * wrong with params; that there is no memory is seen by pattern_failed.
 */
bool rpc_compose(struct pattern *pattern, const char *method, const char *params, size_t length,
	bool has_places, struct buffer *refusal);

/*
 * What the answer to such a call is counted as: OK for a result, RPC_ERROR for an error that is not
 * null, MALFORMED for what is neither, has another id, or is no JSON. An error may have the id
 * null, of a server that could not tell which call it is about (5.1). body NULL: none.
 */
enum load_outcome rpc_judge(uint64_t id, const char *body, size_t length);

#endif
