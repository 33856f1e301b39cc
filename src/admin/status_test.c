/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/status.h"

#include <stdlib.h>

#include "core/lifecycle_script.h"
#include "tests/allocation.h"
#include "json/reader.h"

#define THINGS 300
#define HOSTILE "<script>alert(\"1\")</script>\\ \n\x01 \xff\xf0\x9f\x92 end"

static struct metrics metrics;
static struct status status;
static struct request_metrics worker;
static struct buffer text;
static struct buffer string;

static int setup_status(void **state)
{
	(void)setup(state);
	options.command = "gate";
	options.version = "1.2.3";
	options.announce_ms = 1000;
	begin();
	memset(&worker, 0, sizeof(worker));
	metrics_init(&metrics, &life);
	metrics_add_requests(&metrics, &worker);
	status_init(&status, &metrics);
	return 0;
}

static int teardown_status(void **state)
{
	buffer_fini(&text);
	buffer_fini(&string);
	if (!curfew_lifecycle_done(&life)) {
		stop_by(SIGTERM);
		timeline_advance_ms(20000);
	}
	assert_true(lifecycle_fini(&life));
	return timeline_teardown(state);
}

static void write_status(void)
{
	buffer_fini(&text);
	status_write(&status, &text);
	assert_false(text.failed);
}

/* Reads one value of the status, of a path of one or two names. */
static struct json_value value(const char *name, const char *inner)
{
	const struct json_path path = {{name, inner}};
	struct json_value found;
	struct json_reader reader = {.paths = &path, .values = &found, .count = 1};

	if (json_read(&reader, buffer_text(&text), text.length) != JSON_OK) {
		fail_msg("%s at %zu: %s", json_error_text(reader.error), reader.offset,
			buffer_text(&text));
	}
	assert_int_not_equal(found.kind, JSON_ABSENT);
	assert_false(found.repeated);
	return found;
}

static void assert_text(const char *name, const char *inner, const char *wanted)
{
	struct json_value found = value(name, inner);

	if (found.length != strlen(wanted) ||
		memcmp(text.data + found.start, wanted, found.length) != 0) {
		fail_msg("%s is %.*s, not %s", inner ? inner : name, (int)found.length,
			text.data + found.start, wanted);
	}
}

static struct json_value element(const struct json_value *array, int index)
{
	struct json_value found = {0};

	for (int i = 0; i <= index; i++) {
		assert_true(json_element_next(buffer_text(&text), array, &found));
	}
	return found;
}

static int length_of(struct json_value array)
{
	struct json_value found = {0};
	int count = 0;

	while (json_element_next(buffer_text(&text), &array, &found)) {
		count++;
	}
	return count;
}

/* The name of one of the oldest, as a reader understands it. */
static const char *oldest_name(int index)
{
	struct json_value oldest = value("held", "oldest");
	struct json_value hold_of = element(&oldest, index);
	const struct json_path path = {{"name"}};
	struct json_value name;
	struct json_reader reader = {.paths = &path, .values = &name, .count = 1};

	assert_int_equal(json_read(&reader, text.data + hold_of.start, hold_of.length), JSON_OK);
	buffer_fini(&string);
	json_string_decode(&string, text.data + hold_of.start, &name);
	return buffer_text(&string);
}

static void tells_of_the_start_and_of_running(void **state)
{
	(void)state;
	timeline_advance_ms(5);
	write_status();
	assert_text("command", NULL, "\"gate\"");
	assert_text("version", NULL, "\"1.2.3\"");
	assert_text("phase", NULL, "\"starting\"");
	assert_text("ready", NULL, "false");
	assert_text("stopping_ms", NULL, "null");
	assert_text("grace_left_ms", NULL, "null");
	assert_text("grace_ms", NULL, "9000");
	assert_text("announce_ms", NULL, "1000");
	assert_true(lifecycle_ready(&life));
	timeline_advance_ms(7);
	write_status();
	assert_text("phase", NULL, "\"running\"");
	assert_text("ready", NULL, "true");
	assert_text("uptime_ms", NULL, "12");
	assert_text("cause", "kind", "\"none\"");
	assert_text("held", NULL, "{\"total\":0,\"kinds\":{},\"oldest\":[]}");
}

