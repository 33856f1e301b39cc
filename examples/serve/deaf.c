/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Works for so many seconds and never looks at its token: at the end of the process its client gets
 * the 503 when the grace is over, and the process leaves without it. A function that cannot ask is
 * better served as a program (curfew serve -- CMD), which can be killed.
 */
#include <curfew/plugin.h>

#include <errno.h>
#include <time.h>

static int deaf(const struct curfew_request *request, struct curfew_response *response)
{
	struct timespec left = {.tv_sec = 3600};
	int64_t seconds;

	if (!curfew_request_integer(request, "seconds", &seconds)) {
		left.tv_sec = seconds;
	}
	if (left.tv_sec < 0) {
		return -EINVAL;
	}
	while (nanosleep(&left, &left) < 0) {}
	return curfew_response_output(response, "\"at last\"", sizeof("\"at last\"") - 1);
}

static const struct curfew_parameter parameters[] = {
	{.name = "seconds", .type = CURFEW_INTEGER, .preset = "3600"}, {0}};
static const struct curfew_parameter output = {.type = CURFEW_STRING};
static const struct curfew_function functions[] = {
	{.name = "deaf", .parameters = parameters, .output = &output, .run = deaf}, {0}};

CURFEW_PLUGIN(.functions = functions);
