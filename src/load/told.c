/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run tells in the end. The files are opened at the start, so that what is wrong with them
 * is said then, and emptied when they are written. All is written without waiting; the log stage is
 * held by who has not read it yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/lifecycle.h"
#include "core/outcome.h"
#include "load/host.h"
#include "load/html.h"
#include "load/summary.h"
#include "loop/notice.h"

/* The files. */

static int open_file(
	struct load *load, struct load_output *output, const char *option, const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	output->fd = -1;
	if (!path || !strcmp(path, "-")) {
		return 0;
	}
	output->fd = open(path, flags, 0666);
	return output->fd < 0 ? service_refuse(&load->service,
					"--%s: cannot write '%.200s': %s (name a file that can be "
					"written)",
					option, path, strerror(errno))
			      : 0;
}

int told_open(struct load *load)
{
	const struct load_config *config = load->config;
	int code = open_file(load, &load->json, "json", config->json);

	return code ? code : open_file(load, &load->html, "html", config->html);
}

/* Whether it is the same terminal, pipe or file as standard error. */
static bool is_where_the_log_goes(int fd)
{
	struct stat to, log;

	return fstat(fd, &to) == 0 && fstat(STDERR_FILENO, &log) == 0 && to.st_dev == log.st_dev &&
		to.st_ino == log.st_ino;
}

static void tell_lost(const struct load_output *output, const char *why)
{
	notice("cannot write %s%s%.200s: %s", output->what, output->path ? " to " : "",
		output->path ? output->path : "", why);
}

/* After it was written, as far as one knew: its reader has gone, or not read it in time. */
static void lost(struct writer *writer)
{
	const struct load_output *output = container_of(writer, struct load_output, writer);
	struct outcome_child *told = &output->load->service.life->child;

	if (told->ended) {
		tell_lost(output, "its reader is gone, or too slow");
		told->code = told->code ? told->code : EXIT_CODE_FAILURE;
	}
}

/* There, one queue keeps the order of both, and the lines whole, however slow their reader is. */
static int init_output(
	struct load *load, struct load_output *output, const char *what, const char *path)
{
	int error;

	output->load = load;
	output->what = what;
	output->path = path;
	if (output->fd < 0) {
		return 0;
	}
	if (is_where_the_log_goes(output->fd)) {
		output->to = &load->service.journal.writer;
		return 0;
	}
	output->to = &output->writer;
	error = writer_init(&output->writer, load->service.pool.workers[0].loop, output->fd,
		curfew_lifecycle_stage(load->service.life, CURFEW_LOG));
	output->writer.lost = lost;
	return error;
}

/* Where the result itself goes to standard output, the summary does not. */
int told_init(struct load *load)
{
	const struct load_config *config = load->config;
	bool is_piped = config->json && !strcmp(config->json, "-");
	int error;

	load->summary.fd = is_piped ? STDERR_FILENO : STDOUT_FILENO;
	if (is_piped) {
		load->json.fd = STDOUT_FILENO;
	}
	error = init_output(load, &load->summary, "the summary", NULL);
	error = error ? error : init_output(load, &load->json, "the result", config->json);
	return error ? error : init_output(load, &load->html, "the page", config->html);
}

static void fini_output(struct load_output *output)
{
	writer_fini(&output->writer);
	if (output->fd > STDERR_FILENO) {
		close(output->fd);
	}
}

void told_fini(struct load *load)
{
	fini_output(&load->summary);
	fini_output(&load->json);
	fini_output(&load->html);
	buffer_fini(&load->target);
}

/* What was asked for. */

static bool is_limited(const struct plan *plan)
{
	return plan->for_ns < INT64_MAX || plan->requests_most < UINT64_MAX;
}

/* Where there are both, whichever comes first. */
static void describe_length(const struct plan *plan, char *text, size_t size)
{
	bool is_timed = plan->for_ns < INT64_MAX;
	double seconds = (double)plan->for_ns / 1e9;
	const char *plural = plan->requests_most == 1 ? "" : "s";

	if (!is_limited(plan)) {
		(void)snprintf(text, size, "until it is stopped");
	} else if (plan->requests_most == UINT64_MAX) {
		(void)snprintf(text, size, "for %.9g s", seconds);
	} else if (is_timed) {
		(void)snprintf(text, size, "for %.9g s or %" PRIu64 " request%s", seconds,
			plan->requests_most, plural);
	} else {
		(void)snprintf(
			text, size, "for %" PRIu64 " request%s", plan->requests_most, plural);
	}
}

void plan_describe(const struct plan *plan, char *text, size_t size)
{
	char length[64];
	double rate = plan->stage_count ? plan->stages[0].rate : 0;

	describe_length(plan, length, sizeof(length));
	if (plan->has_ramp) {
		(void)snprintf(text, size, "from %.9g/s up by %.9g/s every %.9g s, while %.40s%s%s",
			rate, plan->ramp.step, (double)plan->ramp.every_ns / 1e9,
			plan->ramp.condition.text, is_limited(plan) ? ", " : "",
			is_limited(plan) ? length : "");
	} else if (plan->stage_count > 1) {
		(void)snprintf(text, size, "%zu stages %s", plan->stage_count, length);
	} else if (plan->is_open) {
		(void)snprintf(text, size, "%.9g/s %s%s", rate, length,
			plan->arrival == SCHEDULE_POISSON ? ", poisson" : "");
	} else {
		(void)snprintf(text, size, "%d connection%s%s %s", plan->connections,
			plan->connections == 1 ? "" : "s",
			plan->fresh ? ", a fresh one for each request," : "", length);
	}
}

