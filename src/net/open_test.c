/* SPDX-License-Identifier: Apache-2.0 */
#include "net/open.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/names_script.h"
#include "tests/descriptors.h"

#define NOBODY 65534

static const char in_use[] = "it is in use (end what listens there, or take another path)";
static const char no_socket[] =
	"a file that is no socket is there (remove it, or take another path)";

static char folder[] = "/tmp/curfew-open-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) && chmod(folder, 0755) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static struct address parsed(const char *text)
{
	struct address address;
	const char *refusal = address_parse(text, &address);

	if (refusal) {
		fail_msg("'%s' %s", text, refusal);
	}
	return address;
}

/* unix:FOLDER/name */
static struct address in_folder(const char *name)
{
	struct address address = {.is_unix = true};

	(void)snprintf(address.host, sizeof(address.host), "%s/%s", folder, name);
	return address;
}

static int opened(struct address address)
{
	struct buffer refusal = {0};
	int fd = listen_open(&address, &refusal);

	if (fd < 0) {
		fail_msg("%s", buffer_text(&refusal));
	}
	assert_int_equal(refusal.length, 0);
	return fd;
}

/* The whole line: "cannot listen on ADDRESS: why". */
static bool says(const struct buffer *refusal, const struct address *address, const char *why)
{
	struct buffer line = {0};
	char text[ADDRESS_TEXT];
	bool same;

	buffer_appendf(&line, "cannot listen on %s: %s", address_text(address, text), why);
	same = strcmp(buffer_text(&line), buffer_text(refusal)) == 0;
	buffer_fini(&line);
	return same;
}

static void assert_refused(struct address address, const char *why)
{
	struct buffer refusal = {0};
	int count = descriptors_count();

	assert_int_equal(listen_open(&address, &refusal), -1);
	if (!says(&refusal, &address, why)) {
		fail_msg("%s", buffer_text(&refusal));
	}
	assert_int_equal(descriptors_count(), count);
	buffer_fini(&refusal);
}

static struct socket_address bound_to(int fd)
{
	struct socket_address at = {.length = sizeof(at.storage)};

	assert_int_equal(getsockname(fd, (struct sockaddr *)&at.storage, &at.length), 0);
	return at;
}

/* In both families the port has the same place. */
static uint16_t port_of(int fd)
{
	struct socket_address at = bound_to(fd);

	return ntohs(((struct sockaddr_in *)&at.storage)->sin_port);
}

/* Returns 0 if one can connect to it, or errno. */
static int connects(struct address address)
{
	struct socket_address at;
	int error = 0;
	int fd;

	assert_true(address_literal(&address, &at));
	fd = socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&at.storage, at.length) < 0) {
		error = errno;
	}
	close(fd);
	return error;
}

static int int_option(int fd, int level, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	assert_int_equal(getsockopt(fd, level, option, &value, &length), 0);
	return value;
}

