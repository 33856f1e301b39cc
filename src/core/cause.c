/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cause.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define REASON_ROW(name, word, text) {word, text},
static const struct {
	const char *word;
	const char *text;
} reasons[] = {CURFEW_REASONS(REASON_ROW)};

const char *curfew_reason_name(enum curfew_reason reason)
{
	assert((size_t)reason < sizeof(reasons) / sizeof(reasons[0]));
	return reasons[reason].word;
}

const char *cause_reason_text(enum curfew_reason reason)
{
	assert((size_t)reason < sizeof(reasons) / sizeof(reasons[0]));
	return reasons[reason].text;
}

struct curfew_cause cause_make(enum curfew_reason reason, const char *text)
{
	struct curfew_cause cause = {.reason = reason, .origin = reason};

	if (text) {
		strncpy(cause.text, text, sizeof(cause.text) - 1);
	}
	return cause;
}
