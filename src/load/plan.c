/* SPDX-License-Identifier: Apache-2.0 */
/* What the options say, taken together. */
#include "load/plan_state.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "load/label.h"
#include "load/profile.h"
#include "net/tls.h"
#include "net/worker.h"

#define DURATION_MS 10000 /* unless something else ends the run */
#define TIMEOUT_MS 30000
#define CONNECTIONS 50
#define IN_FLIGHT_MOST 1000

int plan_refuse(struct buffer *refusal, const char *format, ...)
{
	va_list args;
	char text[512];

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buffer_append_text(refusal, text);
	return -EINVAL;
}

/* Targets. */

static int add_url(struct plan *plan, const char *url, struct buffer *refusal)
{
	struct endpoint *endpoint = &plan->endpoints[plan->endpoint_count];
	const char *wrong;

	if (plan->endpoint_count == PLAN_ENDPOINTS_MOST) {
		return plan_refuse(
			refusal, "more than %d URLs (leave some out)", PLAN_ENDPOINTS_MOST);
	}
	wrong = load_endpoint_parse(url, endpoint);
	if (wrong) {
		return plan_refuse(refusal, "'%.200s' cannot be loaded: it %s", url, wrong);
	}
	plan->endpoint_count++;
	return 0;
}

static int read_urls(struct plan *plan, char *const *urls, struct buffer *refusal)
{
	int error = 0;

	for (; !error && urls && *urls; urls++) {
		error = add_url(plan, *urls, refusal);
	}
	return error;
}

static int read_tls(struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	bool is_tls = false;

	for (size_t i = 0; i < plan->endpoint_count; i++) {
		is_tls = is_tls || plan->endpoints[i].is_tls;
	}
	if (config->tls_ca && config->tls_insecure) {
		return plan_refuse(refusal, "--tls-ca with --tls-insecure (leave one of them out)");
	}
	if (!is_tls) {
		return config->tls_ca || config->tls_insecure
			? plan_refuse(refusal, "--tls-%s without a URL that has TLS (https://...)",
				  config->tls_ca ? "ca" : "insecure")
			: 0;
	}
	plan->tls = config->tls_insecure ? tls_client_new_insecure(refusal)
					 : tls_client_new(config->tls_ca, refusal);
	return plan->tls ? 0 : -EINVAL;
}

/* How much, and how long. */

struct schedule_stage *plan_add_stages(struct plan *plan, size_t count)
{
	struct schedule_stage *stages = calloc(count, sizeof(*stages));

	plan->stages = stages;
	plan->stage_count = stages ? count : 0;
	plan->is_open = true;
	return stages;
}

static int read_rate(struct plan *plan, const char *text, struct buffer *refusal)
{
	struct schedule_stage *stages = plan_add_stages(plan, 1);
	const char *wrong;

	if (!stages) {
		return plan_refuse(refusal, "cannot start: out of memory");
	}
	stages->for_ns = INT64_MAX;
	wrong = schedule_rate_parse(text, &stages->rate);
	return wrong ? plan_refuse(refusal, "--rate cannot be '%.80s': it %s (write 5000/s)", text,
			       wrong)
		     : 0;
}

static int read_stages(struct plan *plan, const struct words *words, struct buffer *refusal)
{
	struct schedule_stage *stages = plan_add_stages(plan, words->count);

	if (!stages) {
		return plan_refuse(refusal, "cannot start: out of memory");
	}
	plan->for_ns = 0;
	for (size_t i = 0; i < words->count; i++) {
		const char *wrong = schedule_stage_parse(words->word[i], &stages[i]);

		if (wrong) {
			return plan_refuse(refusal,
				"--stage cannot be '%.80s': it %s (write 100/s:30s, a rate and how "
				"long)",
				words->word[i], wrong);
		}
		if (stages[i].for_ns == INT64_MAX && i + 1 < words->count) {
			return plan_refuse(refusal,
				"--stage '%.80s' has no end, and another one behind it (only the "
				"last may be inf)",
				words->word[i]);
		}
		plan->for_ns = stages[i].for_ns < INT64_MAX - plan->for_ns
			? plan->for_ns + stages[i].for_ns
			: INT64_MAX;
	}
	return 0;
}

static int read_sends(struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	if (config->ramp_start) {
		return plan_read_ramp(plan, config, refusal);
	}
	return config->rate ? read_rate(plan, config->rate, refusal)
			    : read_stages(plan, &config->stages, refusal);
}

