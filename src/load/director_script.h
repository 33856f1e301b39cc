/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a whole run on one thread, as load.c makes it, with the source and the server of
 * load/engine_script.h. What it tells goes into memory; its result is read again at the end.
 */
#ifndef LOAD_DIRECTOR_SCRIPT_H
#define LOAD_DIRECTOR_SCRIPT_H

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/lifecycle.h"
#include "load/engine_script.h"
#include "load/host.h"

static struct load load;
static struct load_config config;
static bool did_start;
static int log_fd;

/* What was told, and read again. */
static struct result told;
static int exit_code;
static uint64_t reported[CURFEW_COUNT_KINDS]; /* by the process's own report */

static inline void phase_changed(enum curfew_phase phase, void *arg)
{
	director_phase(arg, phase);
}

static inline void begin_process(void)
{
	struct curfew_lifecycle_options options;

	(void)alarm(WATCHDOG_S);
	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	options.grace_ms = config.service.grace_ms;
	options.announce_ms = 0;
	options.child_reserve_ms = 200;
	options.on_phase = phase_changed;
	options.arg = &load;
	life = curfew_lifecycle_new(&options);
	assert_non_null(life);
	assert_int_equal(worker_pool_init(&pool, life, 1), 0);
	worker = &pool.workers[0];
	load.service.life = life;
	load.service.pool = pool;
}

static inline int open_memory(void)
{
	int fd = memfd_create("told", MFD_CLOEXEC);

	assert_true(fd > STDERR_FILENO);
	return fd;
}

static inline void begin_output(struct load_output *output)
{
	output->load = &load;
	output->what = "what is told";
	output->to = &output->writer;
	output->fd = open_memory();
	assert_int_equal(writer_init(&output->writer, worker->loop, output->fd,
				 curfew_lifecycle_stage(life, CURFEW_LOG)),
		0);
}

/* Up to director_init, which may be made to fail. */
static inline void load_new(void)
{
	load.config = &config;
	load.service_config = config.service;
	load.service.config = &load.service_config;
	load.plan = script.plan;
	load.json.fd = load.html.fd = -1; /* as told_open leaves them */
	begin_process();
	list_init(&load.service.metrics.tables);
	log_fd = open_memory();
	assert_int_equal(journal_init(&load.service.journal, life, log_fd, "load",
				 CURFEW_LEVEL_INFO, JOURNAL_TEXT),
		0);
}

static inline void load_begin(void)
{
	load_new();
	assert_int_equal(director_init(&load), 0);
	begin_output(&load.summary);
	begin_output(&load.json);
	assert_int_equal(progress_watch_init(&load), 0);
	told_describe(&load);
	director_start(&load);
	did_start = true;
	settle();
}

static inline void signal_comes(int number)
{
	const struct curfew_cause cause = {.reason = CURFEW_SIGNAL, .signal = number};

	curfew_lifecycle_stop(life, &cause);
	settle();
}

/* Returns what a file has, to be freed. */
static inline char *content_of(int fd)
{
	struct stat stat;
	char *text;

	assert_int_equal(fstat(fd, &stat), 0);
	text = calloc(1, (size_t)stat.st_size + 1);
	assert_int_equal(pread(fd, text, (size_t)stat.st_size, 0), stat.st_size);
	return text;
}

/* The summary and the result are there, whole, and say the same. */
static inline void read_what_was_told(void)
{
	struct buffer refusal = {0};
	char *summary = content_of(load.summary.fd);
	char *json = content_of(load.json.fd);

	assert_non_null(strstr(summary, "\n"));
	if (result_read(&told, json, strlen(json), &refusal) < 0) {
		fail_msg("%s: %s", buffer_text(&refusal), json);
	}
	assert_int_equal(told.exit_code, exit_code);
	free(summary);
	free(json);
	buffer_fini(&refusal);
}

/* The process comes to its end, without another word from anybody; nothing is left. */
static inline void load_end(void)
{
	settle();
	assert_true(curfew_lifecycle_done(life));
	exit_code = curfew_lifecycle_exit_code(life);
	for (int i = 0; i < CURFEW_COUNT_KINDS; i++) {
		reported[i] = atomic_load(&life->counts[i]);
	}
	if (did_start) {
		read_what_was_told();
		told_fini(&load);
		progress_watch_fini(&load);
	}
	director_fini(&load);
	journal_fini(&load.service.journal, curfew_now());
	close(log_fd);
	assert_int_equal(script.made, script.ended + script.let_go);
	assert_true(worker_pool_fini(&pool));
	curfew_lifecycle_free(life);
	life = NULL;
}

static inline int load_setup(void **state)
{
	(void)state;
	engine_reset();
	memset(&load, 0, sizeof(load));
	did_start = false;
	told = (struct result){0};
	config = (struct load_config){
		.service = {.command = "load", .grace_ms = 5000, .threads = 1},
		.live = LOAD_LIVE_NEVER,
		.stats_interval_ms = CURFEW_NEVER,
	};
	return 0;
}

static inline int load_teardown(void **state)
{
	bool has_ended = !life; /* else the test has failed, and the next one is not to suffer */

	(void)state;
	life = NULL;
	result_fini(&told);
	engine_close();
	return has_ended ? 0 : -1;
}

#define load_test(test) cmocka_unit_test_setup_teardown(test, load_setup, load_teardown)

#endif
