/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/command.h"
#include "cmd/completion.h"

static void append_values(
	struct buffer *out, enum completion_values values, const struct buffer *words)
{
	switch (values) {
	case COMPLETION_WORDS:
		buffer_appendf(out, "(%s)", buffer_text(words));
		break;
	case COMPLETION_FILES:
		buffer_append_text(out, "_files");
		break;
	case COMPLETION_PROGRAMS:
		buffer_append_text(out, "_command_names -e");
		break;
	case COMPLETION_NOTHING:
		buffer_append_text(out, " ");
		break;
	}
}

static void append_option(struct buffer *out, const struct option *option)
{
	struct buffer words = {0};

	buffer_appendf(out, " \\\n\t\t\t'--%s%s[", option->name, option->metavar ? "=" : "");
	completion_append_quoted(out, option->help, "[]:");
	buffer_append_char(out, ']');
	if (option->metavar) {
		buffer_appendf(out, ":%s:", option->metavar);
		append_values(out, completion_option_values(option, &words), &words);
	}
	buffer_append_char(out, '\'');
	if (option->letter) {
		buffer_appendf(out, " \\\n\t\t\t'-%c[", option->letter);
		completion_append_quoted(out, option->help, "[]:");
		buffer_append_text(out, "]'");
	}
	out->failed = out->failed || words.failed;
	buffer_fini(&words);
}

static void append_command(struct buffer *out, const struct command *command)
{
	struct buffer words = {0};
	enum completion_values values = completion_operand_values(command, &words);
	const struct option *option;

	buffer_appendf(out, "\t%s)\n\t\t_arguments -S -A '-*'", command->name);
	for (size_t i = 0; (option = option_at(command->options, i)); i++) {
		if (completion_offers(option)) {
			append_option(out, option);
		}
	}
	if (values != COMPLETION_NOTHING) {
		buffer_append_text(out, " \\\n\t\t\t'(-)1:argument:");
		append_values(out, values, &words);
		buffer_append_char(out, '\'');
	}
	if (values == COMPLETION_PROGRAMS) {
		buffer_append_text(out, " \\\n\t\t\t'*::argument:_normal'");
	}
	buffer_append_text(out, "\n\t\t;;\n");
	out->failed = out->failed || words.failed;
	buffer_fini(&words);
}

void completion_append_zsh(struct buffer *out)
{
	buffer_append_text(out,
		"#compdef curfew\n"
		"_curfew() {\n"
		"\tif ((CURRENT == 2)); then\n"
		"\t\tlocal -a commands=(");
	for (size_t i = 0; commands[i]; i++) {
		buffer_appendf(out, "\n\t\t\t'%s:", commands[i]->name);
		completion_append_quoted(out, commands[i]->summary, "[]:");
		buffer_append_char(out, '\'');
	}
	buffer_append_text(out,
		"\n\t\t)\n"
		"\t\t_describe command commands\n"
		"\t\treturn\n"
		"\tfi\n"
		"\tshift words\n"
		"\t((CURRENT--))\n"
		"\tcase $words[1] in\n");
	for (size_t i = 0; commands[i]; i++) {
		append_command(out, commands[i]);
	}
	buffer_append_text(out,
		"\tesac\n"
		"}\n"
		"if [[ $funcstack[1] == _curfew ]]; then\n"
		"\t_curfew \"$@\"\n"
		"else\n"
		"\tcompdef _curfew curfew\n"
		"fi\n");
}
