/* SPDX-License-Identifier: Apache-2.0 */
/* Dials of names. */
#include "net/resolve.h"

#include "net/dial_script.h"
#include "tests/allocation.h"

#define MANY 100

static void a_name_is_looked_up_once(void **state)
{
	static const struct scripted_name table[] = {
		{"backend", 0, {"127.0.0.1"}},
		{NULL, 0, {NULL}},
	};
	struct dial_target target;
	int listening = listener("127.0.0.1:0", &target.address);
	struct ending endings[MANY] = {{0}};

	(void)state;
	names_set(table);
	target = (struct dial_target){.address = {.host = "backend", .port = target.address.port}};
	for (int i = 0; i < MANY; i++) {
		start(&endings[i], &target, SOON);
	}
	for (int i = 0; i < MANY; i++) {
		await_end(&endings[i]);
		assert_true(endings[i].fd >= 0);
		close(endings[i].fd);
	}
	assert_int_equal(names.asked, 1);
	assert_connects(&target);
	assert_int_equal(names.asked, 1);
	assert_true(target.resolved_until > curfew_now());
	assert_true(target.resolved_until <= curfew_after_ms(RESOLVED_KEPT_MS));
	target.resolved_until = curfew_now(); /* time passes */
	assert_connects(&target);
	assert_int_equal(names.asked, 2);
	close(listening);
	/* It is looked up again after it was of no use. */
	assert_int_equal(dial(&target, SOON), -ECONNREFUSED);
	assert_int_equal(dial(&target, SOON), -ECONNREFUSED);
	assert_int_equal(names.asked, 3);
	dial_target_fini(&target);
}

static void names_that_are_not_found(void **state)
{
	static const struct scripted_name table[] = {
		{"failed", EAI_FAIL, {NULL}},
		{"slow", EAI_AGAIN, {NULL}},
		{"memory", EAI_MEMORY, {NULL}},
		{"system", EAI_SYSTEM, {NULL}},
		{"empty", 0, {NULL}},
		{NULL, 0, {NULL}},
	};
	static const struct {
		const char *host;
		int error;
	} samples[] = {{"unknown", -ENOENT}, {"failed", -ENOENT}, {"slow", -EAGAIN},
		{"memory", -ENOMEM}, {"system", -EIO}, {"empty", -ENOENT}};

	(void)state;
	names_set(table);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct address address = {.port = 1};

		(void)snprintf(address.host, sizeof(address.host), "%s", samples[i].host);
		assert_int_equal(dial_address(address, SOON), samples[i].error);
	}
}

static void without_a_name_server_the_last_answer_serves(void **state)
{
	static const struct scripted_name well[] = {
		{"backend", 0, {"127.0.0.1"}},
		{NULL, 0, {NULL}},
	};
	static const struct scripted_name ill[] = {
		{"backend", EAI_AGAIN, {NULL}},
		{NULL, 0, {NULL}},
	};
	struct address address;
	int listening = listener("127.0.0.1:0", &address);
	struct dial_target target = {.address = {.host = "backend", .port = address.port}};

	(void)state;
	names_set(well);
	assert_connects(&target);
	target.resolved_until = 0;
	names_set(ill);
	assert_connects(&target);
	assert_int_equal(names.asked, 1);
	dial_target_fini(&target);
	close(listening);
}

static void families_take_turns(void **state)
{
	/* Mapped ones are of the other family, and on loopback. */
	static const struct scripted_name table[] = {
		{"six", 0, {"::1", "::ffff:127.0.0.2", "127.0.0.1"}},
		{"four", 0, {"127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"}},
		{"many", 0,
			{"::1", "::ffff:127.0.0.2", "::ffff:127.0.0.3", "::ffff:127.0.0.4",
				"::ffff:127.0.0.5", "::ffff:127.0.0.6", "::ffff:127.0.0.7",
				"::ffff:127.0.0.8", "::ffff:127.0.0.9", "127.0.0.1"}},
		{NULL, 0, {NULL}},
	};
	static const struct {
		const char *host;
		const char *order;
	} samples[] = {
		{"six", "::1 127.0.0.1 127.0.0.2 "},
		{"four", "127.0.0.1 ::1 127.0.0.2 127.0.0.3 "},
		{"many",
			"::1 127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.6 "
			"127.0.0.7 "},
	};

	(void)state;
	names_set(table);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct dial_target target = {.address = {.port = closed_port()}};
		struct buffer order = {0};
		char text[ADDRESS_TEXT];

		(void)snprintf(
			target.address.host, sizeof(target.address.host), "%s", samples[i].host);
		assert_true(dial(&target, SOON) < 0);
		for (int j = 0; j < target.resolved->count; j++) {
			buffer_appendf(&order, "%s ",
				socket_address_host(&target.resolved->addresses[j], text));
		}
		assert_string_equal(buffer_text(&order), samples[i].order);
		buffer_fini(&order);
		dial_target_fini(&target);
	}
}

