/* SPDX-License-Identifier: Apache-2.0 */
#include "load/figure.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

#define S_PER_MIN 60
#define S_PER_H 3600
#define GROUPED_FROM 999.95 /* events a second: from there on parts of one are noise */

struct figure figure_count(uint64_t count)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	struct figure figure;
	size_t at = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0) {
			figure.text[at++] = ' ';
		}
		figure.text[at++] = digits[i];
	}
	figure.text[at] = '\0';
	return figure;
}

/* Writes three digits of a number and the first unit in which it is below a thousand. */
static struct figure scaled(double number, const char *const *units)
{
	struct figure figure;

	while (number >= 999.5 && units[1]) {
		number /= 1000;
		units++;
	}
	(void)snprintf(figure.text, sizeof(figure.text), "%.*f %s",
		number >= 99.95           ? 0
			: number >= 9.995 ? 1
					  : 2,
		number, *units);
	return figure;
}

/* Minutes and more, to the second. */
static struct figure long_time(int64_t seconds)
{
	struct figure figure;

	if (seconds < S_PER_H) {
		(void)snprintf(figure.text, sizeof(figure.text), "%d min %02d s",
			(int)(seconds / S_PER_MIN), (int)(seconds % S_PER_MIN));
	} else {
		(void)snprintf(figure.text, sizeof(figure.text), "%" PRId64 " h %02d min",
			seconds / S_PER_H, (int)(seconds % S_PER_H / S_PER_MIN));
	}
	return figure;
}

struct figure figure_time(int64_t ns)
{
	static const char *const units[] = {"us", "ms", "s", NULL};
	struct figure figure;

	if (ns <= 0) {
		return (struct figure){"0"};
	}
	if (ns < 1000) {
		(void)snprintf(figure.text, sizeof(figure.text), "%d ns", (int)ns);
		return figure;
	}
	if (ns < S_PER_MIN * NS_PER_S - NS_PER_S / 20) {
		return scaled((double)ns / 1000, units);
	}
	return long_time(ns / NS_PER_S + (ns % NS_PER_S >= NS_PER_S / 2));
}

struct figure figure_micros(int64_t us)
{
	return figure_time(us < INT64_MAX / 1000 ? us * 1000 : INT64_MAX);
}

struct figure figure_rate(double per_second)
{
	struct figure figure;

	if (per_second >= GROUPED_FROM) {
		(void)snprintf(figure.text, sizeof(figure.text), "%.30s/s",
			figure_count((uint64_t)(per_second + 0.5)).text);
	} else {
		(void)snprintf(figure.text, sizeof(figure.text), "%.*f/s",
			per_second >= 9.995 ? 1 : 2, per_second);
	}
	return figure;
}

struct figure figure_bytes(uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB", NULL};
	struct figure figure;

	if (bytes < 1000) {
		(void)snprintf(figure.text, sizeof(figure.text), "%d B", (int)bytes);
		return figure;
	}
	return scaled((double)bytes / 1000, units);
}

struct figure figure_share(uint64_t part, uint64_t whole)
{
	double percent = whole ? (double)part * 100 / (double)whole : 0;
	struct figure figure;

	if (!whole) {
		return (struct figure){"-"};
	}
	if (!part || part >= whole) {
		return part ? (struct figure){"100 %"} : (struct figure){"0 %"};
	}
	if (percent < 0.01) {
		return (struct figure){"<0.01 %"};
	}
	if (percent > 99.99) {
		return (struct figure){">99.99 %"};
	}
	(void)snprintf(figure.text, sizeof(figure.text), "%.*f %%",
		percent < 1 || percent > 99 ? 2 : 1, percent);
	return figure;
}

/* C0, DEL, and C1, which is U+0080 to U+009F. */
static bool controls(const char *bytes, size_t length)
{
	unsigned char first = (unsigned char)bytes[0];

	return first < ' ' || first == 0x7f ||
		(length == 2 && first == 0xc2 && (unsigned char)bytes[1] < 0xa0);
}

void figure_append_text(struct buffer *out, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		bool is_ascii = (unsigned char)*text < 0x80, whole = is_ascii;
		size_t length = is_ascii ? 1 : utf8_sequence(text, left, &whole);

		if (whole && !controls(text, length)) {
			buffer_append(out, text, length);
		} else {
			buffer_append_text(out, "\xef\xbf\xbd");
		}
		text += length;
		left -= length;
	}
}
