/* SPDX-License-Identifier: Apache-2.0 */
/* The page that shows /status; made of page.html by embed_page.py. */
#ifndef ADMIN_PAGE_H
#define ADMIN_PAGE_H

extern const char admin_page[];

/* Its Content-Security-Policy. */
extern const char admin_page_policy[];

#endif
