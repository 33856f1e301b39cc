/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that look random and are the same for the same seed, on every machine: xoshiro256**
 * (Blackman and Vigna, 2018), seeded by SplitMix64. Not for secrets. Each thread and each scenario
 * has a stream of its own, so that what one draws does not change what another one does. For
 * exponential and Zipf's numbers the C library has log and exp, whose last bit may differ in
 * another one.
 */
#ifndef LOAD_RANDOM_H
#define LOAD_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state[4];
};

/* stream: tells streams of one seed apart. */
void random_init(struct random *random, uint64_t seed, uint64_t stream);

uint64_t random_bits(struct random *random);

/* 0 to below - 1, each as likely as the others (no modulo bias); below is not 0. */
uint64_t random_below(struct random *random, uint64_t below);

/* 0 <= x < 1, 53 bits of it. */
double random_unit(struct random *random);

/* Exponential with this mean: the time between two arrivals of a Poisson process. */
double random_exponential(struct random *random, double mean);

/* One of several with weights (the alias method: one draw, whatever the count). */
struct random_choice {
	size_t count;
	uint32_t *alias;
	double *keep;
};

/* Weights are finite, not negative, and not all 0. Returns 0, -EINVAL or -ENOMEM. */
int random_choice_init(struct random_choice *choice, const double *weights, size_t count);
void random_choice_fini(struct random_choice *choice);
size_t random_choose(struct random *random, const struct random_choice *choice);

/*
 * Zipf: of count keys key k (0, 1, ...) with a likelihood in proportion to 1 / (k + 1)^s, in
 * constant time and memory (rejection-inversion, Hoermann and Derflinger, 1996). s > 0; 1 is exact,
 * too. count is not 0.
 */
struct random_zipf {
	uint64_t count;
	double s;
	double constants[3];
};

void random_zipf_init(struct random_zipf *zipf, uint64_t count, double s);
uint64_t random_zipf_draw(struct random *random, const struct random_zipf *zipf);

#endif
