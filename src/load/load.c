/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start and the end of the process. The config is read into a plan, files are read and opened,
 * before there is a socket or a thread; then the run is the director's (director.c), until the
 * lifecycle is DONE.
 */
#include "load/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child/stdio.h"
#include "core/lifecycle.h"
#include "core/outcome.h"
#include "load/dry_run.h"
#include "load/evm.h"
#include "load/file.h"
#include "load/host.h"
#include "load/template.h"
#include "loop/descriptor_limit.h"

#define DESCRIPTORS_APART 128 /* that are not connections */

/* Nothing is listened for. */
static int accepted(
	struct service *service, struct worker *worker, int fd, struct stream_filter *filter)
{
	(void)service;
	(void)worker;
	(void)fd;
	(void)filter;
	return -ENOSYS;
}

static void phase_changed(struct service *service, enum curfew_phase phase)
{
	director_phase(service->arg, phase);
}

static const struct service_ops ops = {.accepted = accepted, .phase = phase_changed};

/* False: with the exit code; it was refused, or the end has come meanwhile. */
static bool read_plan(struct load *load, int *code)
{
	struct buffer refusal = {0};
	bool is_read = plan_read(&load->plan, load->config, &refusal) == 0;

	*code = is_read || file_end_is_asked()
		? 0
		: service_refuse(&load->service, "%s", buffer_text(&refusal));
	buffer_fini(&refusal);
	return is_read;
}

/* A lane keeps one connection to each target. An evm's endpoints are not all targets. */
static int count_connections(const struct plan *plan)
{
	bool keeps_several = plan->kind == &template_source_kind && !plan->fresh;

	return plan->connections * (keeps_several ? (int)plan->endpoint_count : 1);
}

/* In a closed loop as many as were asked for are needed; in an open one perhaps. */
static int check_descriptors(struct load *load)
{
	int most = (int)descriptor_limit_raise();
	int connections = count_connections(&load->plan);

	if (!load->plan.is_open && connections > most - DESCRIPTORS_APART) {
		return service_refuse(&load->service,
			"%d descriptors are too few for %d connections (ulimit -n %d, or "
			"--connections)",
			most, connections, connections + DESCRIPTORS_APART);
	}
	return 0;
}

static int start(struct load *load)
{
	int error = director_init(load);

	error = error ? error : told_init(load);
	error = error ? error : progress_watch_init(load);
	if (error) {
		return service_refuse(&load->service,
			"cannot start: %s (free memory, or descriptors: ulimit -n)",
			strerror(-error));
	}
	told_describe(load);
	director_start(load);
	return 0;
}

/* Where the start was refused the crews are ended in order, too. */
static int run(struct load *load)
{
	int refused = start(load), code;

	if (refused) {
		director_refuse(load);
	}
	code = service_run(&load->service);
	return refused ? refused : code;
}

/* Nothing is sent: what would be is written, as the summary is, and that is all. */
static int run_dry(struct load *load)
{
	struct curfew_lifecycle *life = load->service.life;
	struct worker *worker = &load->service.pool.workers[0];
	struct load_output *output = &load->summary;
	struct buffer text = {0};
	int error = writer_init(&output->writer, worker->loop, STDOUT_FILENO,
		curfew_lifecycle_stage(life, CURFEW_LOG));

	output->fd = STDOUT_FILENO;
	error = error ? error : dry_run_write(&text, &load->plan, worker);
	if (error) {
		(void)service_refuse(&load->service, "cannot show it: %s", strerror(-error));
		life->child = (struct outcome_child){.ended = true, .code = EXIT_CODE_FAILURE};
	} else {
		(void)writer_write(&output->writer, text.data, text.length);
	}
	buffer_fini(&text);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "a dry run");
	return service_run(&load->service);
}

/* Before anything is begun: a file is written, and that is all. */
static int presign(struct load *load)
{
	struct buffer refusal = {0};
	int code = 0;

	if (load->plan.kind != &evm_source_kind) {
		return service_refuse(&load->service,
			"--presign without a scenario of the kind \"evm-transfer\" (--profile)");
	}
	if (load->plan.requests_most == UINT64_MAX) {
		return service_refuse(
			&load->service, "--presign without --requests, which says how many");
	}
	if (evm_presign(load->plan.shared, load->plan.requests_most, load->config->presign,
		    &refusal) < 0) {
		code = service_refuse(&load->service, "%s", buffer_text(&refusal));
	}
	buffer_fini(&refusal);
	return code;
}

static int serve(struct load *load)
{
	bool is_dry = load->config->dry_run;
	int code;

	if (!read_plan(load, &code)) {
		return code;
	}
	if (load->config->presign) {
		return presign(load);
	}
	code = is_dry ? 0 : told_open(load);
	code = code || is_dry ? code : check_descriptors(load);
	if (code) {
		return code;
	}
	load->service_config.threads = load->plan.threads;
	load->service_config.listen_later = true; /* never */
	code = service_init(&load->service, &load->service_config, &ops, load);
	if (!code) {
		code = is_dry ? run_dry(load) : run(load);
		told_fini(load);
		progress_watch_fini(load);
		director_fini(load);
		service_fini(&load->service);
	}
	return code;
}

int load_main(const struct load_config *config)
{
	struct load *load = calloc(1, sizeof(*load));
	int code;

	if (!load) {
		return EXIT_CODE_FAILURE;
	}
	stdio_reserve(); /* before a file is opened that would take the place of standard output */
	load->config = config;
	load->service_config = config->service;
	load->service.config = &load->service_config;
	code = serve(load);
	plan_fini(&load->plan);
	free(load);
	return code;
}
