/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of curfew serve: the config is checked; the plugin is loaded, or the program describes
 * itself, and from its schema come the texts that are served; only then are the listeners opened,
 * so that nobody queues before a start that takes long, and the runner is started. A signal, or a
 * failure, begins the end: at once, or --cancel-after it, the token of all calls fires. They
 * return, and get their 503 or their result; what waits gets its 503 too. When no call is left, or
 * at the work's deadline, the runner's processes and threads end.
 *
 * A signal that comes during the start opens nothing: what was begun is ended in order.
 */
#include "serve/serve.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/lifecycle.h"
#include "core/outcome.h"
#include "serve/endpoint.h"
#include "serve/event.h"
#include "serve/invocation.h"
#include "serve/library.h"
#include "serve/metrics.h"
#include "serve/openapi.h"
#include "serve/program.h"

#define BODY_MOST (1ULL << 30)
#define LINE_LEAST 1024
#define SLOTS_EACH 2 /* for each core */
#define HEED_MS 1000 /* time for calls to see the token, before the work's deadline */
#define HEED_PART 4  /* of the work's time, at most */

static int accepted(
	struct service *service, struct worker *worker, int fd, struct stream_filter *filter)
{
	(void)worker;
	return serve_endpoint_take(service->arg, fd, filter);
}

/* The end. */

/* The token fires: by the time that this returns all calls have seen it, or will not run. */
static void cancel_calls(struct serve *serve)
{
	int64_t began = serve->service.life->stopped_at;

	if (serve->cancelled) {
		return;
	}
	serve->cancelled = true;
	if (serve->listens) {
		journal_tell(&serve->service.journal, &serve_events[SERVE_CANCELLED],
			journal_number(serve->running), journal_number(serve->queued),
			journal_number(clock_ms_between(began, curfew_now())));
	}
	invocations_cancel(serve);
}

static void cancel_due(struct timer *timer)
{
	cancel_calls(container_of(timer, struct serve, cancel));
}

/* When the token fires: so early that calls can heed it, whatever --cancel-after says. */
static int64_t cancel_time(const struct serve *serve)
{
	const struct curfew_lifecycle *life = serve->service.life;
	int64_t deadline = curfew_lifecycle_work_deadline(life);
	int64_t work_ms = clock_ms_between(life->stopped_at, deadline);
	int64_t heed_ms = work_ms / HEED_PART < HEED_MS ? work_ms / HEED_PART : HEED_MS;
	int64_t after_ms = serve->config->cancel_after_ms;

	if (deadline != CURFEW_NEVER && after_ms > work_ms - heed_ms) {
		after_ms = work_ms - heed_ms;
	}
	return clock_add_ms(life->stopped_at, after_ms);
}

static void begin_end(struct serve *serve)
{
	int64_t due = cancel_time(serve);

	serve->ending = true;
	if (!serve->config->cancel_after_ms) {
		cancel_calls(serve);
	} else if (due != CURFEW_NEVER) {
		agenda_start(&serve->worker->loop->agenda, &serve->cancel, due);
	}
}

static void stop_runner(struct serve *serve)
{
	const struct runner_ops *runner = serve->function.runner;

	agenda_stop(&serve->worker->loop->agenda, &serve->cancel);
	if (serve->started && runner->stop) {
		runner->stop(serve);
	}
}

static void phase_changed(struct service *service, enum curfew_phase phase)
{
	struct serve *serve = service->arg;

	if (!serve->worker) {
		return; /* the start was not over */
	}
	if (phase > CURFEW_RUNNING && !serve->ending) {
		begin_end(serve);
	}
	if (phase == CURFEW_FORCING) {
		cancel_calls(serve); /* whatever --cancel-after says */
	} else if (phase == CURFEW_REAPING) {
		stop_runner(serve);
	}
}

static const struct service_ops ops = {.accepted = accepted, .phase = phase_changed};

/* The config. Each returns 0, or an exit code: a line was printed. */

