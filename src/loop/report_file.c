/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/report_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/notice.h"

/* Returns -1 with errno where it is closed, though its place is taken. */
static int dup_stderr(void)
{
	return write(STDERR_FILENO, "", 0) < 0 ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
}

int report_file_open(const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = strcmp(path, "-") == 0 ? dup_stderr() : open(path, flags, 0666);

	if (fd < 0) {
		notice("cannot write the report to '%s': %m (name a file that can be written)",
			path);
	}
	return fd;
}

void report_file_write(int fd, struct curfew_lifecycle *life)
{
	char *report = curfew_lifecycle_report(life);

	if (!report || notice_write(fd, report, strlen(report)) < 0) {
		notice("cannot write the report: %m");
	}
	free(report);
}
