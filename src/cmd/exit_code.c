/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/exit_code.h"

#include <stddef.h>

#include "core/outcome.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

const struct exit_code exit_codes[] = {
	{"0", "ended as asked: by a signal, by its own duration, or because its work was done"},
	{TEXT(EXIT_CODE_FAILURE),
		"a failure while running; it counts also when a signal follows it"},
	{TEXT(EXIT_CODE_USAGE), "refused at the start: usage or configuration"},
	{TEXT(EXIT_CODE_CANNOT_EXECUTE), "the command cannot be executed"},
	{TEXT(EXIT_CODE_NOT_FOUND), "the command was not found"},
	{TEXT(EXIT_CODE_SIGNAL) "+n",
		"signal n ended it: the command died of a signal that was not ours (137: it had to "
		"be "
		"killed), or a second signal insisted"},
	{NULL, NULL},
};
