/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP keepalive: a peer whose machine has died without a word is found out within half a minute, as
 * long as nothing that was written to it waits to be acknowledged; else by TCP's own patience.
 */
#ifndef NET_KEEP_ALIVE_H
#define NET_KEEP_ALIVE_H

#define KEEP_ALIVE_IDLE_S 10 /* of silence, before the peer is asked */
#define KEEP_ALIVE_EVERY_S 4
#define KEEP_ALIVE_TRIES 3

/* For a connected socket; one that is not of TCP stays as it is. */
void keep_alive_socket(int fd);

#endif
