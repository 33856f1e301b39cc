/* SPDX-License-Identifier: Apache-2.0 */
/* To be preloaded: the wall clock jumps by a day, forth and back, each time that somebody looks. */
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

static atomic_int looks;

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

static time_t step(void)
{
	return atomic_fetch_add(&looks, 1) % 2 ? DAY : -DAY;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	int error = (int)syscall(SYS_clock_gettime, id, now);

	if (!error && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		now->tv_sec += step();
	}
	return error;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &precise);
	*now = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *now)
{
	struct timespec precise;

	(void)clock_gettime(CLOCK_REALTIME, &precise);
	if (now) {
		*now = precise.tv_sec;
	}
	return precise.tv_sec;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