static void listens_on_a_literal_address(void **state)
{
	struct address address = parsed("127.0.0.1:0");
	int fd = opened(address);
	int accepted;

	(void)state;
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(int_option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
	assert_int_equal(int_option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	address.port = port_of(fd);
	assert_int_equal(connects(address), 0);
	accepted = accept(fd, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(int_option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
	close(accepted);
	close(fd);
}

static void all_is_ipv6_and_ipv4(void **state)
{
	int fd = opened(parsed(":0"));
	struct address four = parsed("127.0.0.1:0");
	struct address six = parsed("[::1]:0");

	(void)state;
	four.port = six.port = port_of(fd);
	assert_int_equal(connects(four), 0);
	assert_int_equal(connects(six), 0);
	close(fd);
}

static void ipv6_alone_leaves_room_for_ipv4(void **state)
{
	struct address four = parsed("0.0.0.0:0");
	struct buffer refusal = {0};
	int tries = 100; /* another process may have the port of IPv4 */
	int six_fd, four_fd;

	(void)state;
	do {
		six_fd = opened(parsed("[::]:0"));
		four.port = port_of(six_fd);
		four_fd = listen_open(&four, &refusal);
		close(six_fd);
	} while (four_fd < 0 && --tries);
	assert_true(four_fd >= 0);
	close(four_fd);
	buffer_fini(&refusal);
	four_fd = opened(parsed("[::ffff:127.0.0.1]:0"));
	assert_int_equal(int_option(four_fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	close(four_fd);
}

static void a_name_is_looked_up(void **state)
{
	static const struct scripted_name table[] = {
		{"here", 0, {"127.0.0.1"}},
		{"moved", 0, {"198.51.100.1", "::1", "127.0.0.1"}},
		{"elsewhere", 0, {"198.51.100.1", "203.0.113.1"}},
		{"slow", EAI_AGAIN, {NULL}},
		{NULL, 0, {NULL}},
	};
	int fd;

	(void)state;
	names_set(table);
	fd = opened(parsed("here:0"));
	assert_int_equal(bound_to(fd).storage.ss_family, AF_INET);
	close(fd);
	fd = opened(parsed("moved:0")); /* the first that is an address of this machine */
	assert_int_equal(bound_to(fd).storage.ss_family, AF_INET6);
	close(fd);
	assert_refused(parsed("elsewhere:80"),
		"no interface has this address (write :PORT to listen on all of them)");
	assert_refused(parsed("nowhere:80"), "the name is not known (write an IP address)");
	assert_refused(parsed("slow:80"), "Temporary failure in name resolution");
}

static void short_of_descriptors_it_says_so(void **state)
{
	struct address address = parsed(":0");
	struct buffer refusal = {0};

	(void)state;
	descriptors_leave(0);
	assert_int_equal(listen_open(&address, &refusal), -1);
	descriptors_restore();
	assert_true(says(&refusal, &address, "Too many open files"));
	buffer_fini(&refusal);
}

static void says_why_not(void **state)
{
	struct address taken = parsed("127.0.0.1:0");
	int fd = opened(taken);

	(void)state;
	taken.port = port_of(fd);
	assert_refused(taken, "it is in use (end what listens there, or take another port)");
	close(fd);
	assert_refused(parsed("198.51.100.1:80"),
		"no interface has this address (write :PORT to listen on all of them)");
}

/* In a child that is nobody: it has no capabilities. why: NULL if it may. */
static bool nobody_is_told(const struct address *address, const char *why)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct buffer refusal = {0};

		if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0) {
			_exit(2);
		}
		if (listen_open(address, &refusal) >= 0) {
			_exit(why != NULL);
		}
		_exit(!why || !says(&refusal, address, why));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void says_who_may(void **state)
{
	struct address low = parsed("0.0.0.0:80");
	struct address path = in_folder("forbidden");

	(void)state;
	/* Where a container lets everybody have low ports, nothing is refused. */
	assert_true(nobody_is_told(&low, NULL) ||
		nobody_is_told(&low,
			"permission denied (run with CAP_NET_BIND_SERVICE, or listen above 1024)"));
	assert_true(nobody_is_told(
		&path, "permission denied (its folder must be writable for this user)"));
}

static void a_unix_socket_and_its_end(void **state)
{
	struct address address = in_folder("socket");
	struct stat file;
	int fd = opened(address);

	(void)state;
	assert_int_equal(connects(address), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	listen_unlink(&address); /* not while somebody listens */
	assert_int_equal(stat(address.host, &file), 0);
	close(fd);
	listen_unlink(&address);
	assert_int_equal(stat(address.host, &file), -1);
	listen_unlink(&address);
}

static void a_stale_file_is_removed(void **state)
{
	struct address address = in_folder("stale");
	int fd = opened(address);

	(void)state;
	close(fd);
	assert_int_equal(connects(address), ECONNREFUSED);
	fd = opened(address);
	assert_int_equal(connects(address), 0);
	close(fd);
	listen_unlink(&address);
}

static void what_is_in_use_stays(void **state)
{
	struct address address = in_folder("used");
	struct socket_address at;
	int fd = opened(address);

	(void)state;
	assert_refused(address, in_use);
	close(fd);
	listen_unlink(&address);
	/* A queue that is full is one, and so is a socket of another type. */
	assert_true(address_literal(&address, &at));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at.storage, at.length), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(connects(address), 0);
	assert_refused(address, in_use);
	close(fd);
	unlink(address.host);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at.storage, at.length), 0);
	assert_refused(address, in_use);
	close(fd);
	unlink(address.host);
}

static void what_is_no_socket_stays(void **state)
{
	struct address address = in_folder("file");
	struct stat file;

	(void)state;
	close(open(address.host, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_refused(address, no_socket);
	listen_unlink(&address);
	assert_int_equal(stat(address.host, &file), 0);
	unlink(address.host);
	(void)symlink("/nothing", address.host);
	assert_refused(address, no_socket);
	unlink(address.host);
	assert_refused(in_folder("none/x"), "there is no such folder (create it first)");
}

static void an_abstract_name_has_no_file(void **state)
{
	struct address address = {.is_unix = true};
	int fd;

	(void)state;
	(void)snprintf(address.host, sizeof(address.host), "@curfew-open-test-%d", getpid());
	fd = opened(address);
	assert_int_equal(connects(address), 0);
	assert_refused(address, in_use);
	listen_unlink(&address);
	assert_int_equal(connects(address), 0);
	close(fd);
	assert_int_equal(connects(address), ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listens_on_a_literal_address),
		cmocka_unit_test(all_is_ipv6_and_ipv4),
		cmocka_unit_test(ipv6_alone_leaves_room_for_ipv4),
		cmocka_unit_test(a_name_is_looked_up),
		cmocka_unit_test(short_of_descriptors_it_says_so),
		cmocka_unit_test(says_why_not),
		cmocka_unit_test(says_who_may),
		cmocka_unit_test(a_unix_socket_and_its_end),
		cmocka_unit_test(a_stale_file_is_removed),
		cmocka_unit_test(what_is_in_use_stays),
		cmocka_unit_test(what_is_no_socket_stays),
		cmocka_unit_test(an_abstract_name_has_no_file),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
