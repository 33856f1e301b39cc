/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of kept processes share: kept_process.c (their lives, and the runner), kept_call.c
 * (calls that wait, are given to a process, and end), kept_answer.c (what a process says).
 */
#ifndef SERVE_KEPT_STATE_H
#define SERVE_KEPT_STATE_H

#include "base/list.h"
#include "serve/dialogue.h"
#include "serve/kept_process.h"

enum place_state { PLACE_AWAY, PLACE_IDLE, PLACE_BUSY, PLACE_ENDING };

struct kept;

struct place {
	struct kept *kept;
	struct dialogue dialogue;
	enum place_state state;
	struct call *call; /* BUSY; ENDING: it was cancelled, or NULL */
	bool is_silent;    /* ENDING: since it has closed its output */
	struct timer start;
	int64_t delay_ms; /* until another is started, if this one does not answer */
};

struct call {
	struct curfew_link link; /* waiting */
	struct kept *kept;
	struct invocation *invocation;
	struct place *place; /* NULL: it waits */
	struct envelope item;
	struct envelope answer;
	bool has_answer;
	bool cancelled;
	bool is_dropped;
	bool is_second;  /* the first process that it was given to had died before */
	struct task end; /* of one that waited, and was cancelled */
};

struct kept {
	struct serve *serve;
	struct curfew_link waiting;
	bool stopped;
	int alive; /* places that have a process */
	int count;
	struct place places[];
};

static inline struct agenda *kept_agenda(const struct kept *kept)
{
	return &kept->serve->worker->loop->agenda;
}

static inline struct place *place_of(struct dialogue *dialogue)
{
	return container_of(dialogue, struct place, dialogue);
}

/* kept_call.c */
void place_enter(struct place *place, enum place_state state);

/* The last of a call. The next one may have begun inside. */
void kept_call_end(struct call *call, enum invocation_outcome outcome);
void kept_call_fail(struct call *call, int status, const char *text);
void kept_call_end_cancelled(struct task *task);

/* It waits again, as the first, for another place. */
void kept_call_put_back(struct call *call);

/* Gives those that wait to places that are idle; fails them, but for those that come meanwhile. */
void kept_serve_waiting(struct kept *kept);
void kept_fail_waiting(struct kept *kept, const char *text);

/* kept_answer.c */
void place_take_line(struct dialogue *dialogue, const char *line, size_t length);
void place_lose_line(struct dialogue *dialogue, const char *reason);

/* The rest of what its process says to its call is dropped. */
void place_drop(struct place *place);

/* Its process has nothing to do any more: it is ended, from the end of its input on. */
void place_finish(struct place *place);

#endif
