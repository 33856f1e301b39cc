/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/mcp.h"

#include <stddef.h>

#include "cmd/handover.h"
#include "cmd/output.h"
#include "cmd/service_option.h"
#include "core/outcome.h"

#define FIELD(field) .offset = offsetof(struct mcp_config, field)

#define MILLION 1000000

static const struct option options[] = {
	{
		.name = "path",
		.kind = OPTION_STRING,
		FIELD(path),
		.metavar = "PATH",
		.preset = "/mcp",
		.help = "The path of streamable HTTP; that of HTTP+SSE is /sse",
	},
	{
		.name = "env",
		.kind = OPTION_WORDS,
		FIELD(environment),
		.metavar = "NAME=VALUE",
		.help = "A variable for the environment of each child; repeatable",
	},
	{
		.name = "header-env",
		.kind = OPTION_WORDS,
		FIELD(header_env),
		.metavar = "HEADER=NAME",
		.help = "A variable that has what this header of the request says by which a "
			"session begins; repeatable",
	},
	{
		.name = "cwd",
		.kind = OPTION_STRING,
		FIELD(cwd),
		.metavar = "DIR",
		.preset_text = "ours",
		.help = "The working directory of the children",
	},
	{
		.name = "shared",
		.kind = OPTION_FLAG,
		FIELD(shared),
		.help = "One child for all sessions, instead of one for each",
	},
	{
		.name = "restart",
		.kind = OPTION_FLAG,
		FIELD(restart),
		.help = "Start the child of --shared again when it ends by itself, waiting longer "
			"each time",
	},
	{
		.name = "stateless-pool",
		.kind = OPTION_NUMBER,
		FIELD(stateless_pool),
		.metavar = "N",
		.preset = "0",
		.most = 1024,
		.help = "Children that are kept for requests without a session; 0: one is started "
			"for each",
	},
	{
		.name = "max-sessions",
		.kind = OPTION_NUMBER,
		FIELD(max_sessions),
		.metavar = "N",
		.preset = "256",
		.least = 1,
		.most = MILLION,
		.help = "Sessions at a time; then 503",
	},
	{
		.name = "spawn-concurrency",
		.kind = OPTION_NUMBER,
		FIELD(spawn_most),
		.metavar = "N",
		.preset = "8",
		.least = 1,
		.most = MILLION,
		.help = "Children that may be starting at the same time; others wait",
	},
	{
		.name = "start-timeout",
		.kind = OPTION_DURATION,
		FIELD(start_timeout_ms),
		.metavar = "DURATION",
		.preset = "2m",
		.help = "Time for a child to answer initialize; then its session ends",
	},
	{
		.name = "session-idle",
		.kind = OPTION_DURATION,
		FIELD(session_idle_ms),
		.metavar = "DURATION",
		.preset = "30m",
		.help = "End a session that has had no request, and no call in flight, for so long",
	},
	{
		.name = "session-max",
		.kind = OPTION_DURATION,
		FIELD(session_max_ms),
		.metavar = "DURATION",
		.preset = "24h",
		.help = "End a session when it is this old",
	},
	{
		.name = "request-timeout",
		.kind = OPTION_DURATION,
		FIELD(request_timeout_ms),
		.metavar = "DURATION",
		.preset = "inf",
		.help = "Time for a call; then the client gets an error, and the child is told "
			"that it is cancelled",
	},
	{
		.name = "max-message",
		.kind = OPTION_SIZE,
		FIELD(max_message),
		.metavar = "SIZE",
		.preset = "8M",
		.help = "The longest message that is passed on, in either direction",
	},
	{
		.name = "replay",
		.kind = OPTION_NUMBER,
		FIELD(replay),
		.metavar = "N",
		.preset = "1000",
		.most = MILLION,
		.help = "Events that a session keeps for clients that come back "
			"(Last-Event-ID)",
	},
	{
		.name = "replica",
		.kind = OPTION_STRING,
		FIELD(replica),
		.metavar = "NAME",
		.preset_text = "the host's name",
		.help = "Our name among the replicas: letters, digits, - and _",
	},
	{
		.name = "peer-url",
		.kind = OPTION_STRING,
		FIELD(peer_url),
		.metavar = "URL",
		.help = "Where the other replicas are, {replica} in place of the name: "
			"http://mcp-{replica}.mcp:8080",
	},
	{
		.name = "session-key-file",
		.kind = OPTION_STRING,
		FIELD(session_key),
		.metavar = "FILE",
		.preset_text = "a random key",
		.help = "The key that session ids are signed with, the same for all replicas; "
			"made where there is none",
	},
	{
		.name = "allow-host",
		.kind = OPTION_WORDS,
		FIELD(allow_host),
		.metavar = "HOST,...",
		.preset_text = "loopback's names, and the address that is listened on",
		.help = "Answer requests whose Host says so too; * for all; repeatable",
	},
	{
		.name = "allow-origin",
		.kind = OPTION_WORDS,
		FIELD(allow_origin),
		.metavar = "ORIGIN,...",
		.preset_text = "loopback's",
		.help = "Answer pages of this origin too, such as https://example.com; * for all; "
			"repeatable",
	},
	{
		.name = "token-file",
		.kind = OPTION_STRING,
		FIELD(token_file),
		.metavar = "FILE",
		.help = "Ask every client for the bearer token that this file has",
	},
	{
		.name = "eof-wait",
		.kind = OPTION_DURATION,
		FIELD(eof_wait_ms),
		.metavar = "DURATION",
		.preset = "2s",
		.help = "Time for a child to end when its input has ended, before SIGTERM",
	},
	{
		.name = "term-wait",
		.kind = OPTION_DURATION,
		FIELD(term_wait_ms),
		.metavar = "DURATION",
		.preset = "5s",
		.help = "And after SIGTERM, before SIGKILL; both are kept back from the grace, a "
			"third of it at most",
	},
	SERVICE_OPTIONS_OF_ALL(struct mcp_config),
	SERVICE_MAX_CONNECTIONS(struct mcp_config),
	{.name = NULL},
};

static int64_t sum_ms(int64_t a, int64_t b)
{
	return a > CURFEW_NEVER - b ? CURFEW_NEVER : a + b;
}

static bool configure_mcp(
	const struct command *self, char **arguments, void *memory, int *exit_code)
{
	struct mcp_config *config = memory;

	if (!service_option_read(self, &arguments, config, &config->service, exit_code)) {
		return false;
	}
	if (!*arguments) {
		output_error(self->name,
			"no server given (curfew mcp -- npx -y "
			"@modelcontextprotocol/server-everything stdio)");
		*exit_code = EXIT_CODE_USAGE;
		return false;
	}
	config->command = arguments;
	config->keeper = handover_keeper();
	config->service.threads = 1;
	config->service.request_timeout_ms = config->request_timeout_ms;
	config->service.child_reserve_ms = sum_ms(config->eof_wait_ms, config->term_wait_ms);
	return true;
}

const struct command command_mcp = {
	.name = "mcp",
	.summary = "Offer an MCP server that speaks stdio over HTTP, and end it without losing a "
		   "call",
	.operands = "[--] COMMAND [ARGUMENT...]",
	.takes = OPERANDS_PROGRAM,
	.options = options,
	.configure = configure_mcp,
	.config_bytes = sizeof(struct mcp_config),
};
