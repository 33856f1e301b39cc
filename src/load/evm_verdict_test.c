/* SPDX-License-Identifier: Apache-2.0 */
#include "load/evm_verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HASH "0x1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "0x1111111111111111111111111111111111111111111111111111111111111112"
#define RESULT(hash) "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"" hash "\"}"
#define ERROR(message)                                                                             \
	"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32000,\"message\":\"" message "\"}}"

static struct evm_verdict judge(enum load_outcome outcome, const char *body)
{
	struct load_answer answer = {
		.outcome = outcome, .body = body, .length = body ? strlen(body) : 0};
	uint8_t hash[ETHEREUM_HASH];

	memset(hash, 0x11, sizeof(hash));
	return evm_judge(7, hash, &answer);
}

static void judges_what_is_answered(void **state)
{
	static const struct {
		const char *body;
		enum load_outcome outcome;
		enum account_end account;
		enum inclusion_answer inclusion;
	} rows[] = {
		{RESULT(HASH), LOAD_OK, ACCOUNT_USED, INCLUSION_ACCEPTED},
		{RESULT(OTHER), LOAD_MALFORMED, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN},
		{RESULT("0x1"), LOAD_MALFORMED, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN},
		{"{", LOAD_MALFORMED, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN},
		{NULL, LOAD_MALFORMED, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN},
		{ERROR("already known"), LOAD_RPC_ERROR, ACCOUNT_USED, INCLUSION_ACCEPTED},
		{ERROR("nonce too low"), LOAD_RPC_ERROR, ACCOUNT_DOUBTED, INCLUSION_REFUSED},
		{ERROR("no"), LOAD_RPC_ERROR, ACCOUNT_DOUBTED, INCLUSION_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct evm_verdict verdict = judge(LOAD_OK, rows[i].body);

		assert_int_equal(verdict.outcome, rows[i].outcome);
		assert_int_equal(verdict.account, rows[i].account);
		assert_int_equal(verdict.inclusion, rows[i].inclusion);
		assert_false(verdict.node_is_away);
	}
}

/* Each outcome: whether the node may have the transaction, and may be another one afterwards. */
static void judges_what_is_not(void **state)
{
	static const struct {
		enum load_outcome outcome;
		enum account_end account;
		enum inclusion_answer inclusion;
		bool away;
	} rows[] = {
		{LOAD_CLIENT_ERROR, ACCOUNT_DOUBTED, INCLUSION_REFUSED, false},
		{LOAD_SERVER_ERROR, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN, false},
		{LOAD_UNAVAILABLE, ACCOUNT_DOUBTED, INCLUSION_REFUSED, false},
		{LOAD_REFUSED, ACCOUNT_DOUBTED, INCLUSION_REFUSED, true},
		{LOAD_UNREACHABLE, ACCOUNT_DOUBTED, INCLUSION_REFUSED, true},
		{LOAD_CONNECT_TIMEOUT, ACCOUNT_DOUBTED, INCLUSION_REFUSED, true},
		{LOAD_TLS, ACCOUNT_DOUBTED, INCLUSION_REFUSED, true},
		{LOAD_RESET_UNSENT, ACCOUNT_DOUBTED, INCLUSION_REFUSED, true},
		{LOAD_RESET_SENT, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN, true},
		{LOAD_CLOSED, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN, true},
		{LOAD_TRUNCATED, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN, true},
		{LOAD_MALFORMED, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN, false},
		{LOAD_TIMED_OUT, ACCOUNT_DOUBTED, INCLUSION_UNKNOWN, false},
		{LOAD_LOCAL, ACCOUNT_UNUSED, INCLUSION_REFUSED, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct evm_verdict verdict = judge(rows[i].outcome, NULL);

		assert_int_equal(verdict.outcome, rows[i].outcome);
		assert_int_equal(verdict.account, rows[i].account);
		assert_int_equal(verdict.inclusion, rows[i].inclusion);
		assert_int_equal(verdict.node_is_away, rows[i].away);
	}
	assert_int_equal(evm_judge(7, NULL, NULL).account, ACCOUNT_UNUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_what_is_answered),
		cmocka_unit_test(judges_what_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
