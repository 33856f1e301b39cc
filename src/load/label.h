/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a run is: labels NAME=VALUE of the user's, for target_info and results. Names are such as
 * Prometheus takes ([a-zA-Z_][a-zA-Z0-9_]*, not from "__" on), each once and not run_id, which is
 * the run's own; values are any UTF-8.
 */
#ifndef LOAD_LABEL_H
#define LOAD_LABEL_H

#include <stddef.h>

#include "base/words.h"

#define LABEL_NAME_MOST 64

/*
 * Returns NULL, or why one of them is refused: words behind "--label 'text'"; *which is its
 * number.
 */
const char *labels_refuse(const struct words *labels, size_t *which);

/* Why an identity of a run is refused, or NULL. */
const char *run_id_refuse(const char *run_id);

/* Of one that was not refused: copies its name, and returns its value, which is borrowed. */
const char *label_split(const char *label, char name[LABEL_NAME_MOST + 1]);

#endif
