/* SPDX-License-Identifier: Apache-2.0 */
#include "load/load.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cmd/output.h"
#include "cmd/service_option.h"
#include "core/outcome.h"

#define FIELD(field) .offset = offsetof(struct load_config, field)
#define MILLION 1000000

/* In the order of enum schedule_arrival, enum load_live. */
static const char *const arrivals[] = {"constant", "poisson", NULL};
static const char *const lives[] = {"auto", "always", "never", NULL};

/* "5000/s", "10/m", or "5000", which are a second's. */
static const char *check_rate(const char *text)
{
	struct text_rate rate;
	int64_t number;
	const char *refusal = text[strspn(text, "0123456789")]
		? text_parse_rate(text, &rate)
		: text_parse_number(text, 1, MILLION * INT64_C(1000), &number);

	return refusal == text_malformed ? "is no rate: a number, and /s, /m or /h" : refusal;
}

static const struct option options[] = {
	{
		.name = "connections",
		.kind = OPTION_NUMBER,
		FIELD(connections),
		.metavar = "N",
		.preset_text = "50",
		.least = 1,
		.most = MILLION,
		.help = "Closed loop: so many connections, each sends its next request when it has "
			"its answer",
	},
	{
		.name = "rate",
		.kind = OPTION_STRING,
		FIELD(rate),
		.metavar = "RATE",
		.check = check_rate,
		.help = "Open loop: send 5000/s, or 100/m, by the clock, whatever the target does",
	},
	{
		.name = "arrival",
		.kind = OPTION_CHOICE,
		FIELD(arrival),
		.metavar = "KIND",
		.preset_text = "constant",
		.choices = arrivals,
		.help = "Of an open loop: in equal steps (constant), or at random with that mean "
			"(poisson)",
	},
	{
		.name = "max-in-flight",
		.kind = OPTION_NUMBER,
		FIELD(max_in_flight),
		.metavar = "N",
		.preset_text = "1000",
		.least = 1,
		.most = MILLION,
		.help = "Of an open loop: requests at a time; one that is due above it is dropped "
			"and counted",
	},
	{
		.name = "stage",
		.kind = OPTION_WORDS,
		FIELD(stages),
		.metavar = "RATE:DURATION",
		.help = "Open loop in steps, such as 100/s:30s; repeatable",
	},
	{
		.name = "ramp-start",
		.kind = OPTION_STRING,
		FIELD(ramp_start),
		.metavar = "RATE",
		.check = check_rate,
		.help = "Open loop whose rate grows while --ramp-while holds: that of the first "
			"step",
	},
	{
		.name = "ramp-step",
		.kind = OPTION_STRING,
		FIELD(ramp_step),
		.metavar = "RATE",
		.preset_text = "that of --ramp-start",
		.check = check_rate,
		.help = "How much more each step is",
	},
	{
		.name = "ramp-every",
		.kind = OPTION_DURATION,
		FIELD(ramp_every_ms),
		.metavar = "DURATION",
		.preset_text = "120s",
		.help = "How long a step takes",
	},
	{
		.name = "ramp-while",
		.kind = OPTION_STRING,
		FIELD(ramp_while),
		.metavar = "CONDITION",
		.help = "What each step must be like for the next to come, such as 'p90<1s'",
	},
	{
		.name = "duration",
		.kind = OPTION_DURATION,
		FIELD(duration_ms),
		.metavar = "DURATION",
		.preset_text = "10s; none with --requests or a ramp",
		.help = "No request is begun after it; inf: until a signal",
	},
	{
		.name = "requests",
		.kind = OPTION_STRING,
		FIELD(requests),
		.metavar = "N",
		.preset_text = "any",
		.help = "So many requests and no more; ends when they are over",
	},
	{
		.name = "method",
		.kind = OPTION_STRING,
		FIELD(method),
		.metavar = "METHOD",
		.preset_text = "GET; POST with a body",
		.help = "The method of the requests",
	},
	{
		.name = "header",
		.kind = OPTION_WORDS,
		FIELD(headers),
		.metavar = "\"NAME: VALUE\"",
		.help = "A header field of each request, or of WebSocket handshakes; repeatable",
	},
	{
		.name = "body",
		.kind = OPTION_STRING,
		FIELD(body),
		.metavar = "TEXT",
		.help = "The body of each request",
	},
	{
		.name = "body-file",
		.kind = OPTION_STRING,
		FIELD(body_file),
		.metavar = "FILE",
		.help = "The same, of a file",
	},
	{
		.name = "places",
		.kind = OPTION_FLAG,
		FIELD(places),
		.help = "In URLs, header fields and body, put in the request's ${number}, a "
			"${random:1000} number, ${hex:16} digits",
	},
	{
		.name = "fresh",
		.kind = OPTION_FLAG,
		FIELD(fresh),
		.help = "Open a connection for each request, instead of keeping them",
	},
	{
		.name = "timeout",
		.kind = OPTION_DURATION,
		FIELD(timeout_ms),
		.metavar = "DURATION",
		.preset_text = "30s",
		.help = "Time for a request, from its connecting to the end of its answer",
	},
	{
		.name = "profile",
		.kind = OPTION_STRING,
		FIELD(profile),
		.metavar = "FILE",
		.help = "Requests of several kinds, with weights, as a JSON file describes them",
	},
	{
		.name = "seed",
		.kind = OPTION_STRING,
		FIELD(seed),
		.metavar = "N",
		.preset_text = "1",
		.help = "The same seed and profile give the same requests",
	},
	{
		.name = "dry-run",
		.kind = OPTION_FLAG,
		FIELD(dry_run),
		.help = "Show what would be sent, and send nothing",
	},
	{
		.name = "presign",
		.kind = OPTION_STRING,
		FIELD(presign),
		.metavar = "FILE",
		.help = "Sign as many transactions as --requests says into a file, and send "
			"nothing",
	},
	{
		.name = "prewarm",
		.kind = OPTION_FLAG,
		FIELD(prewarm),
		.help = "Before the clock starts, open the connections, and have one request "
			"answered "
			"on each, which is not counted",
	},
	{
		.name = "tls-ca",
		.kind = OPTION_STRING,
		FIELD(tls_ca),
		.metavar = "FILE",
		.preset_text = "the system's",
		.help = "Certificates (PEM) of those whom to trust",
	},
	{
		.name = "tls-insecure",
		.kind = OPTION_FLAG,
		FIELD(tls_insecure),
		.help = "Take every certificate, of whomever",
	},
	{
		.name = "fail-on",
		.kind = OPTION_WORDS,
		FIELD(fail_on),
		.metavar = "CONDITION",
		.help = "Exit 1 if it holds in the end: 'errors>0.1%', 'p99>50ms'; repeatable",
	},
	{
		.name = "expect-restart",
		.kind = OPTION_FLAG,
		FIELD(expect_restart),
		.help = "The target's going and coming back is the subject: show what was lost, "
			"and "
			"for how long it was away",
	},
	{
		.name = "json",
		.kind = OPTION_STRING,
		FIELD(json),
		.metavar = "FILE",
		.help = "Write the result as JSON, to a file or to standard output (-)",
	},
	{
		.name = "html",
		.kind = OPTION_STRING,
		FIELD(html),
		.metavar = "FILE",
		.help = "Write the result as a page with its curves",
	},
	{
		.name = "live",
		.kind = OPTION_CHOICE,
		FIELD(live),
		.metavar = "WHEN",
		.preset = "auto",
		.choices = lives,
		.help = "Show on standard error how it goes: on a terminal (auto), always, or "
			"never",
	},
	{
		.name = "stats-interval",
		.kind = OPTION_DURATION,
		FIELD(stats_interval_ms),
		.metavar = "DURATION",
		.preset = "10s",
		.help = "Elsewhere, time from one line of it to the next; inf: none",
	},
	{
		.name = "flush-delay",
		.kind = OPTION_DURATION,
		FIELD(flush_delay_ms),
		.metavar = "DURATION",
		.preset = "0s",
		.help = "After a run that ended by itself, time for the last scrape of --admin; a "
			"signal ends it",
	},
	{
		.name = "run-id",
		.kind = OPTION_STRING,
		FIELD(run_id),
		.metavar = "ID",
		.help = "Names the run in its result, and in the metric target_info",
	},
	{
		.name = "label",
		.kind = OPTION_WORDS,
		FIELD(labels),
		.metavar = "NAME=VALUE",
		.help = "A label of the same; repeatable",
	},
	SERVICE_ADMIN(struct load_config),
	SERVICE_GRACE(struct load_config, GRACE_LOAD_PRESET_TEXT),
	SERVICE_REPORT(struct load_config),
	{
		.name = "log-level",
		.kind = OPTION_CHOICE,
		SERVICE_FIELD(struct load_config, log_level),
		.metavar = "LEVEL",
		.preset = "warning",
		.choices = service_log_levels,
		.help = "Log events of this level and above: error, warning, info or debug",
	},
	SERVICE_LOG_FORMAT(struct load_config),
	{
		.name = "threads",
		.kind = OPTION_NUMBER,
		SERVICE_FIELD(struct load_config, threads),
		.metavar = "N",
		.preset_text = "the cores",
		.least = 1,
		.most = 64,
		.help = "Threads that send",
	},
	SERVICE_INSIST(struct load_config),
	SERVICE_FORCED_EXIT(struct load_config),
	{.name = NULL},
};

