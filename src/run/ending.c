/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last words of a run: what was forced, the report, the death of the signal of which the
 * command died.
 */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buffer.h"
#include "loop/notice.h"
#include "loop/report_file.h"
#include "run/runner.h"

#define FORCED_TOLD 8 /* names in the line about them; the report has more */

/* One line, which says what was forced and what came of it. */
static void tell_forced(const struct runner *runner)
{
	const struct curfew_lifecycle *life = runner->life;
	struct buffer line;

	if (!life->forced_count) {
		return;
	}
	buffer_init(&line);
	buffer_append_text(&line, "curfew run: forced: ");
	for (size_t i = 0; i < life->forced_count && i < FORCED_TOLD; i++) {
		buffer_appendf(&line, "%s%s", i ? "; " : "", life->forced[i].name);
	}
	if (life->forced_count > FORCED_TOLD) {
		buffer_appendf(&line, "; and %zu more", life->forced_count - FORCED_TOLD);
	}
	buffer_appendf(&line, " (exit code %d)\n", curfew_lifecycle_exit_code(life));
	(void)notice_write(STDERR_FILENO, buffer_text(&line), line.length);
	buffer_fini(&line);
}

void ending_tell(const struct runner *runner)
{
	tell_forced(runner);
	if (runner->report_fd >= 0) {
		report_file_write(runner->report_fd, runner->life);
	}
}

/*
 * Returns the stop signal that we sent and of which the command died, or exited as if; 0 for none.
 */
int ending_signal(const struct runner *runner)
{
	const struct outcome_child *child = &runner->life->child;

	if (runner->config->signal_exit != RUN_SIGNAL_EXIT_RERAISE || !child->by_us ||
		child->killed) {
		return 0;
	}
	return child->signal ? child->signal : child->code - EXIT_CODE_SIGNAL;
}

/*
 * Dies of the signal of which the command died; returns where that is not possible, as for PID 1.
 */
void ending_reraise(int number)
{
	const struct rlimit no_core = {0, 0};
	sigset_t mask;

	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(number, SIG_DFL);
	sigemptyset(&mask);
	sigaddset(&mask, number);
	(void)raise(number);
	(void)sigprocmask(SIG_UNBLOCK, &mask, NULL);
}
