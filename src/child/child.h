/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of curfew/child.h, and what `curfew run` needs beyond it. */
#ifndef CHILD_CHILD_H
#define CHILD_CHILD_H

#include <curfew/child.h>

#include "base/line.h"
#include "child/pump.h"
#include "child/reaper.h"
#include "child/tree.h"
#include "core/drain.h"
#include "loop/host.h"

#define CHILD_NAME 56

/*
 * A child object has several handles (the main process, its tree, two pipes); each has a hold on
 * `parts`, and the object is done when that drain is.
 */
struct curfew_child {
	struct curfew_lifecycle *life;
	struct loop *loop;
	struct curfew_child_config config;            /* its strings and vectors are not kept */
	char names[CURFEW_RUNG_KILL + 1][CHILD_NAME]; /* what listings call it, on each rung */
	char rest_name[CHILD_NAME];                   /* when the main process has ended */
	struct curfew_hold hold;                      /* on the stage, or on the caller's drain */

	struct curfew_drain parts;
	struct curfew_hold main_hold, tree_hold, output_hold, errors_hold;

	struct source main; /* its pidfd; under a keeper, the keeper's */
	struct anchor anchor;
	struct tree tree;
	struct source survivor; /* pidfd of one process of the tree that outlives the main one */
	struct timer look;      /* for survivors again, where no descriptor could be had */
	int input;
	struct pump output, errors;
	struct line_splitter lines;

	struct timer ladder; /* the next rung */
	enum curfew_rung rung;
	pid_t told_group; /* has the stop signal from elsewhere */
	int64_t started;
	bool main_ended;
	bool tree_ended;
	bool done;
	struct curfew_child_exit exit;
	struct curfew_watch *watch_stop, *watch_kill;

	struct source channel; /* to the keeper; -1: none */
	pid_t kept;            /* the keeper's child */

	/* The main process has ended, perhaps not its tree; NULL: it was told. */
	void (*on_main_exit)(struct curfew_child *child, void *arg);
	/* Its output has ended, and the main process goes on; NULL: nobody asks. */
	void (*on_silence)(struct curfew_child *child, void *arg);
};

/*
 * Sets another stop signal than the configured one, if none was sent yet. Processes of told_group
 * (0: none) have it already.
 */
void child_set_stop_signal(struct curfew_child *child, int signal, pid_t told_group);

/*
 * Has on_main_exit(child, config.arg) called once, in the dispatch, when the main process has
 * ended: before on_exit, and perhaps before the rest of its tree ends. It must not free the child.
 */
void child_on_main_exit(
	struct curfew_child *child, void (*on_main_exit)(struct curfew_child *child, void *arg));

/*
 * Has on_silence(child, config.arg) called once, in the dispatch, if all of its output has been
 * closed while the main process goes on: it can say nothing any more. Not of one that is on its way
 * out, which closes its output, too. It must not free the child.
 */
void child_on_silence(
	struct curfew_child *child, void (*on_silence)(struct curfew_child *child, void *arg));

/* Returns the name of a rung, "term". Static. */
const char *rung_name(enum curfew_rung rung);

/* ladder.c: the main process has ended; the hold's finish and cut; what ends with the object. */
void ladder_init(struct curfew_child *child);
void ladder_fini(struct curfew_child *child);
int ladder_watch(struct curfew_child *child, struct curfew_context *context);
void ladder_main_ended(struct curfew_child *child);
extern const struct curfew_hold_ops child_ops;

#endif
