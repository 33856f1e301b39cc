/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a relay: the config is checked, the lanes are made, the listeners opened, and
 * readiness is offered at once, or with the first certificate (acme.h). A signal, or a failure,
 * begins the end: no claim is taken any more; then the listeners are emptied, and each worker's
 * drain asks its members to finish (ending.h).
 */
#include "relay/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "http/octet.h"
#include "relay/endpoint.h"
#include "relay/metrics.h"

#define MEMBERS_PRESET 10000
#define SIZE_LIMIT (1ULL << 30) /* of --max-message and --outbox */
#define MEMORY_LIMIT (1ULL << 40)
#define BODY_MOST 65536  /* of a request that is refused */
#define OUTBOX_MORE 4096 /* what an envelope adds to a message */

static int accepted(
	struct service *service, struct worker *worker, int fd, struct stream_filter *filter)
{
	struct relay *relay = service->arg;

	return http_server_take(&relay->lanes[worker->index].server, fd, filter);
}

static void phase_changed(struct service *service, enum curfew_phase phase)
{
	struct relay *relay = service->arg;

	if (phase > CURFEW_RUNNING) {
		atomic_store(&relay->ending, true);
	}
}

static const struct service_ops ops = {.accepted = accepted, .phase = phase_changed};

/* The config. Each returns 0, or an exit code: a line was printed. */

static int read_sizes(struct relay *relay)
{
	const struct relay_config *config = relay->config;

	if (!config->max_message || config->max_message > SIZE_LIMIT) {
		return service_refuse(
			&relay->service, "--max-message: the size does not fit (from 1 to 1G)");
	}
	if (config->outbox > SIZE_LIMIT || config->outbox < config->max_message + OUTBOX_MORE) {
		return service_refuse(&relay->service,
			"--outbox: the size does not fit (--max-message and 4k more, up to 1G)");
	}
	if (config->max_memory < config->outbox || config->max_memory > MEMORY_LIMIT) {
		return service_refuse(&relay->service,
			"--max-memory: the size does not fit (--outbox at least, up to 1024G)");
	}
	return 0;
}

/* Times for something to come to pass: with none of it nobody could stay. */
static int read_times(struct relay *relay)
{
	const struct relay_config *config = relay->config;
	const struct {
		const char *option;
		int64_t ms;
	} times[] = {
		{"head-timeout", config->head_ms},
		{"ping-interval", config->ping_ms},
		{"pong-timeout", config->pong_ms},
		{"message-timeout", config->message_ms},
		{"write-timeout", config->write_ms},
		{"claim-timeout", config->claim_ms},
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (!times[i].ms) {
			return service_refuse(&relay->service,
				"--%s: there has to be some time (inf is without a bound)",
				times[i].option);
		}
	}
	return 0;
}

static int read_prefixes(struct relay *relay)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *header = relay->config->header_prefix;
	const char *metrics = relay->config->metrics_prefix;

	if (header &&
		(strlen(header) > ENDPOINT_PREFIX_MOST ||
			!http_octets_are(header, strlen(header), HTTP_OCTET_TOKEN))) {
		return service_refuse(&relay->service,
			"--header-prefix: '%.80s' cannot begin a header field (such as X-Pyrycode)",
			header);
	}
	if (metrics &&
		(strspn(metrics, name) != strlen(metrics) || strchr("0123456789", metrics[0]) ||
			strlen(metrics) > METRICS_PREFIX_MOST ||
			strcmp(metrics, METRICS_PREFIX) == 0)) {
		return service_refuse(&relay->service,
			"--metrics-prefix: '%.80s' cannot begin the name of a metric of its own "
			"(such as pyrycode_relay)",
			metrics);
	}
	return 0;
}

static int read_domain(struct relay *relay)
{
	const struct relay_config *config = relay->config;
	const struct {
		const char *option, *value;
	} for_domain[] = {
		{"cert-cache", config->cert_cache},
		{"acme-url", config->acme_url},
		{"acme-listen", config->acme_listen},
	};

	if (config->domain && config->service.tls_cert) {
		return service_refuse(&relay->service,
			"--domain and --tls-cert (a certificate is either given, or asked for)");
	}
	if (config->domain && !config->cert_cache) {
		return service_refuse(&relay->service,
			"--domain without a place for the certificates (name a folder with "
			"--cert-cache)");
	}
	for (size_t i = 0; !config->domain && i < sizeof(for_domain) / sizeof(for_domain[0]); i++) {
		if (for_domain[i].value) {
			return service_refuse(&relay->service,
				"--%s is for certificates by ACME (say for which --domain)",
				for_domain[i].option);
		}
	}
	return 0;
}

static int read_production(struct relay *relay)
{
	const struct relay_config *config = relay->config;

	if (config->production && !config->domain && !config->service.tls_cert) {
		return service_refuse(
			&relay->service, "--production without TLS (give --domain, or --tls-cert)");
	}
	if (config->production && geteuid() == 0) {
		return service_refuse(&relay->service,
			"--production as root (run it as a user of its own, with "
			"CAP_NET_BIND_SERVICE for ports below 1024)");
	}
	return 0;
}

