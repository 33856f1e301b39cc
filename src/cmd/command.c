/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/command.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/help.h"
#include "cmd/output.h"
#include "core/outcome.h"

const struct command *const commands[] = {
	&command_run,
	&command_gate,
	&command_mcp,
	&command_relay,
	&command_serve,
	&command_load,
	&command_ready,
	&command_help,
	&command_completion,
	&command_version,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++) {
		if (!strcmp(commands[i]->name, name)) {
			return commands[i];
		}
	}
	return NULL;
}

bool command_read(const struct command *command, char ***arguments, void *config, int *exit_code)
{
	struct option_reading reading = {
		.table = command->options,
		.arguments = *arguments,
		.environment = environ,
		.config = config,
		.is_mixed = command->takes == OPERANDS_URLS,
	};
	int result = option_read(&reading);

	*arguments = reading.arguments;
	if (result == OPTION_WANTS_HELP) {
		*exit_code = help_print_command(command);
	} else if (result) {
		output_error(command->name, "%s", buffer_text(&reading.refusal));
		*exit_code = EXIT_CODE_USAGE;
	}
	buffer_fini(&reading.refusal);
	return !result;
}

bool command_takes_no_more(const struct command *command, char *const *operands)
{
	if (*operands) {
		output_error(command->name, "unexpected argument '%.80s'", *operands);
	}
	return !*operands;
}

static int refuse_command(const char *name)
{
	struct text_nearest nearest = {.word = name};

	for (size_t i = 0; commands[i]; i++) {
		text_nearest_offer(&nearest, commands[i]->name);
	}
	if (nearest.best) {
		output_error(
			NULL, "unknown command '%.80s' (did you mean '%s'?)", name, nearest.best);
	} else {
		output_error(NULL, "unknown command '%.80s' (curfew help lists them)", name);
	}
	return EXIT_CODE_USAGE;
}

/* The options that stand for a command, where others expect them. */
static const struct command *command_of_option(const char *option)
{
	static const struct {
		const char *option;
		const struct command *command;
	} options[] = {
		{"--help", &command_help},
		{"-h", &command_help},
		{"--version", &command_version},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (!strcmp(options[i].option, option)) {
			return options[i].command;
		}
	}
	return NULL;
}

int command_main(int argc, char **argv, int (*serve)(const struct command *command, char **argv))
{
	const struct command *command;

	if (argc < 2) {
		return help_print_program();
	}
	command = argv[1][0] == '-' ? command_of_option(argv[1]) : command_find(argv[1]);
	if (command) {
		return command->run ? command->run(command, argv + 2) : serve(command, argv);
	}
	if (argv[1][0] == '-') {
		output_error(NULL,
			"unknown option '%.80s' (options stand behind a command: curfew run %.80s)",
			argv[1], argv[1]);
		return EXIT_CODE_USAGE;
	}
	return refuse_command(argv[1]);
}
