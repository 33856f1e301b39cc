/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of option: what each wants, and how its text becomes a value. */
#ifndef CMD_OPTION_VALUE_H
#define CMD_OPTION_VALUE_H

#include "cmd/option.h"

/* Sets the option's field in config. Returns NULL, or why not, as base/text.h does. */
const char *option_set(const struct option *option, void *config, const char *text);

/* Appends what the option wants: "a duration such as 10s, 500ms or inf". */
void option_wants(const struct option *option, struct buffer *out);

#endif
