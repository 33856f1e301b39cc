/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libuv program whose loop carries a lifecycle. Try:
 *
 *	./uv_host & sleep 1; kill %1; wait %1; echo $?
 *
 * The timer is a hold: the end waits until the tick that is due has come.
 */
#include <err.h>
#include <stdio.h>

#include <curfew.h>
#include <curfew/uv.h>

#define TICK_MS 300

static uv_timer_t timer;
static struct curfew_hold hold;

static void closed(uv_handle_t *handle)
{
	(void)handle;
	curfew_hold_release(&hold);
}

static void tick(uv_timer_t *handle)
{
	puts("tick");
	fflush(stdout);
	if (uv_timer_get_repeat(handle) == 0) {
		uv_close((uv_handle_t *)handle, closed);
	}
}

static void finish(struct curfew_hold *asked)
{
	(void)asked;
	puts("ending after one more tick");
	uv_timer_set_repeat(&timer, 0);
}

static const struct curfew_hold_ops timer_ops = {.kind = "timer", .finish = finish};

int main(void)
{
	struct curfew_lifecycle *life = curfew_lifecycle_new(NULL);
	uv_loop_t *loop = uv_default_loop();
	uv_poll_t poller;
	int code;

	if (!life || curfew_uv_attach(loop, &poller, life)) {
		errx(1, "cannot start");
	}
	uv_timer_init(loop, &timer);
	uv_timer_start(&timer, tick, TICK_MS, TICK_MS);
	curfew_drain_hold(curfew_lifecycle_stage(life, CURFEW_WORK), &hold, &timer_ops, "tick");
	curfew_lifecycle_ready(life);
	uv_run(loop, UV_RUN_DEFAULT);
	code = curfew_lifecycle_exit_code(life);
	curfew_lifecycle_free(life);
	return code;
}
