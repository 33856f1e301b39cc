/* SPDX-License-Identifier: Apache-2.0 */
/* curfew load merge: what it takes and writes around load/merge.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "load/html.h"
#include "load/load.h"
#include "load/merge.h"
#include "load/summary.h"
#include "load/threshold.h"
#include "loop/notice.h"
#include "loop/signals.h"

struct merging {
	const struct load_config *config;
	struct result result;
};

static int read_results(struct merging *merging)
{
	char *const *files = merging->config->results;
	struct buffer refusal = {0};
	int error;

	if (!files[0]) {
		notice("no results to merge (curfew load merge a.json b.json)");
		return EXIT_CODE_USAGE;
	}
	error = merge_files(&merging->result, files, &refusal);
	if (error) {
		notice("cannot merge %s (name results that --json wrote)", buffer_text(&refusal));
	}
	buffer_fini(&refusal);
	return error ? EXIT_CODE_USAGE : 0;
}

/* What a single file says of its own: those of several are notes by their merge. */
static void note_verdicts(struct result *result)
{
	for (size_t i = 0; i < result->verdict_count; i++) {
		if (result->verdicts[i].broken) {
			result_note(result, "the run broke %s: %s", result->verdicts[i].text,
				result->verdicts[i].found);
		}
	}
	result->verdict_count = 0;
}

/* Thresholds are those of this command, not those of the runs. */
static int judge(struct merging *merging)
{
	struct result *result = &merging->result;
	const struct words *conditions = &merging->config->fail_on;

	note_verdicts(result);
	for (size_t i = 0; i < conditions->count; i++) {
		struct threshold threshold;
		struct buffer wrong = {0};
		int error = threshold_parse(&threshold, conditions->word[i], result->scenarios,
			result->tally.scenario_count, &wrong);

		if (error) {
			notice("--fail-on cannot be '%.80s': it %.300s", conditions->word[i],
				buffer_text(&wrong));
		}
		buffer_fini(&wrong);
		if (error) {
			return EXIT_CODE_USAGE;
		}
		threshold_verdict(&threshold, result, &result->verdicts[result->verdict_count++]);
		if (result->verdicts[i].broken && !result->exit_code) {
			result->exit_code = EXIT_CODE_FAILURE;
		}
	}
	return 0;
}

static int write_text(int fd, const struct buffer *text, const char *what)
{
	if (text->failed || notice_write(fd, buffer_text(text), text->length) < 0) {
		notice("cannot write %s: %s", what,
			text->failed ? "out of memory" : strerror(errno));
		return EXIT_CODE_FAILURE;
	}
	return 0;
}

/* Returns an exit code. */
static int write_file(
	const char *option, const char *path, const struct buffer *text, const char *what)
{
	bool is_piped = !strcmp(path, "-");
	int fd = is_piped ? STDOUT_FILENO
			  : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
	int code;

	if (fd < 0) {
		notice("--%s: cannot write '%.200s': %m (name a file that can be written)", option,
			path);
		return EXIT_CODE_USAGE;
	}
	code = write_text(fd, text, what);
	if (!is_piped) {
		close(fd);
	}
	return code;
}

static int write_json(const char *path, const struct result *result)
{
	struct buffer text = {0};
	int code = 0;

	if (path) {
		result_write(&text, result);
		code = write_file("json", path, &text, "the result");
	}
	buffer_fini(&text);
	return code;
}

static int write_html(const char *path, const struct result *result)
{
	struct buffer text = {0};
	int code = 0;

	if (path) {
		html_write(&text, result);
		code = write_file("html", path, &text, "the page");
	}
	buffer_fini(&text);
	return code;
}

static int tell(const struct merging *merging)
{
	const char *json = merging->config->json;
	bool is_piped = json && !strcmp(json, "-");
	struct buffer text = {0};
	int code = write_html(merging->config->html, &merging->result);

	code = code ? code : write_json(json, &merging->result);
	summary_write(&text, &merging->result, false);
	code = code ? code
		    : write_text(is_piped ? STDERR_FILENO : STDOUT_FILENO, &text, "the summary");
	buffer_fini(&text);
	return code ? code : merging->result.exit_code;
}

int load_merge_main(const struct load_config *config)
{
	const sigset_t mask = signals_original_mask();
	struct merging merging = {.config = config};
	int code;

	notice_command(config->service.command);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL); /* nothing here has to be ended in order */
	code = read_results(&merging);
	code = code ? code : judge(&merging);
	code = code ? code : tell(&merging);
	result_fini(&merging.result);
	return code;
}
