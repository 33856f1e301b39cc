/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/command.h"
#include "cmd/completion.h"

static void append_values(
	struct buffer *out, enum completion_values values, const struct buffer *words)
{
	switch (values) {
	case COMPLETION_WORDS:
		buffer_appendf(out, " -x -a '%s'", buffer_text(words));
		break;
	case COMPLETION_FILES:
		buffer_append_text(out, " -r -F");
		break;
	case COMPLETION_PROGRAMS:
		buffer_append_text(out, " -x -a '(__fish_complete_command)'");
		break;
	case COMPLETION_NOTHING:
		buffer_append_text(out, " -x");
		break;
	}
}

static void append_option(
	struct buffer *out, const struct command *command, const struct option *option)
{
	struct buffer words = {0};

	buffer_appendf(
		out, "complete -c curfew -n '__curfew_in %s' -l %s", command->name, option->name);
	if (option->letter) {
		buffer_appendf(out, " -s %c", option->letter);
	}
	if (option->metavar) {
		append_values(out, completion_option_values(option, &words), &words);
	}
	buffer_append_text(out, " -d '");
	completion_append_quoted(out, option->help, "");
	buffer_append_text(out, "'\n");
	out->failed = out->failed || words.failed;
	buffer_fini(&words);
}

static void append_command(struct buffer *out, const struct command *command)
{
	struct buffer words = {0};
	enum completion_values values = completion_operand_values(command, &words);
	const struct option *option;

	buffer_appendf(out, "complete -c curfew -n __curfew_alone -a %s -d '", command->name);
	completion_append_quoted(out, command->summary, "");
	buffer_append_text(out, "'\n");
	for (size_t i = 0; (option = option_at(command->options, i)); i++) {
		if (completion_offers(option)) {
			append_option(out, command, option);
		}
	}
	if (values != COMPLETION_NOTHING) {
		buffer_appendf(out, "complete -c curfew -n '__curfew_in %s'", command->name);
		if (values == COMPLETION_PROGRAMS) {
			buffer_append_text(
				out, " -x -a '(__fish_complete_subcommand --fcs-skip=2)'");
		} else {
			append_values(out, values, &words);
		}
		buffer_append_char(out, '\n');
	}
	out->failed = out->failed || words.failed;
	buffer_fini(&words);
}

void completion_append_fish(struct buffer *out)
{
	buffer_append_text(out,
		"# fish completion for curfew\n"
		"function __curfew_alone\n"
		"\ttest (count (commandline -opc)) -eq 1\n"
		"end\n"
		"function __curfew_in\n"
		"\tset -l words (commandline -opc)\n"
		"\ttest (count $words) -gt 1 -a \"$words[2]\" = $argv[1]\n"
		"end\n"
		"complete -c curfew -f\n");
	for (size_t i = 0; commands[i]; i++) {
		append_command(out, commands[i]);
	}
}
