/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/event.h"
#include "base/clock.h"
#include "tests/allocation.h"

#define TIME_LENGTH (sizeof("2026-11-21T13:55:01.042Z") - 1)
#define THREADS 4
#define LINES 500

static const struct journal_event one = {"one", CURFEW_LEVEL_INFO, false, "value"};
static const struct journal_event three = {"three", CURFEW_LEVEL_WARNING, false, "a b c"};
static const struct journal_event quiet = {"quiet", CURFEW_LEVEL_DEBUG, false, "value"};
static const struct journal_event bulk = {"bulk", CURFEW_LEVEL_INFO, true, "value"};

static struct curfew_lifecycle *life;
static struct journal journal;
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
		journal_init(&journal, life, fds[1], "gate", CURFEW_LEVEL_INFO, format), 0);
}

static int teardown(void **state)
{
	(void)state;
	journal_fini(&journal, curfew_now());
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "done");
	(void)curfew_lifecycle_wait(life);
	curfew_lifecycle_free(life);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

/* Dispatches and reads what is there, as a string. */
static const char *read_lines(void)
{
	ssize_t length;

	curfew_lifecycle_dispatch(life);
	length = read(fds[0], got, sizeof(got) - 1);
	assert_true(length > 0);
	got[length] = '\0';
	return got;
}

/* That the one line there is says this, behind its time. */
static void assert_line(const char *before, const char *after)
{
	static const char shape[] = "0000-00-00T00:00:00.000Z";
	const char *line = read_lines();
	const char *time = line + strlen(before);

	assert_memory_equal(line, before, strlen(before));
	for (size_t i = 0; i < TIME_LENGTH; i++) {
		assert_true(
			shape[i] == '0' ? time[i] >= '0' && time[i] <= '9' : time[i] == shape[i]);
	}
	assert_string_equal(time + TIME_LENGTH, after);
}

static void a_line_has_the_fields_of_its_event(void **state)
{
	(void)state;
	open_journal(JOURNAL_TEXT);
	journal_tell(
		&journal, &three, journal_text("x"), journal_number(-5), journal_bytes("yz.", 2));
	assert_line("time=", " level=warning cmd=gate event=three a=x b=-5 c=yz\n");
	journal_tell(
		&journal, &three, journal_number(0), journal_text(NULL), journal_number(INT64_MIN));
	assert_line("time=", " level=warning cmd=gate event=three a=0 c=-9223372036854775808\n");
}

static void the_same_as_json(void **state)
{
	(void)state;
	open_journal(JOURNAL_JSON);
	journal_tell(&journal, &three, journal_text("x"), journal_number(-5), journal_text(NULL));
	assert_line("{\"time\":\"",
		"\",\"level\":\"warning\",\"cmd\":\"gate\",\"event\":\"three\",\"a\":\"x\","
		"\"b\":-5}\n");
}

