/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. Inside curfew a point in time is an absolute deadline: nanoseconds of CLOCK_MONOTONIC
 * (clock_gettime(2)), so a step of the wall clock changes nothing. Durations exist only at the
 * edge, in milliseconds, and carry it in their name.
 */
#ifndef CURFEW_TIME_H
#define CURFEW_TIME_H

#include <stdint.h>

#include <curfew/visibility.h>

CURFEW_BEGIN

/* The deadline that is never reached. */
#define CURFEW_NEVER INT64_MAX

/* Returns now. Any thread; safe in a signal handler. */
CURFEW_API int64_t curfew_now(void);

/*
 * Returns the deadline that lies ms milliseconds from now. CURFEW_NEVER, as a duration, gives
 * CURFEW_NEVER, and so does a sum that would overflow; a negative duration gives now. Any thread.
 */
CURFEW_API int64_t curfew_after_ms(int64_t ms);

CURFEW_END

#endif
