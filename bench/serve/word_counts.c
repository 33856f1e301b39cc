/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The function that bench/serve measures, as a plugin in C: how many words a text has that are
 * `least` long at least, and the longest one; after `wait_ms`, in which it looks at its token every
 * 10 ms. word_counts.py is the same for the others.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <curfew/plugin.h>

#define POLL_NS 10000000 /* ns */
#define SHOWN 40         /* bytes of the longest word that are told */

static int wait_for(const struct curfew_request *request, int64_t ms)
{
	struct curfew_token *token = curfew_request_token(request);
	int64_t until = curfew_after_ms(ms);

	while (curfew_now() < until) {
		if (curfew_token_wait(token, curfew_now() + POLL_NS)) {
			return CURFEW_E_CANCELLED;
		}
	}
	return 0;
}

static int word_counts(const struct curfew_request *request, struct curfew_response *response)
{
	const char *text = curfew_request_string(request, "text", NULL);
	const char *longest = "";
	size_t most = 0;
	int64_t least;
	int64_t wait_ms;
	long count = 0;
	char json[128];
	int length;

	if (curfew_request_integer(request, "least", &least) < 0 ||
		curfew_request_integer(request, "wait_ms", &wait_ms) < 0) {
		return curfew_response_fail(response, 422, "a number is too large");
	}
	while (*(text += strspn(text, " \n\t"))) {
		size_t word = strcspn(text, " \n\t");

		count += (int64_t)word >= least;
		if (word > most) {
			longest = text;
			most = word;
		}
		text += word;
	}
	if (wait_ms > 0 && wait_for(request, wait_ms) < 0) {
		return CURFEW_E_CANCELLED;
	}
	for (size_t i = 0; i < most; i++) {
		if (!isalnum((unsigned char)longest[i])) {
			return curfew_response_fail(response, 400, "words are of ASCII letters");
		}
	}
	length = snprintf(json, sizeof(json), "{\"words\":%ld,\"longest\":\"%.*s\"}", count,
		(int)(most < SHOWN ? most : SHOWN), longest);
	curfew_response_usage(response, "words", count);
	return curfew_response_output(response, json, (size_t)length);
}

static const char *const modes[] = {"\"words\"", "\"lines\"", NULL};

static const struct curfew_parameter parameters[] = {
	{.name = "text", .type = CURFEW_STRING},
	{.name = "least", .type = CURFEW_INTEGER, .preset = "1"},
	{.name = "mode", .type = CURFEW_STRING, .preset = "\"words\"", .choices = modes},
	{.name = "wait_ms", .type = CURFEW_INTEGER, .preset = "0"},
	{.name = "usage", .type = CURFEW_USAGE},
	{.name = "token", .type = CURFEW_CANCELLATION_TOKEN},
	{0},
};

static const struct curfew_parameter members[] = {
	{.name = "words", .type = CURFEW_INTEGER},
	{.name = "longest", .type = CURFEW_STRING},
	{0},
};
static const struct curfew_parameter output = {.type = CURFEW_OBJECT, .parts = members};

static const struct curfew_function functions[] = {
	{
		.name = "word_counts",
		.parameters = parameters,
		.output = &output,
		.run = word_counts,
	},
	{0},
};

CURFEW_PLUGIN(.functions = functions);
