/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/help.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "cmd/exit_code.h"
#include "cmd/output.h"
#include "core/outcome.h"

#define LINE_WIDTH 80
#define OPTION_COLUMN 30
#define CODE_COLUMN 10

/* Appends words between two columns; the line stands at column at when it begins. */
static void append_wrapped(struct buffer *out, const char *text, size_t at, size_t column)
{
	while (*text) {
		size_t space = strspn(text, " ");
		size_t word = strcspn(text + space, " ");

		if (at < column || at + space + word > LINE_WIDTH) {
			if (at >= column) {
				buffer_append_char(out, '\n');
				at = 0;
			}
			buffer_appendf(out, "%*s", (int)(column - at), "");
			at = column;
			space = 0;
		}
		text += strspn(text, " ");
		buffer_appendf(out, "%*s%.*s", (int)space, "", (int)word, text);
		at += space + word;
		text += word;
	}
	buffer_append_char(out, '\n');
}

void help_append_program(struct buffer *out)
{
	buffer_append_text(out,
		"curfew gives processes a graceful end.\n\n"
		"usage: curfew COMMAND [OPTION...] [ARGUMENT...]\n\n");
	for (size_t i = 0; commands[i]; i++) {
		buffer_appendf(out, "  %-12s%s\n", commands[i]->name, commands[i]->summary);
	}
	buffer_append_text(out,
		"\ncurfew help COMMAND tells a command's options, curfew help " HELP_EXIT_CODES
		" the exit codes.\n");
}

static void append_option(struct buffer *out, const struct option *option)
{
	struct buffer text = {0};
	size_t start = out->length;
	const char *preset = option->preset_text ? option->preset_text : option->preset;

	buffer_appendf(out, option->letter ? "  -%c, " : "      ", option->letter);
	buffer_appendf(out, "--%s%s%s", option->name, option->metavar ? " " : "",
		option->metavar ? option->metavar : "");
	if (out->length - start > OPTION_COLUMN - 2) {
		buffer_append_char(out, '\n');
		start = out->length;
	}
	buffer_append_text(&text, option->help);
	if (preset) {
		buffer_appendf(&text, " (default %s)", preset);
	}
	append_wrapped(out, buffer_text(&text), out->length - start, OPTION_COLUMN);
	out->failed = out->failed || text.failed;
	buffer_fini(&text);
}

void help_append_command(struct buffer *out, const struct command *command)
{
	const struct option *option;

	buffer_appendf(out, "usage: curfew %s [OPTION...]%s%s\n\n%s.\n\n", command->name,
		command->operands ? " " : "", command->operands ? command->operands : "",
		command->summary);
	for (size_t i = 0; (option = option_at(command->options, i)); i++) {
		append_option(out, option);
	}
	if (command->options->name) {
		buffer_append_text(out,
			"\nEvery option --foo-bar is also the variable CURFEW_FOO_BAR; the command "
			"line "
			"wins.\n");
	}
}

void help_append_exit_codes(struct buffer *out)
{
	for (const struct exit_code *row = exit_codes; row->code; row++) {
		buffer_appendf(out, "  %s", row->code);
		append_wrapped(out, row->text, strlen(row->code) + 2, CODE_COLUMN);
	}
	buffer_append_text(out, "\nOtherwise curfew run ends with the code of its command.\n");
}

void help_append_list(struct buffer *out)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct option *option;

		for (size_t j = 0; (option = option_at(commands[i]->options, j)); j++) {
			char name[OPTION_VARIABLE_BYTES];
			const char *variable = option_variable(option, name);

			buffer_appendf(out, "%s\t--%s\t%s\t%s\n", commands[i]->name, option->name,
				option->metavar ? option->metavar : "-", variable ? variable : "-");
		}
	}
}

int help_print_program(void)
{
	struct buffer out = {0};

	help_append_program(&out);
	return output_write(&out);
}

int help_print_command(const struct command *command)
{
	struct buffer out = {0};

	help_append_command(&out, command);
	return output_write(&out);
}

static int refuse_topic(const struct command *self, const char *topic)
{
	struct text_nearest nearest = {.word = topic};

	for (size_t i = 0; commands[i]; i++) {
		text_nearest_offer(&nearest, commands[i]->name);
	}
	text_nearest_offer(&nearest, HELP_EXIT_CODES);
	if (nearest.best) {
		output_error(
			self->name, "no help on '%.80s' (did you mean '%s'?)", topic, nearest.best);
	} else {
		output_error(
			self->name, "no help on '%.80s' (curfew help lists what there is)", topic);
	}
	return EXIT_CODE_USAGE;
}

struct help_config {
	bool list;
};

static const struct option options[] = {
	{
		.name = "list",
		.internal = true,
		.kind = OPTION_FLAG,
		.offset = offsetof(struct help_config, list),
		.help = "Print every option for programs: command, option, metavar, variable",
	},
	{.name = NULL},
};

static int run_help(const struct command *self, char **arguments)
{
	struct help_config config = {0};
	struct buffer out = {0};
	const struct command *topic;
	int exit_code;

	if (!command_read(self, &arguments, &config, &exit_code)) {
		return exit_code;
	}
	if (*arguments && !command_takes_no_more(self, arguments + 1)) {
		return EXIT_CODE_USAGE;
	}
	topic = *arguments ? command_find(*arguments) : NULL;
	if (*arguments && !topic && strcmp(*arguments, HELP_EXIT_CODES) != 0) {
		return refuse_topic(self, *arguments);
	}
	if (config.list) {
		help_append_list(&out);
	} else if (topic) {
		help_append_command(&out, topic);
	} else if (*arguments) {
		help_append_exit_codes(&out);
	} else {
		help_append_program(&out);
	}
	return output_write(&out);
}

const struct command command_help = {
	.name = "help",
	.summary = "Tell what there is, or about a command or the exit codes",
	.operands = "[COMMAND | " HELP_EXIT_CODES "]",
	.takes = OPERANDS_TOPIC,
	.options = options,
	.run = run_help,
};
