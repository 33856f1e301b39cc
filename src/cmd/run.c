/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include <limits.h>
#include <stddef.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/grace.h"
#include "cmd/output.h"
#include "core/outcome.h"

/* In the order of the enums in run/run.h. */
static const char *const stdin_modes[] = {"inherit", "null", "pipe", NULL};
static const char *const kill_modes[] = {"tree", "main", NULL};
static const char *const signal_exits[] = {"zero", "keep", "reraise", NULL};
static const char *const insists[] = {"now", "never", NULL};
static const char *const log_formats[] = {"text", "json", NULL};

#define FIELD(field) .offset = offsetof(struct run_config, field)

static const struct option options[] = {
	{
		.name = "grace",
		.kind = OPTION_DURATION,
		FIELD(grace_ms),
		.metavar = "DURATION",
		.preset_text = GRACE_PRESET_TEXT,
		.help = "Time from the first stop signal to our exit; what is left then is killed; "
			"inf for no limit",
	},
	{
		.name = "duration",
		.kind = OPTION_DURATION,
		FIELD(duration_ms),
		.metavar = "DURATION",
		.preset = "inf",
		.help = "Stop the command after this time",
	},
	{
		.name = "eof-wait",
		.kind = OPTION_DURATION,
		FIELD(eof_wait_ms),
		.metavar = "DURATION",
		.preset = "2s",
		.help = "With --stdin pipe: time to end after the end of input, before the stop "
			"signal",
	},
	{
		.name = "term-wait",
		.kind = OPTION_DURATION,
		FIELD(term_wait_ms),
		.metavar = "DURATION",
		.preset = "inf",
		.help = "Time to end after the stop signal, before SIGKILL; inf: the rest of the "
			"grace",
	},
	{
		.name = "stop-on",
		.kind = OPTION_SIGNALS,
		FIELD(stop_on),
		.metavar = "SIGNAL,...",
		.preset = "TERM,INT",
		.help = "Signals that begin the end; all others are passed on to the command",
	},
	{
		.name = "map",
		.kind = OPTION_SIGNAL_MAP,
		FIELD(map),
		.metavar = "FROM:TO,...",
		.help = "Rewrite signals on their way to the command, or drop them (USR1:0); "
			"repeatable",
	},
	{
		.name = "dump-signal",
		.kind = OPTION_CATCHABLE,
		FIELD(dump_signal),
		.metavar = "SIGNAL",
		.preset_text = "none",
		.help = "Signal at which to print our own state instead of passing it on",
	},
	{
		.name = "stdin",
		.kind = OPTION_CHOICE,
		FIELD(stdin_mode),
		.metavar = "MODE",
		.preset = "inherit",
		.choices = stdin_modes,
		.help = "The command's standard input: inherit ours, null, or a pipe that is "
			"closed first of all at the end",
	},
	{
		.name = "signal",
		.kind = OPTION_SIGNAL,
		FIELD(stop_signal),
		.metavar = "SIGNAL",
		.preset_text = "the one that came, else TERM",
		.help = "Signal with which the command is stopped",
	},
	{
		.name = "kill-mode",
		.kind = OPTION_CHOICE,
		FIELD(kill_mode),
		.metavar = "MODE",
		.preset = "tree",
		.choices = kill_modes,
		.help = "Send the stop signal to the whole tree, or to the main process first and "
			"the rest when it is gone",
	},
	{
		.name = "pre-stop",
		.kind = OPTION_STRING,
		FIELD(pre_stop),
		.metavar = "COMMAND",
		.help = "Run a shell command before the stop signal is sent",
	},
	{
		.name = "pre-stop-wait",
		.kind = OPTION_DURATION,
		FIELD(pre_stop_wait_ms),
		.metavar = "DURATION",
		.preset = "5s",
		.help = "Time for the --pre-stop command, within the grace",
	},
	{
		.name = "signal-exit",
		.kind = OPTION_CHOICE,
		FIELD(signal_exit),
		.metavar = "CODE",
		.preset = "zero",
		.choices = signal_exits,
		.help = "Exit code where the command died of our stop signal: zero, keep 128+n, or "
			"reraise to die of it too",
	},
	{
		.name = "forced-exit",
		.kind = OPTION_NUMBER,
		FIELD(forced_exit),
		.metavar = "CODE",
		.preset = "0",
		.most = 255,
		.help = "Exit code where the command ended well but something it had started had "
			"to be killed",
	},
	{
		.name = "insist",
		.kind = OPTION_CHOICE,
		FIELD(insist),
		.metavar = "WHEN",
		.preset = "now",
		.choices = insists,
		.help = "Kill at once when a second stop signal comes, or never for that",
	},
	{
		.name = "capture",
		.kind = OPTION_FLAG,
		FIELD(capture),
		.help = "Read the command's output by lines, and log each with its stream and pid",
	},
	{
		.name = "log-format",
		.kind = OPTION_CHOICE,
		FIELD(log_format),
		.metavar = "FORMAT",
		.preset = "text",
		.choices = log_formats,
		.help = "Log lines as key=value text, or as json",
	},
	{
		.name = "report",
		.kind = OPTION_STRING,
		FIELD(report),
		.metavar = "FILE",
		.help = "Write how it ended, as JSON, to a file, or to standard error (-)",
	},
	{
		.name = "verbose",
		.letter = 'v',
		.kind = OPTION_FLAG,
		FIELD(verbose),
		.help = "Say on standard error what is done",
	},
	{
		.name = "keeper",
		.internal = true,
		.kind = OPTION_NUMBER,
		FIELD(keeper),
		.metavar = "FD",
		.most = INT_MAX,
		.help = "Internal: be the keeper of one tree, told what to do on this descriptor",
	},
	{.name = NULL},
};

static int run_command(const struct command *self, char **arguments)
{
	struct run_config config = {.grace_ms = grace_preset_here().ms, .keeper = -1};
	int exit_code;

	option_preset(options, &config);
	if (!command_read(self, &arguments, &config, &exit_code)) {
		return exit_code;
	}
	if (!*arguments) {
		output_error(
			self->name, "no command given (curfew run [OPTION...] %s)", self->operands);
		return EXIT_CODE_USAGE;
	}
	option_strip(options, environ);
	config.command = arguments;
	return run_main(&config);
}

const struct command command_run = {
	.name = "run",
	.summary = "Start a command; end it, and everything it started, in order",
	.operands = "[--] COMMAND [ARGUMENT...]",
	.takes = OPERANDS_PROGRAM,
	.options = options,
	.run = run_command,
};
