/* SPDX-License-Identifier: Apache-2.0 */
/* The Date of responses (RFC 9110, 5.6.7), made once a second. */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <time.h>

#define HTTP_DATE_LINE 37 /* bytes */

/* Zeroed at the start; one for each thread. */
struct http_date {
	time_t second;
	char line[HTTP_DATE_LINE + 1];
};

/*
 * Returns the field for a second of the calendar's clock, "Date: Sun, 06 Nov 1994 08:49:37 GMT" and
 * CRLF; valid until the next call. A second outside the years 1 to 9999 gives the one of 1970.
 */
const char *http_date_line(struct http_date *date, time_t second);

#endif
