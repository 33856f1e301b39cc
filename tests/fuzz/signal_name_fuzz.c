/* SPDX-License-Identifier: Apache-2.0 */
/* Signal names: what is read can be written and read again, and the C library's names agree. */
#include <assert.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/signal_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int library_number(const char *name)
{
	for (int number = 1; number < 32; number++) {
		const char *theirs = sigabbrev_np(number);

		if (theirs && !strcasecmp(theirs, name)) {
			return number;
		}
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char name[SIGNAL_NAME_BYTES];
	sigset_t set;
	int number, theirs;

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	number = signal_number(text);
	theirs = library_number(strncasecmp(text, "SIG", 3) != 0 ? text : text + 3);
	assert(!theirs || theirs == number);
	if (number) {
		sigemptyset(&set);
		assert(!sigaddset(&set, number)); /* one that a program may use */
		assert(signal_number(signal_name(number, name)) == number);
	}
	free(text);
	return 0;
}