/* The service waits for what is in the cache, or will be. */
static int read_acme(struct relay *relay)
{
	const struct relay_config *config = relay->config;
	struct acme_config *acme = &relay->acme_config;
	struct buffer refusal = {0};
	int code = 0;

	if (!config->domain) {
		return 0;
	}
	acme_config_default(acme);
	acme->domain = config->domain;
	acme->cache = config->cert_cache;
	acme->listen = config->acme_listen;
	acme->uacme.url = config->acme_url;
	acme->uacme.keeper = config->keeper;
	if (acme_check(&relay->acme, acme, &relay->common, &refusal) < 0) {
		code = service_refuse(&relay->service, "%s", buffer_text(&refusal));
	}
	buffer_fini(&refusal);
	return code;
}

static void set_limits(struct relay *relay)
{
	const struct relay_config *config = relay->config;

	http_limits_default(&relay->http_limits);
	relay->http_limits.head_ms = config->head_ms;
	relay->http_limits.body_most = BODY_MOST;
	relay->ws_limits = (struct ws_limits){
		.message_most = config->max_message,
		.outbox_most = (size_t)config->outbox,
		.ping_ms = config->ping_ms,
		.pong_ms = config->pong_ms,
		.message_ms = config->message_ms,
		.write_ms = config->write_ms,
		.close_ms = config->close_ms,
	};
	relay->limiter.interval_ms = config->rate_interval_ms;
	relay->limiter.burst = config->burst;
	relay->limiter.most = config->max_per_ip;
}

static int read_config(struct relay *relay)
{
	int code = read_sizes(relay);

	code = code ? code : read_times(relay);
	code = code ? code : read_prefixes(relay);
	code = code ? code : read_domain(relay);
	code = code ? code : read_production(relay);
	set_limits(relay);
	code = code ? code : service_read_trusted(&relay->service, &relay->trusted);
	return code ? code : read_acme(relay);
}

/* The lanes. */

/* Its place is free for another connection. */
static void left(struct http_server *server)
{
	const struct lane *lane = server->arg;

	service_left(&lane->relay->service);
}

static int lane_init(struct lane *lane, struct relay *relay, struct worker *worker)
{
	const struct relay_config *config = relay->config;

	*lane = (struct lane){
		.relay = relay,
		.worker = worker,
		.server =
			{
				.worker = worker,
				.drain = &worker->drain,
				.handler = &endpoint_handler,
				.limits = &relay->http_limits,
				.scheme = config->service.tls_cert || config->domain ? "https"
										     : "http",
				.arg = lane,
				.left = left,
			},
	};
	return registry_init(&lane->registry);
}

/* Returns 0 or a negative errno. */
static int open_lanes(struct relay *relay)
{
	struct worker_pool *pool = &relay->service.pool;

	relay->lanes = calloc((size_t)pool->count, sizeof(*relay->lanes));
	if (!relay->lanes) {
		return -ENOMEM;
	}
	for (int i = 0; i < pool->count; i++) {
		int error = lane_init(&relay->lanes[i], relay, &pool->workers[i]);

		if (error < 0) {
			return error;
		}
		relay->lane_count++;
		metrics_add_requests(&relay->service.metrics, &relay->lanes[i].requests);
	}
	return relay_metrics_add(relay);
}

static void close_lanes(struct relay *relay)
{
	for (int i = 0; i < relay->lane_count; i++) {
		registry_fini(&relay->lanes[i].registry);
	}
	free(relay->lanes);
}

/* The start. */

/* How many members there may be. The front has a place for each connection, whatever it becomes. */
static int set_most(struct relay *relay)
{
	int asked = relay->config->max_connections;
	int places = relay->service.front.most;

	if (asked > places) {
		return service_refuse(&relay->service,
			"--max-connections: the descriptors hold %d, not %d (raise their limit: "
			"ulimit -Hn, LimitNOFILE)",
			places, asked);
	}
	relay->most = asked ? asked : MEMBERS_PRESET < places ? MEMBERS_PRESET : places;
	return 0;
}

/* Returns 0, or the exit code after a notice. */
static int start(struct relay *relay)
{
	int error = limiter_init(&relay->limiter);
	int code;

	error = error ? error : open_lanes(relay);
	if (error < 0) {
		return service_refuse(&relay->service, "cannot start: %s", strerror(-error));
	}
	if (service_is_ending(&relay->service)) {
		return 0; /* nothing is opened */
	}
	relay->started = curfew_now();
	code = relay->config->domain ? acme_start(&relay->acme, &relay->service) : 0;
	code = code ? code : service_listen(&relay->service);
	if (!code && !relay->config->domain) {
		(void)service_ready(&relay->service);
	}
	return code;
}

/* Until its end, if it was started. Returns the exit code. */
static int run(struct relay *relay)
{
	int code = start(relay);

	if (!code) {
		return service_run(&relay->service);
	}
	/* what was started is ended in order */
	curfew_lifecycle_stop_for(relay->service.life, CURFEW_FAILURE, "the start was refused");
	(void)service_run(&relay->service);
	return code;
}

/* Between the checks of the config and the end of all that has to be freed. */
static int serve(struct relay *relay)
{
	int code = service_init(&relay->service, &relay->common, &ops, relay);

	if (code) {
		return code;
	}
	code = set_most(relay);
	code = code ? code : run(relay);
	acme_fini(&relay->acme);
	close_lanes(relay);
	service_fini(&relay->service);
	relay_metrics_free(relay);
	limiter_fini(&relay->limiter);
	return code;
}

int relay_main(const struct relay_config *config)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	int code;

	if (!relay) {
		return EXIT_CODE_FAILURE;
	}
	relay->config = config;
	relay->common = config->service;
	relay->service.config = &relay->common;
	code = read_config(relay);
	code = code ? code : serve(relay);
	free(relay);
	return code;
}
