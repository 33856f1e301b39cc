/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/host.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/list.h"

/* Those whose holds were abandoned: their memory stays, and is no leak. */
static _Atomic(struct host *) kept;

static struct host *host_of(struct curfew_lifecycle *life)
{
	return container_of(life, struct host, life);
}

struct loop *lifecycle_loop(struct curfew_lifecycle *life)
{
	return &host_of(life)->loop;
}

void curfew_lifecycle_defaults(struct curfew_lifecycle_options *options)
{
	*options = (struct curfew_lifecycle_options){
		.command = "program",
		.version = "",
		.grace_ms = 25000,
		.child_reserve_ms = 7000,
		.debounce_ms = 100,
		.signals = CURFEW_SIGNALS_HANDLERS,
	};
	sigemptyset(&options->stop_signals);
	sigaddset(&options->stop_signals, SIGTERM);
	sigaddset(&options->stop_signals, SIGINT);
	sigemptyset(&options->other_signals);
}

static void received(const siginfo_t *info, void *arg)
{
	struct host *host = arg;
	const struct curfew_lifecycle_options *options = &host->life.options;

	if (sigismember(&options->stop_signals, info->si_signo) == 1) {
		lifecycle_signal(&host->life, info->si_signo, info->si_pid);
	}
	if (sigismember(&options->other_signals, info->si_signo) == 1 && options->on_signal) {
		options->on_signal(info, options->arg);
	}
}

static int host_init(struct host *host, const struct curfew_lifecycle_options *options)
{
	sigset_t wanted;
	int error;

	error = loop_init(&host->loop);
	if (error < 0) {
		return error;
	}
	error = lifecycle_init(&host->life, &host->loop.agenda, options);
	if (error < 0) {
		goto fail_loop;
	}
	sigorset(&wanted, &options->stop_signals, &options->other_signals);
	error = signals_start(
		&host->signals, &host->loop, options->signals, &wanted, received, host);
	if (error < 0) {
		goto fail_lifecycle;
	}
	return 0;
fail_lifecycle:
	(void)lifecycle_fini(&host->life);
fail_loop:
	loop_fini(&host->loop);
	return error;
}

struct curfew_lifecycle *curfew_lifecycle_new(const struct curfew_lifecycle_options *options)
{
	struct curfew_lifecycle_options defaults;
	struct host *host = calloc(1, sizeof(*host));
	int error;

	if (!host) {
		return NULL;
	}
	curfew_lifecycle_defaults(&defaults);
	error = host_init(host, options ? options : &defaults);
	if (error < 0) {
		free(host);
		errno = -error;
		return NULL;
	}
	return &host->life;
}

void curfew_lifecycle_free(struct curfew_lifecycle *life)
{
	struct host *host;

	if (!life) {
		return;
	}
	host = host_of(life);
	signals_stop(&host->signals);
	if (lifecycle_fini(&host->life)) {
		loop_fini(&host->loop);
		free(host);
	} else {
		loop_abandon(&host->loop);
		host->kept = atomic_exchange(&kept, host);
	}
}

bool curfew_lifecycle_ready(struct curfew_lifecycle *life)
{
	signals_take(&host_of(life)->signals);
	return lifecycle_ready(life);
}

int curfew_lifecycle_fd(const struct curfew_lifecycle *life)
{
	return container_of(life, const struct host, life)->loop.epoll_fd;
}

void curfew_lifecycle_dispatch(struct curfew_lifecycle *life)
{
	loop_dispatch(&host_of(life)->loop);
}

int curfew_lifecycle_wait(struct curfew_lifecycle *life)
{
	struct loop *loop = &host_of(life)->loop;

	while (!curfew_lifecycle_done(life)) {
		loop_wait(loop);
		loop_dispatch(loop);
	}
	return curfew_lifecycle_exit_code(life);
}

void curfew_lifecycle_wake(struct curfew_lifecycle *life)
{
	loop_wake(&host_of(life)->loop);
}
