/* SPDX-License-Identifier: Apache-2.0 */
#include "load/rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"

static void composes(const char *method, const char *params, bool has_places, const char *expected)
{
	struct pattern pattern = {0};
	struct pattern_values values = {.number = 12, .key = 5};
	struct buffer refusal = {0}, out = {0};

	assert_true(rpc_compose(
		&pattern, method, params, params ? strlen(params) : 0, has_places, &refusal));
	assert_false(pattern_failed(&pattern));
	pattern_write(&out, &pattern, &values);
	assert_string_equal(buffer_text(&out), expected);
	buffer_fini(&out);
	pattern_fini(&pattern);
}

static void refuses(const char *params, const char *expected)
{
	struct pattern pattern = {0};
	struct buffer refusal = {0};

	assert_false(rpc_compose(&pattern, "m", params, strlen(params), true, &refusal));
	assert_string_equal(buffer_text(&refusal), expected);
	buffer_fini(&refusal);
	pattern_fini(&pattern);
}

static void composes_calls(void **state)
{
	(void)state;
	composes("eth_blockNumber", NULL, true,
		"{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"eth_blockNumber\"}");
	composes("a\"${key}", "[]", true,
		"{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"a\\\"${key}\",\"params\":[]}");
	composes("m", "{\"k\":\"${key}\"}", false,
		"{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"m\",\"params\":{\"k\":\"${key}\"}}");
	composes("m", "{\"k\":[\"${#key}\"]}", true,
		"{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"m\",\"params\":{\"k\":[5]}}");
}

static void leaves_white_space_out(void **state)
{
	(void)state;
	composes("m", " [ 1 ,\n\t\"a b\\\" c\" , { \"x y\" : \"${#key}\" } ]\r\n", true,
		"{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"m\","
		"\"params\":[1,\"a b\\\" c\",{\"x y\":5}]}");
	/* The name of a member, whatever space is behind it. */
	refuses("{\"${#key}\" : 1}",
		"has a ${#key} that is not all of a string's value (without # it may stand "
		"anywhere)");
}

static void refuses_wrong_parameters(void **state)
{
	(void)state;
	refuses("[", "is no JSON: the text ends within a value");
	refuses("7", "is neither an array nor an object");
	refuses("[\"${x}\"]",
		"has ${x}, which is no place: there are ${number} ${key} ${random:100} ${hex:40} "
		"${fill} ($${ for ${ itself)");
}

static enum load_outcome judged(const char *body)
{
	return rpc_judge(12, body, strlen(body));
}

static void takes_results(void **state)
{
	(void)state;
	assert_int_equal(judged("{\"jsonrpc\":\"2.0\",\"id\":12,\"result\":\"0x1\"}"), LOAD_OK);
	assert_int_equal(judged("{\"result\":null,\"id\":12}\n"), LOAD_OK);
	assert_int_equal(judged("{\"result\":0,\"error\":null,\"id\":12.0}"), LOAD_OK);
}

static void tells_errors(void **state)
{
	(void)state;
	assert_int_equal(judged("{\"id\":12,\"error\":{\"code\":-32000,\"message\":\"x\"}}"),
		LOAD_RPC_ERROR);
	assert_int_equal(judged("{\"id\":null,\"error\":{}}"), LOAD_RPC_ERROR);
	assert_int_equal(judged("{\"id\":12,\"result\":1,\"error\":{}}"), LOAD_RPC_ERROR);
}

static void tells_what_is_no_answer(void **state)
{
	static const char *const wrong[] = {
		"",
		"{",
		"<html>",
		"[]",
		"7",
		"{\"id\":12}",
		"{\"result\":1}",
		"{\"id\":13,\"result\":1}",
		"{\"id\":\"12\",\"result\":1}",
		"{\"id\":null,\"result\":1}",
		"{\"id\":13,\"error\":{}}",
		"{\"error\":{}}",
		"{\"id\":-12,\"result\":1}",
		"{\"id\":18446744073709551628,\"result\":1}",
		"{\"id\":12,\"result\":1} x",
		"{\"x\":{\"id\":12,\"result\":1}}",
	};

	(void)state;
	assert_int_equal(rpc_judge(12, NULL, 0), LOAD_MALFORMED);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(judged(wrong[i]), LOAD_MALFORMED);
	}
}

static void tells_when_there_is_no_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct pattern pattern = {0};
		struct buffer refusal = {0};

		allocation_fail(n);
		assert_true(rpc_compose(&pattern, "m", "[\"${key}\"]", 10, true, &refusal));
		failed = allocation_failed();
		assert_int_equal(pattern_failed(&pattern), failed);
		pattern_fini(&pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(composes_calls),
		cmocka_unit_test(leaves_white_space_out),
		cmocka_unit_test(refuses_wrong_parameters),
		cmocka_unit_test(takes_results),
		cmocka_unit_test(tells_errors),
		cmocka_unit_test(tells_what_is_no_answer),
		cmocka_unit_test(tells_when_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
