/* SPDX-License-Identifier: Apache-2.0 */
#include "child/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buffer.h"

#define READ_BYTES 4096

/* Reads a file of /proc into a buffer, whose text is "" where that fails. */
static void read_text(const char *path, struct buffer *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;
	char *room;

	buffer_init(text);
	while (fd >= 0 && (room = buffer_reserve(text, READ_BYTES)) &&
		(length = read(fd, room, READ_BYTES)) > 0) {
		buffer_commit(text, (size_t)length);
	}
	if (fd >= 0) {
		close(fd);
	}
}

/* Returns the rest of the line that starts so, NULL if there is none. */
static const char *line_with(const char *text, const char *start)
{
	size_t length = strlen(start);

	while (strncmp(text, start, length) != 0) {
		text = strchr(text, '\n');
		if (!text) {
			return NULL;
		}
		text++;
	}
	return text + length;
}

bool cgroup_join(const char *mount, const char *membership, char *path, size_t size)
{
	const char *own = line_with(membership, "0::/");
	int length;

	if (!own) {
		return false;
	}
	own--; /* its slash */
	length = snprintf(path, size, "%s%.*s", mount, (int)strcspn(own, "\n"), own);
	return length > 0 && (size_t)length < size;
}

/* Returns where the unified hierarchy is mounted, NULL where it is nowhere that is usual. */
static const char *find_mount(void)
{
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		struct statfs stat;

		if (statfs(mounts[i], &stat) == 0 && stat.f_type == CGROUP2_SUPER_MAGIC) {
			return mounts[i];
		}
	}
	return NULL;
}

static bool is_delegated(const char *path)
{
	static const char *const names[] = {"user.delegate", "trusted.delegate"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char value[2];

		if (getxattr(path, names[i], value, sizeof(value)) == 1 && value[0] == '1') {
			return true;
		}
	}
	return false;
}

static bool find_delegated(char path[PATH_MAX])
{
	const char *mount = find_mount();
	struct buffer membership;
	bool found;

	if (!mount) {
		return false;
	}
	read_text("/proc/self/cgroup", &membership);
	found = cgroup_join(mount, buffer_text(&membership), path, PATH_MAX);
	buffer_fini(&membership);
	return found && is_delegated(path);
}

static int open_file(const struct cgroup *cgroup, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", cgroup->path, name);
	return open(path, O_WRONLY | O_CLOEXEC);
}

void cgroup_init(struct cgroup *cgroup)
{
	char path[PATH_MAX];

	*cgroup = (struct cgroup){.procs = -1};
	if (!find_delegated(path) ||
		asprintf(&cgroup->path, "%s/curfew-%d", path, (int)getpid()) < 0) {
		cgroup->path = NULL;
		return;
	}
	if (mkdir(cgroup->path, 0755) == 0) {
		cgroup->procs = open_file(cgroup, "cgroup.procs");
	}
	if (cgroup->procs < 0) {
		cgroup_fini(cgroup);
	}
}

void cgroup_fini(struct cgroup *cgroup)
{
	if (cgroup->procs >= 0) {
		close(cgroup->procs);
	}
	if (cgroup->path) {
		(void)rmdir(cgroup->path);
	}
	free(cgroup->path);
	*cgroup = (struct cgroup){.procs = -1};
}

bool cgroup_kill(const struct cgroup *cgroup)
{
	bool killed;
	int fd;

	if (!cgroup->path) {
		return false;
	}
	fd = open_file(cgroup, "cgroup.kill");
	if (fd < 0) {
		return false;
	}
	killed = write(fd, "1", 1) == 1;
	close(fd);
	return killed;
}
