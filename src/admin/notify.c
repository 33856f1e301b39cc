/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/census.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "core/lifecycle.h"

#define TICK_MS 1000
#define RETRY_MS 100
#define EXTEND_MS 10000 /* for more progress to be made */

static struct curfew_lifecycle *life_of(const struct notifier *notifier)
{
	return notifier->metrics->life;
}

/* Makes the address that NOTIFY_SOCKET names; an @ stands for the NUL of an abstract name. */
static int parse_address(struct notifier *notifier, const char *name)
{
	size_t length = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || length < 2 ||
		length >= sizeof(notifier->address.sun_path)) {
		return -EINVAL;
	}
	notifier->address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(notifier->address.sun_path, name, length);
	if (name[0] == '@') {
		notifier->address.sun_path[0] = '\0';
	}
	notifier->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 0;
}

static void stop(struct notifier *notifier)
{
	agenda_stop(notifier->agenda, &notifier->tick);
	close(notifier->fd);
	notifier->fd = -1;
}

/* Returns whether the socket took it; one that nobody reads any more is given up. */
static bool say(struct notifier *notifier, const struct buffer *message)
{
	ssize_t n = -1;

	if (!message->failed) {
		n = sendto(notifier->fd, message->data, message->length,
			MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&notifier->address,
			notifier->length);
	}
	if (n < 0 && !message->failed && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
		log_message(CURFEW_LEVEL_WARNING, "NOTIFY_SOCKET: error %d, given up", errno);
		stop(notifier);
	}
	return n >= 0;
}

static void append_held(struct buffer *text, const struct census *census)
{
	buffer_appendf(text, ", %llu held", (unsigned long long)census->held);
	for (size_t i = 0; i < census->kind_count; i++) {
		buffer_appendf(text, "%s%llu %s", i ? ", " : " (",
			(unsigned long long)census->kinds[i].held, census->kinds[i].kind);
	}
	buffer_append_text(text, census->kind_count ? ")" : "");
}

/* "draining: 12 completed, 3 held (2 request, 1 child), 21 s left" */
static void append_status(struct buffer *text, const struct notifier *notifier,
	const struct census *census, enum curfew_phase phase)
{
	const struct curfew_lifecycle *life = life_of(notifier);
	int64_t deadline = curfew_lifecycle_grace_deadline(life);

	if (!notifier->stopping) {
		buffer_append_text(text, phase == CURFEW_RUNNING ? "ready" : "starting");
		return;
	}
	buffer_appendf(text, "%s: %llu completed", curfew_phase_name(phase),
		(unsigned long long)atomic_load(&life->counts[CURFEW_REQUESTS_COMPLETED]));
	append_held(text, census);
	if (deadline != CURFEW_NEVER) {
		buffer_appendf(text, ", %lld s left",
			(long long)(clock_ms_between(curfew_now(), deadline) / 1000));
	}
}

/* Whether something was finished since the last time that this was asked. */
static bool has_progressed(struct notifier *notifier, const struct census *census)
{
	uint64_t ended = metrics_ended(notifier->metrics);
	bool progressed = ended > notifier->ended || census->held < notifier->held;

	notifier->ended = ended;
	notifier->held = census->held;
	return progressed;
}

static void await_next(struct notifier *notifier, enum curfew_phase phase)
{
	int64_t ms = notifier->owed ? RETRY_MS : TICK_MS;
	bool wanted = notifier->owed || (notifier->stopping && phase != CURFEW_DONE);

	if (notifier->fd >= 0) {
		agenda_start(notifier->agenda, &notifier->tick,
			wanted ? curfew_after_ms(ms) : CURFEW_NEVER);
	}
}

/* Says what is owed, the status if it has changed, and in the end whether there was progress. */
static void tell(struct notifier *notifier, enum curfew_phase phase)
{
	struct buffer message = {0};
	struct buffer status = {0};
	struct census census;

	census_take(&census, life_of(notifier));
	append_status(&status, notifier, &census, phase);
	buffer_append_text(&message, notifier->owed ? notifier->owed : "");
	if (!status.failed &&
		strncmp(buffer_text(&status), notifier->said, NOTIFY_STATUS - 1) != 0) {
		buffer_appendf(&message, "STATUS=%.*s\n", NOTIFY_STATUS - 1, buffer_text(&status));
	}
	if (has_progressed(notifier, &census) && notifier->stopping && !notifier->owed &&
		phase != CURFEW_DONE) {
		buffer_appendf(&message, "EXTEND_TIMEOUT_USEC=%d\n", EXTEND_MS * 1000);
	}
	if (message.length && say(notifier, &message)) {
		notifier->owed = NULL;
		(void)snprintf(notifier->said, sizeof(notifier->said), "%s", buffer_text(&status));
	}
	buffer_fini(&status);
	buffer_fini(&message);
	await_next(notifier, phase);
}

static void tick(struct timer *timer)
{
	struct notifier *notifier = container_of(timer, struct notifier, tick);

	tell(notifier, curfew_lifecycle_phase(life_of(notifier)));
}

void notifier_phase(struct notifier *notifier, enum curfew_phase phase)
{
	if (notifier->fd < 0) {
		return;
	}
	if (phase == CURFEW_RUNNING) {
		notifier->owed = "READY=1\n";
	} else if (phase > CURFEW_RUNNING && !notifier->stopping) {
		notifier->stopping = true;
		notifier->owed = "STOPPING=1\n";
	}
	tell(notifier, phase);
}

int notifier_start(struct notifier *notifier, const struct metrics *metrics, struct agenda *agenda)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int error;

	*notifier = (struct notifier){
		.metrics = metrics, .agenda = agenda, .fd = -1, .tick.fired = tick};
	if (!name) {
		return 0;
	}
	error = parse_address(notifier, name);
	(void)unsetenv("NOTIFY_SOCKET");
	if (error) {
		return error;
	}
	notifier->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return notifier->fd < 0 ? -errno : 0;
}

void notifier_fini(struct notifier *notifier)
{
	if (notifier->fd >= 0) {
		stop(notifier);
	}
}
