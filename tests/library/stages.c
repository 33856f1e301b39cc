/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stages: something on each stage that takes 30 ms to finish, and hooks, of which two hang. Says
 * what is asked and what ends; the report goes to standard error. Ends by SIGTERM.
 */
#include <curfew.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct part {
	struct curfew_hold hold;
	const char *name;
	pthread_t thread;
};

/* Blocks for some time, on a token that is never cancelled. */
static void wait_ms(int64_t ms)
{
	struct curfew_context *never = curfew_context_new(NULL, CURFEW_NEVER);

	curfew_token_wait(curfew_context_token(never), curfew_after_ms(ms));
	curfew_context_free(never);
}

static void say(const char *what, const char *name)
{
	printf("%s %s\n", what, name);
	fflush(stdout);
}

static void *end_later(void *arg)
{
	struct part *part = arg;

	wait_ms(30);
	say("ended", part->name);
	curfew_hold_release(&part->hold);
	return NULL;
}

static void finish(struct curfew_hold *hold)
{
	struct part *part = (struct part *)(void *)hold;

	say("finish", part->name);
	pthread_create(&part->thread, NULL, end_later, part);
	pthread_detach(part->thread);
}

static void cut(struct curfew_hold *hold)
{
	say("cut", ((struct part *)(void *)hold)->name);
}

static void run_hook(struct curfew_hook *hook, void *arg)
{
	say("hook", arg);
	curfew_hook_done(hook);
}

static void hang(struct curfew_hook *hook, void *arg)
{
	(void)hook;
	say("hang", arg);
}

static void hang_in_thread(struct curfew_hook *hook, void *arg)
{
	(void)hook;
	say("hang", arg);
	wait_ms(600000);
}

int main(void)
{
	static const struct curfew_hold_ops ops = {.kind = "part", .finish = finish, .cut = cut};
	static struct part parts[CURFEW_STAGES] = {
		{.name = "front"}, {.name = "work"}, {.name = "children"}, {.name = "log"}};
	struct curfew_lifecycle_options options;
	struct curfew_lifecycle *life;
	char *report;
	int code;

	curfew_lifecycle_defaults(&options);
	options.command = "an \"odd\"\tname \xff \xe2\x82\xac";
	life = curfew_lifecycle_new(&options);
	for (int stage = 0; stage < CURFEW_STAGES; stage++) {
		curfew_drain_hold(curfew_lifecycle_stage(life, (enum curfew_stage)stage),
			&parts[stage].hold, &ops, parts[stage].name);
	}
	curfew_lifecycle_hook(life, "first", 1000, run_hook, "first");
	curfew_lifecycle_hook(life, "hanging \"hook\"\n", 100, hang, "callback");
	curfew_lifecycle_hook_threaded(life, "hanging thread", 100, hang_in_thread, "thread");
	curfew_lifecycle_hook(life, "last", 1000, run_hook, "last");
	curfew_lifecycle_ready(life);
	curfew_lifecycle_count(life, CURFEW_REQUESTS_COMPLETED, 1ULL << 40);
	say("up", "all");
	code = curfew_lifecycle_wait(life);
	report = curfew_lifecycle_report(life);
	fputs(report, stderr);
	free(report);
	_exit(curfew_lifecycle_abandoned(life) == 1 ? code : 3);
}
