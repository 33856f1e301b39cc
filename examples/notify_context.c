/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program without a loop: its work waits for the token where it would sleep, and so it ends
 * between two steps. Try:
 *
 *	./notify_context & sleep 1; kill %1; wait %1; echo $?
 */
#include <stdio.h>

#include <curfew.h>

static int work(struct curfew_token *token, void *hold)
{
	while (!curfew_token_wait(token, curfew_after_ms(200))) {
		puts("working");
		fflush(stdout);
	}
	printf("ending: %s\n", curfew_token_cause(token).text);
	curfew_hold_release(hold);
	return 0;
}

int main(void)
{
	static const struct curfew_hold_ops ops = {.kind = "work"};
	struct curfew_lifecycle *life = curfew_lifecycle_new(NULL);
	struct curfew_group *group = curfew_group_new(curfew_lifecycle_context(life), CURFEW_NEVER);
	struct curfew_hold hold = {0};
	int code;

	curfew_drain_hold(curfew_lifecycle_stage(life, CURFEW_WORK), &hold, &ops, NULL);
	curfew_group_main(group, "work", work, &hold);
	curfew_lifecycle_ready(life);
	code = curfew_lifecycle_wait(life);
	curfew_group_free(group);
	curfew_lifecycle_free(life);
	return code;
}