static int read_sizes(struct serve *serve)
{
	const struct serve_config *config = serve->config;

	if (config->max_body < 1 || config->max_body > BODY_MOST) {
		return service_refuse(
			&serve->service, "--max-body: the size does not fit (from 1 to 1G)");
	}
	if (config->max_line < LINE_LEAST || config->max_line > BODY_MOST) {
		return service_refuse(
			&serve->service, "--max-line: the size does not fit (from 1k to 1G)");
	}
	return 0;
}

/* What is for processes only, or for plugins in C only. */
static int read_kind(struct serve *serve)
{
	const struct serve_config *config = serve->config;
	const char *alien = NULL;

	if (!config->plugin) {
		return config->function ? service_refuse(&serve->service,
						  "--function chooses one of a shared object's (a "
						  "program has one)")
					: 0;
	}
	if (config->workers) {
		alien = "--workers";
	} else if (config->environment.count) {
		alien = "--env";
	} else if (config->cwd) {
		alien = "--cwd";
	}
	return alien ? service_refuse(&serve->service,
			       "%s is for processes (of a program: curfew serve -- COMMAND)", alien)
		     : 0;
}

static int read_surroundings(struct serve *serve)
{
	const struct serve_config *config = serve->config;
	struct stat status;

	if (config->cwd && (stat(config->cwd, &status) < 0 || !S_ISDIR(status.st_mode))) {
		return service_refuse(&serve->service,
			"--cwd: '%.200s' is no folder (of the processes: one that is there)",
			config->cwd);
	}
	for (size_t i = 0; i < config->environment.count; i++) {
		const char *word = config->environment.word[i];

		if (!strchr(word, '=') || word[0] == '=') {
			return service_refuse(&serve->service,
				"--env: '%.80s' is no variable (NAME=VALUE)", word);
		}
	}
	return 0;
}

static int read_config(struct serve *serve)
{
	const char *id = serve->config->id;
	int code = read_sizes(serve);

	if (!code && id && !identifier_valid(id)) {
		return service_refuse(&serve->service,
			"--id: '%.80s' cannot be an id (256 printable characters of ASCII at "
			"most, no space, quote or backslash)",
			id);
	}
	code = code ? code : read_kind(serve);
	return code ? code : read_surroundings(serve);
}

static int count_slots(const struct serve_config *config)
{
	cpu_set_t cores;

	if (config->workers) {
		return config->workers;
	}
	if (config->threads) {
		return config->threads;
	}
	return SLOTS_EACH *
		(sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1);
}

/* The function. */

/* Returns 0, 1 if the end has begun, or -1 after a notice with *code set. */
static int load(struct serve *serve, int *code)
{
	const struct serve_config *config = serve->config;
	struct buffer refusal = {0};
	int error = 0;
	int result = config->plugin ? library_load(serve, &refusal)
				    : program_describe(serve, &refusal, &error);

	if (result < 0) {
		*code = error ? service_refuse_command(&serve->service, config->command[0], error)
			      : service_refuse(&serve->service, "%s", buffer_text(&refusal));
	}
	buffer_fini(&refusal);
	return result;
}

/* Returns 0 or -ENOMEM. */
static int write_texts(struct serve *serve)
{
	struct function *function = &serve->function;

	buffer_append_text(&function->schema, "{\"inputs\":");
	schema_write(&function->schema, function->inputs);
	buffer_append_text(&function->schema, ",\"outputs\":");
	schema_write(&function->schema, function->outputs);
	buffer_append_char(&function->schema, '}');
	openapi_write(&function->openapi, function);
	return function->schema.failed || function->openapi.failed ? -ENOMEM : 0;
}

static void tell_function(struct serve *serve)
{
	const struct serve_config *config = serve->config;

	journal_tell(&serve->service.journal, &serve_events[SERVE_FUNCTION],
		journal_text(serve->function.name), journal_text(serve->function.id),
		journal_number(serve->slots), journal_number(config->queue),
		journal_text(config->plugin ? config->plugin : config->command[0]));
}

