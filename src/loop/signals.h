/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where signals come from. A program that is all ours blocks them with the first statement of main
 * and reads them from a signalfd(2). In a host program, whose mask is its own, they come through
 * handlers (sigaction(2)) that note them and wake the loop: a mask would leak through the host's
 * own exec, and any thread that does not block the signal would take it.
 */
#ifndef LOOP_SIGNALS_H
#define LOOP_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include <curfew/lifecycle.h>

#include "loop/loop.h"

struct signals {
	struct loop *loop;
	enum curfew_signals mode;
	sigset_t wanted;
	bool masked;          /* signals_start changed the mask */
	struct source source; /* the signalfd, or the handlers' eventfd */
	void (*received)(const siginfo_t *info, void *arg);
	void *arg;
};

/*
 * Blocks all signals that can be blocked (a fault of our own still kills us, signal(7)); keeps the
 * mask that was. A SIGCHLD that was ignored would have the kernel reap our children: it is set to
 * its default. The first statement of main.
 */
void signals_block(void);

/*
 * Returns the mask that children are to be given: as it was before signals_block, or the caller's
 * own.
 */
sigset_t signals_original_mask(void);

/*
 * Before an exec(2) of another program of ours, while all signals are blocked: what was ignored is
 * ignored again. Mask and pending signals survive the exec, so that none is lost meanwhile.
 */
void signals_before_exec(void);

/* In that program, after signals_block: the mask that was before all were blocked. */
void signals_set_original_mask(const sigset_t *mask);

/* Returns whether signals_block was called: then nobody here takes signals by a handler. */
bool signals_are_ours(void);

/*
 * Returns the signals that were ignored before signals_block or signals_start took them, and are
 * not now: children are to ignore them.
 */
sigset_t signals_originally_ignored(void);

/*
 * Has received(info, arg) called in the dispatch for each of wanted. In BLOCKED mode they are
 * blocked in the calling thread (for good, where signals_block was not called). Returns 0 or a
 * negative errno; -EBUSY: handlers are installed already.
 */
int signals_start(struct signals *signals, struct loop *loop, enum curfew_signals mode,
	const sigset_t *wanted, void (*received)(const siginfo_t *info, void *arg), void *arg);

/* Takes what has come already, without waiting for the dispatch. */
void signals_take(struct signals *signals);

/* Puts dispositions, and a mask that signals_start has set, back. */
void signals_stop(struct signals *signals);

#endif
