/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words between a process and the keeper of its child, `curfew run --keeper FD`: one word or
 * line a message, on a SOCK_SEQPACKET socket (unix(7)).
 *
 *	to the keeper	stop		end the tree by the ladder, from the stop signal on
 *			stop MS		the same, with MS milliseconds before SIGKILL
 *			kill		kill the tree
 *			signal N	send a signal to the main process
 *	from the keeper	pid N		the child runs
 *			error ERRNO	it could not be started
 *			ended code=N signal=N by_us=0|1 rung=WORD forced=0|1
 *					it has ended, and something of its tree lives
 *			exit ...	the same, when nothing of its tree does; the last word
 *
 * The end of the socket means that the owner died: the keeper then runs the whole ladder.
 */
#ifndef CHILD_KEEPER_H
#define CHILD_KEEPER_H

#include <stdbool.h>
#include <stddef.h>

#include <curfew/child.h>

#define KEEPER_MESSAGE 128 /* bytes of the longest message, a NUL included */

struct keeper_message {
	enum keeper_word {
		KEEPER_NONE, /* not understood */
		KEEPER_STOP,
		KEEPER_KILL,
		KEEPER_SIGNAL,
		KEEPER_PID,
		KEEPER_ERROR,
		KEEPER_ENDED,
		KEEPER_EXIT
	} word;
	long number; /* STOP: milliseconds, -1 for none given; SIGNAL, PID, ERROR */
	struct curfew_child_exit exit;
};

/* Parses one message, NUL-terminated, a newline at its end allowed. */
struct keeper_message keeper_parse(const char *text);

/* Writes an ended or an exit message without its NUL; returns its length. */
size_t keeper_format_exit(
	enum keeper_word word, const struct curfew_child_exit *exit, char text[KEEPER_MESSAGE]);

/* Sends a message; a peer that is gone is no error. */
void keeper_send(int fd, const char *text);

/*
 * Receives a message. Returns 1; 0 if there is none now; negative errno, -EPIPE at the end of the
 * socket.
 */
int keeper_receive(int fd, struct keeper_message *message);

/* Waits for a message, until deadline. Returns as keeper_receive, -ETIMEDOUT too. */
int keeper_await(int fd, struct keeper_message *message, int64_t deadline);

#endif
