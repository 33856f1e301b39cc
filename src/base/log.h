/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <curfew/log.h>

/* Hands one line to the host's hook; does nothing where there is none. */
__attribute__((format(printf, 2, 3))) void log_message(
	enum curfew_level level, const char *format, ...);

#endif
