/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host MODE: a program that owns its signal mask and handlers, with the library in it. Says "up",
 * ends by SIGTERM, and looks whether all is as before.
 *
 *	handlers	a handler and a mask of its own
 *	thread		SIGTERM is blocked in every thread but one that knows nothing of the library
 *	blocked		the library's blocked mask
 *	sigwait		takes its signals itself, and tells the library
 */
#include <curfew.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t own;

static void own_handler(int signal)
{
	own = signal;
}

static void set_mask(int how, int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	pthread_sigmask(how, &set, NULL);
}

static void *sleep_on(void *arg)
{
	(void)arg;
	set_mask(SIG_UNBLOCK, SIGTERM);
	for (;;) {
		pause();
	}
	return NULL;
}

static void *wait_for_signal(void *arg)
{
	struct curfew_cause cause = {.reason = CURFEW_SIGNAL, .text = "sigwait"};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &cause.signal);
	curfew_lifecycle_stop(arg, &cause);
	return NULL;
}

static bool same_mask(const sigset_t *one, const sigset_t *other)
{
	for (int signal = 1; signal < NSIG; signal++) {
		if (sigismember(one, signal) != sigismember(other, signal)) {
			return false;
		}
	}
	return true;
}

static bool own_handler_runs(void)
{
	set_mask(SIG_UNBLOCK, SIGTERM);
	own = 0;
	raise(SIGTERM);
	return own == SIGTERM;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	struct curfew_lifecycle_options options;
	struct curfew_lifecycle *life;
	sigset_t before, after;
	pthread_t thread;
	int code;

	signal(SIGTERM, own_handler);
	signal(SIGINT, SIG_IGN);
	set_mask(SIG_BLOCK, SIGUSR2);
	if (strcmp(mode, "sigwait") == 0 || strcmp(mode, "thread") == 0) {
		set_mask(SIG_BLOCK, SIGTERM);
	}
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	curfew_lifecycle_defaults(&options);
	if (strcmp(mode, "blocked") == 0) {
		options.signals = CURFEW_SIGNALS_BLOCKED;
	} else if (strcmp(mode, "sigwait") == 0) {
		options.signals = CURFEW_SIGNALS_NONE;
	}
	life = curfew_lifecycle_new(&options);
	curfew_lifecycle_ready(life);
	if (strcmp(mode, "thread") == 0) {
		pthread_create(&thread, NULL, sleep_on, NULL);
		pthread_detach(thread);
	} else if (strcmp(mode, "sigwait") == 0) {
		pthread_create(&thread, NULL, wait_for_signal, life);
		pthread_detach(thread);
	}
	puts("up");
	fflush(stdout);
	code = curfew_lifecycle_wait(life);
	curfew_lifecycle_free(life);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	printf("mask %d handler %d code %d\n", same_mask(&before, &after), own_handler_runs(),
		code);
	return code;
}
