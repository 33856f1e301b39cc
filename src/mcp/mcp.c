/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of curfew mcp: the config is checked, the listeners are opened, and readiness is offered
 * at once, since children are started when sessions begin. A signal, or a failure, begins the end:
 * no session begins any more, idle streams end, and the listeners stay open until no call is in
 * flight (core/lifecycle.h: lifecycle_prolong, which the sessions do). Then the connections finish,
 * and the children are ended by the ladder, all at the same time.
 */
#include "mcp/mcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "mcp/endpoint.h"
#include "mcp/metrics.h"
#include "mcp/program.h"
#include "mcp/replica.h"
#include "mcp/session.h"
#include "mcp/stateless.h"

#define MESSAGE_LEAST 1024
#define MESSAGE_MOST (1ULL << 30)

static int accepted(
	struct service *service, struct worker *worker, int fd, struct stream_filter *filter)
{
	(void)worker;
	return endpoint_take(service->arg, fd, filter);
}

static void phase_changed(struct service *service, enum curfew_phase phase)
{
	struct mcp *mcp = service->arg;

	if (!mcp->worker) {
		return; /* the start was not over */
	}
	if (phase > CURFEW_RUNNING && !mcp->ending) {
		mcp->ending = true;
		sessions_announce(mcp);
		replica_announce(mcp);
	}
	if (phase >= CURFEW_DRAINING) {
		stateless_drain(mcp);
	}
}

static const struct service_ops ops = {.accepted = accepted, .phase = phase_changed};

/* The config. Each returns 0, or an exit code: a line was printed. */

static int read_command(struct mcp *mcp)
{
	const struct mcp_config *config = mcp->config;
	struct stat status;
	int error;

	if (config->cwd && (stat(config->cwd, &status) < 0 || !S_ISDIR(status.st_mode))) {
		return service_refuse(&mcp->service,
			"--cwd: '%.200s' is no folder (of the children: one that is there)",
			config->cwd);
	}
	for (size_t i = 0; i < config->environment.count; i++) {
		const char *word = config->environment.word[i];

		if (!strchr(word, '=') || word[0] == '=') {
			return service_refuse(
				&mcp->service, "--env: '%.80s' is no variable (NAME=VALUE)", word);
		}
	}
	error = program_check(config);
	return error ? service_refuse_command(&mcp->service, config->command[0], error) : 0;
}

static int read_replica(struct mcp *mcp)
{
	const struct mcp_config *config = mcp->config;
	const char *wrong = config->peer_url ? replica_check(config->peer_url) : NULL;

	if (wrong) {
		return service_refuse(&mcp->service,
			"--peer-url: '%.200s' %s (http://{replica}.mcp:8080)", config->peer_url,
			wrong);
	}
	mcp->replica = config->replica;
	if (!mcp->replica) {
		(void)gethostname(mcp->host_name, sizeof(mcp->host_name) - 1);
		mcp->host_name[strcspn(mcp->host_name, ".")] = '\0';
		mcp->replica = mcp->host_name;
	}
	if (session_replica_valid(mcp->replica)) {
		return 0;
	}
	if (config->replica || config->peer_url) {
		return service_refuse(&mcp->service,
			"--replica: '%.80s' cannot stand in a session's id (give a name of "
			"letters, digits, - and _)",
			mcp->replica);
	}
	mcp->replica = "mcp"; /* nobody needs to tell us from others */
	return 0;
}

static int read_key(struct mcp *mcp)
{
	struct buffer refusal = {0};
	int code = 0;

	if (mcp->config->peer_url && !mcp->config->session_key) {
		return service_refuse(&mcp->service,
			"--peer-url without a key that the replicas share (name it with "
			"--session-key-file)");
	}
	if (session_key_load(&mcp->key, mcp->config->session_key, &refusal) < 0) {
		code = service_refuse(&mcp->service, "%s", buffer_text(&refusal));
	}
	buffer_fini(&refusal);
	return code;
}

static int read_config(struct mcp *mcp)
{
	const struct mcp_config *config = mcp->config;
	int code;

	if (config->max_message < MESSAGE_LEAST || config->max_message > MESSAGE_MOST) {
		return service_refuse(
			&mcp->service, "--max-message: the size does not fit (from 1k to 1G)");
	}
	if (config->restart && !config->shared) {
		return service_refuse(&mcp->service,
			"--restart is for the child of --shared (a session's own is not started "
			"again)");
	}
	if (config->header_env.count && config->shared) {
		return service_refuse(&mcp->service,
			"--header-env is for a session's own child (with --shared there is none)");
	}
	code = endpoint_configure(mcp);
	code = code ? code : read_replica(mcp);
	code = code ? code : read_key(mcp);
	return code ? code : read_command(mcp);
}

/* The start. */

static void mcp_free(struct mcp *mcp)
{
	endpoint_fini(mcp);
	session_key_fini(&mcp->key);
	free(mcp);
}

/* Returns 0, or the exit code after a notice. */
static int start(struct mcp *mcp)
{
	int error;
	int code;

	mcp->worker = &mcp->service.pool.workers[0];
	replica_init(mcp);
	endpoint_init(mcp);
	error = sessions_init(mcp);
	if (error < 0) {
		return service_refuse(&mcp->service, "cannot start: %s", strerror(-error));
	}
	mcp->metrics = (struct metric_table){
		.rows = mcp_metrics,
		.count = mcp_metric_count,
		.arg = mcp,
	};
	metrics_add_requests(&mcp->service.metrics, &mcp->requests);
	metrics_add_table(&mcp->service.metrics, &mcp->metrics);
	if (service_is_ending(&mcp->service)) {
		return 0; /* nothing is opened */
	}
	code = service_listen(&mcp->service);
	if (!code) {
		(void)service_ready(&mcp->service);
	}
	return code;
}

int mcp_main(const struct mcp_config *config)
{
	struct mcp *mcp = calloc(1, sizeof(*mcp));
	int code;

	if (!mcp) {
		return EXIT_CODE_FAILURE;
	}
	mcp->config = config;
	mcp->service.config = &config->service;
	code = read_config(mcp);
	code = code ? code : service_init(&mcp->service, &config->service, &ops, mcp);
	if (code) {
		mcp_free(mcp);
		return code;
	}
	code = start(mcp);
	if (code) { /* what was started is ended in order */
		curfew_lifecycle_stop_for(
			mcp->service.life, CURFEW_FAILURE, "the start was refused");
		(void)service_run(&mcp->service);
	} else {
		code = service_run(&mcp->service);
	}
	stateless_fini(mcp);
	sessions_fini(mcp);
	replica_fini(mcp);
	service_fini(&mcp->service);
	mcp_free(mcp);
	return code;
}
