/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start: everything that can be refused is opened before there is a second thread
 * (service_open), then come the workers, and what lives on them (service_start). The end is the
 * lifecycle's; what it tells is passed on here (on_phase). When it is DONE, the last words are
 * written (service_told.c), and only then, by service_fini, is anything freed.
 */
#include "admin/service.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <curfew/log.h>

#include "admin/service_start.h"
#include "admin/service_told.h"
#include "child/stdio.h"
#include "core/lifecycle.h"
#include "core/outcome.h"
#include "loop/notice.h"
#include "loop/report_file.h"
#include "loop/signals.h"
#include "net/open.h"

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

int service_refuse_start(const struct service *service, int error)
{
	return service_refuse(service, "cannot start: %s (free memory, or descriptors: ulimit -n)",
		strerror(error));
}

void service_fail(struct service *service, const char *format, ...)
{
	va_list args;

	if (atomic_exchange(&service->has_failed, true)) {
		return; /* the first one stays */
	}
	va_start(args, format);
	(void)vsnprintf(service->failure, sizeof(service->failure), format, args);
	va_end(args);
	atomic_store(&service->is_failure_told, true);
	curfew_lifecycle_stop_for(service->life, CURFEW_FAILURE, service->failure);
}

/* What comes from the lifecycle. */

int service_load_certificate(struct service *service, struct buffer *refusal)
{
	return tls_server_reload(service->tls, refusal);
}

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

void service_add_status(struct service *service, struct status_part *part)
{
	if (service->has_face) {
		status_add_part(&service->face.status, part);
	}
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
	options.child_reserve_ms = config->child_reserve_ms ? config->child_reserve_ms : RESERVE_MS;
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
		return service_refuse_start(service, -error);
	}
	code = service_open(service);
	code = code ? code : service_start(service);
	if (code) {
		service_fini(service);
		return code;
	}
	allow_suspension();
	return 0;
}

int service_listen(struct service *service)
{
	int code = service->config->listen_later ? service_open_front(service) : 0;
	int error;

	if (code) {
		return code;
	}
	service_tell_started(service);
	error = front_listen(&service->front, service->life);
	if (error < 0 && error != -ESHUTDOWN) {
		return service_refuse_start(service, -error);
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
	if (service->admin_address.length && service->admin.is_unix) {
		listen_unlink(&service->admin);
	}
	close_descriptor(&service->report_fd);
	tls_server_free(service->tls);
	buffer_fini(&service->addresses);
	buffer_fini(&service->admin_address);
	curfew_lifecycle_free(service->life);
	*service = (struct service){.admin_fd = -1, .report_fd = -1};
}
