/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start: everything that can be refused is opened before there is a second thread (open_all),
 * then come the workers, and what lives on them (start_parts). The end is the lifecycle's; what it
 * tells is passed on here (on_phase). When it is DONE, the last words are written (service_told.c),
 * and only then, by service_fini, is anything freed.
 */
#include "admin/service.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curfew/log.h>

#include "admin/service_told.h"
#include "base/list.h"
#include "child/stdio.h"
#include "core/lifecycle.h"
#include "core/outcome.h"
#include "loop/descriptor_limit.h"
#include "loop/notice.h"
#include "loop/report_file.h"
#include "loop/signals.h"
#include "net/open.h"

#define RESERVE 128       /* descriptors that are not connections: loops, listeners, the face */
#define PER_CONNECTION 2  /* descriptors: the client's, and one to what it wants */
#define PLACES_LEAST 16   /* however short of descriptors we are */
#define LEAST 32          /* descriptors, without which there is nothing to try */
#define LEAST_PER_THREAD 8
#define RESERVE_MS 200    /* of the grace, for pools and the log, where there is no child */
#define LAST_WORDS_MS 500 /* for who reads the log slowly, behind all else */

/* Refusals. */

int service_refuse(const struct service *service, const char *format, ...)
{
	va_list args;

	notice_command(service->config->command);
	va_start(args, format);
	notice_list(format, args);
	va_end(args);
	return EXIT_CODE_USAGE;
}

int service_refuse_command(const struct service *service, const char *name, int error)
{
	notice_command(service->config->command);
	return notice_refused(name, error);
}

/* Prints a refusal as others have put it, and frees it. */
static int refuse_text(const struct service *service, struct buffer *refusal)
{
	int code = service_refuse(service, "%s", buffer_text(refusal));

	buffer_fini(refusal);
	return code;
}

static int refuse_to_start(const struct service *service, int error)
{
	return service_refuse(service, "cannot start: %s (free memory, or descriptors: ulimit -n)",
		strerror(error));
}

void service_fail(struct service *service, const char *format, ...)
{
	char text[CURFEW_CAUSE_TEXT];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	curfew_lifecycle_stop_for(service->life, CURFEW_FAILURE, text);
}

/* What comes from the lifecycle. */

static void reload(struct service *service)
{
	struct buffer refusal = {0};

	if (!service->tls) {
		return;
	}
	if (tls_server_reload(service->tls, &refusal) < 0) {
		journal_tell(&service->journal, &service_events[SERVICE_NOT_RELOADED],
			journal_text(buffer_text(&refusal)));
	} else {
		journal_tell(&service->journal, &service_events[SERVICE_RELOADED],
			journal_text(service->config->tls_cert));
	}
	buffer_fini(&refusal);
}

static void on_signal(const siginfo_t *info, void *arg)
{
	struct service *service = arg;

	if (info->si_signo == SIGHUP) {
		reload(service);
	} else {
		service_tell_state(service);
	}
}

static void on_phase(enum curfew_phase phase, void *arg)
{
	struct service *service = arg;

	if (phase > CURFEW_RUNNING && !service->stopping) {
		service->stopping = true;
		notice_limit(curfew_lifecycle_grace_deadline(service->life));
		service_tell_stopping(service);
	}
	if (phase >= CURFEW_DRAINING) {
		front_drain(&service->front);
	}
	if (phase > CURFEW_RUNNING) {
		service_tell_phase(service, phase);
	}
	if (service->has_notifier) {
		notifier_phase(&service->notifier, phase);
	}
	if (service->has_face) {
		admin_face_phase(&service->face);
	}
	if (service->ops->phase) {
		service->ops->phase(service, phase);
	}
}

static void on_forced(const struct curfew_holder *holder, void *arg)
{
	struct service *service = arg;

	journal_tell(&service->journal, &service_events[SERVICE_FORCED], journal_text(holder->kind),
		journal_text(holder->name), journal_number(holder->age_ms));
}

static void on_library(enum curfew_level level, const char *message, void *arg)
{
	struct service *service = arg;
	struct journal_event event = service_events[SERVICE_LIBRARY];

	event.level = level;
	journal_tell(&service->journal, &event, journal_text(message));
}

/* What comes from the front. */

static int accepted(void *arg, struct worker *worker, int fd, struct stream_filter *filter)
{
	struct service *service = arg;

	return service->ops->accepted(service, worker, fd, filter);
}

static void full(void *arg)
{
	struct service *service = arg;

	journal_tell(&service->journal, &service_events[SERVICE_FULL],
		journal_number(service->front.most));
}

void service_left(struct service *service)
{
	front_left(&service->front);
}

