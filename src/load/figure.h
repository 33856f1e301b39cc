/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for people: three digits where there is a unit, groups of three where there is none. The
 * text of one is used within the same expression: figure_time(ns).text.
 */
#ifndef LOAD_FIGURE_H
#define LOAD_FIGURE_H

#include <stdint.h>

#include "base/buffer.h"

struct figure {
	char text[40];
};

struct figure figure_count(uint64_t count);   /* "12 345" */
struct figure figure_time(int64_t ns);        /* "850 ns", "1.23 ms", "45.6 s", "2 min 05 s" */
struct figure figure_micros(int64_t us);      /* the same, of a histogram's unit */
struct figure figure_rate(double per_second); /* "0.25/s", "999.7/s", "12 345/s" */
struct figure figure_bytes(uint64_t bytes);   /* "512 B", "1.23 MB": powers of 1000 */

/*
 * A part of a whole: "0.12 %", "99.9 %". Only what is nothing is "0 %" and only what is all is
 * "100 %": what is nearly so is "<0.01 %" and ">99.99 %". "-" of nothing.
 */
struct figure figure_share(uint64_t part, uint64_t whole);

/*
 * Appends a text from outside for a terminal: what would control one, or is no UTF-8, becomes
 * U+FFFD.
 */
void figure_append_text(struct buffer *out, const char *text);

#endif
