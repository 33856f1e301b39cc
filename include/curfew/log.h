/* SPDX-License-Identifier: Apache-2.0 */
/* The library never prints. What it has to say goes to a hook of the host's. */
#ifndef CURFEW_LOG_H
#define CURFEW_LOG_H

#include <curfew/visibility.h>

CURFEW_BEGIN

enum curfew_level {
	CURFEW_LEVEL_ERROR,
	CURFEW_LEVEL_WARNING,
	CURFEW_LEVEL_INFO,
	CURFEW_LEVEL_DEBUG
};

/* Gets one message: one line without its newline, valid during the call. From any thread. */
typedef void curfew_log_fn(enum curfew_level level, const char *message, void *arg);

/* Sets the hook (NULL: none) for all of the library; before other threads use it. */
CURFEW_API void curfew_log_set(curfew_log_fn *log, void *arg);

CURFEW_END

#endif
