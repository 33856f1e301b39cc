/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/command.h"
#include "cmd/completion.h"

static void append_values(
	struct buffer *out, enum completion_values values, const struct buffer *words)
{
	switch (values) {
	case COMPLETION_WORDS:
		buffer_appendf(
			out, "COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", buffer_text(words));
		break;
	case COMPLETION_FILES:
		buffer_append_text(out, "COMPREPLY=($(compgen -f -- \"$cur\"))");
		break;
	case COMPLETION_PROGRAMS:
		buffer_append_text(out, "_curfew_program \"$1\"");
		break;
	case COMPLETION_NOTHING:
		buffer_append_text(out, ":");
		break;
	}
}

/* The options of a command that want a value, as case patterns with what completes them. */
static void append_valued_options(struct buffer *out, const struct command *command)
{
	const struct option *option;

	for (size_t i = 0; (option = option_at(command->options, i)); i++) {
		struct buffer words = {0};

		if (option->kind == OPTION_FLAG) {
			continue;
		}
		buffer_appendf(out, "\t'%s --%s') ", command->name, option->name);
		append_values(out, completion_option_values(option, &words), &words);
		buffer_append_text(out, " ;;\n");
		out->failed = out->failed || words.failed;
		buffer_fini(&words);
	}
}

static void append_option_names(struct buffer *out, const struct command *command)
{
	const struct option *option;

	for (size_t i = 0; (option = option_at(command->options, i)); i++) {
		if (completion_offers(option)) {
			buffer_appendf(out, "--%s ", option->name);
		}
	}
}

static const char bash_head[] = "# bash completion for curfew: source <(curfew completion bash)\n"
				"_curfew_program() {\n"
				"\tif declare -F _command_offset >/dev/null; then\n"
				"\t\t_command_offset \"$1\"\n"
				"\telif ((COMP_CWORD == $1)); then\n"
				"\t\tCOMPREPLY=($(compgen -c -- \"$cur\"))\n"
				"\telse\n"
				"\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
				"\tfi\n"
				"}\n"
				"\n"
				"# Returns 1 if the option wants no value.\n"
				"_curfew_value() {\n"
				"\tcase \"${COMP_WORDS[1]} $2\" in\n";

static const char bash_operands[] = "\t*) return 1 ;;\n"
				    "\tesac\n"
				    "\treturn 0\n"
				    "}\n"
				    "\n"
				    "_curfew_operand() {\n"
				    "\tcase ${COMP_WORDS[1]} in\n";

static const char bash_names[] = "\tesac\n"
				 "}\n"
				 "\n"
				 "_curfew_options() {\n"
				 "\tcase ${COMP_WORDS[1]} in\n";

/* Bash splits words at =, so that --stdin=pipe is three of them. */
static const char bash_tail[] =
	"\tesac\n"
	"}\n"
	"\n"
	"_curfew() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} i=2\n"
	"\tCOMPREPLY=()\n"
	"\t[[ $cur == = ]] && cur=\n"
	"\tif ((COMP_CWORD == 1)); then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$_curfew_commands\" -- \"$cur\"))\n"
	"\t\treturn\n"
	"\tfi\n"
	"\twhile ((i < COMP_CWORD)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t--) _curfew_operand $((i + 1)); return ;;\n"
	"\t\t-?*) ;;\n"
	"\t\t*) _curfew_operand $i; return ;;\n"
	"\t\tesac\n"
	"\t\tif _curfew_value $COMP_CWORD \"${COMP_WORDS[i]}\"; then\n"
	"\t\t\tlocal value=$((i + 1))\n"
	"\t\t\t[[ ${COMP_WORDS[value]} == = ]] && ((value < COMP_CWORD)) && ((value++))\n"
	"\t\t\tif ((value >= COMP_CWORD)); then\n"
	"\t\t\t\treturn\n"
	"\t\t\tfi\n"
	"\t\t\ti=$value\n"
	"\t\tfi\n"
	"\t\tCOMPREPLY=()\n"
	"\t\t((i++))\n"
	"\tdone\n"
	"\tif [[ $cur == -* ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$(_curfew_options)\" -- \"$cur\"))\n"
	"\telse\n"
	"\t\t_curfew_operand $COMP_CWORD\n"
	"\tfi\n"
	"}\n"
	"complete -F _curfew curfew\n";

void completion_append_bash(struct buffer *out)
{
	buffer_append_text(out, bash_head);
	for (size_t i = 0; commands[i]; i++) {
		append_valued_options(out, commands[i]);
	}
	buffer_append_text(out, bash_operands);
	for (size_t i = 0; commands[i]; i++) {
		struct buffer words = {0};

		buffer_appendf(out, "\t%s) ", commands[i]->name);
		append_values(out, completion_operand_values(commands[i], &words), &words);
		buffer_append_text(out, " ;;\n");
		out->failed = out->failed || words.failed;
		buffer_fini(&words);
	}
	buffer_append_text(out, bash_names);
	for (size_t i = 0; commands[i]; i++) {
		buffer_appendf(out, "\t%s) echo '", commands[i]->name);
		append_option_names(out, commands[i]);
		buffer_append_text(out, "' ;;\n");
	}
	buffer_append_text(out, bash_tail);
	buffer_append_text(out, "_curfew_commands='");
	for (size_t i = 0; commands[i]; i++) {
		buffer_appendf(out, "%s ", commands[i]->name);
	}
	buffer_append_text(out, "'\n");
}
