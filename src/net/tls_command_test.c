/* SPDX-License-Identifier: Apache-2.0 */
/* Streams with TLS and a client that is not ours: openssl-s_client(1). */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "net/tls_stream_script.h"

#define WORDS 20

/* A client that runs, its standard input, and what it has written to the other two. */
struct command {
	pid_t pid;
	int input, output;
	struct buffer text;
	bool ended;
};

static int listener;
static char address[32];

static int set_up(void **state)
{
	struct sockaddr_in own = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(own);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&own, length), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&own, &length), 0);
	(void)snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(own.sin_port));
	return worker_setup(state);
}

static int tear_down(void **state)
{
	close(listener);
	return worker_teardown(state);
}

#define command_test(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* Starts openssl s_client with some more arguments, up to a NULL. */
static void command_start(struct command *command, const char *const *more)
{
	const char *words[WORDS] = {"openssl", "s_client", "-connect", address, "-CAfile",
		in_folder("cert"), "-verify_return_error", "-verify_hostname", "localhost"};
	posix_spawn_file_actions_t actions;
	int in[2], out[2];
	int count = 9;

	*command = (struct command){0};
	while (*more) {
		assert_true(count < WORDS - 1);
		words[count++] = *more++;
	}
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_adddup2(&actions, out[1], 2);
	assert_int_equal(posix_spawnp(&command->pid, words[0], &actions, NULL,
				 (char *const *)(uintptr_t)words, environ),
		0);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	command->input = in[1];
	command->output = out[0];
	assert_int_equal(fcntl(command->output, F_SETFL, O_NONBLOCK), 0);
}

/* Accepts its connection, and gives it to an owner. */
static void command_accept(struct owner *owner)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	assert_true(fd >= 0);
	owner_init(owner, fd, tls_accept(server));
}

static void command_type(struct command *command, const char *text)
{
	assert_int_equal(write(command->input, text, strlen(text)), strlen(text));
}

/* A round of the worker, and what the command has written. */
static void command_turn(struct command *command)
{
	char bytes[4096];
	ssize_t n;

	round_now();
	n = read(command->output, bytes, sizeof(bytes));
	if (n > 0) {
		buffer_append(&command->text, bytes, (size_t)n);
	}
	command->ended = n == 0;
}

static void command_wait(const struct command *command)
{
	struct pollfd ready[] = {
		{.fd = command->output, .events = POLLIN},
		{.fd = worker->loop->epoll_fd, .events = POLLIN},
	};

	(void)poll(ready, 2, round_timeout());
}

/* Waits while nothing changes, so the condition is looked at behind each turn. */
#define command_until(command, condition)                                                          \
	do {                                                                                       \
		command_turn(command);                                                             \
		while (!(condition)) {                                                             \
			command_wait(command);                                                     \
			command_turn(command);                                                     \
		}                                                                                  \
	} while (0)

static void command_await(struct command *command, const char *text)
{
	command_until(command, command->ended || strstr(buffer_text(&command->text), text));
	if (!strstr(buffer_text(&command->text), text)) {
		fail_msg("no %s in: %s", text, buffer_text(&command->text));
	}
}

/* Waits for its end, and returns its exit code. */
static int command_end(struct command *command)
{
	int status;

	command_until(command, command->ended);
	assert_int_equal(waitpid(command->pid, &status, 0), command->pid);
	assert_true(WIFEXITED(status));
	close(command->input);
	close(command->output);
	buffer_fini(&command->text);
	return WEXITSTATUS(status);
}

static void it_is_heard_and_ended_in_order(void **state)
{
	static const char *const protocols[] = {"-tls1_2", "-tls1_3"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *more[] = {protocols[i], "-alpn", "h2,http/1.1", NULL};
		struct owner owner = {.echoes = true};
		struct command command;

		command_start(&command, more);
		command_accept(&owner);
		command_await(&command, "Verify return code: 0 (ok)");
		command_await(&command, "ALPN protocol: http/1.1");
		command_type(&command, "a line to echo\n");
		command_await(&command, "a line to echo");
		stream_close(&owner.stream, false);
		command_await(&command, "closed"); /* it has heard close_notify */
		assert_int_equal(command_end(&command), 0);
		owner_fini(&owner);
		assert_int_equal(owner.failed, 0);
	}
}

/* The end of its input is a close_notify of its. */
static void it_ends_in_order(void **state)
{
	const char *more[] = {"-quiet", "-no_ign_eof", NULL};
	struct owner owner = {0};
	struct command command;

	(void)state;
	command_start(&command, more);
	command_accept(&owner);
	command_type(&command, "hello\n");
	command_until(&command, owner.got.length == 6);
	command_type(&command, "Q\n");
	command_until(&command, owner.ended || owner.failed);
	assert_int_equal(owner.failed, 0);
	stream_close(&owner.stream, false);
	assert_int_equal(command_end(&command), 0);
	owner_fini(&owner);
}

static void it_may_not_renegotiate(void **state)
{
	const char *more[] = {"-tls1_2", NULL};
	struct owner owner = {0};
	struct command command;

	(void)state;
	command_start(&command, more);
	command_accept(&owner);
	command_await(&command, "Verify return code: 0 (ok)");
	command_type(&command, "R\n");
	command_await(&command, "no renegotiation");
	assert_int_equal(command_end(&command), 1);
	owner_fini(&owner);
}

static void it_comes_back_with_a_ticket(void **state)
{
	static const char *const protocols[] = {"-tls1_2", "-tls1_3"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		bool again = i % 2;
		const char *more[] = {protocols[i / 2], again ? "-sess_in" : "-sess_out",
			in_folder("session"), "-ign_eof", NULL};
		struct owner owner = {.echoes = true};
		struct command command;

		command_start(&command, more);
		command_accept(&owner);
		command_await(&command, again ? "Reused, TLSv1." : "New, TLSv1.");
		command_type(&command, "a line\n"); /* whose echo comes behind the tickets */
		command_await(&command, "a line");
		stream_close(&owner.stream, false);
		assert_int_equal(command_end(&command), 0);
		owner_fini(&owner);
	}
}

static void it_is_refused_where_it_speaks_something_else(void **state)
{
	const char *more[] = {"-alpn", "h2", NULL};
	struct owner owner = {0};
	struct command command;

	(void)state;
	command_start(&command, more);
	command_accept(&owner);
	command_await(&command, "alert no application protocol");
	assert_int_equal(command_end(&command), 1);
	run_until(owner.failed);
	assert_int_equal(owner.error, -EPROTO);
	owner_fini(&owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		command_test(it_is_heard_and_ended_in_order),
		command_test(it_ends_in_order),
		command_test(it_may_not_renegotiate),
		command_test(it_comes_back_with_a_ticket),
		command_test(it_is_refused_where_it_speaks_something_else),
	};

	return cmocka_run_group_tests(tests, script_set_up, script_tear_down);
}
