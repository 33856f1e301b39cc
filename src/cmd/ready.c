/* SPDX-License-Identifier: Apache-2.0 */
#include "ready/ready.h"

#include <stddef.h>

#include "cmd/command.h"
#include "core/outcome.h"

#define ADDRESS_PRESET "127.0.0.1:9901"

#define FIELD(field) .offset = offsetof(struct ready_config, field)

static const struct option options[] = {
	{
		.name = "admin",
		.kind = OPTION_STRING,
		FIELD(address),
		.metavar = "ADDRESS",
		.preset = ADDRESS_PRESET,
		.help = "The admin face to ask, where no ADDRESS follows",
	},
	{
		.name = "timeout",
		.kind = OPTION_DURATION,
		FIELD(timeout_ms),
		.metavar = "DURATION",
		.preset = "2s",
		.help = "Time for the answer",
	},
	{
		.name = "quiet",
		.letter = 'q',
		.kind = OPTION_FLAG,
		FIELD(quiet),
		.help = "Do not say why it is not ready",
	},
	{.name = NULL},
};

static int run_ready(const struct command *self, char **arguments)
{
	struct ready_config config;
	int exit_code;

	option_preset(options, &config);
	config.quiet = false;
	if (!command_read(self, &arguments, &config, &exit_code)) {
		return exit_code;
	}
	if (*arguments) {
		config.address = *arguments++;
	}
	return command_takes_no_more(self, arguments) ? ready_main(&config) : EXIT_CODE_USAGE;
}

const struct command command_ready = {
	.name = "ready",
	.summary = "Ask a service that curfew runs whether it is ready",
	.operands = "[ADDRESS]",
	.takes = OPERANDS_NONE,
	.options = options,
	.run = run_ready,
};