static int read_open_loop(
	struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	const char *option = config->ramp_start ? "--ramp-start"
		: config->rate                  ? "--rate"
						: "--stage";

	if (config->ramp_start && (config->rate || config->stages.count)) {
		return plan_refuse(refusal,
			"--ramp-start with --%s (a ramp has rates of its own: leave one out)",
			config->rate ? "rate" : "stage");
	}
	if (config->rate && config->stages.count) {
		return plan_refuse(refusal, "--rate with --stage (a stage has a rate of its own)");
	}
	if (config->connections) {
		return plan_refuse(refusal,
			"--connections with %s (that sends by the clock, on as many connections as "
			"it takes: --max-in-flight limits them)",
			option);
	}
	plan->connections = config->max_in_flight ? config->max_in_flight : IN_FLIGHT_MOST;
	plan->arrival = config->arrival == (unsigned)LOAD_NOT_GIVEN
		? SCHEDULE_CONSTANT
		: (enum schedule_arrival)config->arrival;
	return read_sends(plan, config, refusal);
}

/* Without a start there is no ramp, whatever else is said of one. */
static int refuse_ramp_parts(const struct load_config *config, struct buffer *refusal)
{
	const char *part = config->ramp_step              ? "step"
		: config->ramp_every_ms != LOAD_NOT_GIVEN ? "every"
		: config->ramp_while                      ? "while"
							  : NULL;

	return part ? plan_refuse(refusal,
			      "--ramp-%s without --ramp-start (the rate of the first step)", part)
		    : 0;
}

static int read_closed_loop(
	struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	if (config->max_in_flight) {
		return plan_refuse(refusal,
			"--max-in-flight without --rate, --stage or --ramp-start (--connections "
			"says how many are in flight)");
	}
	if (config->arrival != (unsigned)LOAD_NOT_GIVEN) {
		return plan_refuse(refusal,
			"--arrival without --rate, --stage or --ramp-start (a closed loop sends "
			"when an answer has come)");
	}
	plan->connections = config->connections ? config->connections : CONNECTIONS;
	return 0;
}

static int read_requests(struct plan *plan, const char *text, struct buffer *refusal)
{
	int64_t number = 0;
	const char *wrong;

	plan->requests_most = UINT64_MAX;
	if (!text) {
		return 0;
	}
	wrong = text_parse_number(text, 1, INT64_MAX, &number);
	plan->requests_most = (uint64_t)number;
	return wrong
		? plan_refuse(refusal, "--requests cannot be '%.80s': it %s (a number from 1 on)",
			  text, wrong)
		: 0;
}

/* The stages of a profile may be cut short. */
static int read_duration(
	struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	int64_t ms = config->duration_ms;
	int64_t for_ns;

	if (!ms) {
		return plan_refuse(refusal, "--duration cannot be 0: nothing would be sent");
	}
	if (ms == LOAD_NOT_GIVEN) {
		ms = config->requests || config->stages.count || plan->has_ramp ? CURFEW_NEVER
										: DURATION_MS;
	}
	for_ns = ms < INT64_MAX / NS_PER_MS ? ms * NS_PER_MS : INT64_MAX;
	if (!config->stages.count || for_ns < plan->for_ns) {
		plan->for_ns = for_ns;
	}
	return 0;
}

static int read_seed(struct plan *plan, const char *text, struct buffer *refusal)
{
	char *end;

	plan->seed = 1;
	if (!text) {
		return 0;
	}
	errno = 0;
	plan->seed = strtoull(text, &end, 10);
	return *text < '0' || *text > '9' || *end || errno
		? plan_refuse(refusal,
			  "--seed cannot be '%.80s' (a number from 0 to 18446744073709551615)",
			  text)
		: 0;
}

static int count_threads(int wanted, int lanes)
{
	cpu_set_t cores;
	int count = wanted;

	if (!count) {
		count = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
	}
	count = count < lanes ? count : lanes;
	return count < WORKERS_MOST ? count : WORKERS_MOST;
}

static int read_amount(struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	bool is_open = config->rate || config->stages.count || config->ramp_start;
	int error = config->ramp_start ? 0 : refuse_ramp_parts(config, refusal);

	if (!error) {
		error = is_open ? read_open_loop(plan, config, refusal)
				: read_closed_loop(plan, config, refusal);
	}
	error = error ? error : read_requests(plan, config->requests, refusal);
	error = error ? error : read_duration(plan, config, refusal);
	error = error ? error : read_seed(plan, config->seed, refusal);
	if (!error && !config->timeout_ms) {
		error = plan_refuse(refusal, "--timeout cannot be 0: no request could be answered");
	}
	plan->timeout_ms = config->timeout_ms == LOAD_NOT_GIVEN ? TIMEOUT_MS : config->timeout_ms;
	plan->fresh = config->fresh;
	plan->prewarm = config->prewarm;
	plan->expects_restart = config->expect_restart;
	plan->tls_insecure = config->tls_insecure;
	plan->threads = count_threads(config->service.threads, plan->connections);
	return error;
}

