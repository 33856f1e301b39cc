/* SPDX-License-Identifier: Apache-2.0 */
/* A lifecycle on a fake clock, things that it holds, and the story of what happens to them. */
#ifndef CORE_LIFECYCLE_SCRIPT_H
#define CORE_LIFECYCLE_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/lifecycle.h"
#include "tests/timeline.h"

static struct curfew_lifecycle life;
static struct curfew_lifecycle_options options;
static char story[1024];

/* Notes what happens, and when, in milliseconds: "draining 0, done 500". */
static inline void tell(const char *what)
{
	size_t length = strlen(story);

	(void)snprintf(story + length, sizeof(story) - length, "%s%s %lld", length ? ", " : "",
		what, (long long)timeline_ms());
}

static inline void on_phase(enum curfew_phase phase, void *arg)
{
	(void)arg;
	tell(curfew_phase_name(phase));
}

static inline int setup(void **state)
{
	timeline_setup(state);
	story[0] = '\0';
	options = (struct curfew_lifecycle_options){
		.grace_ms = 9000,
		.child_reserve_ms = 2000,
		.debounce_ms = 100,
		.on_phase = on_phase,
	};
	return 0;
}

static inline void begin(void)
{
	assert_int_equal(lifecycle_init(&life, &timeline.agenda, &options), 0);
}

static inline void begin_running(void)
{
	begin();
	assert_true(lifecycle_ready(&life));
	story[0] = '\0';
}

static inline void end(int code)
{
	assert_true(curfew_lifecycle_done(&life));
	assert_int_equal(curfew_lifecycle_exit_code(&life), code);
	assert_true(lifecycle_fini(&life));
}

/* A thing that is held, on a stage. */
struct thing {
	struct curfew_hold hold;
	const char *name;
	bool stubborn; /* not even a cut ends it */
	struct timer timer;
	int64_t takes_ms; /* to finish; 0: for ever */
};

static inline void thing_ended(struct timer *timer)
{
	struct thing *thing = container_of(timer, struct thing, timer);

	tell(thing->name);
	curfew_hold_release(&thing->hold);
}

static inline void finish_thing(struct curfew_hold *hold)
{
	struct thing *thing = container_of(hold, struct thing, hold);

	if (thing->takes_ms) {
		agenda_start(&timeline.agenda, &thing->timer, curfew_after_ms(thing->takes_ms));
	}
}

static inline void cut_thing(struct curfew_hold *hold)
{
	struct thing *thing = container_of(hold, struct thing, hold);

	agenda_stop(&timeline.agenda, &thing->timer);
	if (!thing->stubborn) {
		tell(thing->name);
		curfew_hold_release(hold);
	}
}

static const struct curfew_hold_ops thing_ops = {"thing", finish_thing, cut_thing};

static inline void hold(enum curfew_stage stage, struct thing *thing, const char *name)
{
	*thing = (struct thing){.name = name, .timer.fired = thing_ended};
	assert_int_equal(curfew_drain_hold(curfew_lifecycle_stage(&life, stage), &thing->hold,
				 &thing_ops, name),
		0);
}

static inline void stop_by(int signal)
{
	lifecycle_signal(&life, signal, 77);
	timeline_settle();
}

#define lifecycle_test(test) cmocka_unit_test_setup_teardown(test, setup, timeline_teardown)

#endif
