/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the response that a plugin fills in (curfew/plugin.h). */
#ifndef SERVE_RESPONSE_H
#define SERVE_RESPONSE_H

#include <curfew/plugin.h>

#include "serve/envelope.h"
#include "serve/item_queue.h"

#define RESPONSE_TEXT_MOST 4096 /* bytes of a failure's text, its NUL included */

/* What a function declared. */
struct response_uses {
	bool usage;
	bool message_channels;
	bool filedata_meta;
	bool output; /* false: the precheck */
};

struct curfew_response {
	struct response_uses uses;
	struct envelope envelope;
	struct item_queue *items; /* NULL: the function does not stream */
	struct curfew_token *token;
	bool failed; /* curfew_response_fail was called */
};

/*
 * What run returned, as the end of the call: fills in the envelope where run itself did not say
 * what is wrong. Returns whether it stopped because its token had fired.
 */
bool response_finish(struct curfew_response *response, int code);

#endif
