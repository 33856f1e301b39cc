/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key, and its file. Replicas that share a folder may start at the same time: each writes a key
 * to a file of its own and links it to the name, which succeeds for one of them; then all read what
 * is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int take_key(struct session_key *key, const unsigned char *bytes, size_t length)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned size;
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	key->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (!key->mac || !EVP_Digest(bytes, length, hash, &size, EVP_sha256(), NULL) ||
		!EVP_MAC_init(key->mac, hash, size, params)) {
		session_key_fini(key);
	}
	OPENSSL_cleanse(hash, sizeof(hash));
	return key->mac ? 0 : -1;
}

void session_key_fini(struct session_key *key)
{
	EVP_MAC_CTX_free(key->mac);
	key->mac = NULL;
}

static bool write_random(int fd)
{
	unsigned char bytes[SESSION_KEY_BYTES];
	bool written;

	if (RAND_priv_bytes(bytes, sizeof(bytes)) != 1) {
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
		result = take_key(key, bytes, (size_t)length);
		if (result < 0) {
			buffer_appendf(refusal, "cannot use the session key: out of memory");
		}
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return result;
}

static int random_key(struct session_key *key, struct buffer *refusal)
{
	unsigned char bytes[SESSION_KEY_BYTES];

	if (RAND_priv_bytes(bytes, sizeof(bytes)) != 1 || take_key(key, bytes, sizeof(bytes)) < 0) {
		buffer_appendf(refusal, "cannot make a session key: OpenSSL has no random bytes");
		return -1;
	}
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
