/* SPDX-License-Identifier: Apache-2.0 */
/* One server and one client for many threads, while the certificate is read again and again. */
#include <pthread.h>
#include <stdatomic.h>

#include "net/tls_script.h"

#define THREADS 3
#define CALLS 60
#define RELOADS 40

static struct tls_client *client;
static atomic_int done;

static ssize_t step(struct stream_filter *filter, int fd, char *bytes)
{
	ssize_t n = filter->ops->read(filter, fd, bytes, 16);

	return n == -EAGAIN ? filter->ops->read(filter, fd, bytes, 16) : n;
}

/* A handshake and a word, both sides in this thread. Returns whether it was heard. */
static bool call(void)
{
	struct stream_filter *caller = tls_connect(client, "localhost");
	struct stream_filter *called = tls_accept(server);
	ssize_t n = -EAGAIN;
	char bytes[16];
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds)) {
		return false;
	}
	for (int turn = 0; n == -EAGAIN && turn < 8; turn++) {
		(void)step(caller, fds[0], bytes);
		(void)caller->ops->write(caller, fds[0], "x", 1);
		n = step(called, fds[1], bytes);
	}
	(void)step(caller, fds[0], bytes); /* its tickets */
	(void)caller->ops->shut(caller, fds[0]);
	caller->ops->free(caller);
	called->ops->free(called);
	close(fds[0]);
	close(fds[1]);
	return n > 0;
}

static void *make_calls(void *heard)
{
	for (int i = 0; i < CALLS; i++) {
		*(int *)heard += call();
	}
	atomic_fetch_add(&done, 1);
	return NULL;
}

static void connections_go_on_through_reloads(void **state)
{
	struct buffer refusal = {0};
	pthread_t threads[THREADS];
	int heard[THREADS] = {0};
	int reloads = 0;

	(void)state;
	client = tls_client_new(in_folder("cert"), &refusal);
	assert_non_null(client);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, make_calls, &heard[i]), 0);
	}
	while (reloads < RELOADS || atomic_load(&done) < THREADS) {
		assert_int_equal(tls_server_reload(server, &refusal), 0);
		reloads++;
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(heard[i], CALLS);
	}
	tls_client_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_go_on_through_reloads),
	};

	return cmocka_run_group_tests(tests, script_set_up, script_tear_down);
}
