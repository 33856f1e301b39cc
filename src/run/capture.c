/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command's lines become log lines on our stdout. When that is slow, the command's pipes are
 * not read, so that memory is bounded and the command is slowed down as it would be by the reader
 * itself.
 */
#include <string.h>
#include <time.h>

#include "base/list.h"
#include "run/runner.h"

#define PIECE 8192       /* bytes of a line in one piece, as for errors */
#define HIGH_WATER 65536 /* pending bytes at which the command is no longer read */

static void append_time(struct buffer *buffer)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	buffer_appendf(buffer, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

static void append_json(
	struct buffer *out, pid_t pid, const char *stream, const char *bytes, size_t length)
{
	buffer_append_text(out, "{\"time\":\"");
	append_time(out);
	buffer_appendf(out,
		"\",\"level\":\"info\",\"cmd\":\"run\",\"event\":\"output\",\"stream\":\"%s\","
		"\"pid\":%d,\"line\":",
		stream, (int)pid);
	buffer_append_json(out, bytes, length);
	buffer_append_text(out, "}\n");
}

static void append_text(
	struct buffer *out, pid_t pid, const char *stream, const char *bytes, size_t length)
{
	buffer_append_text(out, "time=");
	append_time(out);
	buffer_appendf(
		out, " level=info cmd=run event=output stream=%s pid=%d line=", stream, (int)pid);
	buffer_append_json(out, bytes, length);
	buffer_append_text(out, "\n");
}

static void write_line(struct runner *runner, const char *stream, const char *bytes, size_t length)
{
	pid_t pid = curfew_child_pid(runner->child);
	struct buffer out;

	buffer_init(&out);
	if (runner->config->log_format == RUN_LOG_JSON) {
		append_json(&out, pid, stream, bytes, length);
	} else {
		append_text(&out, pid, stream, bytes, length);
	}
	if (writer_write(&runner->capture.writer, buffer_text(&out), out.length) > HIGH_WATER) {
		curfew_child_pause(runner->child);
	}
	buffer_fini(&out);
}

static void written(struct writer *writer)
{
	struct runner *runner = container_of(writer, struct runner, capture.writer);

	if (runner->child) {
		curfew_child_resume(runner->child);
	}
}

static void output_line(const struct line *line, void *arg)
{
	write_line(arg, "stdout", line->bytes, line->length);
}

void capture_output(struct curfew_child *child, const char *bytes, size_t length, void *arg)
{
	struct runner *runner = arg;

	(void)child;
	line_splitter_feed(&runner->capture.lines, bytes, length);
}

void capture_error_line(struct curfew_child *child, const char *line, size_t length, void *arg)
{
	(void)child;
	write_line(arg, "stderr", line, length);
}

void capture_finish(struct runner *runner)
{
	if (runner->config->capture) {
		line_splitter_finish(&runner->capture.lines);
	}
}

int capture_init(struct runner *runner)
{
	struct curfew_drain *log = curfew_lifecycle_stage(runner->life, CURFEW_LOG);
	int error;

	if (!runner->config->capture) {
		return 0;
	}
	error = line_splitter_init(&runner->capture.lines, PIECE, output_line, runner);
	if (error < 0) {
		return error;
	}
	error = writer_init(&runner->capture.writer, runner->loop, 1, log);
	runner->capture.writer.emptied = written;
	return error;
}

void capture_fini(struct runner *runner)
{
	if (runner->config->capture) {
		writer_fini(&runner->capture.writer);
		line_splitter_fini(&runner->capture.lines);
	}
}
