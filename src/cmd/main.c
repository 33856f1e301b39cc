/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/command.h"
#include "loop/signals.h"

int main(int argc, char **argv)
{
	signals_block(); /* first of all: from here on no signal is lost */
	return command_main(argc, argv);
}
