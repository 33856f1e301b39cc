/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define MESSAGE_BYTES 512

static curfew_log_fn *hook;
static void *hook_arg;

void curfew_log_set(curfew_log_fn *log, void *arg)
{
	hook = log;
	hook_arg = arg;
}

void log_message(enum curfew_level level, const char *format, ...)
{
	char message[MESSAGE_BYTES];
	va_list args;

	if (!hook) {
		return;
	}
	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	hook(level, message, hook_arg);
}
