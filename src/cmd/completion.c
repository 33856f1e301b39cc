/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/completion.h"

#include <string.h>

#include "base/signal_name.h"
#include "cmd/command.h"
#include "cmd/help.h"
#include "cmd/output.h"
#include "core/outcome.h"

static const struct {
	const char *name;
	void (*append)(struct buffer *out);
} shells[] = {
	{"bash", completion_append_bash},
	{"zsh", completion_append_zsh},
	{"fish", completion_append_fish},
};

#define SHELLS (sizeof(shells) / sizeof(shells[0]))

static void append_word(struct buffer *words, const char *word)
{
	buffer_appendf(words, "%s%s", words->length ? " " : "", word);
}

enum completion_values completion_option_values(const struct option *option, struct buffer *words)
{
	switch (option->kind) {
	case OPTION_CHOICE:
		for (unsigned i = 0; option->choices[i]; i++) {
			append_word(words, option->choices[i]);
		}
		return COMPLETION_WORDS;
	case OPTION_SIGNAL:
	case OPTION_CATCHABLE:
	case OPTION_SIGNALS:
		for (unsigned i = 0; signal_name_at(i); i++) {
			append_word(words, signal_name_at(i));
		}
		return COMPLETION_WORDS;
	case OPTION_STRING:
	case OPTION_WORDS:
		if (!strcmp(option->metavar, "FILE")) {
			return COMPLETION_FILES;
		}
		return strcmp(option->metavar, "COMMAND") != 0 ? COMPLETION_NOTHING
							       : COMPLETION_PROGRAMS;
	default:
		return COMPLETION_NOTHING;
	}
}

enum completion_values completion_operand_values(
	const struct command *command, struct buffer *words)
{
	switch (command->takes) {
	case OPERANDS_TOPIC:
		for (size_t i = 0; commands[i]; i++) {
			append_word(words, commands[i]->name);
		}
		append_word(words, HELP_EXIT_CODES);
		return COMPLETION_WORDS;
	case OPERANDS_SHELL:
		for (size_t i = 0; i < SHELLS; i++) {
			append_word(words, shells[i].name);
		}
		return COMPLETION_WORDS;
	case OPERANDS_PROGRAM:
		return COMPLETION_PROGRAMS;
	case OPERANDS_NONE:
	case OPERANDS_URLS:
		break;
	}
	return COMPLETION_NOTHING;
}

bool completion_offers(const struct option *option)
{
	return !option->internal || option == &option_help;
}

void completion_append_quoted(struct buffer *out, const char *text, const char *escaped)
{
	for (; *text; text++) {
		if (*text == '\'') {
			buffer_append_text(out, "'\\''");
			continue;
		}
		if (strchr(escaped, *text)) {
			buffer_append_char(out, '\\');
		}
		buffer_append_char(out, *text);
	}
}

static const struct option options[] = {{.name = NULL}};

static int run_completion(const struct command *self, char **arguments)
{
	struct buffer out = {0};
	int exit_code;

	if (!command_read(self, &arguments, NULL, &exit_code)) {
		return exit_code;
	}
	if (*arguments && !command_takes_no_more(self, arguments + 1)) {
		return EXIT_CODE_USAGE;
	}
	for (size_t i = 0; *arguments && i < SHELLS; i++) {
		if (!strcmp(*arguments, shells[i].name)) {
			shells[i].append(&out);
			return output_write(&out);
		}
	}
	output_error(self->name, "wants the name of a shell: bash, zsh or fish");
	return EXIT_CODE_USAGE;
}

const struct command command_completion = {
	.name = "completion",
	.summary = "Print the completion script for a shell",
	.operands = "bash | zsh | fish",
	.takes = OPERANDS_SHELL,
	.options = options,
	.run = run_completion,
};
