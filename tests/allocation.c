/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/allocation.h"

#include <errno.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static _Thread_local int left;
static _Thread_local bool failed;
static _Thread_local bool spares;

void allocation_fail(int n)
{
	left = n;
	failed = false;
}

bool allocation_failed(void)
{
	left = 0;
	return failed;
}

void allocation_spare(bool on)
{
	spares = on;
}

static bool fails(void)
{
	if (spares || left == 0 || --left > 0) {
		return false;
	}
	failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}
