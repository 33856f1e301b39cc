/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the request that a plugin reads (curfew/plugin.h). */
#ifndef SERVE_REQUEST_H
#define SERVE_REQUEST_H

#include <curfew/plugin.h>

#include "serve/arguments.h"

/* A text that a plugin was given: it lives until its call is over. */
struct request_text {
	struct request_text *next;
	size_t start;    /* of its value, in the arguments */
	bool is_decoded; /* what a string says; else a value's JSON */
	size_t length;
	char bytes[]; /* and a NUL */
};

/* The texts behind a pointer, since a plugin's view is const. */
struct curfew_request {
	const struct arguments *arguments;
	const struct schema *inputs;
	struct curfew_token *token;
	struct request_text **texts;
};

/* Frees the texts. */
void request_fini(struct curfew_request *request);

#endif