static struct grace grace_load_preset(void)
{
	return (struct grace){GRACE_LOAD_PRESET_MS, "the default"};
}

/* Whether one would overwrite the other: what is no file (a terminal, a pipe) loses nothing. */
static bool same_file(const char *path, const char *other)
{
	struct stat is;

	return path && other && strcmp(path, other) == 0 && strcmp(path, "-") != 0 &&
		(stat(path, &is) < 0 || S_ISREG(is.st_mode));
}

/* Returns what is wrong with where the results go, or NULL. */
static const char *check_outputs(const struct load_config *config)
{
	const char *report = config->service.report;

	if (config->html && strcmp(config->html, "-") == 0) {
		return "--html - (name a file: the page is not for a terminal)";
	}
	if (same_file(config->json, config->html) || same_file(config->json, report) ||
		same_file(config->html, report)) {
		return "two of --json, --html and --report name the same file (give each one of "
		       "its own)";
	}
	return NULL;
}

/* What a run is about: URLs, a profile, or results that are merged. */
static const char *take_operands(struct load_config *config, char **arguments)
{
	if (*arguments && !strcmp(*arguments, "merge")) {
		config->results = arguments + 1;
		return NULL;
	}
	config->urls = arguments;
	return *arguments || config->profile
		? NULL
		: "no URL given (curfew load http://127.0.0.1:8080/, or --profile FILE)";
}

static bool configure_load(
	const struct command *self, char **arguments, void *memory, int *exit_code)
{
	struct load_config *config = memory;
	const char *refusal;

	config->duration_ms = LOAD_NOT_GIVEN;
	config->timeout_ms = LOAD_NOT_GIVEN;
	config->ramp_every_ms = LOAD_NOT_GIVEN;
	config->arrival = (unsigned)LOAD_NOT_GIVEN;
	if (!service_option_read(self, &arguments, config, &config->service, exit_code)) {
		return false;
	}
	refusal = take_operands(config, arguments);
	refusal = refusal ? refusal : check_outputs(config);
	if (refusal) {
		output_error(self->name, "%s", refusal);
		*exit_code = EXIT_CODE_USAGE;
	}
	return !refusal;
}

const struct command command_load = {
	.name = "load",
	.summary = "Send requests as fast as it goes or by the clock, and tell what came of them",
	.operands = "URL... | merge RESULT...",
	.takes = OPERANDS_URLS,
	.options = options,
	.configure = configure_load,
	.config_bytes = sizeof(struct load_config),
	.grace_preset = grace_load_preset,
	.is_never_announced = true,
};
