/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "core/outcome.h"
#include "loop/signals.h"

int run_main(const struct run_config *config)
{
	sigset_t mask = signals_original_mask();

	sigprocmask(SIG_SETMASK, &mask, NULL);
	execvpe(config->command[0], config->command, config->environment);
	return errno == ENOENT ? EXIT_CODE_NOT_FOUND : EXIT_CODE_CANNOT_EXECUTE;
}
