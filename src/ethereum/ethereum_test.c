/* SPDX-License-Identifier: Apache-2.0 */
#include "ethereum/ethereum.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"

#define KEY_46 "4646464646464646464646464646464646464646464646464646464646464646"
#define TO_35 "3535353535353535353535353535353535353535"
#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

/* transfer(0x35..35, 127) of an ERC-20 token */
#define TOKEN_CALL                                                                                 \
	"a9059cbb000000000000000000000000" TO_35                                                   \
	"000000000000000000000000000000000000000000000000000000000000007f"

static void from_hex(const char *text, uint8_t *bytes, size_t length)
{
	assert_true(ethereum_read_hex(text, strlen(text), bytes, length));
}

static void assert_hex(const void *bytes, size_t length, const char *expected)
{
	struct buffer text = {0};

	ethereum_hex(&text, bytes, length);
	assert_string_equal(buffer_text(&text), expected);
	buffer_fini(&text);
}

static struct ethereum_account account_46(const struct ethereum *ethereum)
{
	struct ethereum_account account;

	from_hex(KEY_46, account.key, ETHEREUM_KEY);
	assert_true(ethereum_account_of_key(ethereum, &account));
	return account;
}

static void knows_addresses(void **state)
{
	static const struct {
		const char *key, *address;
	} cases[] = {
		{KEY_46, "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"},
		{"0x0000000000000000000000000000000000000000000000000000000000000001",
			"0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"},
		{"0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
			"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"},
	};
	struct ethereum_account account;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		from_hex(cases[i].key, account.key, ETHEREUM_KEY);
		assert_true(ethereum_account_of_key(*state, &account));
		assert_hex(account.address, ETHEREUM_ADDRESS, cases[i].address);
	}
}

static void refuses_what_is_no_key(void **state)
{
	struct ethereum_account account = {0};

	assert_false(ethereum_account_of_key(*state, &account));
	from_hex(ORDER, account.key, ETHEREUM_KEY);
	assert_false(ethereum_account_of_key(*state, &account));
	account.key[ETHEREUM_KEY - 1]--;
	assert_true(ethereum_account_of_key(*state, &account));
}

static void derives_accounts(void **state)
{
	static const struct {
		uint64_t seed, number;
		const char *key, *address;
	} cases[] = {
		{1, 0, "0x1b3dc907f2c72f8fba8e45cebb54b5ff1cb577e25373135a90900c10ed2cdaa3",
			"0x0723aeccfb65325ba9f45c3a991beee5431c8c11"},
		{1, 1, "0x5dd50243f81eaa0bd39ace71862b46f2054c3ea1c2b69a79093b5795061e3851",
			"0x2df80bef7634ffb9b45b56628ffc05d731fc14b8"},
		{0xdeadbeef, 7,
			"0x9df009a6b6c4bcde6eba7c5b38ac9012a95dee252f195455144eb8e78b0b0561",
			"0x6b0d7d89c5cfd9ee05fd9189ecfbb37beb5e62b3"},
	};
	struct ethereum_account account;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ethereum_account_of_seed(*state, cases[i].seed, cases[i].number, &account);
		assert_hex(account.key, ETHEREUM_KEY, cases[i].key);
		assert_hex(account.address, ETHEREUM_ADDRESS, cases[i].address);
	}
}

struct signed_case {
	struct ethereum_transaction transaction; /* without to, value and data */
	const char *to, *data;
	const char *value; /* 64 digits */
	const char *raw, *hash;
};

#define VALUE(digits) "000000000000000000000000000000000000000000000000" digits

