/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exit code, as a function of the cause: the one place where it is computed. curfew(7), EXIT
 * STATUS.
 */
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

#include <stdbool.h>

#include <curfew/context.h>

#define EXIT_CODE_FAILURE 1
#define EXIT_CODE_USAGE 2
#define EXIT_CODE_CANNOT_EXECUTE 126
#define EXIT_CODE_NOT_FOUND 127
#define EXIT_CODE_SIGNAL 128 /* plus the signal's number */

/* The end of the one child whose code is ours (curfew run). */
struct outcome_child {
	bool ended;
	bool killed; /* we had to send SIGKILL */
	bool by_us;  /* it died of, or exited 128 + the number of, a stop signal that we sent */
	bool keep_signal; /* then 128 + n counts, not 0 */
	int code;
	int signal;
};

struct outcome {
	enum curfew_reason reason; /* the first cause */
	bool insisted;
	int insist_signal;
	bool forced;
	int forced_exit;
	struct outcome_child child;
};

int outcome_exit_code(const struct outcome *outcome);

#endif
