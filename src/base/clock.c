/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static const int64_t *fake;

void clock_fake(const int64_t *now)
{
	fake = now;
}

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	if (fake) {
		return *fake;
	}
	clock_gettime(id, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t curfew_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_coarse(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

int64_t clock_add_ms(int64_t from, int64_t ms)
{
	if (ms <= 0) {
		return from;
	}
	if (ms > (CURFEW_NEVER - from) / NS_PER_MS) {
		return CURFEW_NEVER;
	}
	return from + ms * NS_PER_MS;
}

int64_t curfew_after_ms(int64_t ms)
{
	return clock_add_ms(curfew_now(), ms);
}

int64_t clock_ms_between(int64_t from, int64_t to)
{
	return to > from ? (to - from) / NS_PER_MS : 0;
}
