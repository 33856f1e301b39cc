/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate in the cache is worth, and when another one is due. Times are the wall's. */
#ifndef RELAY_CERTIFICATE_H
#define RELAY_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/buffer.h"

#define CERTIFICATE_SERIAL 44 /* bytes of a serial number in hexadecimal, its NUL included */
#define CERTIFICATE_TIME 32   /* bytes of a time as text, its NUL included */

struct certificate {
	time_t not_before, not_after;
	char serial[CERTIFICATE_SERIAL];
};

/*
 * Reads a certificate (PEM, with its chain behind it). Returns 0 if it can be served now: it is the
 * domain's, the key is its own, and it has not expired; or -1 with one line in refusal.
 */
int certificate_read(struct certificate *certificate, const char *cert, const char *key,
	const char *domain, struct buffer *refusal);

/* "2026-11-21T20:15:00Z" */
const char *certificate_time_text(time_t time, char text[CERTIFICATE_TIME]);

/*
 * Returns in how many milliseconds another one is due, 0: it is by now. That is when a third of its
 * time is left: of 90 days 30.
 */
int64_t certificate_due_ms(const struct certificate *certificate, time_t now);

/*
 * Returns DAYS for uacme, which leaves alone what is valid for longer: so that it renews what is
 * due, however short-lived. At least 1, as it wants it.
 */
int certificate_days(const struct certificate *certificate, time_t now);

#endif
