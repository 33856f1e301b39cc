/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/descriptor_limit.h"

static struct rlimit original;
static bool raised;

unsigned descriptor_limit_raise(void)
{
	struct rlimit limit;
	rlim_t wanted;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
		return 0;
	}
	wanted = limit.rlim_max < DESCRIPTOR_LIMIT_MOST ? limit.rlim_max : DESCRIPTOR_LIMIT_MOST;
	if (limit.rlim_cur < wanted) {
		struct rlimit more = {.rlim_cur = wanted, .rlim_max = limit.rlim_max};

		if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
			original = limit;
			raised = true;
			limit = more;
		}
	}
	return limit.rlim_cur < DESCRIPTOR_LIMIT_MOST ? (unsigned)limit.rlim_cur
						      : DESCRIPTOR_LIMIT_MOST;
}

bool descriptor_limit_original(struct rlimit *limit)
{
	if (raised) {
		*limit = original;
	}
	return raised;
}
