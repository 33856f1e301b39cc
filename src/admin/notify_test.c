/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/lifecycle_script.h"

#define FLOOD 4096 /* datagrams, more than any queue takes */

static struct metrics metrics;
static struct notifier notifier;
static struct request_metrics worker;
static int manager; /* the service manager's socket */
static char socket_path[64];
static char message[512];

static void on_phase_notify(enum curfew_phase phase, void *arg)
{
	(void)arg;
	notifier_phase(&notifier, phase);
}

/* A socket as the manager has it: a path, or ('@') an abstract name. */
static void listen_as(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(name);

	memcpy(address.sun_path, name, length);
	if (name[0] == '@') {
		address.sun_path[0] = '\0';
	}
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
		0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
}

static void begin_notified(void)
{
	metrics_init(&metrics, &life);
	memset(&worker, 0, sizeof(worker));
	metrics_add_requests(&metrics, &worker);
	options.on_phase = on_phase_notify;
	options.announce_ms = 500;
	begin();
	assert_int_equal(notifier_start(&notifier, &metrics, &timeline.agenda), 0);
	assert_null(getenv("NOTIFY_SOCKET"));
}

static int setup_notify(void **state)
{
	(void)setup(state);
	(void)snprintf(socket_path, sizeof(socket_path), "@curfew-notify-test-%d", getpid());
	listen_as(socket_path);
	begin_notified();
	return 0;
}

static int teardown_notify(void **state)
{
	notifier_fini(&notifier);
	if (!curfew_lifecycle_done(&life)) {
		stop_by(SIGTERM);
		timeline_advance_ms(20000);
	}
	assert_true(lifecycle_fini(&life));
	close(manager);
	return timeline_teardown(state);
}

/* The next datagram; "" if there is none. */
static const char *told(void)
{
	ssize_t n = recv(manager, message, sizeof(message) - 1, 0);

	message[n > 0 ? n : 0] = '\0';
	return message;
}

static void tells_of_readiness_once(void **state)
{
	(void)state;
	assert_true(lifecycle_ready(&life));
	assert_string_equal(told(), "READY=1\nSTATUS=ready\n");
	timeline_advance_ms(5000);
	assert_string_equal(told(), "");
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
}

static void tells_of_the_end_once_and_what_is_left(void **state)
{
	struct thing one, two;

	(void)state;
	assert_true(lifecycle_ready(&life));
	(void)told();
	hold(CURFEW_WORK, &one, "one");
	hold(CURFEW_WORK, &two, "two");
	curfew_lifecycle_count(&life, CURFEW_REQUESTS_COMPLETED, 12);
	stop_by(SIGTERM);
	assert_string_equal(told(),
		"STOPPING=1\nSTATUS=announcing: 12 completed, 2 held (2 "
		"thing), 9 s left\n");
	timeline_advance_ms(500);
	assert_string_equal(told(), "STATUS=draining: 12 completed, 2 held (2 thing), 8 s left\n");
	timeline_advance_ms(999);
	assert_string_equal(told(), "");
	timeline_advance_ms(1);
	assert_string_equal(told(), "STATUS=draining: 12 completed, 2 held (2 thing), 7 s left\n");
	curfew_hold_release(&one.hold);
	curfew_hold_release(&two.hold);
	timeline_settle();
	assert_true(curfew_lifecycle_done(&life));
	assert_string_equal(told(),
		"STATUS=reaping: 12 completed, 0 held, 7 s left\n"
		"EXTEND_TIMEOUT_USEC=10000000\n");
	assert_string_equal(told(), "STATUS=done: 12 completed, 0 held, 7 s left\n");
	timeline_advance_ms(5000);
	assert_string_equal(told(), "");
}

static bool extends(void)
{
	return strstr(told(), "EXTEND_TIMEOUT_USEC=");
}

