/* SPDX-License-Identifier: Apache-2.0 */
#include "load/progress.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "load/canned_run.h"

static struct curfew_lifecycle *life;
static struct journal journal;
static struct progress progress;
static struct load_config config;
static struct result_section section;
static struct result result;
static int fds[2];
static char got[1 << 16];

static void open_journal(enum journal_format format)
{
	struct curfew_lifecycle_options options;

	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	life = curfew_lifecycle_new(&options);
	assert_non_null(life);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(
		journal_init(&journal, life, fds[1], "load", CURFEW_LEVEL_WARNING, format), 0);
}

static void init(int fd)
{
	assert_int_equal(progress_init(&progress, &journal, fd, &config), 0);
}

static int setup(void **state)
{
	(void)state;
	canned_run(&result, &section);
	config = (struct load_config){.stats_interval_ms = 10000};
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	canned_free(&result, &section);
	progress_fini(&progress);
	if (life) {
		journal_fini(&journal, curfew_now());
		curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "done");
		(void)curfew_lifecycle_wait(life);
		curfew_lifecycle_free(life);
		close(fds[0]);
		close(fds[1]);
		life = NULL;
	}
	return 0;
}

/* What has been written by now. */
static const char *read_all(void)
{
	ssize_t length;

	curfew_lifecycle_dispatch(life);
	length = read(fds[0], got, sizeof(got) - 1);
	assert_true(length > 0);
	got[length] = '\0';
	return got;
}

/* What the line there is says behind its time. */
static const char *read_event(void)
{
	static const char before[] = "{\"time\":\"";
	const char *line = read_all();

	assert_memory_equal(line, before, sizeof(before) - 1);
	line = strchr(line, 'Z');
	assert_non_null(line);
	return line;
}

/* With the fields of each line of the log, and written although its level is below the log's. */
static void json_lines_are_events_of_the_log(void **state)
{
	(void)state;
	open_journal(JOURNAL_JSON);
	init(fds[1]);
	result.step = (struct result_step){.number = 3, .rate = 300.5};
	progress_show(&progress, &result);
	assert_string_equal(read_event(),
		"Z\",\"level\":\"info\",\"cmd\":\"load\",\"event\":\"progress\","
		"\"elapsed_ms\":30000,\"step\":3,\"step_rate\":300.5,\"rate\":938.225,"
		"\"in_flight\":3,\"p50_us\":1228,\"p99_us\":4259,\"failed\":1739,"
		"\"failures\":\"unavailable 220, refused 1 492, reset_sent 8, timed_out 19\","
		"\"dropped\":100}\n");
}

static void json_lines_leave_out_what_is_not(void **state)
{
	(void)state;
	open_journal(JOURNAL_JSON);
	init(fds[1]);
	result.is_open = false;
	progress_show(&progress, &result);
	(void)read_event();
	result.ended_ns += 10 * NS_PER_S;
	progress_show(&progress, &result);
	assert_string_equal(read_event(),
		"Z\",\"level\":\"info\",\"cmd\":\"load\",\"event\":\"progress\","
		"\"elapsed_ms\":30000,\"rate\":0.000,\"in_flight\":3,\"failed\":0}\n");
}

/* Lines that nobody reads are kept up to a limit; what comes then is of the time since. */
static void plain_lines_do_not_heap_up(void **state)
{
	size_t before = SIZE_MAX;

	(void)state;
	open_journal(JOURNAL_TEXT);
	init(fds[1]);
	while (journal.writer.pending.length != before) {
		before = journal.writer.pending.length;
		for (int i = 0; i < 2000; i++) {
			progress_show(&progress, &result);
		}
	}
	assert_in_range(before, 64 * 1024, 65 * 1024);
	assert_memory_equal(read_all(), "30.0 s: ", 8);
}

/* A terminal that stands still has the last picture, and then the newest. */
static void nothing_is_drawn_before_the_last_is_read(void **state)
{
	size_t pending;

	(void)state;
	open_journal(JOURNAL_TEXT);
	config.live = LOAD_LIVE_ALWAYS;
	init(fds[1]);
	while (!journal.writer.pending.length) {
		progress_show(&progress, &result);
	}
	pending = journal.writer.pending.length;
	progress_show(&progress, &result);
	assert_int_equal(journal.writer.pending.length, pending);
}

