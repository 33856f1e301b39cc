/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/serve.h"

#include <stddef.h>
#include <string.h>

#include "cmd/handover.h"
#include "cmd/output.h"
#include "cmd/service_option.h"
#include "core/outcome.h"

#define FIELD(field) .offset = offsetof(struct serve_config, field)

#define MILLION 1000000
#define PARALLEL_MOST 1024 /* threads, or processes */

static const struct option options[] = {
	{
		.name = "function",
		.kind = OPTION_STRING,
		FIELD(function),
		.metavar = "NAME",
		.preset_text = "the only one",
		.help = "Which function of the shared object is served, where it has several",
	},
	{
		.name = "id",
		.kind = OPTION_STRING,
		FIELD(id),
		.metavar = "ID",
		.preset_text = "the plugin's own, or made of its schema",
		.help = "What GET /id answers",
	},
	{
		.name = "threads",
		.kind = OPTION_NUMBER,
		FIELD(threads),
		.metavar = "N",
		.preset_text = "twice the cores",
		.least = 1,
		.most = PARALLEL_MOST,
		.help = "Calls that run at the same time, each in a thread or a process of its own",
	},
	{
		.name = "workers",
		.kind = OPTION_NUMBER,
		FIELD(workers),
		.metavar = "N",
		.preset = "0",
		.most = PARALLEL_MOST,
		.help = "Processes that are kept and get one call after the other; 0: one is "
			"started for each call",
	},
	{
		.name = "queue",
		.kind = OPTION_NUMBER,
		FIELD(queue),
		.metavar = "N",
		.preset = "1000",
		.most = MILLION,
		.help = "Calls that may wait for a thread or process; then 503",
	},
	{
		.name = "max-body",
		.kind = OPTION_SIZE,
		FIELD(max_body),
		.metavar = "SIZE",
		.preset = "8M",
		.help = "The longest request; then 413",
	},
	{
		.name = "max-line",
		.kind = OPTION_SIZE,
		FIELD(max_line),
		.metavar = "SIZE",
		.preset = "8M",
		.help = "The longest line that a process may answer with",
	},
	{
		.name = "request-timeout",
		.kind = OPTION_DURATION,
		FIELD(request_timeout_ms),
		.metavar = "DURATION",
		.preset = "inf",
		.help = "Time for a call; then its token fires, and it is answered 504",
	},
	{
		.name = "cancel-after",
		.kind = OPTION_DURATION,
		FIELD(cancel_after_ms),
		.metavar = "DURATION",
		.preset = "0s",
		.help = "Of the grace: time from the first stop signal until the token of all "
			"calls fires",
	},
	{
		.name = "envelope-status",
		.kind = OPTION_FLAG,
		FIELD(envelope_status),
		.help = "Answer calls with HTTP status 200 whatever the envelope's status_code",
	},
	{
		.name = "env",
		.kind = OPTION_WORDS,
		FIELD(environment),
		.metavar = "NAME=VALUE",
		.help = "A variable for the environment of each process; repeatable",
	},
	{
		.name = "cwd",
		.kind = OPTION_STRING,
		FIELD(cwd),
		.metavar = "DIR",
		.preset_text = "ours",
		.help = "The working directory of the processes",
	},
	{
		.name = "start-timeout",
		.kind = OPTION_DURATION,
		FIELD(start_timeout_ms),
		.metavar = "DURATION",
		.preset = "30s",
		.help = "Time for the program to answer --describe",
	},
	{
		.name = "eof-wait",
		.kind = OPTION_DURATION,
		FIELD(eof_wait_ms),
		.metavar = "DURATION",
		.preset = "2s",
		.help = "Time for a kept process to end when its input has ended, before SIGTERM",
	},
	{
		.name = "term-wait",
		.kind = OPTION_DURATION,
		FIELD(term_wait_ms),
		.metavar = "DURATION",
		.preset = "5s",
		.help = "Time for a process to end after SIGTERM, before SIGKILL; both are kept "
			"back from the grace, a third of it at most",
	},
	SERVICE_OPTIONS_PRESET(struct serve_config, GRACE_SERVE_PRESET_TEXT, "0s"),
	SERVICE_MAX_CONNECTIONS(struct serve_config),
	{.name = NULL},
};

static int64_t sum_ms(int64_t a, int64_t b)
{
	return a > CURFEW_NEVER - b ? CURFEW_NEVER : a + b;
}

static bool is_shared_object(const char *word)
{
	size_t length = strlen(word);

	return strchr(word, '/') || (length > 3 && !strcmp(word + length - 3, ".so"));
}

/* What is served: behind "--" a program, else a shared object. Returns false after a notice. */
static bool read_plugin(
	const struct command *self, char **arguments, bool is_program, struct serve_config *config)
{
	if (!*arguments) {
		output_error(self->name,
			"no plugin given (curfew serve ./plugin.so, or curfew serve -- "
			"./plugin.py)");
		return false;
	}
	if (is_program) {
		config->command = arguments;
		return true;
	}
	if (!is_shared_object(*arguments)) {
		output_error(self->name,
			"'%.80s' is no shared object (a program stands behind --: curfew serve -- "
			"%.80s)",
			*arguments, *arguments);
		return false;
	}
	config->plugin = *arguments;
	return command_takes_no_more(self, arguments + 1);
}

static bool configure_serve(
	const struct command *self, char **arguments, void *memory, int *exit_code)
{
	struct serve_config *config = memory;
	char *const *first = arguments;

	if (!service_option_read(self, &arguments, config, &config->service, exit_code)) {
		return false;
	}
	if (!read_plugin(
		    self, arguments, arguments > first && !strcmp(arguments[-1], "--"), config)) {
		*exit_code = EXIT_CODE_USAGE;
		return false;
	}
	config->keeper = handover_keeper();
	config->service.threads = 1;
	config->service.listen_later = true;
	config->service.request_timeout_ms = config->request_timeout_ms;
	config->service.child_reserve_ms =
		config->command ? sum_ms(config->eof_wait_ms, config->term_wait_ms) : 0;
	return true;
}

const struct command command_serve = {
	.name = "serve",
	.summary = "Publish a function over HTTP with its schema, and have its work stop when "
		   "asked",
	.operands = "FILE.so | -- COMMAND [ARGUMENT...]",
	.takes = OPERANDS_PROGRAM,
	.options = options,
	.configure = configure_serve,
	.config_bytes = sizeof(struct serve_config),
	.grace_preset = grace_serve_preset_here,
	.is_never_announced = true,
};
