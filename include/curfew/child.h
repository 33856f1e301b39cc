/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process, and its end by the ladder: end of input, wait, the stop signal and SIGCONT to
 * the whole tree, wait, SIGKILL to the whole tree, reap. It is a hold on the lifecycle's children
 * stage, so that ending the process ends its children, after the work that needs them.
 *
 * Functions are for the thread that dispatches the lifecycle; callbacks run in its dispatch.
 */
#ifndef CURFEW_CHILD_H
#define CURFEW_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <curfew/context.h>
#include <curfew/drain.h>
#include <curfew/lifecycle.h>
#include <curfew/visibility.h>

CURFEW_BEGIN

struct curfew_child;

enum curfew_stdio {
	CURFEW_STDIO_INHERIT, /* ours */
	CURFEW_STDIO_NULL,    /* /dev/null */
	CURFEW_STDIO_PIPE     /* a pipe whose other end is the child object's */
};

/* What counts as the child's tree, and how far its end reaches. */
enum curfew_tree {
	CURFEW_TREE_GROUP,      /* its process group; setsid(2) escapes it */
	CURFEW_TREE_KEEPER,     /* all it started: it runs under `curfew run`, subreaper of this
	                           one tree, which also ends the tree if we are killed */
	CURFEW_TREE_DESCENDANTS /* all descendants of this process, which the caller made a
	                           subreaper (prctl(2), PR_SET_CHILD_SUBREAPER) or which is
	                           PID 1; for one child at a time */
};

/* Fill with curfew_child_defaults, then change what differs. Everything is copied. */
struct curfew_child_config {
	const char *const *argv;        /* ends with NULL; argv[0] is looked up like execvp(3) */
	const char *const *environment; /* "NAME=value" to add, later ones win over ours; ends
	                                   with NULL; or NULL */
	const char *cwd;                /* NULL: ours */
	enum curfew_stdio in, out, err; /* INHERIT */
	enum curfew_tree tree;          /* GROUP */
	const char *keeper;             /* TREE_KEEPER: path of the curfew program; NULL:
	                                   "curfew" from PATH */
	int stop_signal;                /* SIGTERM */
	bool main_first;                /* stop signal to the main process only, to the rest when
	                                   it is gone; false */
	int64_t eof_wait_ms;            /* after end of input, where in is a pipe; 2 000 */
	int64_t term_wait_ms;           /* after the stop signal, before SIGKILL; 5 000;
	                                   CURFEW_NEVER: the grace */
	int parent_death_signal;        /* PR_SET_PDEATHSIG; the starting thread must live on; 0 */
	bool inherit_descriptors;       /* all that were inherited, not 0-2 only; false */
	bool share_group;               /* stay in our process group instead of an own one; false */
	int terminal;                   /* descriptor of our terminal, whose foreground the child
	                                   becomes; -1 */
	struct curfew_drain *drain;     /* held while the child lives; NULL: the children stage */
	/* where out is a pipe */
	void (*on_output)(struct curfew_child *child, const char *bytes, size_t length, void *arg);
	/* where err is a pipe */
	void (*on_error_line)(
		struct curfew_child *child, const char *line, size_t length, void *arg);
	/* once, after the reap and the last output */
	void (*on_exit)(struct curfew_child *child, void *arg);
	void *arg;
};

/* Fills in the defaults. */
CURFEW_API void curfew_child_defaults(struct curfew_child_config *config);

/*
 * Starts a child with the signal mask and dispositions that we were started with. When context
 * (NULL: none) is cancelled, the child is stopped. NULL with errno if it cannot be started:
 * execve(2)'s own error for the command (ENOENT, EACCES, ...), EAGAIN, ENOMEM, EMFILE; ESHUTDOWN:
 * the drain is closed.
 */
CURFEW_API struct curfew_child *curfew_child_start(struct curfew_lifecycle *life,
	struct curfew_context *context, const struct curfew_child_config *config);

/*
 * Runs the ladder from its first rung; from any state, any number of times. When context (NULL:
 * none) is cancelled, the tree is killed at once. Completion is on_exit.
 */
CURFEW_API void curfew_child_stop(struct curfew_child *child, struct curfew_context *context);

/* Kills the whole tree at once. Completion is on_exit. */
CURFEW_API void curfew_child_kill(struct curfew_child *child);

/* Sends a signal to the main process, if it lives. Returns 0 or -ESRCH. */
CURFEW_API int curfew_child_signal(struct curfew_child *child, int signal);

/* Returns the pid of the main process (under a keeper: 0 until the keeper has told it). */
CURFEW_API pid_t curfew_child_pid(const struct curfew_child *child);

/*
 * Returns our end of the child's input: non-blocking; -1 if there is none. It belongs to the
 * child object.
 */
CURFEW_API int curfew_child_input(const struct curfew_child *child);

/* Closes our end of the child's input. */
CURFEW_API void curfew_child_close_input(struct curfew_child *child);

/* Stops reading the child's output and errors (back-pressure), and goes on. */
CURFEW_API void curfew_child_pause(struct curfew_child *child);
CURFEW_API void curfew_child_resume(struct curfew_child *child);

/* The rung of the ladder on which the child ended, or stands. */
#define CURFEW_RUNGS(X)                                                                            \
	X(RUNNING, "running", "not asked to end")                                                  \
	X(EOF, "eof", "its input was closed")                                                      \
	X(TERM, "term", "the stop signal was sent")                                                \
	X(KILL, "kill", "it had to be killed")

enum curfew_rung {
#define CURFEW_RUNG_ENUM(name, word, text) CURFEW_RUNG_##name,
	CURFEW_RUNGS(CURFEW_RUNG_ENUM)
#undef CURFEW_RUNG_ENUM
};

struct curfew_child_exit {
	bool exited;           /* false: still alive, the rest is zero */
	int code;              /* exit code, where signal is 0 */
	int signal;            /* that killed it, or 0 */
	bool by_us;            /* it died of, or exited 128 + the number of, a signal of ours */
	enum curfew_rung rung; /* how far the main process had to be taken */
	bool forced;           /* something of the tree had to be killed */
};

/* Returns how the child ended. */
CURFEW_API struct curfew_child_exit curfew_child_exit(const struct curfew_child *child);

/* Returns how far the ladder has gone. */
CURFEW_API enum curfew_rung curfew_child_rung(const struct curfew_child *child);

/* Frees a child that has exited (on_exit was called, or is running). NULL is fine. */
CURFEW_API void curfew_child_free(struct curfew_child *child);

CURFEW_END

#endif
