/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that keeps a child: it passes on what the child says, ends when the child does, and
 * takes it along when it is told to end. Try:
 *
 *	./child_keeper sh -c 'trap "" TERM; echo stubborn; while :; do sleep 1; done' & sleep 1
 *	kill %1; wait %1; echo $?
 *
 * The child ignores the signal, and one second later it and its sleep are gone all the same.
 */
#include <err.h>
#include <stdio.h>

#include <curfew.h>

#define TERM_WAIT_MS 1000

static void heard(struct curfew_child *child, const char *bytes, size_t length, void *arg)
{
	(void)child;
	(void)arg;
	fwrite(bytes, 1, length, stdout);
	fflush(stdout);
}

static void ended(struct curfew_child *child, void *life)
{
	static const char *const rungs[] = {
		"by itself", "at the end of its input", "on the stop signal", "killed"};
	struct curfew_child_exit end = curfew_child_exit(child);
	bool failed = !end.by_us && (end.code || end.signal);

	printf("the child ended %s, code %d, signal %d\n", rungs[end.rung], end.code, end.signal);
	curfew_child_free(child);
	curfew_lifecycle_stop_for(
		life, failed ? CURFEW_FAILURE : CURFEW_COMPLETED, "the child ended");
}

int main(int argc, char **argv)
{
	struct curfew_lifecycle *life = curfew_lifecycle_new(NULL);
	struct curfew_child_config config;
	int code;

	if (argc < 2) {
		errx(2, "usage: child_keeper COMMAND [ARGUMENT ...]");
	}
	curfew_child_defaults(&config);
	config.argv = (const char *const *)argv + 1;
	config.in = CURFEW_STDIO_PIPE; /* its end is the first thing that the child is told */
	config.out = CURFEW_STDIO_PIPE;
	config.eof_wait_ms = 100;
	config.term_wait_ms = TERM_WAIT_MS;
	config.on_output = heard;
	config.on_exit = ended;
	config.arg = life;
	curfew_lifecycle_ready(life);
	if (!curfew_child_start(life, NULL, &config)) {
		warn("cannot run %s", argv[1]);
		curfew_lifecycle_stop_for(life, CURFEW_FAILURE, "the child cannot be started");
	}
	code = curfew_lifecycle_wait(life);
	curfew_lifecycle_free(life);
	return code;
}
