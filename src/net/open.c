/* SPDX-License-Identifier: Apache-2.0 */
#include "net/open.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define ACTIVATED_FIRST 3   /* sd_listen_fds(3), SD_LISTEN_FDS_START */
#define ACTIVATED_MOST 1024 /* sockets: more is a mistake */

/* What the kernel says where, and how people mend it. */
static const char *advice(const struct address *address, int error)
{
	static const struct {
		int error;
		bool is_unix;
		const char *text;
	} advices[] = {
		{EACCES, false,
			"permission denied (run with CAP_NET_BIND_SERVICE, or listen above 1024)"},
		{EADDRINUSE, false, "it is in use (end what listens there, or take another port)"},
		{EADDRNOTAVAIL, false,
			"no interface has this address (write :PORT to listen on all of them)"},
		{EAFNOSUPPORT, false, "the kernel has no IPv6 (write an IPv4 address)"},
		{EACCES, true, "permission denied (its folder must be writable for this user)"},
		{EADDRINUSE, true, "it is in use (end what listens there, or take another path)"},
		{EEXIST, true,
			"a file that is no socket is there (remove it, or take another path)"},
		{ENOENT, true, "there is no such folder (create it first)"},
		{ENOTDIR, true, "a part of the path is no folder (take another path)"},
		{EROFS, true, "the file system is read-only (take a path on another one)"},
	};

	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		if (advices[i].error == error && advices[i].is_unix == address->is_unix) {
			return advices[i].text;
		}
	}
	return strerror(error);
}

static void refuse(struct buffer *refusal, const struct address *address, const char *why)
{
	char text[ADDRESS_TEXT];

	buffer_appendf(refusal, "cannot listen on %s: %s", address_text(address, text), why);
}

/*
 * [::] written out is IPv6 alone, so that 0.0.0.0 may stand beside it; "" is both. Accepted sockets
 * inherit TCP_NODELAY.
 */
static void set_options(int fd, const struct address *address, const struct socket_address *at)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&at->storage;
	const int on = 1;

	if (address->is_unix) {
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (six->sin6_family == AF_INET6) {
		const int only = address->host[0] && IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);

		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	}
}

/* Returns a descriptor or a negative errno. */
static int open_socket(const struct address *address, const struct socket_address *at)
{
	int fd = socket(at->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0) {
		return -errno;
	}
	set_options(fd, address, at);
	if (bind(fd, (const struct sockaddr *)&at->storage, at->length) == 0 &&
		listen(fd, LISTEN_BACKLOG) == 0) {
		return fd;
	}
	error = -errno;
	close(fd);
	return error;
}

/* Returns whether somebody listens there, or may do: only a refusal says that nobody does. */
static bool somebody_listens(const struct socket_address *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused;

	if (fd < 0) {
		return true;
	}
	refused = connect(fd, (const struct sockaddr *)&at->storage, at->length) < 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return !refused;
}

/* Removes the file of a socket on which nobody listens. Returns 0 or a negative errno. */
static int remove_stale(const struct address *address, const struct socket_address *at)
{
	struct stat file;

	if (lstat(address->host, &file) < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	if (!S_ISSOCK(file.st_mode)) {
		return -EEXIST;
	}
	if (somebody_listens(at)) {
		return -EADDRINUSE;
	}
	return unlink(address->host) < 0 && errno != ENOENT ? -errno : 0;
}

static int open_unix(const struct address *address, const struct socket_address *at)
{
	int fd = open_socket(address, at);

	if (fd == -EADDRINUSE && address->host[0] != '@') {
		int error = remove_stale(address, at);

		fd = error ? error : open_socket(address, at);
	}
	return fd;
}

/* The first address that a name has on this machine. why: where the name is the trouble. */
static int open_name(const struct address *address, const char **why)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	char port[sizeof("65535")];
	int fd = -EADDRNOTAVAIL;
	int error;

	(void)snprintf(port, sizeof(port), "%u", address->port);
	error = getaddrinfo(address->host, port, &hints, &found);
	if (error) {
		*why = error == EAI_NONAME ? "the name is not known (write an IP address)"
					   : gai_strerror(error);
		return -EADDRNOTAVAIL;
	}
	for (const struct addrinfo *each = found; each && fd == -EADDRNOTAVAIL;
		each = each->ai_next) {
		struct socket_address at = {.length = each->ai_addrlen};

		memcpy(&at.storage, each->ai_addr, each->ai_addrlen);
		fd = open_socket(address, &at);
	}
	freeaddrinfo(found);
	return fd;
}

/* One socket for IPv6 and IPv4; where there is no IPv6, IPv4. */
static int open_all(const struct address *address)
{
	struct socket_address at = {.length = sizeof(struct sockaddr_in6)};
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&at.storage;
	int fd;

	six->sin6_family = AF_INET6;
	six->sin6_port = htons(address->port);
	fd = open_socket(address, &at);
	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
		at.storage.ss_family = AF_INET; /* the port has the same place */
		at.length = sizeof(struct sockaddr_in);
		fd = open_socket(address, &at);
	}
	return fd;
}

int listen_open(const struct address *address, struct buffer *refusal)
{
	struct socket_address at;
	const char *why = NULL;
	int fd;

	if (address->is_unix) {
		(void)address_literal(address, &at);
		fd = open_unix(address, &at);
	} else if (!address->host[0]) {
		fd = open_all(address);
	} else if (address_literal(address, &at)) {
		fd = open_socket(address, &at);
	} else {
		fd = open_name(address, &why);
	}
	if (fd < 0) {
		refuse(refusal, address, why ? why : advice(address, -fd));
		return -1;
	}
	return fd;
}

void listen_unlink(const struct address *address)
{
	struct socket_address at;

	if (address->is_unix && address->host[0] != '@') {
		(void)address_literal(address, &at);
		(void)remove_stale(address, &at);
	}
}

/* Returns how many descriptors are for us, or -1 if that cannot be told. */
static int count_activated(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	int64_t number;

	if (!pid || !fds || text_parse_number(pid, 1, INT32_MAX, &number) || number != getpid()) {
		return 0; /* for another process, of which we inherited the variables */
	}
	return text_parse_number(fds, 0, ACTIVATED_MOST, &number) ? -1 : (int)number;
}

static bool is_listening_stream(int fd)
{
	int type = 0;
	int listens = 0;
	socklen_t length = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM &&
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens;
}

int listen_activated(struct buffer *refusal)
{
	static const char *const variables[] = {
		"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"};
	int count = count_activated();
	const int on = 1;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		(void)unsetenv(variables[i]);
	}
	if (count < 0) {
		buffer_append_text(refusal, "LISTEN_FDS is no number of sockets");
	}
	for (int fd = ACTIVATED_FIRST; fd < ACTIVATED_FIRST + count; fd++) {
		if (!is_listening_stream(fd)) {
			buffer_appendf(refusal,
				"descriptor %d of LISTEN_FDS is no listening stream socket "
				"(the unit needs ListenStream= and Accept=no)",
				fd);
			return -1;
		}
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	return count;
}
