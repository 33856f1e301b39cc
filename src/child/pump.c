/* SPDX-License-Identifier: Apache-2.0 */
#include "child/pump.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/list.h"

#define READ_BYTES 16384
#define READS 16 /* in one dispatch: others have a turn */

static bool is_open(const struct pump *pump)
{
	return pump->loop && pump->source.fd >= 0;
}

static void end(struct pump *pump)
{
	pump_fini(pump);
	pump->read(pump, NULL, 0); /* may free the pump */
}

/*
 * Nothing is left of what was there when the writer went. The pipe is empty then, and nobody would
 * tell us, for somebody else may hold its other end.
 */
static bool ended(struct pump *pump)
{
	if (!is_open(pump)) {
		return true;
	}
	if (!pump->finishing || pump->left) {
		return false;
	}
	end(pump);
	return true;
}

/*
 * Reads once. Returns whether there may be more to read now; the pump may be gone where there is
 * not. What comes behind a read that did not fill its room is told by the next dispatch, which
 * costs less than a read that finds nothing.
 */
static bool read_once(struct pump *pump)
{
	char bytes[READ_BYTES];
	size_t room = pump->finishing && pump->left < sizeof(bytes) ? pump->left : sizeof(bytes);
	ssize_t length = room ? read(pump->source.fd, bytes, room) : 0;

	if (length > 0) {
		pump->left -= pump->finishing ? (size_t)length : 0;
		pump->read(pump, bytes, (size_t)length);
		return !ended(pump) && (size_t)length == room;
	}
	if (length < 0 && errno == EINTR) {
		return true;
	}
	if (length == 0 || errno != EAGAIN || pump->finishing) {
		end(pump);
	}
	return false;
}

static void readable(struct source *source, uint32_t events)
{
	struct pump *pump = container_of(source, struct pump, source);

	(void)events;
	for (int i = 0; i < READS && !pump->paused; i++) {
		if (!read_once(pump)) {
			return;
		}
	}
}

int pump_init(struct pump *pump, struct loop *loop, int fd,
	void (*read)(struct pump *pump, const char *bytes, size_t length))
{
	*pump = (struct pump){
		.loop = loop,
		.source = {.fd = fd, .ready = readable},
		.read = read,
	};
	return loop_watch(loop, &pump->source, EPOLLIN);
}

void pump_fini(struct pump *pump)
{
	if (is_open(pump)) {
		loop_unwatch(pump->loop, &pump->source);
		close(pump->source.fd);
		pump->source.fd = -1;
	}
}

void pump_pause(struct pump *pump)
{
	pump->paused = true;
	if (is_open(pump)) {
		loop_unwatch(pump->loop, &pump->source);
	}
}

void pump_resume(struct pump *pump)
{
	pump->paused = false;
	if (is_open(pump)) {
		(void)loop_watch(pump->loop, &pump->source, EPOLLIN);
	}
}

static size_t bytes_there(const struct pump *pump)
{
	int there = 0;

	(void)ioctl(pump->source.fd, FIONREAD, &there);
	return (size_t)there;
}

void pump_finish(struct pump *pump)
{
	if (!is_open(pump) || pump->finishing) {
		return;
	}
	pump->finishing = true;
	pump->left = bytes_there(pump);
	if (!pump->left) {
		end(pump);
	}
}

size_t pump_abort(struct pump *pump)
{
	size_t there;

	if (!is_open(pump)) {
		return 0;
	}
	there = bytes_there(pump);
	end(pump);
	return there;
}