static int fill_plan(struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	int error;

	plan->headers = &config->headers;
	error = profile_fill(plan->profile, plan, refusal);
	plan->headers = NULL;
	return !error && config->headers.count && !plan->has_taken_headers
		? plan_refuse(refusal,
			  "--header with --profile, whose scenarios have no header fields (leave "
			  "it out)")
		: error;
}

/* What it is to be made of. */
static int read_source(struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	if (plan->profile) {
		return fill_plan(plan, config, refusal);
	}
	if (!plan->endpoint_count) {
		return plan_refuse(refusal,
			"no URL given (curfew load http://127.0.0.1:8080/, or --profile FILE)");
	}
	return plan_read_request(plan, config, refusal);
}

/* What the options themselves say, before a profile says the rest. */
static int check_options(const struct load_config *config, struct buffer *refusal)
{
	const char *option = config->method ? "method"
		: config->body              ? "body"
		: config->body_file         ? "body-file"
		: config->places            ? "places"
					    : NULL;

	if (config->stages.count && config->duration_ms != LOAD_NOT_GIVEN) {
		return plan_refuse(
			refusal, "--duration with --stage (the stages say how long it lasts)");
	}
	return config->profile && option
		? plan_refuse(
			  refusal, "--%s with --profile (its scenarios say what is sent)", option)
		: 0;
}

static int read_profile(struct plan *plan, struct load_config *config, struct buffer *refusal)
{
	if (!config->profile) {
		return 0;
	}
	plan->profile = profile_load(config->profile, refusal);
	if (!plan->profile) {
		return -EINVAL;
	}
	profile_settle(plan->profile, config);
	return 0;
}

/* What is told in the end. */

static int read_thresholds(
	struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	for (size_t i = 0; i < config->fail_on.count; i++) {
		struct buffer wrong = {0};
		int error = threshold_parse(&plan->thresholds[i], config->fail_on.word[i],
			plan->scenarios, plan->scenario_count, &wrong);

		if (error) {
			plan_refuse(refusal, "--fail-on cannot be '%.80s': it %.300s",
				config->fail_on.word[i], buffer_text(&wrong));
		}
		buffer_fini(&wrong);
		if (error) {
			return error;
		}
		plan->threshold_count++;
	}
	return 0;
}

static int check_telling(const struct load_config *config, struct buffer *refusal)
{
	const char *reason;
	size_t which;

	reason = labels_refuse(&config->labels, &which);
	if (reason) {
		return plan_refuse(refusal, "--label cannot be '%.80s': it %s",
			config->labels.word[which], reason);
	}
	reason = config->run_id ? run_id_refuse(config->run_id) : NULL;
	if (reason) {
		return plan_refuse(
			refusal, "--run-id cannot be '%.80s': it %s", config->run_id, reason);
	}
	return config->stats_interval_ms
		? 0
		: plan_refuse(refusal, "--stats-interval cannot be 0 (inf for no lines)");
}

int plan_read(struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	struct load_config whole = *config;
	int error;

	*plan = (struct plan){0};
	error = check_options(config, refusal);
	error = error ? error : read_profile(plan, &whole, refusal);
	error = error ? error : read_urls(plan, whole.urls, refusal);
	error = error ? error : read_amount(plan, &whole, refusal);
	error = error ? error : read_source(plan, &whole, refusal);
	error = error ? error : read_tls(plan, &whole, refusal);
	error = error ? error : plan_read_ramp_condition(plan, &whole, refusal);
	error = error ? error : read_thresholds(plan, &whole, refusal);
	error = error ? error : check_telling(&whole, refusal);
	return error;
}

void plan_fini(struct plan *plan)
{
	if (plan->kind && plan->kind->free_shared) {
		plan->kind->free_shared(plan->shared);
	}
	for (size_t i = 0; i < plan->endpoint_count; i++) {
		load_endpoint_fini(&plan->endpoints[i]);
	}
	profile_free(plan->profile);
	tls_client_free(plan->tls);
	free((void *)(uintptr_t)plan->stages);
	*plan = (struct plan){0};
}