/* It is drawn more often than that, so that it moves. */
static void the_sparkline_grows_by_the_second(void **state)
{
	(void)state;
	open_journal(JOURNAL_TEXT);
	config.live = LOAD_LIVE_ALWAYS;
	init(fds[1]);
	assert_int_equal(progress_period_ms(&progress), 250);
	progress_show(&progress, &result);
	assert_int_equal(progress.live.rate_count, 1);
	result.ended_ns += 999 * NS_PER_MS;
	progress_show(&progress, &result);
	assert_int_equal(progress.live.rate_count, 1);
	result.ended_ns += NS_PER_MS;
	progress_show(&progress, &result);
	assert_int_equal(progress.live.rate_count, 2);
	(void)read_all();
	progress_clear(&progress);
	assert_string_equal(read_all(), "\r\033[6A\033[J");
}

static int open_terminal(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool is_live(int fd, enum load_live live, const char *term)
{
	bool found;

	config.live = live;
	(void)(term ? setenv("TERM", term, 1) : unsetenv("TERM"));
	init(fd);
	found = progress.is_live;
	progress_fini(&progress);
	return found;
}

static void is_live_where_that_can_be_drawn(void **state)
{
	int terminal = open_terminal(), other = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(other >= 0);
	assert_true(is_live(terminal, LOAD_LIVE_AUTO, "xterm"));
	assert_false(is_live(terminal, LOAD_LIVE_AUTO, "dumb"));
	assert_false(is_live(terminal, LOAD_LIVE_AUTO, ""));
	assert_false(is_live(terminal, LOAD_LIVE_AUTO, NULL));
	assert_false(is_live(other, LOAD_LIVE_AUTO, "xterm"));
	assert_false(is_live(terminal, LOAD_LIVE_NEVER, "xterm"));
	assert_true(is_live(other, LOAD_LIVE_ALWAYS, "dumb"));
	close(terminal);
	close(other);
}

static bool has_colour(const char *none)
{
	bool found;

	(void)(none ? setenv("NO_COLOR", none, 1) : unsetenv("NO_COLOR"));
	init(fds[1]);
	found = progress.live.colour;
	progress_fini(&progress);
	return found;
}

static void has_colour_unless_its_user_wants_none(void **state)
{
	(void)state;
	assert_true(has_colour(NULL));
	assert_true(has_colour(""));
	assert_false(has_colour("1"));
}

static bool has_blocks(const char *all, const char *type, const char *lang)
{
	bool found;

	setenv("LC_ALL", all, 1);
	setenv("LC_CTYPE", type, 1);
	setenv("LANG", lang, 1);
	init(fds[1]);
	found = progress.live.unicode;
	progress_fini(&progress);
	return found;
}

static void has_blocks_where_the_locale_has_them(void **state)
{
	(void)state;
	assert_true(has_blocks("", "", "de_DE.UTF-8"));
	assert_true(has_blocks("", "C.utf8", "C"));
	assert_true(has_blocks("C.UTF-8", "C", "C"));
	assert_false(has_blocks("C", "C.UTF-8", "C.UTF-8"));
	assert_false(has_blocks("", "POSIX", "C.UTF-8"));
	assert_false(has_blocks("", "", ""));
}

static int64_t period_of(int64_t interval_ms)
{
	int64_t period_ms;

	config.stats_interval_ms = interval_ms;
	init(fds[1]);
	period_ms = progress_period_ms(&progress);
	progress_fini(&progress);
	return period_ms;
}

static void shows_a_line_each_interval(void **state)
{
	(void)state;
	config.live = LOAD_LIVE_NEVER;
	assert_int_equal(period_of(10000), 10000);
	assert_int_equal(period_of(1), 1);
	assert_int_equal(period_of(0), CURFEW_NEVER);
	assert_int_equal(period_of(CURFEW_NEVER), CURFEW_NEVER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(json_lines_are_events_of_the_log),
		TEST(json_lines_leave_out_what_is_not),
		TEST(plain_lines_do_not_heap_up),
		TEST(nothing_is_drawn_before_the_last_is_read),
		TEST(the_sparkline_grows_by_the_second),
		TEST(is_live_where_that_can_be_drawn),
		TEST(has_colour_unless_its_user_wants_none),
		TEST(has_blocks_where_the_locale_has_them),
		TEST(shows_a_line_each_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
