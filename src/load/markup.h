/* SPDX-License-Identifier: Apache-2.0 */
/* Text as it may stand in HTML, as content or between double quotes. */
#ifndef LOAD_MARKUP_H
#define LOAD_MARKUP_H

#include "base/buffer.h"

/*
 * Appends a text from outside: nothing in it is markup, what is no UTF-8 or a control character
 * becomes U+FFFD.
 */
void markup_append(struct buffer *out, const char *text);

#endif
