/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run as one HTML file that needs nothing else: no script, no network, light and dark. Its parts
 * stand in report.html as <!--{name}-->, and are filled in here.
 */
#ifndef LOAD_HTML_H
#define LOAD_HTML_H

#include "load/result.h"

extern const char report_page[]; /* made of report.html by the build */
extern const char report_page_policy[];

void html_write(struct buffer *out, const struct result *result);

#endif
