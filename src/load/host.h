/* SPDX-License-Identifier: Apache-2.0 */
/* A run and its parts. All of it belongs to worker 0's thread, but for what the crews own. */
#ifndef LOAD_HOST_H
#define LOAD_HOST_H

#include "admin/service.h"
#include "base/buffer.h"
#include "load/crew.h"
#include "load/load.h"
#include "load/plan.h"
#include "load/progress.h"
#include "load/result.h"
#include "loop/writer.h"

/* Forward only, by one function (director.c). */
enum load_phase {
	LOAD_STARTING,  /* nothing is asked of the crews yet */
	LOAD_PREPARING, /* the sources get to know what they need to */
	LOAD_WARMING,   /* connections are opened */
	LOAD_RUNNING,
	LOAD_FINISHING, /* no more are begun; what is in flight is awaited */
	LOAD_TOLD,      /* the summary is written; perhaps somebody still scrapes */
};

struct load;

/* What is written at the end: opened at the start. */
struct load_output {
	struct load *load;
	const char *what, *path; /* "the result", its file or NULL */
	int fd;                  /* -1: none */
	struct writer *to;
	struct writer writer; /* its own, unless it goes where the log does */
};

/* Waits for a look at what was counted. Zeroed: does not wait. */
struct load_look {
	struct curfew_link link;
	/* result: as of now, until this returns. */
	void (*seen)(struct load_look *look, const struct result *result);
};

struct load {
	const struct load_config *config;
	struct service_config service_config; /* with as many threads as there are crews */
	struct service service;
	struct plan plan;
	struct crew *crews;
	int crew_count;

	/* The director's. */
	enum load_phase phase;
	struct task news;        /* a crew has something new */
	struct timer timer;      /* the run's duration, its grace, the flush delay */
	struct curfew_hold hold; /* on the log stage, until all is told */
	struct curfew_link looks;
	bool is_looking;
	int64_t began_ns; /* 0: it has not begun */
	int64_t cpu_began_ns;
	struct result result; /* as of the last look */

	/* Of ramp_watch.c. */
	struct ramp ramp;
	struct timer step_end;
	struct load_look step_look;
	struct result_section ramp_section;

	/* Of progress_watch.c. */
	struct progress progress;
	struct load_look watch_look;
	struct timer watch_timer;
	int64_t watch_ms;   /* from one look to the next; CURFEW_NEVER: nobody wants one */
	int64_t watch_next; /* when something is shown again */
	struct metric_table metrics;

	struct buffer target; /* the URLs, for people */
	struct load_output summary, json, html;
};

/* director.c: from the start to the end of the run. */

/* Returns 0 or -ENOMEM. */
int director_init(struct load *load);
/*
 * Instead of start, also where init failed: begins the end of the process. What was refused is told
 * by the caller, and nothing else.
 */
void director_refuse(struct load *load);
/* Begins it. */
void director_start(struct load *load);
/* The lifecycle has come so far. */
void director_phase(struct load *load, enum curfew_phase phase);
/* Has look->seen called once, soon, but not before this returns; in worker 0's thread. */
void director_look(struct load *load, struct load_look *look);
/* The run has ended by itself: no more are begun from now on, those in flight have the grace. */
void director_finish(struct load *load, enum result_ending ending);
void director_fini(struct load *load);

/* ramp_watch.c: judges the steps of the plan's ramp, and ends the run with it; or does nothing. */

/* Returns 0 or -ENOMEM. */
int ramp_watch_init(struct load *load);
/* The run has begun, and no more are begun. */
void ramp_watch_start(struct load *load);
void ramp_watch_stop(struct load *load);
/* What was counted since the last time, before that is emptied. */
void ramp_watch_take(struct load *load, const struct tally *part);
/* Its section of the result. */
void ramp_watch_tell(struct load *load);
void ramp_watch_fini(struct load *load);

/* progress_watch.c: shows how it goes, and keeps what is scraped. */

/* Returns 0 or -ENOMEM. */
int progress_watch_init(struct load *load);
/* The run has begun; and before anything is told of its end. */
void progress_watch_start(struct load *load);
void progress_watch_stop(struct load *load);
void progress_watch_fini(struct load *load);

/* told.c: what is told in the end. */

/* Returns 0, or the exit code after a notice. */
int told_open(struct load *load);
/* Returns 0 or a negative errno. */
int told_init(struct load *load);
/* What was asked for, in load->result. */
void told_describe(struct load *load);
/* Judges the result, which is whole, and writes it. Returns the exit code that it stands for. */
int told_write(struct load *load);
void told_fini(struct load *load);

#endif
