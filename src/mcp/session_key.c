/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key, and its file. Replicas that share a folder may start at the same time: each writes a key
 * to a file of its own and links it to the name, which succeeds for one of them; then all read what
 * is there.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* session_id.h says why */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mcp/session_id.h"

#define MAKE_IT "make it with: head -c 32 /dev/urandom > %s"

/* How to mend it. */
static const char *hint_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "it must be the user's that curfew runs as";
	case ENOENT:
	case ENOTDIR:
		return "make its folder, or name another one";
	case EROFS:
	case EOPNOTSUPP:
	case ENOSYS:
		return "make the file where it is possible, or name a folder that can be written "
		       "to";
	default:
		return NULL;
	}
}

static int refuse(struct buffer *refusal, const char *what, const char *path, int error)
{
	const char *hint = hint_of(error);

	buffer_appendf(refusal, "cannot %s the session key file %s: %s", what, path,
		strerrordesc_np(error) ? strerrordesc_np(error) : "unknown error");
	if (hint) {
		buffer_appendf(refusal, " (%s)", hint);
	}
	return -1;
}

/* A half of the HMAC begins with the key, padded to a block, and changed (RFC 2104, 2). */
static void begin_half(
	SHA256_CTX *half, const unsigned char hash[SHA256_DIGEST_LENGTH], char change)
{
	unsigned char block[SHA256_CBLOCK] = {0};

	memcpy(block, hash, SHA256_DIGEST_LENGTH);
	for (size_t i = 0; i < sizeof(block); i++) {
		block[i] ^= (unsigned char)change;
	}
	(void)SHA256_Init(half);
	(void)SHA256_Update(half, block, sizeof(block));
	OPENSSL_cleanse(block, sizeof(block));
}

static void take_key(struct session_key *key, const unsigned char *bytes, size_t length)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];

	(void)SHA256_Init(&key->inner);
	(void)SHA256_Update(&key->inner, bytes, length);
	(void)SHA256_Final(hash, &key->inner);
	begin_half(&key->inner, hash, 0x36);
	begin_half(&key->outer, hash, 0x5c);
	key->is_there = true;
	OPENSSL_cleanse(hash, sizeof(hash));
}

void session_key_fini(struct session_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

static bool write_random(int fd)
{
	unsigned char bytes[SESSION_KEY_BYTES];
	bool written;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		errno = EIO;
		return false;
	}
	errno = ENOSPC; /* of a short write */
	written = write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) && fsync(fd) == 0;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return written;
}

/* Returns 0 if there is a file afterwards, whoever made it, or a negative errno. */
static int make_file(const char *path)
{
	char name[PATH_MAX];
	int fd, error = 0;

	if (snprintf(name, sizeof(name), "%s.XXXXXX", path) >= (int)sizeof(name)) {
		return -ENAMETOOLONG;
	}
	fd = mkostemp(name, O_CLOEXEC); /* O_EXCL, 0600 */
	if (fd < 0) {
		return -errno;
	}
	if (!write_random(fd) || (link(name, path) < 0 && errno != EEXIST)) {
		error = -errno;
	}
	close(fd);
	unlink(name);
	return error;
}

/* Returns the descriptor of the file, made if need be; -1: refused. */
static int open_file(const char *path, struct buffer *refusal)
{
	/* What is no file, and so refused, shall not make it wait. */
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
	int fd = open(path, flags), error;

	if (fd < 0 && errno == ENOENT) {
		error = make_file(path);
		if (error < 0) {
			return refuse(refusal, "make", path, -error);
		}
		fd = open(path, flags);
	}
	return fd < 0 ? refuse(refusal, "read", path, errno) : fd;
}

/* Reads all of it; returns the length, one more than fits if it is longer; or -1. */
static ssize_t read_file(int fd, unsigned char bytes[SESSION_KEY_MOST + 1])
{
	size_t length = 0;
	ssize_t n = 1;

	while (n > 0 && length <= SESSION_KEY_MOST) {
		n = read(fd, bytes + length, SESSION_KEY_MOST + 1 - length);
		length += n > 0 ? (size_t)n : 0;
	}
	return n < 0 ? -1 : (ssize_t)length;
}

static int read_key(struct session_key *key, int fd, const char *path, struct buffer *refusal)
{
	unsigned char bytes[SESSION_KEY_MOST + 1];
	struct stat about;
	ssize_t length;
	int result = -1;

	if (fstat(fd, &about) == 0 && !S_ISREG(about.st_mode)) {
		buffer_appendf(refusal,
			"the session key file %s is not a file (name one; it is made where there "
			"is none)",
			path);
		return -1;
	}
	length = read_file(fd, bytes);
	if (length < 0) {
		refuse(refusal, "read", path, errno);
	} else if (length < SESSION_KEY_BYTES) {
		buffer_appendf(refusal,
			"the session key file %s has %zd bytes, fewer than %d (" MAKE_IT ")", path,
			length, SESSION_KEY_BYTES, path);
	} else if (length > SESSION_KEY_MOST) {
		buffer_appendf(refusal,
			"the session key file %s has more than %d bytes (" MAKE_IT ")", path,
			SESSION_KEY_MOST, path);
	} else {
		take_key(key, bytes, (size_t)length);
		result = 0;
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return result;
}

static int random_key(struct session_key *key, struct buffer *refusal)
{
	unsigned char bytes[SESSION_KEY_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		buffer_appendf(
			refusal, "cannot make a session key: the kernel has no random bytes");
		return -1;
	}
	take_key(key, bytes, sizeof(bytes));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

int session_key_load(struct session_key *key, const char *path, struct buffer *refusal)
{
	int fd, result;

	if (!path) {
		return random_key(key, refusal);
	}
	fd = open_file(path, refusal);
	if (fd < 0) {
		return -1;
	}
	result = read_key(key, fd, path, refusal);
	close(fd);
	return result;
}
