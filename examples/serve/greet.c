/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin in 30 lines: cc -shared -fPIC greet.c -o greet.so && curfew serve ./greet.so */
#include <stdio.h>

#include <curfew/plugin.h>

static int greet(const struct curfew_request *request, struct curfew_response *response)
{
	const char *name = curfew_request_json(request, "name", NULL); /* with its quotes */
	char json[512];
	int64_t times = 1;
	int length;

	(void)curfew_request_integer(request, "times", &times);
	length = snprintf(
		json, sizeof(json), "{\"hello\": %s, \"times\": %lld}", name, (long long)times);
	if (length >= (int)sizeof(json)) {
		return curfew_response_fail(response, 400, "the name is too long");
	}
	return curfew_response_output(response, json, (size_t)length);
}

static const struct curfew_parameter parameters[] = {
	{.name = "name", .type = CURFEW_STRING, .description = "Who is greeted"},
	{.name = "times", .type = CURFEW_INTEGER, .preset = "1"},
	{0},
};
static const struct curfew_parameter output = {.type = CURFEW_ANY};
static const struct curfew_function functions[] = {
	{.name = "greet", .parameters = parameters, .output = &output, .run = greet}, {0}};

CURFEW_PLUGIN(.functions = functions);
