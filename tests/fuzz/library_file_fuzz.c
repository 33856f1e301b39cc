/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin's file before it is loaded. What is good has no refusal, and what is refused has one of
 * one line that begins with the path.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "serve/library_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer refusal = {0};
	char path[64];
	int fd = memfd_create("plugin", MFD_CLOEXEC);

	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (library_file_check(path, &refusal)) {
		assert(!refusal.length);
	} else {
		assert(strncmp(buffer_text(&refusal), path, strlen(path)) == 0);
		assert(!strchr(buffer_text(&refusal), '\n'));
	}
	buffer_fini(&refusal);
	close(fd);
	return 0;
}