static void asks_for_more_time_only_while_something_is_finished(void **state)
{
	struct thing one, two;

	(void)state;
	assert_true(lifecycle_ready(&life));
	(void)told();
	hold(CURFEW_WORK, &one, "one");
	hold(CURFEW_WORK, &two, "two");
	request_metrics_begin(&worker);
	request_metrics_end(&worker, 200, 1);
	stop_by(SIGTERM);
	assert_false(extends());
	timeline_advance_ms(500);
	assert_false(extends());
	timeline_advance_ms(1000);
	assert_false(extends());
	request_metrics_begin(&worker);
	timeline_advance_ms(1000);
	assert_false(extends());
	request_metrics_end(&worker, 200, 1);
	timeline_advance_ms(1000);
	assert_true(extends());
	timeline_advance_ms(1000);
	assert_false(extends());
	curfew_hold_release(&one.hold);
	timeline_advance_ms(1000);
	assert_true(extends());
	curfew_hold_release(&two.hold);
}

static void end_before_readiness_is_told_too(void **state)
{
	(void)state;
	stop_by(SIGTERM);
	assert_string_equal(told(), "STOPPING=1\nSTATUS=draining: 0 completed, 0 held, 9 s left\n");
}

/* Fills the manager's queue, then reads it empty. */
static void flood(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int sent = 0;

	assert_int_equal(getsockname(manager, (struct sockaddr *)&address, &length), 0);
	while (sent < FLOOD && sendto(fd, "x", 1, 0, (struct sockaddr *)&address, length) == 1) {
		sent++;
	}
	assert_true(sent < FLOOD);
	close(fd);
}

static void what_the_socket_does_not_take_is_said_later(void **state)
{
	(void)state;
	flood();
	assert_true(lifecycle_ready(&life));
	while (strcmp(told(), "x") == 0) {}
	assert_string_equal(message, "");
	timeline_advance_ms(100);
	assert_string_equal(told(), "READY=1\nSTATUS=ready\n");
	timeline_advance_ms(1000);
	assert_string_equal(told(), "");
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
}

static void a_manager_that_went_away_is_given_up(void **state)
{
	(void)state;
	close(manager);
	manager = -1;
	assert_true(lifecycle_ready(&life));
	assert_int_equal(notifier.fd, -1);
	assert_int_equal(agenda_next(&timeline.agenda), CURFEW_NEVER);
	stop_by(SIGTERM);
	timeline_advance_ms(500);
	assert_true(curfew_lifecycle_done(&life));
}

static void a_path_is_a_name_too(void **state)
{
	(void)state;
	notifier_fini(&notifier);
	close(manager);
	(void)snprintf(socket_path, sizeof(socket_path), "curfew-notify-test-%d", getpid());
	char *path = realpath(".", NULL);
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "%s/%s", path, socket_path);
	free(path);
	listen_as(whole);
	assert_int_equal(notifier_start(&notifier, &metrics, &timeline.agenda), 0);
	assert_true(lifecycle_ready(&life));
	assert_string_equal(told(), "READY=1\nSTATUS=ready\n");
	assert_int_equal(unlink(whole), 0);
}

static void refuses_other_names(void **state)
{
	static const char *const names[] = {"", "@", "/", "relative", "vsock:2:1234"};
	char lengthy[200];

	(void)state;
	notifier_fini(&notifier);
	memset(lengthy, '/', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
		const char *name = i < sizeof(names) / sizeof(names[0]) ? names[i] : lengthy;

		assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
		assert_int_equal(notifier_start(&notifier, &metrics, &timeline.agenda), -EINVAL);
		assert_null(getenv("NOTIFY_SOCKET"));
		assert_int_equal(notifier.fd, -1);
	}
	assert_int_equal(notifier_start(&notifier, &metrics, &timeline.agenda), 0);
	notifier_phase(&notifier, CURFEW_RUNNING);
	assert_int_equal(notifier.fd, -1);
}

#define notify_test(test) cmocka_unit_test_setup_teardown(test, setup_notify, teardown_notify)

int main(void)
{
	const struct CMUnitTest tests[] = {
		notify_test(tells_of_readiness_once),
		notify_test(tells_of_the_end_once_and_what_is_left),
		notify_test(asks_for_more_time_only_while_something_is_finished),
		notify_test(end_before_readiness_is_told_too),
		notify_test(what_the_socket_does_not_take_is_said_later),
		notify_test(a_manager_that_went_away_is_given_up),
		notify_test(a_path_is_a_name_too),
		notify_test(refuses_other_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