/* The first is the example of EIP-155; the others come from ethers.js 6. */
static const struct signed_case cases[] = {
	{{.kind = ETHEREUM_LEGACY,
		 .chain_id = 1,
		 .nonce = 9,
		 .gas_limit = 21000,
		 .gas_price = 20000000000},
		TO_35, "", VALUE("0de0b6b3a7640000"),
		"0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764"
		"00008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9"
		"d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
		"0x33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788"},
	{{.kind = ETHEREUM_EIP1559,
		 .chain_id = 31337,
		 .gas_limit = 21000,
		 .max_fee = 2000000000,
		 .max_priority = 1000000000},
		"70997970c51812dc3a010c7d01b50e0d17dc79c8", "", VALUE("0000000000000000"),
		"0x02f86c827a6980843b9aca0084773594008252089470997970c51812dc3a010c7d01b50e0d17dc79"
		"c88080c080a0df1bc434842196aac9d5fd03c8a6726124f72bc698ac41b3d4b7e532bf71a5c5a03899"
		"912cdf0fec62257c341e5783e4771deb83d2c4cea35feecdf086831f65da",
		"0xe6e10e6d56525351df8a7d4055a0d3c94645fc4f5a2a47b1e97c9424f29307b7"},
	{{.kind = ETHEREUM_EIP1559,
		 .chain_id = 1,
		 .nonce = 128,
		 .gas_limit = 100000,
		 .max_fee = 30000000001},
		TO_35, TOKEN_CALL, VALUE("0de0b6b3a7640001"),
		"0x02f8b6018180808506fc23ac01830186a094353535353535353535353535353535353535353588"
		"0de0b6b3a7640001b844a9059cbb0000000000000000000000003535353535353535353535353535"
		"353535353535000000000000000000000000000000000000000000000000000000000000007fc001"
		"a03951a85c85d9f877ad3a32dced5c7caf7be37350bbef92e32b649d6e836c1565a03feb093268b9"
		"ba62ad4fb43d0f560b75b2b6bd8a44b0aa35fcdeee5ecb7610ad",
		"0x7048c0bbf7a5053b41bdd4fb8a1564afa6a51740f088f709c22bfa7bc143dd09"},
	{{.kind = ETHEREUM_LEGACY,
		 .chain_id = UINT64_C(1) << 32,
		 .gas_limit = 21000,
		 .gas_price = 1},
		TO_35, TOKEN_CALL, VALUE("0000000000000001"),
		"0xf8a9800182520894353535353535353535353535353535353535353501b844a9059cbb00000000"
		"00000000000000003535353535353535353535353535353535353535000000000000000000000000"
		"000000000000000000000000000000000000007f850200000024a01070ecd904f5c0df6ca35d817a"
		"296f8e8a111b37ee64cdc2b3f5d4341649db6fa010d884bc2fef4eab2f303a93d52ba8b4077fd030"
		"488fe73e4c67789dc387f31b",
		"0xe7546cc2e2568742df1b702889ed2a7340da9919ef91e9b7d142368a3885d698"},
	/* r, then s, begins with a zero, which is left out. */
	{{.kind = ETHEREUM_EIP1559,
		 .chain_id = 1,
		 .nonce = 76,
		 .gas_limit = 21000,
		 .max_fee = 2,
		 .max_priority = 1},
		TO_35, "", VALUE("0000000000000001"),
		"0x02f861014c01028252089435353535353535353535353535353535353535350180c0809f7622f4"
		"e08bdacd1a56a6daafb5a3ed5efcc77cd0e5dc47a6468a7e902e3206a052e2a25c0c92f0a05b730c"
		"ab2284d7e828b3ae93e28fc4e56af9a817137e05ab",
		NULL},
	{{.kind = ETHEREUM_EIP1559,
		 .chain_id = 1,
		 .nonce = 152,
		 .gas_limit = 21000,
		 .max_fee = 2,
		 .max_priority = 1},
		TO_35, "", VALUE("0000000000000001"),
		"0x02f86201819801028252089435353535353535353535353535353535353535350180c001a0115a"
		"e1b37c3c077a7cdb91cf7dbe62583b185ec421cd0236a03b16ba4590fd079fe37c96c9167e85bf75"
		"5a07e60a77705cdbf1ec2cf2b41089754327380f552c",
		NULL},
};

static void signs_transactions(void **state)
{
	struct ethereum_account account = account_46(*state);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ethereum_transaction transaction = cases[i].transaction;
		uint8_t data[100], hash[ETHEREUM_HASH];
		struct buffer raw = {0};

		from_hex(cases[i].to, transaction.to, ETHEREUM_ADDRESS);
		from_hex(cases[i].value, transaction.value, ETHEREUM_VALUE);
		transaction.data = data;
		transaction.data_length = strlen(cases[i].data) / 2;
		from_hex(cases[i].data, data, transaction.data_length);
		buffer_append_char(&raw, '"');
		assert_int_equal(ethereum_sign(*state, &account, &transaction, &raw, hash), 0);
		assert_int_equal(raw.data[0], '"');
		assert_hex(raw.data + 1, raw.length - 1, cases[i].raw);
		if (cases[i].hash) {
			assert_hex(hash, ETHEREUM_HASH, cases[i].hash);
		}
		buffer_fini(&raw);
	}
}