void told_describe(struct load *load)
{
	const struct load_config *config = load->config;
	const struct plan *plan = &load->plan;
	struct result *result = &load->result;

	for (char *const *url = config->urls; url && *url; url++) {
		buffer_append_text(&load->target, load->target.length ? " " : "");
		buffer_append_text(&load->target, *url);
	}
	result->target = config->profile ? config->profile : buffer_text(&load->target);
	result->run_id = config->run_id;
	result->labels = &config->labels;
	result->is_open = plan->is_open;
	result->connections = plan->connections;
	result->threads = load->crew_count;
	result->seed = plan->seed;
	result->expects_restart = plan->expects_restart;
	result->scenarios = plan->scenarios;
	result->planned_ns = plan->for_ns;
	plan_describe(plan, result->plan, sizeof(result->plan));
}

/* What came of it. */

static int code_of(const struct load *load)
{
	const struct result *result = &load->result;
	bool is_forced = lifecycle_has_forced(load->service.life) || result->tally.in_flight > 0;

	if (result->ending == RESULT_INSISTED) {
		return EXIT_CODE_SIGNAL + result->signal;
	}
	if (result->ending == RESULT_FAILED) {
		return EXIT_CODE_FAILURE;
	}
	if (result->tally.admitted && !tally_succeeded(&result->tally)) {
		return EXIT_CODE_FAILURE;
	}
	if (ramp_broke(&load->ramp) > 0 && !(ramp_passed(&load->ramp) > 0)) {
		return EXIT_CODE_FAILURE;
	}
	for (size_t i = 0; i < result->verdict_count; i++) {
		if (result->verdicts[i].broken) {
			return EXIT_CODE_FAILURE;
		}
	}
	return is_forced ? load->config->service.forced_exit : 0;
}

/* Returns whether it could be written, as far as one knows by now. */
static bool write_output(struct load_output *output, const struct buffer *text)
{
	struct stat stat;

	if (output->fd < 0) {
		return true;
	}
	if (fstat(output->fd, &stat) == 0 && S_ISREG(stat.st_mode) && output->fd > STDERR_FILENO) {
		(void)!ftruncate(output->fd, 0);
	}
	(void)writer_write(output->to, text->data, text->length);
	if (text->failed || output->to->failed) {
		tell_lost(output,
			text->failed ? "out of memory" : "its reader is gone, or the disk full");
		return false;
	}
	return true;
}

/* Colours are for a terminal that has them, unless its user wants none (no-color.org). */
static bool wants_colour(const struct load_output *output)
{
	const char *none = getenv("NO_COLOR");

	return progress_terminal_can_draw(output->fd) && !(none && *none);
}

static void judge(struct load *load)
{
	struct result *result = &load->result;
	const struct plan *plan = &load->plan;

	result_judge_lag(result);
	for (size_t i = 0; i < plan->threshold_count; i++) {
		threshold_verdict(
			&plan->thresholds[i], result, &result->verdicts[result->verdict_count++]);
	}
	result->exit_code = code_of(load);
}

/*
 * One after the other, the summary last: what could not be written makes the exit code, and those
 * behind it tell that.
 */
static void write_texts(struct load *load)
{
	struct result *result = &load->result;
	struct buffer text = {0};
	bool is_written = true;

	if (load->html.fd >= 0) {
		html_write(&text, result);
		is_written = write_output(&load->html, &text);
		buffer_fini(&text);
	}
	if (!is_written && !result->exit_code) {
		result->exit_code = EXIT_CODE_FAILURE;
	}
	if (load->json.fd >= 0) {
		result_write(&text, result);
		is_written = write_output(&load->json, &text);
		buffer_fini(&text);
	}
	if (!is_written && !result->exit_code) {
		result->exit_code = EXIT_CODE_FAILURE;
	}
	summary_write(&text, result, wants_colour(&load->summary));
	is_written = write_output(&load->summary, &text);
	if (!is_written && !result->exit_code) {
		result->exit_code = EXIT_CODE_FAILURE;
	}
	buffer_fini(&text);
}

/* Why TLS failed, once for each endpoint. */
static void note_tls(struct load *load)
{
	for (size_t i = 0; i < load->plan.endpoint_count; i++) {
		const char *why = NULL;

		for (int j = 0; j < load->crew_count && !why; j++) {
			why = load->crews[j].tls_failures[i];
		}
		if (why) {
			result_note(&load->result, "TLS with %.100s failed: %s",
				load->plan.endpoints[i].host, why);
		}
	}
}

int told_write(struct load *load)
{
	struct result *result = &load->result;

	if (load->plan.kind->tell) {
		load->plan.kind->tell(load->plan.shared, &result->sections);
	}
	ramp_watch_tell(load);
	note_tls(load);
	if (!tally_conserved(&result->tally)) {
		result_note(result, "the counts do not add up: this is a fault of ours");
	}
	judge(load);
	write_texts(load);
	return result->exit_code;
}