/* What /status tells. */
static void write_status(struct buffer *out, void *arg)
{
	const struct serve *serve = arg;
	const char *name = serve->function.name;

	buffer_append_text(out, "{\"function\":");
	if (name) {
		buffer_append_json(out, name, strlen(name));
	} else {
		buffer_append_text(out, "null");
	}
	buffer_appendf(out, ",\"slots\":%d,\"running\":%d,\"queued\":%d,\"cancelled\":%s}",
		serve->slots, serve->running, serve->queued, serve->cancelled ? "true" : "false");
}

/* The start. */

static int refuse_start(struct serve *serve, int error)
{
	return service_refuse(&serve->service, "cannot start: %s", strerror(-error));
}

/* Returns 0 or a negative errno. */
static int prepare(struct serve *serve)
{
	serve->worker = &serve->service.pool.workers[0];
	serve->slots = count_slots(serve->config);
	serve->cancel.fired = cancel_due;
	serve->context = curfew_context_new(NULL, CURFEW_NEVER);
	if (!serve->context) {
		return -ENOMEM;
	}
	invocations_init(serve);
	serve_endpoint_init(serve);
	serve->metrics = (struct metric_table){
		.rows = serve_metrics,
		.count = serve_metric_count,
		.arg = serve,
	};
	metrics_add_requests(&serve->service.metrics, &serve->requests);
	metrics_add_table(&serve->service.metrics, &serve->metrics);
	serve->status = (struct status_part){.name = "serve", .write = write_status, .arg = serve};
	service_add_status(&serve->service, &serve->status);
	return 0;
}

/* Returns 0, 1 if the end has begun, or -1 after a notice with *code set. */
static int make_function(struct serve *serve, int *code)
{
	int result = load(serve, code);
	int error;

	if (result || service_is_ending(&serve->service)) {
		return result ? result : 1;
	}
	error = write_texts(serve);
	if (error < 0) {
		*code = refuse_start(serve, error);
		return -1;
	}
	return 0;
}

/* The listeners first: what may be refused because of them leaves nothing to be ended. */
static int start_runner(struct serve *serve)
{
	int code = service_listen(&serve->service);
	int error;

	if (code) {
		return code;
	}
	serve->listens = true;
	tell_function(serve);
	error = serve->config->plugin ? library_start(serve) : program_start(serve);
	if (error < 0) {
		return refuse_start(serve, error);
	}
	serve->started = true;
	(void)service_ready(&serve->service);
	return 0;
}

/* Returns 0, or the exit code after a notice. */
static int start(struct serve *serve)
{
	int error = prepare(serve);
	int code = 0;

	if (error < 0) {
		return refuse_start(serve, error);
	}
	if (service_is_ending(&serve->service) || make_function(serve, &code) ||
		service_is_ending(&serve->service)) {
		return code; /* nothing is opened */
	}
	return start_runner(serve);
}

static void serve_free(struct serve *serve)
{
	const struct runner_ops *runner = serve->function.runner;

	if (runner && runner->fini) {
		runner->fini(serve);
	}
	function_fini(&serve->function);
	curfew_context_free(serve->context);
	serve->context = NULL;
}

int serve_main(const struct serve_config *config)
{
	struct serve *serve = calloc(1, sizeof(*serve));
	int code;

	if (!serve) {
		return EXIT_CODE_FAILURE;
	}
	serve->config = config;
	serve->service.config = &config->service;
	code = read_config(serve);
	code = code ? code : service_init(&serve->service, &config->service, &ops, serve);
	if (code) {
		free(serve);
		return code;
	}
	code = start(serve);
	if (code && (serve->listens || serve->service.has_face)) { /* somebody may be connected */
		curfew_lifecycle_stop_for(
			serve->service.life, CURFEW_FAILURE, "the start was refused");
		(void)service_run(&serve->service);
	} else if (!code) {
		code = service_run(&serve->service);
	}
	serve_free(serve);
	service_fini(&serve->service);
	free(serve);
	return code;
}
