/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/cache.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LABEL_MOST 63    /* RFC 1035, 2.3.4 */
#define REPLACED "cert-" /* how uacme names what it replaces */

/* Letters, digits and hyphens, none of these at either end (RFC 1123, 2.1). */
static bool is_label(const char *label, size_t length)
{
	if (!length || length > LABEL_MOST || label[0] == '-' || label[length - 1] == '-') {
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)label[i]) && label[i] != '-') {
			return false;
		}
	}
	return true;
}

/* Whether it ends in a number, as addresses do and no name of the DNS. */
static bool ends_in_number(const char *domain)
{
	const char *last = strrchr(domain, '.');

	return last && last[1] && strspn(last + 1, "0123456789") == strlen(last + 1);
}

/* Two labels at least: uacme takes no other, and no CA does. */
static bool is_domain(const char *domain)
{
	size_t labels = 0;

	if (strlen(domain) >= CACHE_DOMAIN || ends_in_number(domain)) {
		return false;
	}
	for (const char *label = domain;; labels++) {
		size_t length = strcspn(label, ".");

		if (!is_label(label, length)) {
			return false;
		}
		if (!label[length]) {
			return labels > 0;
		}
		label += length + 1;
	}
}

static int keep_domain(struct cache *cache, const char *domain, struct buffer *refusal)
{
	if (!is_domain(domain)) {
		buffer_appendf(refusal,
			"--domain: '%.80s' is no domain that a certificate could be for (give a "
			"name such as relay.example.org)",
			domain);
		return -1;
	}
	for (size_t i = 0; domain[i]; i++) {
		cache->domain[i] = (char)tolower((unsigned char)domain[i]);
	}
	return 0;
}

__attribute__((format(printf, 2, 3))) static bool put_path(
	char path[PATH_MAX], const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(path, PATH_MAX, format, args);
	va_end(args);
	return length > 0 && length < PATH_MAX;
}

static int put_paths(struct cache *cache, struct buffer *refusal)
{
	const char *folder = cache->folder;
	const char *domain = cache->domain;

	if (put_path(cache->cert, "%s/%s/cert.pem", folder, domain) &&
		put_path(cache->key, "%s/private/%s/key.pem", folder, domain) &&
		put_path(cache->account, "%s/private/key.pem", folder) &&
		put_path(cache->challenges, "%s/" CACHE_CHALLENGES, folder)) {
		return 0;
	}
	buffer_append_text(refusal, "--cert-cache: the path is too long");
	return -1;
}

/* What is in it is worth our name: it has to be ours, and nobody else's. */
static int check_rights(const char *folder, int fd, struct buffer *refusal)
{
	struct stat status;

	if (fstat(fd, &status) < 0) {
		buffer_appendf(refusal, "--cert-cache: cannot look at %.200s: %s", folder,
			strerror(errno));
		return -1;
	}
	if (status.st_uid != geteuid()) {
		buffer_appendf(refusal,
			"--cert-cache: %.200s belongs to user %u, and we are %u (give it to us: "
			"chown)",
			folder, status.st_uid, geteuid());
		return -1;
	}
	if (status.st_mode & (S_IRWXG | S_IRWXO)) {
		buffer_appendf(refusal,
			"--cert-cache: others may use %.200s, where keys are (chmod 700 %.200s)",
			folder, folder);
		return -1;
	}
	return 0;
}

static int check_folder(const char *folder, struct buffer *refusal)
{
	int result;
	int fd;

	if (mkdir(folder, S_IRWXU) < 0 && errno != EEXIST) {
		buffer_appendf(
			refusal, "--cert-cache: cannot make %.200s: %s", folder, strerror(errno));
		return -1;
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		buffer_appendf(
			refusal, "--cert-cache: cannot open %.200s: %s", folder, strerror(errno));
		return -1;
	}
	result = check_rights(folder, fd, refusal);
	close(fd);
	return result;
}

int cache_open(struct cache *cache, const char *folder, const char *domain, struct buffer *refusal)
{
	*cache = (struct cache){.folder = folder};
	if (keep_domain(cache, domain, refusal) < 0 || put_paths(cache, refusal) < 0) {
		return -1;
	}
	return check_folder(folder, refusal);
}

bool cache_has_account(const struct cache *cache)
{
	return access(cache->account, F_OK) == 0;
}

bool cache_has_certificate(const struct cache *cache)
{
	return access(cache->cert, F_OK) == 0;
}

/* Only files are removed: nobody makes folders in there. */
static int empty_folder(const char *folder)
{
	DIR *open = opendir(folder);
	struct dirent *entry;

	if (!open) {
		return -errno;
	}
	while ((entry = readdir(open))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			(void)unlinkat(dirfd(open), entry->d_name, 0);
		}
	}
	closedir(open);
	return 0;
}

int cache_sweep(const struct cache *cache)
{
	char half[PATH_MAX];

	if (put_path(half, "%s/%s/cert.pem.tmp", cache->folder, cache->domain)) {
		(void)unlink(half);
	}
	if (mkdir(cache->challenges, S_IRWXU) < 0 && errno != EEXIST) {
		return -errno;
	}
	return empty_folder(cache->challenges);
}

/* Reads the time in "cert-TIME.pem"; returns whether it is such a name. */
static bool read_replaced(const char *name, unsigned long long *time)
{
	char *end;

	if (strncmp(name, REPLACED, strlen(REPLACED)) != 0 ||
		!isdigit((unsigned char)name[strlen(REPLACED)])) {
		return false;
	}
	*time = strtoull(name + strlen(REPLACED), &end, 10);
	return strcmp(end, ".pem") == 0;
}

void cache_prune(const struct cache *cache)
{
	char folder[PATH_MAX];
	DIR *open =
		put_path(folder, "%s/%s", cache->folder, cache->domain) ? opendir(folder) : NULL;
	unsigned long long last = 0, time;
	struct dirent *entry;

	while (open && (entry = readdir(open))) {
		last = read_replaced(entry->d_name, &time) && time > last ? time : last;
	}
	if (open) {
		rewinddir(open);
	}
	while (open && (entry = readdir(open))) {
		if (read_replaced(entry->d_name, &time) && time < last) {
			(void)unlinkat(dirfd(open), entry->d_name, 0);
		}
	}
	if (open) {
		closedir(open);
	}
}
