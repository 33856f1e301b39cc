/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the page: each appends whole elements, or nothing where it has no rows. */
#ifndef LOAD_HTML_TABLES_H
#define LOAD_HTML_TABLES_H

#include "load/result.h"

void html_latencies(struct buffer *out, const struct result *result);
void html_accounting(struct buffer *out, const struct result *result);
void html_means(struct buffer *out, const struct result *result);
void html_outcomes(struct buffer *out, const struct result *result);
void html_statuses(struct buffer *out, const struct result *result);
void html_scenarios(struct buffer *out, const struct result *result);
void html_sections(struct buffer *out, const struct result *result);
void html_absences(struct buffer *out, const struct result *result);
void html_verdicts(struct buffer *out, const struct result *result);

#endif
