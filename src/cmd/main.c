/* SPDX-License-Identifier: Apache-2.0 */
/* curfew: the static program. */
#include "cmd/command.h"
#include "cmd/handover.h"
#include "loop/signals.h"

int main(int argc, char **argv)
{
	signals_block(); /* first of all: from here on no signal is lost */
	return command_main(argc, argv, handover_exec);
}
