/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes where nothing is. A plugin in C is a part of the process: all calls die with this one. The
 * same as a program (curfew serve -- CMD) costs one client a 502, and nobody else notices.
 */
#include <curfew/plugin.h>

#include <string.h>

static int crash(const struct curfew_request *request, struct curfew_response *response)
{
	const char *mode = curfew_request_string(request, "mode", NULL);
	volatile int *nowhere = NULL;

	if (mode && strcmp(mode, "crash") == 0) {
		*nowhere = 1; /* NOLINT(clang-analyzer-core.NullDereference) */
	}
	return curfew_response_output(response, "\"still here\"", sizeof("\"still here\"") - 1);
}

static const char *const modes[] = {"\"calm\"", "\"crash\"", NULL};
static const struct curfew_parameter parameters[] = {
	{.name = "mode", .type = CURFEW_STRING, .preset = "\"crash\"", .choices = modes}, {0}};
static const struct curfew_parameter output = {.type = CURFEW_STRING};
static const struct curfew_function functions[] = {
	{.name = "crash", .parameters = parameters, .output = &output, .run = crash}, {0}};

CURFEW_PLUGIN(.functions = functions);
