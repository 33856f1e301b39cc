/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "load/result.h"

#define MS INT64_C(1000000)
#define ROW TIMELINE_FIRST_NS

static void end_at(struct result *result, int64_t due_ns, int64_t sent_ns, int64_t took_ns, bool ok)
{
	const struct tally_end end = {.outcome = ok ? LOAD_OK : LOAD_REFUSED,
		.due_ns = due_ns,
		.sent_ns = sent_ns,
		.ended_ns = sent_ns + took_ns};

	tally_admit(&result->tally, due_ns, sent_ns);
	tally_end(&result->tally, &end);
}

/* The part of the text from "summary" on to what follows it. */
static const char *summary_of(const struct result *result, struct buffer *out)
{
	char *begin, *end;

	result_write(out, result);
	begin = strstr(out->data, "\"summary\":");
	assert_non_null(begin);
	end = strstr(begin, ",\"tally\":");
	assert_non_null(end);
	*end = '\0';
	return begin;
}

/* Each number is one that can be computed: 1000 took 1 to 1000 us, 2 us after they were due. */
static void has_what_follows_from_the_rest(void **state)
{
	struct buffer out = {0};
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	result.is_open = true;
	for (int i = 1; i <= 1000; i++) {
		end_at(&result, MS, MS + 2000, i * 1000, true);
	}
	for (int i = 0; i < 500; i++) {
		end_at(&result, MS, MS + 2000, 7 * MS, false);
	}
	tally_drop(&result.tally, MS);
	for (int i = 0; i < 4; i++) {
		histogram_record(&result.tally.connect, 3000);
	}
	result.ran_ns = 2000 * MS;
	result.ended_ns = 4000 * MS;
	assert_string_equal(summary_of(&result, &out),
		"\"summary\":{\"succeeded\":1000,\"failed\":500,\"rate\":500,\"ended_rate\":750,"
		"\"intended\":{\"count\":1000,\"mean_us\":502.5,\"p50_us\":502,\"p90_us\":902,"
		"\"p99_us\":992,\"p99.9_us\":1001,\"max_us\":1002},"
		"\"actual\":{\"count\":1000,\"mean_us\":500.5,\"p50_us\":500,\"p90_us\":900,"
		"\"p99_us\":990,\"p99.9_us\":999,\"max_us\":1000},"
		"\"failures\":{\"count\":500,\"mean_us\":7000,\"p50_us\":7000,\"p90_us\":7000,"
		"\"p99_us\":7000,\"p99.9_us\":7000,\"max_us\":7000},"
		"\"lag\":{\"count\":1500,\"mean_us\":2,\"p50_us\":2,\"p90_us\":2,"
		"\"p99_us\":2,\"p99.9_us\":2,\"max_us\":2},"
		"\"connect\":{\"count\":4,\"mean_us\":3,\"p50_us\":3,\"p90_us\":3,"
		"\"p99_us\":3,\"p99.9_us\":3,\"max_us\":3},\"absences\":[]}");
	result_fini(&result);
	buffer_fini(&out);
}

#define REFUSED_OF(count)                                                                          \
	"{\"ok\":0,\"4xx\":0,\"5xx\":0,\"unavailable\":0,\"rpc_error\":0,\"refused\":" #count ","  \
	"\"unreachable\":0,\"connect_timeout\":0,\"tls\":0,\"reset_unsent\":0,\"reset_sent\":0,"   \
	"\"closed\":0,\"truncated\":0,\"malformed\":0,\"timed_out\":0,\"local\":0}"

/* Those that begin while requests are begun: the last one has no end, and the next is none. */
static void lists_absences(void **state)
{
	struct buffer out = {0};
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	result.target = "";
	for (int64_t row = 0; row < 10; row++) {
		end_at(&result, TALLY_UNDUE, row * ROW, 0, row != 3 && row < 8);
	}
	result.ended_ns = 10 * ROW;
	result.ran_ns = 9 * ROW;
	assert_string_equal(strstr(summary_of(&result, &out), "\"absences\":"),
		"\"absences\":[{\"begin_ns\":30000000,\"end_ns\":40000000,"
		"\"outcomes\":" REFUSED_OF(1) "},{\"begin_ns\":80000000,\"end_ns\":null,"
					      "\"outcomes\":" REFUSED_OF(2) "}]}");
	buffer_fini(&out);
	result.ran_ns = 8 * ROW;
	assert_null(strstr(summary_of(&result, &out), "\"begin_ns\":80000000"));
	assert_non_null(strstr(out.data, "\"begin_ns\":30000000"));
	result_fini(&result);
	buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_what_follows_from_the_rest),
		cmocka_unit_test(lists_absences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
