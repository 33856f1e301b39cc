/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"

#define AWAIT_S 20

struct timeline timeline;

static void attend(struct agenda *agenda, int64_t due)
{
	(void)agenda;
	pthread_mutex_lock(&timeline.lock);
	timeline.due = due;
	timeline.attended++;
	pthread_cond_signal(&timeline.told);
	pthread_mutex_unlock(&timeline.lock);
}

void timeline_init(void)
{
	timeline.now = TIMELINE_START;
	timeline.due = CURFEW_NEVER;
	timeline.attended = 0;
	pthread_mutex_init(&timeline.lock, NULL);
	pthread_cond_init(&timeline.told, NULL);
	agenda_init(&timeline.agenda, attend);
	clock_fake(&timeline.now);
}

void timeline_fini(void)
{
	clock_fake(NULL);
	agenda_fini(&timeline.agenda);
	pthread_cond_destroy(&timeline.told);
	pthread_mutex_destroy(&timeline.lock);
}

int timeline_setup(void **state)
{
	(void)state;
	timeline_init();
	return 0;
}

int timeline_teardown(void **state)
{
	(void)state;
	timeline_fini();
	return 0;
}

void timeline_settle(void)
{
	int rounds = 0;

	while (agenda_next(&timeline.agenda) <= timeline.now) {
		agenda_run(&timeline.agenda, timeline.now);
		assert_true(++rounds < 100000);
	}
}

void timeline_advance_ms(int64_t ms)
{
	int64_t until = timeline.now + ms * NS_PER_MS;
	int64_t next;

	timeline_settle();
	while ((next = agenda_next(&timeline.agenda)) <= until) {
		timeline.now = next > timeline.now ? next : timeline.now;
		timeline_settle();
	}
	timeline.now = until;
}

int64_t timeline_ms(void)
{
	return (timeline.now - TIMELINE_START) / NS_PER_MS;
}

void timeline_await(void)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += AWAIT_S;
	pthread_mutex_lock(&timeline.lock);
	while (timeline.due > timeline.now && !error) {
		error = pthread_cond_timedwait(&timeline.told, &timeline.lock, &until);
	}
	pthread_mutex_unlock(&timeline.lock);
	assert_int_equal(error, 0);
}
