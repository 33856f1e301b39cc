/* SPDX-License-Identifier: Apache-2.0 */
/* curfew-net: the program with all commands. curfew executes it for those that serve. */
#include <assert.h>
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/handover.h"
#include "cmd/output.h"
#include "core/outcome.h"
#include "gate/gate.h"
#include "load/load.h"
#include "loop/signals.h"
#include "mcp/mcp.h"
#include "relay/relay.h"
#include "serve/serve.h"

static int serve_gate(const void *config)
{
	return gate_main(config);
}

static int serve_mcp(const void *config)
{
	return mcp_main(config);
}

static int serve_relay(const void *config)
{
	return relay_main(config);
}

static int serve_serve(const void *config)
{
	return serve_main(config);
}

static int serve_load(const void *config)
{
	const struct load_config *load = config;

	return load->results ? load_merge_main(load) : load_main(load);
}

/* What each command that serves does with its config. */
static const struct {
	const struct command *command;
	int (*serve)(const void *config);
} services[] = {
	{&command_gate, serve_gate},
	{&command_mcp, serve_mcp},
	{&command_relay, serve_relay},
	{&command_serve, serve_serve},
	{&command_load, serve_load},
};

#define SERVICES (sizeof(services) / sizeof(services[0]))

static int serve(const struct command *command, char **argv)
{
	void *config = calloc(1, command->config_bytes);
	int exit_code;
	size_t i = 0;

	while (services[i].command != command) {
		i++;
		assert(i < SERVICES);
	}
	if (!config) {
		output_error(command->name, "cannot start: out of memory");
		return EXIT_CODE_USAGE;
	}
	if (command->configure(command, argv + 2, config, &exit_code)) {
		exit_code = services[i].serve(config);
	}
	free(config);
	return exit_code;
}

int main(int argc, char **argv)
{
	signals_block();
	handover_take();
	return command_main(argc, argv, serve);
}
