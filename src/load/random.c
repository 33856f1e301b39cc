/* SPDX-License-Identifier: Apache-2.0 */
#include "load/random.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* The upper half of a product is how a number of 64 bits is scaled without a division. */
__extension__ typedef unsigned __int128 product;

/* What SplitMix64 makes of its counter; 0 stays 0. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t rotate(uint64_t bits, unsigned by)
{
	return bits << by | bits >> (64 - by);
}

/* Stream 0 is what others that seed by SplitMix64 have for this seed. */
void random_init(struct random *random, uint64_t seed, uint64_t stream)
{
	uint64_t counter = seed ^ mix(stream);

	for (size_t i = 0; i < 4; i++) {
		counter += 0x9e3779b97f4a7c15;
		random->state[i] = mix(counter);
	}
}

uint64_t random_bits(struct random *random)
{
	uint64_t *state = random->state;
	uint64_t bits = rotate(state[1] * 5, 7) * 9;
	uint64_t shifted = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= shifted;
	state[3] = rotate(state[3], 45);
	return bits;
}

/* Lemire, "Fast random integer generation in an interval", 2019. */
uint64_t random_below(struct random *random, uint64_t below)
{
	product scaled;

	assert(below > 0);
	scaled = (product)random_bits(random) * below;
	if ((uint64_t)scaled < below) {
		uint64_t refused = -below % below;

		while ((uint64_t)scaled < refused) {
			scaled = (product)random_bits(random) * below;
		}
	}
	return (uint64_t)(scaled >> 64);
}

static double unit_of(uint64_t bits)
{
	return (double)(bits >> 11) * 0x1p-53;
}

double random_unit(struct random *random)
{
	return unit_of(random_bits(random));
}

double random_exponential(struct random *random, double mean)
{
	return -log1p(-random_unit(random)) * mean;
}

/* Returns the heaviest one, or count if these are no weights. */
static size_t heaviest(const double *weights, size_t count)
{
	size_t most = 0;

	for (size_t i = 0; i < count; i++) {
		if (!isfinite(weights[i]) || weights[i] < 0) {
			return count;
		}
		most = weights[i] > weights[most] ? i : most;
	}
	return count && weights[most] > 0 ? most : count;
}

/*
 * Sets keep to the weights, such that 1 is the mean; in two steps, since the sum of large ones need
 * not be a number.
 */
static void scale(double *keep, const double *weights, size_t count, double most)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++) {
		sum += weights[i] / most;
	}
	for (size_t i = 0; i < count; i++) {
		keep[i] = weights[i] / most / sum * (double)count;
	}
}

/*
 * Vose, 1991: one that is lighter than the mean is filled up from one that is heavier. The light
 * ones lie at the front of `order`, the heavy ones at its end. What is left when one of the kinds
 * is used up differs from the mean by rounding only; so it is never one without weight.
 */
static void fill(struct random_choice *choice, uint32_t *order)
{
	size_t count = choice->count, light = 0, heavy = count;

	for (size_t i = 0; i < count; i++) {
		order[choice->keep[i] < 1 ? light++ : --heavy] = (uint32_t)i;
	}
	while (light > 0 && heavy < count) {
		uint32_t giver = order[heavy], taker = order[--light];

		choice->alias[taker] = giver;
		choice->keep[giver] -= 1 - choice->keep[taker];
		if (choice->keep[giver] < 1) {
			heavy++;
			order[light++] = giver;
		}
	}
	while (light > 0 || heavy < count) {
		uint32_t left = light > 0 ? order[--light] : order[heavy++];

		choice->alias[left] = left;
		choice->keep[left] = 1;
	}
}

int random_choice_init(struct random_choice *choice, const double *weights, size_t count)
{
	size_t most = count <= UINT32_MAX ? heaviest(weights, count) : count;
	uint32_t *order;

	*choice = (struct random_choice){0};
	if (most == count) {
		return -EINVAL;
	}
	order = malloc(count * sizeof(*order));
	choice->alias = malloc(count * sizeof(*choice->alias));
	choice->keep = malloc(count * sizeof(*choice->keep));
	if (!order || !choice->alias || !choice->keep) {
		free(order);
		random_choice_fini(choice);
		return -ENOMEM;
	}
	choice->count = count;
	scale(choice->keep, weights, count, weights[most]);
	fill(choice, order);
	free(order);
	return 0;
}

void random_choice_fini(struct random_choice *choice)
{
	free(choice->alias);
	free(choice->keep);
	*choice = (struct random_choice){0};
}

/* The upper half of the product says which, the lower one whether it is kept. */
size_t random_choose(struct random *random, const struct random_choice *choice)
{
	product scaled = (product)random_bits(random) * choice->count;
	size_t which = (size_t)(scaled >> 64);

	return unit_of((uint64_t)scaled) < choice->keep[which] ? which : choice->alias[which];
}

/* log(1 + x) / x and (exp(x) - 1) / x, which are 1 at 0. */
static double log_ratio(double x)
{
	return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

static double exp_ratio(double x)
{
	return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

/* The density x^-s, its integral from 1, and the inverse of that; s = 1 is no case of its own. */
static double density(double s, double x)
{
	return exp(-s * log(x));
}

static double integral(double s, double x)
{
	return exp_ratio((1 - s) * log(x)) * log(x);
}

static double integral_inverse(double s, double area)
{
	double scaled = area * (1 - s);

	return exp(log_ratio(scaled > -1 ? scaled : -1) * area);
}

enum { AREA_BEGIN, AREA_END, SQUEEZE };

void random_zipf_init(struct random_zipf *zipf, uint64_t count, double s)
{
	assert(count > 0 && s > 0 && isfinite(s));
	zipf->count = count;
	zipf->s = s;
	zipf->constants[AREA_BEGIN] = integral(s, 1.5) - 1;
	zipf->constants[AREA_END] = integral(s, (double)count + 0.5);
	zipf->constants[SQUEEZE] = 2 - integral_inverse(s, integral(s, 2.5) - density(s, 2));
}

/*
 * A point below the density, by the inverse of its integral, is rounded to the nearest key, and
 * taken if it lies within that key's part of the area: mostly at once, by the squeeze.
 */
uint64_t random_zipf_draw(struct random *random, const struct random_zipf *zipf)
{
	const double *constants = zipf->constants;
	double count = (double)zipf->count;

	for (;;) {
		double area = constants[AREA_END] +
			random_unit(random) * (constants[AREA_BEGIN] - constants[AREA_END]);
		double x = integral_inverse(zipf->s, area);
		double key = floor(x + 0.5);

		key = key < 1 ? 1 : key > count ? count : key;
		if (key - x <= constants[SQUEEZE] ||
			area >= integral(zipf->s, key + 0.5) - density(zipf->s, key)) {
			uint64_t drawn = (uint64_t)key - 1;

			return drawn < zipf->count ? drawn : zipf->count - 1;
		}
	}
}