static void tells_of_the_end(void **state)
{
	struct thing one, log;

	(void)state;
	assert_true(lifecycle_ready(&life));
	hold(CURFEW_WORK, &one, "one");
	hold(CURFEW_LOG, &log, "log");
	log.takes_ms = 1;
	stop_by(SIGTERM);
	write_status();
	assert_text("phase", NULL, "\"announcing\"");
	assert_text("ready", NULL, "false");
	timeline_advance_ms(2500);
	write_status();
	assert_text("phase", NULL, "\"draining\"");
	assert_text("stopping_ms", NULL, "2500");
	assert_text("grace_left_ms", NULL, "6500");
	assert_text("work_left_ms", NULL, "4500");
	assert_text("cause", "signal", "\"SIGTERM\"");
	assert_text("cause", "sender_pid", "77");
	assert_text("held", "kinds", "{\"thing\":2}");
	assert_string_equal(oldest_name(0), "one");
	timeline_advance_ms(20000);
	write_status();
	assert_text("phase", NULL, "\"done\"");
	assert_text("grace_left_ms", NULL, "0");
	assert_text("forced_count", NULL, "1");
	assert_text("held", "total", "0");
}

static void is_not_ready_from_the_instant_of_the_signal(void **state)
{
	(void)state;
	assert_true(lifecycle_ready(&life));
	assert_true(status_is_ready(&life));
	lifecycle_signal(&life, SIGTERM, 77);
	assert_int_equal(curfew_lifecycle_phase(&life), CURFEW_RUNNING);
	assert_false(status_is_ready(&life));
}

static void grace_without_end_is_null(void **state)
{
	(void)state;
	life.options.grace_ms = CURFEW_NEVER;
	assert_true(lifecycle_ready(&life));
	stop_by(SIGTERM);
	write_status();
	assert_text("grace_ms", NULL, "null");
	assert_text("grace_left_ms", NULL, "null");
}

static void release_all(struct thing *things, int count)
{
	for (int i = 0; i < count; i++) {
		curfew_hold_release(&things[i].hold);
	}
}

static void lists_the_oldest_in_whatever_order_they_are_met(void **state)
{
	static struct thing things[THINGS];
	static char names[THINGS][16];
	struct thing old;

	(void)state;
	hold(CURFEW_CHILDREN, &old, "the oldest");
	timeline_advance_ms(1);
	for (int i = 0; i < THINGS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "number %d", i);
		hold(CURFEW_WORK, &things[i], names[i]);
	}
	for (int i = 0; i < THINGS; i++) { /* now the last is the oldest, and so on */
		hold_become(&things[(i * 7 + 1) % THINGS].hold, &thing_ops, names[THINGS - 1 - i],
			timeline.now);
		timeline_advance_ms(1);
	}
	write_status();
	assert_text("held", "total", "301");
	assert_text("held", "kinds", "{\"thing\":301}");
	assert_int_equal(length_of(value("held", "oldest")), CENSUS_OLDEST);
	assert_string_equal(oldest_name(0), "the oldest");
	for (int i = 1; i < CENSUS_OLDEST; i++) {
		assert_string_equal(oldest_name(i), names[THINGS - i]);
	}
	release_all(things, THINGS);
	curfew_hold_release(&old.hold);
}

