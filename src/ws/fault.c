/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/fault.h"

#include <assert.h>

static const struct row {
	uint16_t code;
	const char *text;
} rows[] = {{0, ""},
#define ROW(name, code, text) {code, text},
	WS_FAULTS(ROW)
#undef ROW
};

static const struct row *row_of(enum ws_fault fault)
{
	assert((unsigned)fault < sizeof(rows) / sizeof(rows[0]));
	return &rows[fault];
}

uint16_t ws_fault_code(enum ws_fault fault)
{
	return row_of(fault)->code;
}

const char *ws_fault_text(enum ws_fault fault)
{
	return row_of(fault)->text;
}
