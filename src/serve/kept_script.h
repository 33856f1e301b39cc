/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: processes that are kept, with the script of programs. */
#ifndef SERVE_KEPT_SCRIPT_H
#define SERVE_KEPT_SCRIPT_H

#include "serve/kept_process.h"
#include "serve/program_script.h"

static inline int setup_kept(void **state)
{
	int result = setup(state);

	command[1] = "kept";
	command[2] = NULL;
	serve.function.runner = &kept_process_runner;
	serve_config.workers = 1;
	return result;
}

#define kept_test(test) cmocka_unit_test_setup_teardown(test, setup_kept, teardown)

static inline void start_kept(int workers)
{
	serve_config.workers = workers;
	assert_int_equal(program_start(&serve), 0);
	assert_int_equal(serve.counts.processes_started, workers);
}

#define ANSWER "say {'output':1,'end':true}"
#define PID "pid; say {'end':true}"

#endif
