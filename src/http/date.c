/* SPDX-License-Identifier: Apache-2.0 */
#include "http/date.h"

#include <stdio.h>

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Not by strftime, whose names are those of the locale. */
const char *http_date_line(struct http_date *date, time_t second)
{
	struct tm calendar;
	time_t epoch = 0;

	if (date->line[0] && date->second == second) {
		return date->line;
	}
	if (!gmtime_r(&second, &calendar) || calendar.tm_year < -1899 || calendar.tm_year > 8099) {
		gmtime_r(&epoch, &calendar);
	}
	/* The remainders are what the values are, for a compiler that measures the text. */
	snprintf(date->line, sizeof(date->line), "Date: %s, %02u %s %04u %02u:%02u:%02u GMT\r\n",
		days[(unsigned)calendar.tm_wday % 7], (unsigned)calendar.tm_mday % 100,
		months[(unsigned)calendar.tm_mon % 12], (unsigned)(calendar.tm_year + 1900) % 10000,
		(unsigned)calendar.tm_hour % 100, (unsigned)calendar.tm_min % 100,
		(unsigned)calendar.tm_sec % 100);
	date->second = second;
	return date->line;
}
