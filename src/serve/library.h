/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin in C: a shared object is loaded, its table checked and made a function; its calls run on
 * the threads of a pool of our own (serve/thread_pool.h). What curfew/plugin.h promises is here.
 */
#ifndef SERVE_LIBRARY_H
#define SERVE_LIBRARY_H

#include "serve/host.h"

/*
 * Loads serve->config->plugin, and fills in serve->function but for its texts. Returns 0, or -1
 * with one sentence in *refusal that names the file and what is wrong, the parameter if it is one:
 * then nothing is loaded. The threads are not started.
 */
int library_load(struct serve *serve, struct buffer *refusal);

/* Starts the threads: serve->slots. Returns 0 or a negative errno. */
int library_start(struct serve *serve);

#endif
