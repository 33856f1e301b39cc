/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers are given. */
#ifndef TEXTS_H
#define TEXTS_H

#include "base/buffer.h"

struct text {
	const char *name;
	void (*write)(struct buffer *out);
};

/* The last has no name. */
extern const struct text texts[];

/* None of these is JSON. The last is NULL. */
extern const char *const malformed[];

#endif
