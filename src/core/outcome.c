/* SPDX-License-Identifier: Apache-2.0 */
#include "core/outcome.h"

#include <signal.h>
#include <stddef.h>

static bool insisted(const struct outcome *outcome)
{
	return outcome->insisted;
}

static int insisted_code(const struct outcome *outcome)
{
	return EXIT_CODE_SIGNAL + (outcome->insist_signal ? outcome->insist_signal : SIGTERM);
}

static bool failed(const struct outcome *outcome)
{
	return outcome->reason == CURFEW_FAILURE || outcome->reason == CURFEW_DEADLINE;
}

static int failed_code(const struct outcome *outcome)
{
	(void)outcome;
	return EXIT_CODE_FAILURE;
}

static bool child_killed(const struct outcome *outcome)
{
	return outcome->child.ended && outcome->child.killed;
}

static int child_killed_code(const struct outcome *outcome)
{
	(void)outcome;
	return EXIT_CODE_SIGNAL + SIGKILL;
}

/* The child has a code of its own that speaks for us: all but the death that we asked for. */
static bool child_speaks(const struct outcome *outcome)
{
	const struct outcome_child *child = &outcome->child;

	if (!child->ended || (child->by_us && !child->keep_signal)) {
		return false;
	}
	return child->code || child->signal;
}

static int child_code(const struct outcome *outcome)
{
	const struct outcome_child *child = &outcome->child;

	return child->signal ? EXIT_CODE_SIGNAL + child->signal : child->code;
}

static bool forced(const struct outcome *outcome)
{
	return outcome->forced;
}

static int forced_code(const struct outcome *outcome)
{
	return outcome->forced_exit;
}

/* The first rule that applies decides; where none does, the end was as asked: 0. */
static const struct {
	bool (*applies)(const struct outcome *outcome);
	int (*code)(const struct outcome *outcome);
} rules[] = {
	{insisted, insisted_code},
	{failed, failed_code},
	{child_killed, child_killed_code},
	{child_speaks, child_code},
	{forced, forced_code},
};

int outcome_exit_code(const struct outcome *outcome)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].applies(outcome)) {
			return rules[i].code(outcome);
		}
	}
	return 0;
}
