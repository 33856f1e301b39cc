/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/command.h"
#include "cmd/output.h"
#include "core/outcome.h"

static const struct option options[] = {{.name = NULL}};

static int run_version(const struct command *self, char **arguments)
{
	struct buffer out = {0};
	int exit_code;

	if (!command_read(self, &arguments, NULL, &exit_code)) {
		return exit_code;
	}
	if (!command_takes_no_more(self, arguments)) {
		return EXIT_CODE_USAGE;
	}
	buffer_append_text(&out, "curfew " CURFEW_VERSION "\n");
	return output_write(&out);
}

const struct command command_version = {
	.name = "version",
	.summary = "Print the version",
	.options = options,
	.run = run_version,
};