/* Twice 2^64 - 1 and 35 or 36 has a byte more than 64 bits have. */
static void signs_for_any_chain(void **state)
{
	struct ethereum_account account = account_46(*state);
	struct ethereum_transaction transaction = {.chain_id = UINT64_MAX};
	uint8_t hash[ETHEREUM_HASH];
	struct buffer raw = {0};
	const char *v;

	assert_int_equal(ethereum_sign(*state, &account, &transaction, &raw, hash), 0);
	/* The list's head of two bytes; nonce, price, limit, address, value, no data; then v. */
	v = raw.data + 2 + 3 + 21 + 2;
	assert_memory_equal(v, "\x89\x02\x00\x00\x00\x00\x00\x00\x00", 9);
	assert_true(v[9] == 0x21 || v[9] == 0x22);
	buffer_fini(&raw);
}

static void tells_of_missing_memory(void **state)
{
	struct ethereum_account account = account_46(*state);
	struct ethereum_transaction transaction = {.kind = ETHEREUM_EIP1559, .chain_id = 1};
	bool failed = true;

	for (int n = 1; failed; n++) {
		uint8_t hash[ETHEREUM_HASH];
		struct buffer raw = {0};
		int status;

		allocation_fail(n);
		status = ethereum_sign(*state, &account, &transaction, &raw, hash);
		failed = allocation_failed();
		assert_int_equal(status, failed ? -ENOMEM : 0);
		buffer_fini(&raw);
	}
	allocation_fail(1);
	assert_null(ethereum_new());
	assert_int_equal(errno, ENOMEM);
	assert_true(allocation_failed());
}

static void reads_hex(void **state)
{
	uint8_t bytes[2] = {0};

	(void)state;
	assert_true(ethereum_read_hex("0xaBc1", 6, bytes, 2));
	assert_memory_equal(bytes, "\xab\xc1", 2);
	assert_true(ethereum_read_hex("00ff", 4, bytes, 2));
	assert_memory_equal(bytes, "\x00\xff", 2);
	assert_true(ethereum_read_hex("0x", 2, bytes, 0));
	assert_true(ethereum_read_hex("", 0, bytes, 0));
	assert_false(ethereum_read_hex("0xabc", 5, bytes, 2));
	assert_false(ethereum_read_hex("0xabc1d2", 8, bytes, 2));
	assert_false(ethereum_read_hex("0xabcg", 6, bytes, 2));
	assert_false(ethereum_read_hex("abcd", 3, bytes, 2));
	assert_false(ethereum_read_hex("0xab", 4, bytes, 2));
	assert_false(ethereum_read_hex("x0abcd", 6, bytes, 2));
}

static void reads_and_writes_quantities(void **state)
{
	static const char *const wrong[] = {
		"", "0", "0x", "41", "0xg", "0X41", "0x10000000000000000", "-0x1", "0x-1", "0x 1"};
	struct buffer out = {0};
	uint64_t number = 0;

	(void)state;
	ethereum_quantity(&out, 0);
	ethereum_quantity(&out, 65);
	ethereum_quantity(&out, UINT64_MAX);
	assert_string_equal(buffer_text(&out), "0x00x410xffffffffffffffff");
	buffer_fini(&out);
	assert_true(ethereum_read_quantity("0x0", 3, &number));
	assert_int_equal(number, 0);
	assert_true(ethereum_read_quantity("0x0041", 6, &number));
	assert_int_equal(number, 65);
	assert_true(ethereum_read_quantity("0xffffFFFFffffffff", 18, &number));
	assert_true(number == UINT64_MAX);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(ethereum_read_quantity(wrong[i], strlen(wrong[i]), &number));
	}
}

static int make(void **state)
{
	*state = ethereum_new();
	return *state ? 0 : -1;
}

static int unmake(void **state)
{
	ethereum_free(*state);
	ethereum_free(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_addresses),
		cmocka_unit_test(refuses_what_is_no_key),
		cmocka_unit_test(derives_accounts),
		cmocka_unit_test(signs_transactions),
		cmocka_unit_test(signs_for_any_chain),
		cmocka_unit_test(tells_of_missing_memory),
		cmocka_unit_test(reads_hex),
		cmocka_unit_test(reads_and_writes_quantities),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
