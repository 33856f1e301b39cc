/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a gate: the config is checked, the command started, the listeners opened; requests
 * are held until the upstream answers. Then they are passed on, until a signal, the command's own
 * end, or a failure begins the end: the listeners are emptied, the exchanges finish, and when no
 * request needs the upstream any more its connections are closed and the command is ended by the
 * ladder.
 */
#include "gate/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "gate/access.h"
#include "gate/lane.h"
#include "ws/close.h"

static int accepted(
	struct service *service, struct worker *worker, int fd, struct stream_filter *filter)
{
	struct gate *gate = service->arg;

	return http_server_take(&gate->lanes[worker->index].server, fd, filter);
}

static void phase_changed(struct service *service, enum curfew_phase phase)
{
	struct gate *gate = service->arg;

	if (phase > CURFEW_RUNNING && gate->upstream.gate) {
		upstream_stop(&gate->upstream);
	}
}

static const struct service_ops ops = {.accepted = accepted, .phase = phase_changed};

static void set_limits(struct gate *gate)
{
	const struct gate_config *config = gate->config;

	http_limits_default(&gate->limits);
	gate->limits.head_ms = config->head_timeout_ms;
	gate->limits.idle_ms = config->idle_timeout_ms;
	gate->limits.body_most = config->max_body;
}

/* Returns 0, or an exit code: a line was printed. */
static int read_config(struct gate *gate)
{
	const struct gate_config *config = gate->config;
	const char *wrong;

	set_limits(gate);
	if (!config->upstream == !config->respond) {
		return service_refuse(&gate->service,
			"%s (give --upstream URL, or --respond STATUS to answer by itself)",
			config->upstream ? "there is either a service or none"
					 : "no service is given");
	}
	if (config->command && !config->upstream) {
		return service_refuse(&gate->service, "a command is started for --upstream only");
	}
	if (!ws_close_sendable((unsigned)config->ws_close_code)) {
		return service_refuse(&gate->service,
			"--ws-close-code: %d may not stand in a close frame (1001, 1012, 4000)",
			config->ws_close_code);
	}
	wrong = config->upstream ? address_parse_url(config->upstream, &gate->address) : NULL;
	if (wrong) {
		return service_refuse(&gate->service,
			"--upstream: '%.80s' %s (http://HOST:PORT or http://unix:PATH)",
			config->upstream, wrong);
	}
	return service_read_trusted(&gate->service, &gate->trusted);
}

/* Returns 0 or a negative errno. */
static int open_lanes(struct gate *gate)
{
	struct worker_pool *pool = &gate->service.pool;

	gate->lanes = calloc((size_t)pool->count, sizeof(*gate->lanes));
	if (!gate->lanes) {
		return -ENOMEM;
	}
	for (int i = 0; i < pool->count; i++) {
		int error = lane_init(&gate->lanes[i], gate, &pool->workers[i]);

		if (error < 0) {
			return error;
		}
		gate->lane_count++;
		metrics_add_requests(&gate->service.metrics, &gate->lanes[i].metrics);
	}
	gate->metrics = (struct metric_table){
		.rows = access_metrics,
		.count = access_metric_count,
		.arg = gate,
	};
	metrics_add_table(&gate->service.metrics, &gate->metrics);
	return 0;
}

static void close_lanes(struct gate *gate)
{
	for (int i = 0; i < gate->lane_count; i++) {
		lane_fini(&gate->lanes[i]);
	}
	free(gate->lanes);
}

/* Up to the question whether the upstream is ready. Returns 0, or the exit code after a notice. */
static int start(struct gate *gate)
{
	int error = open_lanes(gate);
	int code;

	if (error < 0) {
		return service_refuse(&gate->service, "cannot start: %s", strerror(-error));
	}
	if (service_is_ending(&gate->service)) {
		return 0; /* nothing is opened, and no command started */
	}
	code = upstream_start(&gate->upstream, gate);
	if (!code) {
		code = service_listen(&gate->service);
	}
	if (!code) {
		upstream_ask(&gate->upstream);
	}
	return code;
}

int gate_main(const struct gate_config *config)
{
	struct gate *gate = calloc(1, sizeof(*gate));
	int code;

	if (!gate) {
		return EXIT_CODE_FAILURE;
	}
	gate->config = config;
	gate->service.config = &config->service;
	code = read_config(gate);
	if (!code) {
		code = service_init(&gate->service, &config->service, &ops, gate);
	}
	if (code) {
		free(gate);
		return code;
	}
	code = start(gate);
	if (code) { /* what was started is ended in order */
		curfew_lifecycle_stop_for(
			gate->service.life, CURFEW_FAILURE, "the start was refused");
		(void)service_run(&gate->service);
	} else {
		code = service_run(&gate->service);
	}
	upstream_fini(&gate->upstream);
	close_lanes(gate);
	service_fini(&gate->service);
	free(gate);
	return code;
}
