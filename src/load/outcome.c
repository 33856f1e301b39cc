/* SPDX-License-Identifier: Apache-2.0 */
#include "load/outcome.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct row {
	const char *word, *text;
	bool answered;
};

static const struct row rows[] = {
#define LOAD_OUTCOME(name, word, answered, text) [LOAD_##name] = {word, text, answered},
	LOAD_OUTCOMES(LOAD_OUTCOME)
#undef LOAD_OUTCOME
};

static const struct row *row_of(enum load_outcome outcome)
{
	assert(outcome < LOAD_OUTCOME_COUNT);
	return &rows[outcome];
}

const char *load_outcome_word(enum load_outcome outcome)
{
	return row_of(outcome)->word;
}

const char *load_outcome_text(enum load_outcome outcome)
{
	return row_of(outcome)->text;
}

bool load_outcome_answered(enum load_outcome outcome)
{
	return row_of(outcome)->answered;
}

bool load_outcome_unsafe(enum load_outcome outcome)
{
	switch (outcome) {
	case LOAD_RESET_SENT:
	case LOAD_CLOSED:
	case LOAD_TRUNCATED:
	case LOAD_MALFORMED:
	case LOAD_TIMED_OUT:
		return true;
	default:
		return false;
	}
}

enum load_outcome load_outcome_find(const char *word, unsigned long length)
{
	enum load_outcome outcome = 0;

	while (outcome < LOAD_OUTCOME_COUNT &&
		(strlen(rows[outcome].word) != length ||
			memcmp(rows[outcome].word, word, length) != 0)) {
		outcome++;
	}
	return outcome;
}

enum load_outcome load_outcome_of_error(int error)
{
	switch (error) {
	case -ECONNREFUSED:
		return LOAD_REFUSED;
	case -ETIMEDOUT:
		return LOAD_CONNECT_TIMEOUT;
	case -ECONNRESET:
		return LOAD_RESET_UNSENT;
	case -EKEYREJECTED:
	case -EPROTO:
		return LOAD_TLS;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -ENOBUFS:
	case -EADDRNOTAVAIL:
	case -EADDRINUSE:
		return LOAD_LOCAL;
	default:
		return LOAD_UNREACHABLE;
	}
}

enum load_outcome load_outcome_of_status(unsigned status, bool retry_after)
{
	if (status < 100 || status > 599) {
		return LOAD_MALFORMED;
	}
	if (status < 400) {
		return LOAD_OK;
	}
	if (status < 500) {
		return LOAD_CLIENT_ERROR;
	}
	return status == 503 && retry_after ? LOAD_UNAVAILABLE : LOAD_SERVER_ERROR;
}
