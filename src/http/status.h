/* SPDX-License-Identifier: Apache-2.0 */
/* The statuses that have a name (the IANA registry, without what is obsolete). */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

/* Returns the registered reason phrase; "" for a status that has none. */
const char *http_status_reason(unsigned status);

#endif
