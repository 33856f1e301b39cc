/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's function that is loaded, and its calls. */
#ifndef SERVE_LIBRARY_CALL_H
#define SERVE_LIBRARY_CALL_H

#include <curfew/plugin.h>

#include "serve/function.h"
#include "serve/response.h"
#include "serve/thread_pool.h"

/* function->plugin of a plugin in C. */
struct library {
	void *handle; /* dlopen(3)'s: never closed, for threads of its own may be in its code */
	struct curfew_function function;
	struct response_uses uses;
	struct response_uses precheck_uses;
	struct thread_pool pool;
	bool started;
	bool stopped;
};

extern const struct runner_ops library_runner;

#endif
