/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/signals.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/list.h"

/* The mask that was before signals_block. */
static sigset_t original;
static bool blocked;
static bool ours; /* signals_block was called */
static bool ignored_sigchld;
static atomic_bool taken; /* there is a lifecycle that takes signals, in either way */

/* What the handlers note. There is one set of dispositions in a process, and so one of these. */
static struct {
	atomic_int wake_fd;
	atomic_int running; /* handlers, in any thread */
	atomic_uint count[_NSIG];
	atomic_int sender[_NSIG];
	struct sigaction before[_NSIG];
} caught;

void signals_block(void)
{
	const struct sigaction initial = {.sa_handler = SIG_DFL};
	struct sigaction action;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &original);
	blocked = true;
	ours = true;
	if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
		ignored_sigchld = true;
		(void)sigaction(SIGCHLD, &initial, NULL);
	}
}

void signals_before_exec(void)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (ignored_sigchld) {
		(void)sigaction(SIGCHLD, &ignore, NULL);
	}
}

void signals_set_original_mask(const sigset_t *mask)
{
	assert(ours);
	original = *mask;
}

bool signals_are_ours(void)
{
	return ours;
}

sigset_t signals_originally_ignored(void)
{
	sigset_t ignored;

	sigemptyset(&ignored);
	if (ignored_sigchld) {
		sigaddset(&ignored, SIGCHLD);
	}
	for (int signal = 1; signal < _NSIG; signal++) {
		if (caught.before[signal].sa_handler == SIG_IGN) {
			sigaddset(&ignored, signal);
		}
	}
	return ignored;
}

sigset_t signals_original_mask(void)
{
	sigset_t mask;

	if (blocked) {
		return original;
	}
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	return mask;
}

/*
 * Returns who sent it; what comes from the kernel or a timer has other things in the place of the
 * pid.
 */
static pid_t sender_of(const siginfo_t *info)
{
	bool sent =
		info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL;

	return sent ? info->si_pid : 0;
}

static void note(int signal, siginfo_t *info, void *context)
{
	const uint64_t one = 1;
	int saved = errno;

	(void)context;
	atomic_fetch_add(&caught.running, 1);
	atomic_store(&caught.sender[signal], sender_of(info));
	atomic_fetch_add(&caught.count[signal], 1);
	(void)!write(atomic_load(&caught.wake_fd), &one, sizeof(one));
	atomic_fetch_sub(&caught.running, 1);
	errno = saved;
}

static void notes_ready(struct source *source, uint32_t events)
{
	struct signals *signals = container_of(source, struct signals, source);
	uint64_t count;

	(void)events;
	(void)!read(source->fd, &count, sizeof(count));
	for (int signal = 1; signal < _NSIG; signal++) {
		unsigned times = atomic_exchange(&caught.count[signal], 0);
		siginfo_t info = {.si_signo = signal, .si_code = SI_USER};

		info.si_pid = atomic_load(&caught.sender[signal]);
		while (times-- > 0) {
			signals->received(&info, signals->arg);
		}
	}
}

static void signalfd_ready(struct source *source, uint32_t events)
{
	struct signals *signals = container_of(source, struct signals, source);
	struct signalfd_siginfo raw;

	(void)events;
	while (read(source->fd, &raw, sizeof(raw)) == (ssize_t)sizeof(raw)) {
		siginfo_t info = {.si_signo = (int)raw.ssi_signo, .si_code = raw.ssi_code};

		info.si_pid = raw.ssi_code <= 0 ? (pid_t)raw.ssi_pid : 0;
		info.si_value.sival_ptr = (void *)(uintptr_t)raw.ssi_ptr;
		signals->received(&info, signals->arg);
	}
}

static int start_handlers(struct signals *signals)
{
	const struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};

	signals->source.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (signals->source.fd < 0) {
		return -errno;
	}
	signals->source.ready = notes_ready;
	atomic_store(&caught.wake_fd, signals->source.fd);
	for (int signal = 1; signal < _NSIG; signal++) {
		atomic_store(
			&caught.count[signal], 0); /* one that nobody took was an earlier end's */
		if (sigismember(&signals->wanted, signal) == 1 &&
			sigaction(signal, &action, &caught.before[signal]) < 0) {
			sigdelset(&signals->wanted, signal); /* SIGKILL and its kind */
		}
	}
	return 0;
}

