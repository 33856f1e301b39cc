/* SPDX-License-Identifier: Apache-2.0 */
/* A system call for each frame would cost more than the frame: each thread has some in store. */
#include "ws/nonce.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#define STORE 256 /* as much as getrandom(2) gives without being interrupted */

void ws_nonce(void *bytes, size_t length)
{
	static _Thread_local unsigned char store[STORE];
	static _Thread_local size_t left;

	assert(length <= WS_NONCE_MOST);
	if (left < length) {
		ssize_t n = getrandom(store, STORE, 0);

		assert(n == STORE);
		left = STORE;
	}
	left -= length;
	memcpy(bytes, store + left, length);
	memset(store + left, 0, length);
}
