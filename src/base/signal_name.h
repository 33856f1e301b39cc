/* SPDX-License-Identifier: Apache-2.0 */
/* Signals by name: the one table of them. */
#ifndef BASE_SIGNAL_NAME_H
#define BASE_SIGNAL_NAME_H

#define SIGNAL_NAME_BYTES 16 /* of the longest name, its NUL included */

/*
 * Returns the number of "TERM", "SIGTERM", "15", "RTMIN+3" or "RTMAX-1", capital or small; 0 if
 * there is no such signal, or none that a program may use (the two that the C library keeps for
 * itself).
 */
int signal_number(const char *name);

/*
 * Writes the name without SIG ("TERM", "RTMIN+3"; the number where there is none), and returns it.
 */
const char *signal_name(int number, char name[SIGNAL_NAME_BYTES]);

/*
 * Returns the name at an index of the table, aliases included, NULL behind the last: for
 * completion.
 */
const char *signal_name_at(unsigned index);

#endif