static void hostile_values_stay_in_their_place(void **state)
{
	static const struct {
		const char *value, *written;
	} cases[] = {
		{"plain/~:@%+,;", "plain/~:@%+,;"},
		{"", "\"\""},
		{"two words", "\"two words\""},
		{"a=b", "\"a=b\""},
		{"say \"hi\"", "\"say \\\"hi\\\"\""},
		{"back\\slash", "\"back\\\\slash\""},
		{"x\nlevel=error", "\"x\\nlevel=error\""},
		{"\x1b[2J\x7f\r", "\"\\u001b[2J\\u007f\\r\""},
		{"\xc2\x9b"
		 "2J",
			"\"\\u009b2J\""},
		{"\xff\xc3(", "\"\xef\xbf\xbd\xef\xbf\xbd(\""},
		{"del\x7f", "\"del\\u007f\""},
		{"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
	};
	char expected[128];

	(void)state;
	open_journal(JOURNAL_TEXT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		journal_tell(&journal, &one, journal_text(cases[i].value));
		(void)snprintf(expected, sizeof(expected),
			" level=info cmd=gate event=one value=%s\n", cases[i].written);
		assert_line("time=", expected);
	}
}

static void events_below_the_level_are_not_written(void **state)
{
	(void)state;
	open_journal(JOURNAL_TEXT);
	assert_false(journal_wants(&journal, CURFEW_LEVEL_DEBUG));
	journal_tell(&journal, &quiet, journal_number(1));
	journal_tell(&journal, &one, journal_number(2));
	assert_line("time=", " level=info cmd=gate event=one value=2\n");
}

/* Writes bulk until it is dropped; returns how many lines were. */
static unsigned flood(void)
{
	unsigned before = 0;

	while (!journal.dropped) {
		journal_tell(&journal, &bulk, journal_number(before));
		before++;
		curfew_lifecycle_dispatch(life);
	}
	return before - 1;
}

/* How many lines have this in them: one by one, since a sanitizer reads all that is searched. */
static unsigned lines_with(const char *part, const char *text, size_t length)
{
	unsigned count = 0;

	for (const char *line = text, *end; (end = memchr(line, '\n', length)); line = end + 1) {
		count += memmem(line, (size_t)(end - line), part, strlen(part)) != NULL;
		length -= (size_t)(end + 1 - line);
	}
	return count;
}

static void bulk_is_dropped_where_the_reader_is_slow_and_counted(void **state)
{
	char *all = NULL;
	size_t length = 0;
	unsigned lines = 0;

	(void)state;
	open_journal(JOURNAL_TEXT);
	lines = flood();
	assert_true(journal.written_pending >= JOURNAL_BULK_MOST);
	assert_true(journal.written_pending < JOURNAL_BULK_MOST + 200);
	journal_tell(&journal, &bulk, journal_number(-1));
	journal_tell(&journal, &one, journal_text("kept"));
	curfew_lifecycle_dispatch(life);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	all = malloc(JOURNAL_BULK_MOST * 2);
	assert_non_null(all);
	for (ssize_t n = 1; n > 0 || journal.written_pending || journal.waiting.length;) {
		curfew_lifecycle_dispatch(life);
		n = read(fds[0], all + length, JOURNAL_BULK_MOST * 2 - length - 1);
		length += n > 0 ? (size_t)n : 0;
	}
	all[length] = '\0';
	assert_int_equal(lines_with("event=bulk", all, length), lines);
	assert_null(strstr(all, "value=-1"));
	assert_non_null(strstr(all, "event=one value=kept\n"));
	assert_non_null(strstr(all, " level=warning cmd=gate event=dropped lines=2\n"));
	free(all);
}

static void *tell_many(void *arg)
{
	for (int i = 0; i < LINES; i++) {
		journal_tell(&journal, &three, journal_text(arg), journal_number(i),
			journal_text("the end"));
	}
	return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
	static const char *const names[THREADS] = {"a", "b", "c", "d"};
	pthread_t threads[THREADS];
	int next[THREADS] = {0};
	FILE *lines;
	char line[256];

	(void)state;
	open_journal(JOURNAL_TEXT);
	lines = fdopen(dup(fds[0]), "r");
	assert_non_null(lines);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, tell_many, (void *)names[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	for (int i = 0; i < THREADS * LINES; i++) {
		char name;
		int number, used = 0;

		curfew_lifecycle_dispatch(life);
		assert_non_null(fgets(line, sizeof(line), lines));
		assert_int_equal(
			sscanf(line + 5 + TIME_LENGTH,
				" level=warning cmd=gate event=three a=%c b=%d c=\"the end\"\n%n",
				&name, &number, &used),
			2);
		assert_int_equal(line[5 + TIME_LENGTH + used], '\0');
		assert_int_equal(number, next[name - 'a']++);
	}
	(void)fclose(lines);
}

static void the_log_stage_waits_for_the_reader(void **state)
{
	(void)state;
	open_journal(JOURNAL_TEXT);
	(void)flood();
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "done");
	curfew_lifecycle_dispatch(life);
	assert_false(curfew_lifecycle_done(life));
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	while (!curfew_lifecycle_done(life)) {
		(void)!read(fds[0], got, sizeof(got));
		curfew_lifecycle_dispatch(life);
	}
	while (read(fds[0], got, sizeof(got)) > 0) {}
	journal_tell(&journal, &one, journal_text("last"));
	journal_fini(&journal, curfew_after_ms(1000));
	assert_line("time=", " level=info cmd=gate event=one value=last\n");
}

/* Reads until these words have come; NULL if they do not. */
static void *read_until(void *words)
{
	size_t kept = 0;
	ssize_t n;

	while ((n = read(fds[0], got + kept, sizeof(got) - 1 - kept)) > 0) {
		size_t length = kept + (size_t)n;

		got[length] = '\0';
		if (strstr(got, words)) {
			return words;
		}
		kept = length < strlen(words) ? length : strlen(words);
		memmove(got, got + length - kept, kept);
	}
	return NULL;
}

static void the_last_words_wait_for_the_reader_too(void **state)
{
	char fill[4096];
	char last[] = "value=last\n";
	pthread_t reader;
	void *found;

	(void)state;
	open_journal(JOURNAL_TEXT);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "done");
	assert_int_equal(curfew_lifecycle_wait(life), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	memset(fill, '.', sizeof(fill));
	while (write(fds[1], fill, sizeof(fill)) > 0) {}
	journal_tell(&journal, &one, journal_text("last"));
	got[0] = '\0';
	assert_int_equal(pthread_create(&reader, NULL, read_until, last), 0);
	journal_fini(&journal, curfew_after_ms(10000));
	close(fds[1]);
	fds[1] = -1;
	pthread_join(reader, &found);
	assert_non_null(found);
}

static void a_line_without_memory_is_counted(void **state)
{
	char *long_text = calloc(1, 100000);

	(void)state;
	assert_non_null(long_text);
	memset(long_text, 'x', 99999);
	open_journal(JOURNAL_TEXT);
	journal_tell(&journal, &one, journal_text("before"));
	allocation_fail(1);
	journal_tell(&journal, &one, journal_text(long_text));
	assert_true(allocation_failed());
	journal_tell(&journal, &one, journal_text("after"));
	(void)read_lines();
	assert_non_null(strstr(got, "value=before\ntime="));
	assert_non_null(strstr(got, "Z level=info cmd=gate event=one value=after\n"));
	assert_null(strstr(got, "xxx"));
	assert_non_null(strstr(got, "event=dropped lines=1\n"));
	for (const char *line = got; *line; line = strchr(line, '\n') + 1) {
		assert_memory_equal(line, "time=", 5);
		assert_null(memmem(line + 5, strcspn(line + 5, "\n"), "time=", 5));
	}
	free(long_text);
}

static void every_shared_event_has_a_field(void **state)
{
	(void)state;
	for (int i = 0; i <= SERVICE_ENDED; i++) {
		assert_true(strlen(service_events[i].fields) > 0);
	}
	assert_string_equal(service_events[SERVICE_ENDED].name, "ended");
}

#define journal_unit(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		journal_unit(a_line_has_the_fields_of_its_event),
		journal_unit(the_same_as_json),
		journal_unit(hostile_values_stay_in_their_place),
		journal_unit(events_below_the_level_are_not_written),
		journal_unit(bulk_is_dropped_where_the_reader_is_slow_and_counted),
		journal_unit(lines_of_threads_do_not_mix),
		journal_unit(the_log_stage_waits_for_the_reader),
		journal_unit(the_last_words_wait_for_the_reader_too),
		journal_unit(a_line_without_memory_is_counted),
		cmocka_unit_test(every_shared_event_has_a_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