/* The start. */

static void stop_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGQUIT);
}

bool service_is_ending(const struct service *service)
{
	sigset_t pending, stop;

	stop_signals(&stop);
	sigpending(&pending);
	sigandset(&pending, &pending, &stop);
	return !sigisemptyset(&pending) ||
		curfew_token_cancelled(
			curfew_context_token(curfew_lifecycle_context(service->life)));
}

static int new_lifecycle(struct service *service)
{
	const struct service_config *config = service->config;
	struct curfew_lifecycle_options options;

	curfew_lifecycle_defaults(&options);
	options.command = config->command;
	options.version = CURFEW_VERSION;
	options.grace_ms = config->grace_ms;
	options.announce_ms = config->announce_ms;
	options.child_reserve_ms =
		config->child_reserve_ms ? config->child_reserve_ms : RESERVE_MS;
	options.ignore_insist = config->insist == SERVICE_INSIST_NEVER;
	options.forced_exit = config->forced_exit;
	options.signals = CURFEW_SIGNALS_BLOCKED;
	stop_signals(&options.stop_signals);
	sigaddset(&options.other_signals, SIGQUIT);
	sigaddset(&options.other_signals, SIGUSR1);
	sigaddset(&options.other_signals, SIGHUP);
	options.on_signal = on_signal;
	options.on_phase = on_phase;
	options.arg = service;
	service->life = curfew_lifecycle_new(&options);
	if (!service->life) {
		return -errno;
	}
	service->life->on_forced = on_forced;
	service->life->on_forced_arg = service;
	return 0;
}

/* A program in the foreground of a terminal can be stopped from there, as any other. */
static void allow_suspension(void)
{
	sigset_t original = signals_original_mask();
	sigset_t suspension;

	if (sigismember(&original, SIGTSTP) == 0) {
		sigemptyset(&suspension);
		sigaddset(&suspension, SIGTSTP);
		(void)pthread_sigmask(SIG_UNBLOCK, &suspension, NULL);
	}
}

static int open_report(struct service *service)
{
	const char *path = service->config->report;

	if (path) {
		service->report_fd = report_file_open(path);
	}
	return path && service->report_fd < 0 ? EXIT_CODE_USAGE : 0;
}

static int open_tls(struct service *service)
{
	const struct service_config *config = service->config;
	struct buffer refusal = {0};

	if (!config->tls_cert) {
		return 0;
	}
	service->tls = tls_server_new(config->tls_cert, config->tls_key, &refusal);
	return service->tls ? 0 : refuse_text(service, &refusal);
}

static int open_front(struct service *service)
{
	const struct service_config *config = service->config;
	struct buffer refusal = {0};

	if (front_open(&service->front, &config->listen, SERVICE_LISTEN_PRESET, &refusal) < 0) {
		return refuse_text(service, &refusal);
	}
	front_append_addresses(&service->front, &service->addresses);
	return 0;
}

static int open_admin(struct service *service)
{
	const char *text = service->config->admin;
	struct address address;
	struct buffer refusal = {0};
	const char *reason = text ? address_parse(text, &address) : NULL;

	if (reason) {
		return service_refuse(service,
			"--admin cannot be '%.80s': it %s (write HOST:PORT, :PORT or unix:PATH)",
			text, reason);
	}
	if (!text) {
		return 0;
	}
	service->admin_fd = listen_open(&address, &refusal);
	if (service->admin_fd < 0) {
		return refuse_text(service, &refusal);
	}
	front_append_address(service->admin_fd, &service->admin_address);
	return 0;
}

/* All that may be refused because of what the user gave; no thread is there yet. */
static int open_all(struct service *service)
{
	const struct service_config *config = service->config;
	int code;
	int error = journal_init(&service->journal, service->life, STDERR_FILENO, config->command,
		(enum curfew_level)config->log_level, (enum journal_format)config->log_format);

	if (error < 0) {
		return refuse_to_start(service, -error);
	}
	curfew_log_set(on_library, service);
	code = open_report(service);
	code = code ? code : open_tls(service);
	if (code || service_is_ending(service)) {
		return code;
	}
	code = open_front(service);
	return code ? code : open_admin(service);
}

static int count_threads(const struct service_config *config)
{
	cpu_set_t cores;
	int count = config->threads;

	if (!count) {
		count = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
	}
	return count < WORKERS_MOST ? count : WORKERS_MOST;
}

static int count_places(const struct service_config *config, int descriptors)
{
	int places = (descriptors - RESERVE - FRONT_WAITING_MOST) / PER_CONNECTION;

	if (config->max_connections) {
		return config->max_connections;
	}
	if (places < PLACES_LEAST) {
		places = (descriptors - RESERVE) / PER_CONNECTION;
	}
	return places < PLACES_LEAST ? PLACES_LEAST : places;
}