static void hostile_names_are_text(void **state)
{
	struct thing hostile, endless;
	char name[4096];

	(void)state;
	memset(name, '"', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	hold(CURFEW_WORK, &hostile, HOSTILE);
	timeline_advance_ms(1);
	hold(CURFEW_WORK, &endless, name);
	write_status();
	assert_string_equal(oldest_name(0),
		"<script>alert(\"1\")</script>\\ \n\x01 \xef\xbf\xbd\xef\xbf\xbd end");
	assert_int_equal(strlen(oldest_name(1)), CENSUS_NAME - 1);
	assert_null(memchr(text.data, '\n', text.length));
	curfew_hold_release(&hostile.hold);
	curfew_hold_release(&endless.hold);
}

static void what_the_face_itself_holds_is_nobodys_business(void **state)
{
	struct curfew_drain *own =
		curfew_drain_new(curfew_lifecycle_stage(&life, CURFEW_LOG), "admin", NULL);
	struct thing thing = {.name = "connection"};

	(void)state;
	assert_int_equal(curfew_drain_hold(own, &thing.hold, &thing_ops, thing.name), 0);
	write_status();
	assert_text("held", "total", "0");
	curfew_hold_release(&thing.hold);
	curfew_drain_free(own);
}

static void samples_are_a_second_apart_and_the_last_ones_stay(void **state)
{
	(void)state;
	for (int i = 0; i < STATUS_SAMPLES + 3; i++) {
		request_metrics_begin(&worker);
		write_status();
		timeline_advance_ms(STATUS_SAMPLE_MS / 2);
		write_status();
		timeline_advance_ms(STATUS_SAMPLE_MS / 2);
	}
	struct json_value samples = value("samples", "requests");
	struct json_value first = element(&samples, 0);
	struct json_value last = element(&samples, STATUS_SAMPLES - 1);

	assert_int_equal(length_of(samples), STATUS_SAMPLES);
	assert_int_equal(length_of(value("samples", "work")), STATUS_SAMPLES);
	assert_memory_equal(text.data + first.start, "4,", 2);
	assert_memory_equal(text.data + last.start, "123]", 4);
	assert_text("requests", "in_flight", "123");
}

static void the_last_sample_is_now(void **state)
{
	struct thing thing;

	(void)state;
	write_status();
	timeline_advance_ms(STATUS_SAMPLE_MS);
	write_status();
	hold(CURFEW_WORK, &thing, "thing");
	timeline_advance_ms(STATUS_SAMPLE_MS / 2);
	write_status();
	assert_text("samples", "work", "[0,1]");
	curfew_hold_release(&thing.hold);
	write_status();
	assert_text("samples", "work", "[0,0]");
}

static void samples_begin_anew_after_nobody_has_looked(void **state)
{
	(void)state;
	write_status();
	timeline_advance_ms(STATUS_SAMPLE_MS);
	write_status();
	assert_text("samples", "requests", "[0,0]");
	timeline_advance_ms(2 * STATUS_SAMPLE_MS + 1);
	write_status();
	assert_text("samples", "requests", "[0]");
}

static void write_part(struct buffer *out, void *arg)
{
	buffer_appendf(out, "{\"x\":%d}", *(int *)arg);
}

static void parts_are_told_behind_the_rest(void **state)
{
	int numbers[] = {1, 2};
	struct status_part parts[] = {
		{.name = "first", .write = write_part, .arg = &numbers[0]},
		{.name = "\"second\"", .write = write_part, .arg = &numbers[1]},
	};

	(void)state;
	status_add_part(&status, &parts[0]);
	status_add_part(&status, &parts[1]);
	write_status();
	assert_text("first", "x", "1");
	assert_non_null(
		strstr(buffer_text(&text), ",\"first\":{\"x\":1},\"\\\"second\\\"\":{\"x\":2}}"));
}

static void failed_allocation_shows_in_the_buffer(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		buffer_fini(&text);
		allocation_fail(n);
		status_write(&status, &text);
		failed = allocation_failed();
		assert_int_equal(text.failed, failed);
	}
}

#define status_test(test) cmocka_unit_test_setup_teardown(test, setup_status, teardown_status)

int main(void)
{
	const struct CMUnitTest tests[] = {
		status_test(tells_of_the_start_and_of_running),
		status_test(tells_of_the_end),
		status_test(is_not_ready_from_the_instant_of_the_signal),
		status_test(grace_without_end_is_null),
		status_test(lists_the_oldest_in_whatever_order_they_are_met),
		status_test(hostile_names_are_text),
		status_test(what_the_face_itself_holds_is_nobodys_business),
		status_test(samples_are_a_second_apart_and_the_last_ones_stay),
		status_test(the_last_sample_is_now),
		status_test(samples_begin_anew_after_nobody_has_looked),
		status_test(parts_are_told_behind_the_rest),
		status_test(failed_allocation_shows_in_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