/* The addresses of a name are tried in order; those where nobody is take no time. */
static void the_next_address_is_tried(void **state)
{
	static const struct scripted_name table[] = {
		{"second", 0, {"127.0.0.2", "127.0.0.1"}},
		{"unreachable", 0, {"224.0.0.1", "127.0.0.2", "224.0.0.1"}},
		{"", 0, {"::1", "127.0.0.1"}},
		{NULL, 0, {NULL}},
	};
	struct address address;
	int listening = listener("127.0.0.1:0", &address);
	struct dial_target target = {.address = {.host = "second", .port = address.port}};
	struct ending ending = {0};
	int fd;

	(void)state;
	names_set(table);
	fd = dial(&target, SOON);
	accept_one(listening, fd);
	close(fd);
	start(&ending, &target, SOON); /* it is known, and nothing has to be waited for */
	round_now();
	assert_int_equal(ending.told, 1);
	accept_one(listening, ending.fd);
	close(ending.fd);
	dial_target_fini(&target);
	/* Of the errors, the one that tells more than that there is no way. */
	(void)snprintf(address.host, sizeof(address.host), "unreachable");
	assert_int_equal(dial_address(address, SOON), -ECONNREFUSED);
	address.host[0] = '\0';
	fd = dial_address(address, SOON);
	accept_one(listening, fd);
	close(fd);
	close(listening);
}

static void the_deadline_may_pass_while_it_is_looked_up(void **state)
{
	static const struct scripted_name table[] = {
		{"backend", 0, {"127.0.0.1"}},
		{NULL, 0, {NULL}},
	};
	struct address address;
	int listening = listener("127.0.0.1:0", &address);
	struct dial_target target = {.address = {.host = "backend", .port = address.port}};

	(void)state;
	names_set(table);
	names_hold(true);
	assert_int_equal(dial(&target, 50), -ETIMEDOUT);
	names_hold(false);
	run_until(!target.lookup);
	assert_connects(&target); /* what was found is of use yet */
	assert_int_equal(names.asked, 1);
	dial_target_fini(&target);
	close(listening);
}

static void short_of_memory_it_fails(void **state)
{
	static const struct scripted_name table[] = {
		{"backend", 0, {"127.0.0.1"}},
		{NULL, 0, {NULL}},
	};
	struct address address;
	int listening = listener("127.0.0.1:0", &address);
	bool failed = true;

	(void)state;
	names_set(table);
	for (int n = 1; failed; n++) {
		struct dial_target target = {.address = {.host = "backend", .port = address.port}};
		struct ending ending = {.fd = -1};

		allocation_fail(n);
		ending.dial = dial_start(&target, worker, curfew_after_ms(SOON), done, &ending);
		if (ending.dial) {
			run_until(ending.told);
		}
		failed = allocation_failed();
		assert_int_equal(ending.fd < 0, failed);
		if (!failed) {
			close(ending.fd);
		} else if (ending.dial) {
			assert_int_equal(ending.error, -ENOMEM);
		}
		dial_target_fini(&target);
	}
	close(listening);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(a_name_is_looked_up_once),
		worker_test(names_that_are_not_found),
		worker_test(without_a_name_server_the_last_answer_serves),
		worker_test(families_take_turns),
		worker_test(the_next_address_is_tried),
		worker_test(the_deadline_may_pass_while_it_is_looked_up),
		worker_test(short_of_memory_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
