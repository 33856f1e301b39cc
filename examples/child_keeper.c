/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that keeps a child: it reads what the child writes, starts it again when it ends by itself, and
 * takes it along when it is told to end. Try:
 *
 *	./child_keeper sh -c 'trap "" TERM; echo stubborn; while :; do sleep 1; done' &
 *	kill %1; wait %1; echo $?
 *
 * The child ignores the signal, and is gone two seconds later all the same.
 */
#include <err.h>
#include <stdio.h>

#include <curfew.h>

#define TERM_WAIT_MS 2000

static struct curfew_lifecycle *life;
static const char *const *command;

static void start(void);

static void heard(struct curfew_child *child, const char *bytes, size_t length, void *arg)
{
	(void)arg;
	printf("[%d] %.*s", (int)curfew_child_pid(child), (int)length, bytes);
	fflush(stdout);
}

static void ended(struct curfew_child *child, void *arg)
{
	static const char *const rungs[] = {
		"by itself", "at the end of its input", "on the stop signal", "killed"};
	struct curfew_child_exit end = curfew_child_exit(child);

	(void)arg;
	printf("[%d] ended %s, code %d, signal %d\n", (int)curfew_child_pid(child), rungs[end.rung],
		end.code, end.signal);
	fflush(stdout);
	curfew_child_free(child);
	if (curfew_lifecycle_phase(life) == CURFEW_RUNNING) {
		start();
	}
}

static void start(void)
{
	struct curfew_child_config config;

	curfew_child_defaults(&config);
	config.argv = command;
	config.in = CURFEW_STDIO_NULL;
	config.out = CURFEW_STDIO_PIPE;
	config.term_wait_ms = TERM_WAIT_MS;
	config.on_output = heard;
	config.on_exit = ended;
	if (!curfew_child_start(life, NULL, &config)) {
		warn("cannot run %s", command[0]);
		curfew_lifecycle_stop_for(life, CURFEW_FAILURE, "the child cannot be started");
	}
}

int main(int argc, char **argv)
{
	int code;

	if (argc < 2) {
		errx(2, "usage: child_keeper COMMAND [ARGUMENT ...]");
	}
	command = (const char *const *)argv + 1;
	life = curfew_lifecycle_new(NULL);
	curfew_lifecycle_ready(life);
	start();
	code = curfew_lifecycle_wait(life);
	curfew_lifecycle_free(life);
	return code;
}
