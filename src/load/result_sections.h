/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a result's JSON, for result_json.c alone. */
#ifndef LOAD_RESULT_SECTIONS_H
#define LOAD_RESULT_SECTIONS_H

#include "load/fields.h"

extern const struct field_kind result_sections_kind; /* struct result_section * */

/* What follows from the rest, of a struct result; read as any object. */
extern const struct field_kind result_summary_kind;

#endif
