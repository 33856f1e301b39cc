/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curfew load merge. The results of runs that overlap, as those of the Pods of one Job do, are laid
 * over each other by the calendar's clock; else each begins at 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/outcome.h"
#include "load/load.h"
#include "load/result.h"
#include "load/summary.h"
#include "load/threshold.h"
#include "loop/notice.h"
#include "loop/signals.h"

#define RESULT_MOST (64 << 20) /* bytes of a file */
#define READ_AT_ONCE 65536

struct merge {
	const struct load_config *config;
	struct result *results;
	size_t count;
};

static int refuse(const char *path, const char *wrong)
{
	notice("cannot merge '%.200s': %s (name results that --json wrote)", path, wrong);
	return EXIT_CODE_USAGE;
}

/* Returns 0 or a negative errno. */
static int read_file(const char *path, struct buffer *into)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = 1;
	int error = fd < 0 ? -errno : 0;

	while (!error && n != 0) {
		char *room = buffer_reserve(into, READ_AT_ONCE);

		n = room ? read(fd, room, READ_AT_ONCE) : 0;
		if (n > 0) {
			buffer_commit(into, (size_t)n);
		}
		error = !room                        ? -ENOMEM
			: n < 0 && errno != EINTR    ? -errno
			: into->length > RESULT_MOST ? -EFBIG
						     : 0;
	}
	if (fd >= 0) {
		close(fd);
	}
	return error;
}

static int read_result(struct result *result, const char *path)
{
	struct buffer text = {0}, refusal = {0};
	int error = read_file(path, &text);
	int code = 0;

	if (error) {
		code = refuse(path, strerror(-error));
	} else {
		error = result_read(result, text.data ? text.data : "", text.length, &refusal);
		if (error) {
			code = refuse(
				path, error == -ENOMEM ? "out of memory" : buffer_text(&refusal));
		}
	}
	buffer_fini(&text);
	buffer_fini(&refusal);
	return code;
}

static int read_results(struct merge *merge)
{
	char *const *paths = merge->config->results;
	size_t count = 0;
	int code = 0;

	while (paths[count]) {
		count++;
	}
	if (!count) {
		notice("no results to merge (curfew load merge a.json b.json)");
		return EXIT_CODE_USAGE;
	}
	merge->results = calloc(count, sizeof(merge->results[0]));
	if (!merge->results) {
		return refuse(paths[0], "out of memory");
	}
	while (!code && merge->count < count) {
		code = read_result(&merge->results[merge->count], paths[merge->count]);
		merge->count++;
	}
	return code;
}

static int by_begin(const void *left, const void *right)
{
	const struct result *a = left, *b = right;

	return (a->began_ms > b->began_ms) - (a->began_ms < b->began_ms);
}

/* They are in the order of their begins. */
static bool overlap(const struct merge *merge)
{
	int64_t last_ms = merge->results[merge->count - 1].began_ms;

	for (size_t i = 0; i < merge->count; i++) {
		const struct result *result = &merge->results[i];

		if (result->began_ms + result->ended_ns / NS_PER_MS < last_ms) {
			return false;
		}
	}
	return true;
}

static int merge_all(struct merge *merge)
{
	struct buffer refusal = {0};
	bool together;
	int error = 0;

	qsort(merge->results, merge->count, sizeof(merge->results[0]), by_begin);
	together = overlap(merge);
	for (size_t i = 1; !error && i < merge->count; i++) {
		error = result_merge(&merge->results[0], &merge->results[i], together, &refusal);
	}
	if (error) {
		notice("these cannot be merged: %s (name results of the same kind of run)",
			error == -ENOMEM ? "out of memory" : buffer_text(&refusal));
	}
	buffer_fini(&refusal);
	return error ? EXIT_CODE_USAGE : 0;
}

/* Thresholds are those of this command, not those of the runs. */
static int judge(struct merge *merge)
{
	struct result *result = &merge->results[0];
	const struct words *conditions = &merge->config->fail_on;

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
		threshold_verdict(&threshold, result, &result->verdicts[i]);
		result->verdict_count = i + 1;
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

static int write_json(const char *path, const struct result *result)
{
	bool is_piped = !strcmp(path, "-");
	int fd = is_piped ? STDOUT_FILENO
			  : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
	struct buffer text = {0};
	int code;

	if (fd < 0) {
		notice("--json: cannot write '%.200s': %m (name a file that can be written)", path);
		return EXIT_CODE_USAGE;
	}
	result_write(&text, result);
	code = write_text(fd, &text, "the result");
	buffer_fini(&text);
	if (!is_piped) {
		close(fd);
	}
	return code;
}

static int tell(const struct merge *merge)
{
	const char *json = merge->config->json;
	bool is_piped = json && !strcmp(json, "-");
	struct buffer text = {0};
	int code = json ? write_json(json, &merge->results[0]) : 0;

	summary_write(&text, &merge->results[0], false);
	code = code ? code
		    : write_text(is_piped ? STDERR_FILENO : STDOUT_FILENO, &text, "the summary");
	buffer_fini(&text);
	return code ? code : merge->results[0].exit_code;
}

int load_merge_main(const struct load_config *config)
{
	const sigset_t mask = signals_original_mask();
	struct merge merge = {.config = config};
	int code;

	notice_command(config->service.command);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL); /* nothing here has to be ended in order */
	code = read_results(&merge);
	code = code ? code : merge_all(&merge);
	code = code ? code : judge(&merge);
	code = code ? code : tell(&merge);
	for (size_t i = 0; i < merge.count; i++) {
		result_fini(&merge.results[i]);
	}
	free(merge.results);
	return code;
}
