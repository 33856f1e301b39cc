/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bounds GRACE_MS: work that never ends is cut at its deadline, and a wait for a token ends at its
 * own. Prints how long each took, in milliseconds.
 */
#include <curfew.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void let_go(struct curfew_hold *hold)
{
	curfew_hold_release(hold);
}

int main(int argc, char **argv)
{
	static const struct curfew_hold_ops endless = {.kind = "endless", .cut = let_go};
	struct curfew_lifecycle_options options;
	struct curfew_lifecycle *life;
	struct curfew_context *context;
	struct curfew_hold hold = {0};
	int64_t start = curfew_now();
	time_t wall;

	curfew_lifecycle_defaults(&options);
	options.grace_ms = argc > 1 ? atol(argv[1]) : 300;
	options.child_reserve_ms = 0;
	life = curfew_lifecycle_new(&options);
	curfew_lifecycle_ready(life);
	curfew_drain_hold(curfew_lifecycle_stage(life, CURFEW_WORK), &hold, &endless, NULL);

	context = curfew_context_new(NULL, curfew_after_ms(options.grace_ms));
	curfew_token_wait(curfew_context_token(context), CURFEW_NEVER);
	printf("token %lld\n", (long long)(curfew_now() - start) / 1000000);
	curfew_context_free(context);

	start = curfew_now();
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	curfew_lifecycle_wait(life);
	printf("drain %lld\n", (long long)(curfew_now() - start) / 1000000);
	wall = time(NULL);
	printf("wall %s\n",
		time(NULL) - wall > 3600 || wall - time(NULL) > 3600 ? "jumps" : "goes on");
	curfew_lifecycle_free(life);
	return 0;
}