/* Gives a signal back, unless the host has given it to somebody else meanwhile. */
static void restore_disposition(int signal)
{
	struct sigaction now;

	if (sigaction(signal, NULL, &now) == 0 && now.sa_sigaction == note) {
		sigaction(signal, &caught.before[signal], NULL);
	}
	caught.before[signal] = (struct sigaction){0};
}

static void stop_handlers(struct signals *signals)
{
	for (int signal = 1; signal < _NSIG; signal++) {
		if (sigismember(&signals->wanted, signal) == 1) {
			restore_disposition(signal);
		}
	}
	atomic_store(&caught.wake_fd, -1);
	/*
	 * A handler in another thread may be about to write; its descriptor must not be anybody
	 * else's.
	 */
	while (atomic_load(&caught.running) > 0) {
		sched_yield();
	}
}

/*
 * Takes what is pending and was not asked for any more: unblocked, it would kill us at the very
 * end.
 */
static void discard_pending(const struct signals *signals)
{
	struct signalfd_siginfo raw;

	while (read(signals->source.fd, &raw, sizeof(raw)) == (ssize_t)sizeof(raw)) {}
}

static void restore_mask(struct signals *signals)
{
	if (!signals->masked) {
		return;
	}
	discard_pending(signals);
	for (int signal = 1; signal < _NSIG; signal++) {
		if (sigismember(&original, signal) == 1) {
			sigdelset(&signals->wanted, signal);
		}
	}
	pthread_sigmask(SIG_UNBLOCK, &signals->wanted, NULL);
	blocked = false;
}

static int start_signalfd(struct signals *signals)
{
	if (!blocked) {
		pthread_sigmask(SIG_BLOCK, &signals->wanted, &original);
		blocked = true;
		signals->masked = true;
	}
	signals->source.fd = signalfd(-1, &signals->wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	signals->source.ready = signalfd_ready;
	if (signals->source.fd < 0) {
		int error = -errno;

		restore_mask(signals);
		return error;
	}
	return 0;
}

int signals_start(struct signals *signals, struct loop *loop, enum curfew_signals mode,
	const sigset_t *wanted, void (*received)(const siginfo_t *info, void *arg), void *arg)
{
	int error;

	*signals = (struct signals){
		.loop = loop,
		.mode = mode,
		.wanted = *wanted,
		.source.fd = -1,
		.source.urgent = true,
		.received = received,
		.arg = arg,
	};
	if (mode == CURFEW_SIGNALS_NONE) {
		return 0;
	}
	if (atomic_exchange(&taken, true)) {
		signals->mode = CURFEW_SIGNALS_NONE;
		return -EBUSY;
	}
	error = mode == CURFEW_SIGNALS_HANDLERS ? start_handlers(signals) : start_signalfd(signals);
	if (error < 0) {
		signals->mode = CURFEW_SIGNALS_NONE;
		atomic_store(&taken, false);
		return error;
	}
	error = loop_watch(loop, &signals->source, EPOLLIN);
	if (error < 0) {
		signals_stop(signals);
	}
	return error;
}

void signals_take(struct signals *signals)
{
	if (signals->mode != CURFEW_SIGNALS_NONE) {
		signals->source.ready(&signals->source, EPOLLIN);
	}
}

void signals_stop(struct signals *signals)
{
	if (signals->mode == CURFEW_SIGNALS_NONE) {
		return;
	}
	if (signals->mode == CURFEW_SIGNALS_HANDLERS) {
		stop_handlers(signals);
	}
	restore_mask(signals);
	loop_unwatch(signals->loop, &signals->source);
	close(signals->source.fd);
	signals->mode = CURFEW_SIGNALS_NONE;
	atomic_store(&taken, false);
}
