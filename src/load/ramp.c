/* SPDX-License-Identifier: Apache-2.0 */
#include "load/ramp.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

/* The rate of a step, from its number and never added up. */
static double rate_of(const struct ramp *ramp, size_t number)
{
	return ramp->start + (double)number * ramp->step;
}

size_t ramp_stages(const struct ramp *ramp, struct schedule_stage *stages, size_t most)
{
	size_t count = 0;

	while (count < most && rate_of(ramp, count) <= SCHEDULE_RATE_MOST) {
		stages[count] = (struct schedule_stage){
			.rate = rate_of(ramp, count), .for_ns = ramp->every_ns};
		count++;
	}
	return count;
}

static void begin_interval(struct ramp *ramp, int64_t now_ns)
{
	tally_reset(&ramp->interval.tally);
	ramp->began_ns = now_ns;
}

int ramp_init(struct ramp *ramp, size_t scenarios)
{
	int status = result_init(&ramp->interval, scenarios);

	assert(ramp->step > 0 && ramp->every_ns > 0);
	ramp->interval.is_open = true;
	ramp->began_ns = 0;
	ramp->passed = 0;
	ramp->is_broken = false;
	ramp->found[0] = '\0';
	return status;
}

void ramp_fini(struct ramp *ramp)
{
	result_fini(&ramp->interval);
}

int64_t ramp_ends(const struct ramp *ramp)
{
	int64_t end_ns;

	return ramp->is_broken ||
			__builtin_mul_overflow((int64_t)ramp->passed + 1, ramp->every_ns, &end_ns)
		? INT64_MAX
		: end_ns;
}

struct result_step ramp_step(const struct ramp *ramp)
{
	int64_t end_ns = ramp_ends(ramp);

	if (ramp->is_broken) {
		return (struct result_step){0};
	}
	return (struct result_step){.number = (unsigned)ramp->passed + 1,
		.rate = rate_of(ramp, ramp->passed),
		.begin_ns = end_ns - ramp->every_ns,
		.end_ns = end_ns};
}

void ramp_add(struct ramp *ramp, const struct tally *part)
{
	tally_merge(&ramp->interval.tally, part);
}

bool ramp_judge(struct ramp *ramp, int64_t now_ns, uint64_t in_flight)
{
	if (ramp->is_broken || now_ns < ramp_ends(ramp)) {
		return !ramp->is_broken;
	}
	ramp->interval.ran_ns = now_ns - ramp->began_ns;
	ramp->interval.tally.in_flight = in_flight;
	if (threshold_judge(&ramp->condition, &ramp->interval, ramp->found) == 1) {
		ramp->passed = (size_t)(now_ns / ramp->every_ns);
	} else {
		ramp->is_broken = true;
	}
	begin_interval(ramp, now_ns);
	return !ramp->is_broken;
}

double ramp_passed(const struct ramp *ramp)
{
	return ramp->passed ? rate_of(ramp, ramp->passed - 1) : 0;
}

double ramp_broke(const struct ramp *ramp)
{
	return ramp->is_broken ? rate_of(ramp, ramp->passed) : 0;
}

static void tell_rate(struct result_section *section, const char *name, double rate)
{
	struct result_row *row = &section->rows[section->row_count++];

	snprintf(row->name, sizeof(row->name), "%s", name);
	if (rate > 0) {
		snprintf(row->text, sizeof(row->text), "%.9g/s", rate);
	} else {
		snprintf(row->text, sizeof(row->text), "none");
	}
	row->value = rate;
}

void ramp_tell(const struct ramp *ramp, struct result_section *section)
{
	struct result_row *row;

	*section = (struct result_section){.name = "ramp"};
	tell_rate(section, "highest_passed", ramp_passed(ramp));
	tell_rate(section, "broke_at", ramp_broke(ramp));
	if (ramp->found[0]) {
		row = &section->rows[section->row_count++];
		snprintf(row->name, sizeof(row->name), "found");
		snprintf(row->text, sizeof(row->text), "%s", ramp->found);
		row->value = NAN;
	}
}
