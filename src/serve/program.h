/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that is a program, `-- CMD`: a process for each call, or --workers processes that are
 * kept, each under a keeper, so that its whole tree can be ended.
 *
 * program_describe runs CMD --describe to its end, before anything listens: one JSON object on
 * standard output,
 *
 *	{"name":"extract","inputs":SCHEMA,"outputs":SCHEMA,"id":"..","stream":true,
 *	 "precheck":true,"description":".."}
 */
#ifndef SERVE_PROGRAM_H
#define SERVE_PROGRAM_H

#include "serve/host.h"

/*
 * Fills in serve->function but for its texts. Waits for the process, on serve->service.life's loop,
 * until --start-timeout or a signal. Returns 0; 1: the end has begun, nothing was refused; -1 with
 * one sentence in *refusal, and in *error the errno with which the command could not be executed
 * (0: it was). What was filled in by then is function_fini's in any case.
 */
int program_describe(struct serve *serve, struct buffer *refusal, int *error);

/* Starts the processes that are kept, if any are. Returns 0 or a negative errno. */
int program_start(struct serve *serve);

#endif