static int start_face(struct service *service)
{
	int error;

	service->content.metrics = &service->metrics;
	if (service->admin_fd < 0) {
		return 0;
	}
	error = admin_face_start(&service->face, service->life, &service->pool.workers[0],
		service->admin_fd, &service->content);
	if (!error) {
		service->has_face = true;
		service->admin_fd = -1;
	}
	return error;
}

static int start_notifier(struct service *service)
{
	struct agenda *agenda = &service->pool.workers[0].loop->agenda;

	if (notifier_start(&service->notifier, &service->metrics, agenda) < 0) {
		return service_refuse(service,
			"NOTIFY_SOCKET is of no use (it is a path, or an abstract name behind @)");
	}
	service->has_notifier = true;
	return 0;
}

static int start_parts(struct service *service)
{
	int threads = count_threads(service->config);
	int descriptors = (int)descriptor_limit_raise();
	int least = LEAST + LEAST_PER_THREAD * threads;
	int error;

	if (descriptors < least) { /* libuv would abort */
		return service_refuse(service,
			"%d descriptors are too few for %d threads (ulimit -n %d, or --threads)",
			descriptors, threads, least);
	}
	error = worker_pool_init(&service->pool, service->life, threads);
	service->has_pool = service->pool.count > 0;
	if (error < 0) {
		return refuse_to_start(service, -error);
	}
	metrics_init(&service->metrics, service->life);
	service->front.pool = &service->pool;
	service->front.tls = service->tls;
	service->front.proxy_protocol = service->config->proxy_protocol;
	service->front.most = count_places(service->config, descriptors);
	service->front.accepted = accepted;
	service->front.full = full;
	service->front.arg = service;
	metrics_add_requests(&service->metrics, &service->front.refused);
	error = start_face(service);
	return error < 0 ? refuse_to_start(service, -error) : start_notifier(service);
}

int service_init(struct service *service, const struct service_config *config,
	const struct service_ops *ops, void *arg)
{
	int error, code;

	stdio_reserve();
	notice_command(config->command);
	*service = (struct service){
		.config = config,
		.ops = ops,
		.arg = arg,
		.admin_fd = -1,
		.report_fd = -1,
		.started = curfew_now(),
	};
	error = new_lifecycle(service);
	if (error < 0) {
		return refuse_to_start(service, -error);
	}
	code = open_all(service);
	code = code ? code : start_parts(service);
	if (code) {
		service_fini(service);
		return code;
	}
	allow_suspension();
	return 0;
}

int service_listen(struct service *service)
{
	int error;

	service_tell_started(service);
	error = front_listen(&service->front, service->life);
	if (error < 0 && error != -ESHUTDOWN) {
		return refuse_to_start(service, -error);
	}
	return 0;
}

bool service_ready(struct service *service)
{
	bool ready = curfew_lifecycle_ready(service->life);

	if (ready) {
		service_tell_ready(service);
	}
	return ready;
}

/* The end. */

int service_run(struct service *service)
{
	int code = worker_pool_run(&service->pool);
	int64_t deadline = curfew_after_ms(LAST_WORDS_MS);
	int64_t grace = curfew_lifecycle_grace_deadline(service->life);

	service_tell_ended(service);
	curfew_log_set(NULL, NULL);
	journal_fini(&service->journal, grace < deadline ? grace : deadline);
	if (service->report_fd >= 0) {
		report_file_write(service->report_fd, service->life);
	}
	if (curfew_lifecycle_abandoned(service->life)) {
		_exit(code);
	}
	return code;
}

static void close_descriptor(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
	}
	*fd = -1;
}

void service_fini(struct service *service)
{
	int code = service->life ? curfew_lifecycle_exit_code(service->life) : 0;

	curfew_log_set(NULL, NULL);
	if (service->has_face) {
		admin_face_fini(&service->face);
	}
	if (service->has_notifier) {
		notifier_fini(&service->notifier);
	}
	front_fini(&service->front);
	journal_fini(&service->journal, curfew_now());
	if (service->has_pool && !worker_pool_fini(&service->pool)) {
		_exit(code);
	}
	close_descriptor(&service->admin_fd);
	close_descriptor(&service->report_fd);
	tls_server_free(service->tls);
	buffer_fini(&service->addresses);
	buffer_fini(&service->admin_address);
	curfew_lifecycle_free(service->life);
	*service = (struct service){.admin_fd = -1, .report_fd = -1};
}
