/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drawings of the page as SVG elements, to stand in HTML: no script, no style of their own.
 * Classes say what a shape is (k-refused), the page's style how it looks; titles tell the numbers
 * where the pointer is.
 */
#ifndef LOAD_PLOT_H
#define LOAD_PLOT_H

#include "load/result.h"

/* Latency by the part of requests that was not slower: 0, 50, 90, 99, 99.9 percent... */
void plot_latency_legend(struct buffer *out, const struct result *result);
void plot_latency(struct buffer *out, const struct result *result);

/* Above, what ended in each moment, by kind; below, the latency of what was OK then. */
void plot_timeline(struct buffer *out, const struct result *result);

/* The kinds that are there, and their colours. */
void plot_timeline_legend(struct buffer *out, const struct result *result);

#endif
