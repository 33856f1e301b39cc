/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines are composed by whoever has something to tell, under a lock, at the end of what waits. The
 * thread that dispatches the lifecycle hands that over to the writer, as many lines at once as have
 * come meanwhile.
 */
#include "admin/journal.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "admin/event.h"
#include "base/clock.h"
#include "base/list.h"
#include "loop/host.h"

const struct journal_event service_events[] = {SERVICE_EVENTS(JOURNAL_EVENT)};

static const char *const level_words[] = {
	[CURFEW_LEVEL_ERROR] = "error",
	[CURFEW_LEVEL_WARNING] = "warning",
	[CURFEW_LEVEL_INFO] = "info",
	[CURFEW_LEVEL_DEBUG] = "debug",
};

/* Returns whether a text may stand without quotes. */
static bool is_plain(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] <= ' ' || text[i] > '~' || strchr("=\"\\", text[i])) {
			return false;
		}
	}
	return length;
}

static void append_number(struct buffer *out, int64_t number)
{
	char digits[24];
	char *at = digits + sizeof(digits);
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (number < 0) {
		*--at = '-';
	}
	buffer_append(out, at, (size_t)(digits + sizeof(digits) - at));
}

static void append_value(struct journal *journal, const struct journal_value *value)
{
	struct buffer *out = &journal->waiting;

	if (value->is_number && !value->text) {
		append_number(out, value->number);
	} else if (value->is_number ||
		(journal->format == JOURNAL_TEXT && is_plain(value->text, value->length))) {
		buffer_append(out, value->text, value->length);
	} else {
		buffer_append_json(out, value->text, value->length);
	}
}

static void append_name(struct journal *journal, const char *name, size_t length)
{
	struct buffer *out = &journal->waiting;

	if (journal->format == JOURNAL_TEXT) {
		buffer_append_char(out, ' ');
		buffer_append(out, name, length);
		buffer_append_char(out, '=');
	} else {
		buffer_append_text(out, ",\"");
		buffer_append(out, name, length);
		buffer_append_text(out, "\":");
	}
}

static void append_fields(struct journal *journal, const struct journal_event *event,
	const struct journal_value *values, size_t count)
{
	const char *name = event->fields;

	for (size_t i = 0; i < count; i++) {
		size_t length = strcspn(name, " ");

		assert(length);
		if (values[i].text || values[i].is_number) {
			append_name(journal, name, length);
			append_value(journal, &values[i]);
		}
		name += length + (name[length] == ' ');
	}
	assert(!*name);
}

/* Appends the time as RFC 3339 has it, to the millisecond. */
static void append_time(struct journal *journal)
{
	struct timespec now;
	char milliseconds[8];

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != journal->second || !journal->second_text[0]) {
		struct tm tm;

		gmtime_r(&now.tv_sec, &tm);
		journal->second = now.tv_sec;
		(void)strftime(journal->second_text, sizeof(journal->second_text),
			"%Y-%m-%dT%H:%M:%S", &tm);
	}
	(void)snprintf(
		milliseconds, sizeof(milliseconds), ".%03dZ", (int)(now.tv_nsec / NS_PER_MS));
	buffer_append_text(&journal->waiting, journal->second_text);
	buffer_append_text(&journal->waiting, milliseconds);
}

static void append_line(struct journal *journal, const struct journal_event *event,
	const struct journal_value *values, size_t count)
{
	struct buffer *out = &journal->waiting;

	if (journal->format == JOURNAL_TEXT) {
		buffer_append_text(out, "time=");
		append_time(journal);
		buffer_appendf(out, " level=%s cmd=%s event=%s", level_words[event->level],
			journal->command, event->name);
		append_fields(journal, event, values, count);
	} else {
		buffer_append_text(out, "{\"time\":\"");
		append_time(journal);
		buffer_appendf(out, "\",\"level\":\"%s\",\"cmd\":\"%s\",\"event\":\"%s\"",
			level_words[event->level], journal->command, event->name);
		append_fields(journal, event, values, count);
		buffer_append_char(out, '}');
	}
	buffer_append_char(out, '\n');
}

