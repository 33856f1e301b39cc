/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate.h"

#include <stddef.h>

#include "cmd/handover.h"
#include "cmd/output.h"
#include "cmd/service_option.h"
#include "core/outcome.h"

#define FIELD(field) .offset = offsetof(struct gate_config, field)

static const struct option options[] = {
	{
		.name = "upstream",
		.kind = OPTION_STRING,
		FIELD(upstream),
		.metavar = "URL",
		.help = "The service: http://HOST:PORT or http://unix:PATH",
	},
	{
		.name = "respond",
		.kind = OPTION_NUMBER,
		FIELD(respond),
		.metavar = "STATUS",
		.least = 200,
		.most = 599,
		.help = "Answer every request with this status, without a service",
	},
	{
		.name = "wait",
		.kind = OPTION_DURATION,
		FIELD(wait_ms),
		.metavar = "DURATION",
		.preset = "30s",
		.help = "Time for the service to become ready at the start; requests are held "
			"meanwhile",
	},
	{
		.name = "ready-path",
		.kind = OPTION_STRING,
		FIELD(ready_path),
		.metavar = "PATH",
		.preset_text = "it accepts connections",
		.help = "The service is ready when it answers a GET of this path with a 2xx status",
	},
	{
		.name = "connect-timeout",
		.kind = OPTION_DURATION,
		FIELD(connect_timeout_ms),
		.metavar = "DURATION",
		.preset = "5s",
		.help = "Time to connect to the service; then 502",
	},
	{
		.name = "response-timeout",
		.kind = OPTION_DURATION,
		FIELD(response_timeout_ms),
		.metavar = "DURATION",
		.preset = "60s",
		.help = "Time for the head of the service's answer; then 504",
	},
	{
		.name = "head-timeout",
		.kind = OPTION_DURATION,
		FIELD(head_timeout_ms),
		.metavar = "DURATION",
		.preset = "5s",
		.help = "Time for the head of a request to be whole; then 408",
	},
	{
		.name = "idle-timeout",
		.kind = OPTION_DURATION,
		FIELD(idle_timeout_ms),
		.metavar = "DURATION",
		.preset = "75s",
		.help = "Time for which a connection is kept between two requests",
	},
	{
		.name = "max-body",
		.kind = OPTION_SIZE,
		FIELD(max_body),
		.metavar = "SIZE",
		.preset_text = "any",
		.help = "Refuse longer bodies of requests, with 413",
	},
	{
		.name = "access-log",
		.kind = OPTION_FLAG,
		FIELD(access_log),
		.help = "Log a line for each request",
	},
	{
		.name = "spread",
		.kind = OPTION_DURATION,
		FIELD(spread_ms),
		.metavar = "DURATION",
		.preset = "0s",
		.help = "At the end, close WebSockets at random moments of this time, instead of "
			"all at once",
	},
	{
		.name = "ws-close-code",
		.kind = OPTION_NUMBER,
		FIELD(ws_close_code),
		.metavar = "CODE",
		.preset = "1001",
		.least = 1000,
		.most = 4999,
		.help = "The code with which WebSockets are closed at the end",
	},
	{
		.name = "term-wait",
		.kind = OPTION_DURATION,
		FIELD(term_wait_ms),
		.metavar = "DURATION",
		.preset = "5s",
		.help = "Time for our COMMAND to end after SIGTERM, before SIGKILL; kept back from "
			"the grace, a third of it at most",
	},
	SERVICE_OPTIONS(struct gate_config),
	{.name = NULL},
};

static bool refuse(const struct command *self, int *exit_code, const char *text)
{
	output_error(self->name, "%s", text);
	*exit_code = EXIT_CODE_USAGE;
	return false;
}

static bool configure_gate(
	const struct command *self, char **arguments, void *memory, int *exit_code)
{
	struct gate_config *config = memory;

	config->max_body = UINT64_MAX;
	if (!service_option_read(self, &arguments, config, &config->service, exit_code)) {
		return false;
	}
	if (!config->upstream && !config->respond) {
		return refuse(self, exit_code,
			"no service given (--upstream http://127.0.0.1:3000, or --respond 200 to "
			"answer without one)");
	}
	if (config->respond && (config->upstream || *arguments)) {
		return refuse(self, exit_code,
			"--respond answers without a service (leave --upstream and COMMAND out)");
	}
	if (*arguments) {
		config->command = arguments;
		config->service.child_reserve_ms = config->term_wait_ms;
	}
	config->keeper = handover_keeper();
	return true;
}

const struct command command_gate = {
	.name = "gate",
	.summary = "Stand in front of an HTTP service, and end it without losing a request",
	.operands = "[-- COMMAND [ARGUMENT...]]",
	.takes = OPERANDS_PROGRAM,
	.options = options,
	.configure = configure_gate,
	.config_bytes = sizeof(struct gate_config),
};
