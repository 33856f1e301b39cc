/* SPDX-License-Identifier: Apache-2.0 */
/* The statuses that have a name (the IANA registry, without what is obsolete). */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

/* Returns the status line, CRLF included, with the registered reason; NULL where there is none. */
const char *http_status_line(unsigned status);

#endif