/*
 * A line for which there was no memory is dropped, but not those before it, and what comes later is
 * tried again.
 */
static void append_or_drop(struct journal *journal, const struct journal_event *event,
	const struct journal_value *values, size_t count)
{
	size_t before = journal->waiting.length;

	append_line(journal, event, values, count);
	if (journal->waiting.failed) {
		journal->waiting.failed = false;
		journal->waiting.length = before;
		journal->dropped++;
	}
}

static void tell_dropped(struct journal *journal)
{
	const struct journal_value lines = journal_number((int64_t)journal->dropped);

	if (journal->dropped && journal->written_pending < JOURNAL_BULK_MOST / 2) {
		journal->dropped = 0;
		append_or_drop(journal, &service_events[SERVICE_DROPPED], &lines, 1);
	}
}

void journal_write(struct journal *journal, const struct journal_event *event,
	const struct journal_value *values, size_t count)
{
	if (journal_wants(journal, event->level)) {
		journal_put(journal, event, values, count);
	}
}

void journal_put(struct journal *journal, const struct journal_event *event,
	const struct journal_value *values, size_t count)
{
	bool posts = false;

	pthread_mutex_lock(&journal->lock);
	if (event->is_bulk &&
		journal->waiting.length + journal->written_pending >= JOURNAL_BULK_MOST) {
		journal->dropped++;
	} else {
		posts = !journal->waiting.length;
		append_or_drop(journal, event, values, count);
	}
	pthread_mutex_unlock(&journal->lock);
	if (posts) {
		agenda_post(journal->agenda, &journal->hand_over);
	}
}

/* Gives all that waits to the writer. The owner. */
static void hand_over(struct journal *journal)
{
	struct buffer lines;
	size_t pending;

	pthread_mutex_lock(&journal->lock);
	tell_dropped(journal);
	lines = journal->waiting;
	buffer_init(&journal->waiting);
	journal->written_pending += lines.length; /* until it is known better */
	pthread_mutex_unlock(&journal->lock);
	if (lines.length && journal->before) {
		journal->before(journal->before_arg);
	}
	pending = writer_write(&journal->writer, buffer_text(&lines), lines.length);
	pthread_mutex_lock(&journal->lock);
	journal->written_pending = pending;
	pthread_mutex_unlock(&journal->lock);
	buffer_fini(&lines);
}

static void lines_wait(struct task *task)
{
	hand_over(container_of(task, struct journal, hand_over));
}

static void all_written(struct writer *writer)
{
	struct journal *journal = container_of(writer, struct journal, writer);

	pthread_mutex_lock(&journal->lock);
	journal->written_pending = 0;
	pthread_mutex_unlock(&journal->lock);
	hand_over(journal);
}

int journal_init(struct journal *journal, struct curfew_lifecycle *life, int fd,
	const char *command, enum curfew_level level, enum journal_format format)
{
	struct loop *loop = lifecycle_loop(life);
	int error;

	*journal = (struct journal){
		.command = command, .level = level, .format = format, .hand_over.run = lines_wait};
	error = writer_init(&journal->writer, loop, fd, curfew_lifecycle_stage(life, CURFEW_LOG));
	if (error < 0) {
		return error;
	}
	journal->writer.emptied = all_written;
	journal->agenda = &loop->agenda;
	pthread_mutex_init(&journal->lock, NULL);
	return 0;
}

void journal_fini(struct journal *journal, int64_t deadline)
{
	if (!journal->agenda) {
		return;
	}
	agenda_unpost(journal->agenda, &journal->hand_over);
	hand_over(journal);
	writer_flush(&journal->writer, deadline);
	writer_fini(&journal->writer);
	buffer_fini(&journal->waiting);
	pthread_mutex_destroy(&journal->lock);
	journal->agenda = NULL;
}
