/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/service_start.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <curfew/log.h>

#include "base/clock.h"
#include "core/outcome.h"
#include "loop/descriptor_limit.h"
#include "loop/report_file.h"
#include "net/open.h"

#define RESERVE 128     /* descriptors that are not connections: loops, listeners, the face */
#define EACH 2          /* descriptors of a connection, unless the command says otherwise */
#define PLACES_LEAST 16 /* however short of descriptors we are */
#define TELL_FULL_S 10  /* at most once in that time */
#define LEAST 32        /* descriptors, without which there is nothing to try */
#define LEAST_PER_THREAD 8

/* Prints a refusal as others have put it, and frees it. */
static int refuse_text(const struct service *service, struct buffer *refusal)
{
	int code = service_refuse(service, "%s", buffer_text(refusal));

	buffer_fini(refusal);
	return code;
}

/* What the user has given. */

int service_read_trusted(const struct service *service, struct http_trusted *trusted)
{
	char item[ADDRESS_TEXT];
	const char *wrong = http_trusted_read(trusted, &service->config->trust_forwarded, item);

	return wrong ? service_refuse(service,
			       "--trust-forwarded: '%.80s' %s (a range is such as 10.0.0.0/8)",
			       item, wrong)
		     : 0;
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
	service->tls = (config->tls_later ? tls_server_new_later : tls_server_new)(
		config->tls_cert, config->tls_key, &refusal);
	return service->tls ? 0 : refuse_text(service, &refusal);
}

int service_open_front(struct service *service)
{
	const struct service_config *config = service->config;
	struct buffer refusal = {0};

	const char *preset = config->listen_preset ? config->listen_preset : SERVICE_LISTEN_PRESET;

	if (front_open(&service->front, &config->listen, preset, &refusal) < 0) {
		return refuse_text(service, &refusal);
	}
	front_append_addresses(&service->front, &service->addresses);
	return 0;
}

static int open_admin(struct service *service)
{
	const char *text = service->config->admin;
	struct buffer refusal = {0};
	const char *reason = text ? address_parse(text, &service->admin) : NULL;

	if (reason) {
		return service_refuse(service,
			"--admin cannot be '%.80s': it %s (write HOST:PORT, :PORT or unix:PATH)",
			text, reason);
	}
	if (!text) {
		return 0;
	}
	service->admin_fd = listen_open(&service->admin, &refusal);
	if (service->admin_fd < 0) {
		return refuse_text(service, &refusal);
	}
	front_append_address(service->admin_fd, &service->admin_address);
	return 0;
}

static void on_library(enum curfew_level level, const char *message, void *arg)
{
	struct service *service = arg;
	struct journal_event event = service_events[SERVICE_LIBRARY];

	event.level = level;
	journal_tell(&service->journal, &event, journal_text(message));
}

int service_open(struct service *service)
{
	const struct service_config *config = service->config;
	int code;
	int error = journal_init(&service->journal, service->life, STDERR_FILENO, config->command,
		(enum curfew_level)config->log_level, (enum journal_format)config->log_format);

	if (error < 0) {
		return service_refuse_start(service, -error);
	}
	curfew_log_set(on_library, service);
	code = open_report(service);
	code = code ? code : open_tls(service);
	if (code || service_is_ending(service)) {
		return code;
	}
	code = open_admin(service); /* first: whoever reaches us can ask how we are */
	return code || config->listen_later ? code : service_open_front(service);
}

/* What the workers carry. */

static int accepted(void *arg, struct worker *worker, int fd, struct stream_filter *filter)
{
	struct service *service = arg;

	return service->ops->accepted(service, worker, fd, filter);
}

static void full(void *arg)
{
	struct service *service = arg;
	int64_t now = curfew_now();

	if (!service->full_told || now - service->full_told >= TELL_FULL_S * NS_PER_S) {
		service->full_told = now;
		journal_tell(&service->journal, &service_events[SERVICE_FULL],
			journal_number(service->front.most));
	}
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
	int each = config->descriptors_each ? config->descriptors_each : EACH;
	int places = (descriptors - RESERVE - FRONT_WAITING_MOST) / each;

	if (config->max_connections) {
		return config->max_connections;
	}
	if (places < PLACES_LEAST) {
		places = (descriptors - RESERVE) / each;
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

int service_start(struct service *service)
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
		return service_refuse_start(service, -error);
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
	return error < 0 ? service_refuse_start(service, -error) : start_notifier(service);
}
