/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/option.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <curfew/time.h>

#include "base/signal_map.h"

enum colour { RED, GREEN, BLUE };

struct config {
	bool loud;
	bool quick;
	int64_t grace_ms;
	uint64_t limit;
	int64_t interval_ms;
	int code;
	const char *report_file;
	unsigned colour;
	int signal;
	int caught;
	sigset_t stop_on;
	struct signal_map map;
	struct words listen;
	int secret;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

#define FIELD(field) .offset = offsetof(struct config, field)

static const struct option table[] = {
	{.name = "loud", .letter = 'l', .kind = OPTION_FLAG, FIELD(loud)},
	{.name = "quick", .letter = 'q', .kind = OPTION_FLAG, FIELD(quick)},
	{.name = "grace",
		.kind = OPTION_DURATION,
		FIELD(grace_ms),
		.metavar = "DURATION",
		.preset = "25s"},
	{.name = "limit", .kind = OPTION_SIZE, FIELD(limit), .metavar = "SIZE", .preset = "64k"},
	{.name = "rate",
		.kind = OPTION_RATE,
		FIELD(interval_ms),
		.metavar = "RATE",
		.preset = "10/m"},
	{.name = "code", .kind = OPTION_NUMBER, FIELD(code), .metavar = "CODE", .most = 255},
	{.name = "report-file", .kind = OPTION_STRING, FIELD(report_file), .metavar = "FILE"},
	{.name = "colour",
		.kind = OPTION_CHOICE,
		FIELD(colour),
		.metavar = "COLOUR",
		.preset = "green",
		.choices = colours},
	{.name = "signal", .kind = OPTION_SIGNAL, FIELD(signal), .metavar = "SIGNAL"},
	{.name = "caught", .kind = OPTION_CATCHABLE, FIELD(caught), .metavar = "SIGNAL"},
	{.name = "stop-on",
		.kind = OPTION_SIGNALS,
		FIELD(stop_on),
		.metavar = "SIGNAL,...",
		.preset = "TERM,INT"},
	{.name = "map", .kind = OPTION_SIGNAL_MAP, FIELD(map), .metavar = "FROM:TO"},
	{.name = "listen", .kind = OPTION_WORDS, FIELD(listen), .metavar = "ADDR"},
	{.name = "secret",
		.internal = true,
		.kind = OPTION_NUMBER,
		FIELD(secret),
		.metavar = "FD",
		.most = 9},
	{.name = NULL},
};

#define MOST 40

/* A command line and an environment, in memory of their exact size, and what came of them. */
struct attempt {
	struct config config;
	struct option_reading reading;
	char *memory[2 * MOST];
	char *arguments[MOST];
	char *environment[MOST];
	size_t operands; /* index of the first */
};

static size_t copy_words(struct attempt *attempt, size_t from, char **to, const char *const *words)
{
	size_t count = 0;

	while (words && words[count]) {
		attempt->memory[from + count] = to[count] = strdup(words[count]);
		count++;
	}
	to[count] = NULL;
	return count;
}

static int try(
	struct attempt *attempt, const char *const *arguments, const char *const *environment)
{
	int result;

	memset(attempt, 0, sizeof(*attempt));
	option_preset(table, &attempt->config);
	copy_words(attempt, 0, attempt->arguments, arguments);
	copy_words(attempt, MOST, attempt->environment, environment);
	attempt->reading = (struct option_reading){
		.table = table,
		.arguments = attempt->arguments,
		.environment = attempt->environment,
		.config = &attempt->config,
	};
	result = option_read(&attempt->reading);
	attempt->operands = (size_t)(attempt->reading.arguments - attempt->arguments);
	assert_int_equal(result<0, attempt->reading.refusal.length> 0);
	return result;
}

static void end(struct attempt *attempt)
{
	for (size_t i = 0; i < 2 * MOST; i++) {
		free(attempt->memory[i]);
	}
	buffer_fini(&attempt->reading.refusal);
}

#define WORDS(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static void has_its_presets(void **state)
{
	struct attempt attempt;

	(void)state;
	assert_int_equal(try(&attempt, NULL, NULL), 0);
	assert_false(attempt.config.loud);
	assert_int_equal(attempt.config.grace_ms, 25000);
	assert_int_equal(attempt.config.limit, 65536);
	assert_int_equal(attempt.config.interval_ms, 6000);
	assert_int_equal(attempt.config.colour, GREEN);
	assert_null(attempt.config.report_file);
	assert_true(sigismember(&attempt.config.stop_on, SIGTERM));
	assert_true(sigismember(&attempt.config.stop_on, SIGINT));
	assert_false(sigismember(&attempt.config.stop_on, SIGQUIT));
	end(&attempt);
}

static void reads_every_kind(void **state)
{
	struct attempt attempt;

	(void)state;
	assert_int_equal(
		try(&attempt,
			WORDS("--loud", "--grace=1.5s", "--limit", "8M", "--rate", "10/s", "--code",
				"7", "--report-file=a=b", "--colour", "blue", "--signal", "KILL",
				"--caught", "usr1", "--stop-on", "QUIT,RTMIN+1", "--map",
				"HUP:TERM,USR1:0", "--map=USR2:KILL", "--listen", "a", "--listen=b",
				"--secret", "4", "word", "--quick"),
			NULL),
		0);
	assert_true(attempt.config.loud);
	assert_false(attempt.config.quick);
	assert_int_equal(attempt.config.grace_ms, 1500);
	assert_int_equal(attempt.config.limit, 8 << 20);
	assert_int_equal(attempt.config.interval_ms, 100);
	assert_int_equal(attempt.config.code, 7);
	assert_string_equal(attempt.config.report_file, "a=b");
	assert_int_equal(attempt.config.colour, BLUE);
	assert_int_equal(attempt.config.signal, SIGKILL);
	assert_int_equal(attempt.config.caught, SIGUSR1);
	assert_true(sigismember(&attempt.config.stop_on, SIGQUIT));
	assert_true(sigismember(&attempt.config.stop_on, SIGRTMIN + 1));
	assert_false(sigismember(&attempt.config.stop_on, SIGTERM));
	assert_int_equal(signal_map_apply(&attempt.config.map, SIGHUP), SIGTERM);
	assert_int_equal(signal_map_apply(&attempt.config.map, SIGUSR1), 0);
	assert_int_equal(signal_map_apply(&attempt.config.map, SIGUSR2), SIGKILL);
	assert_int_equal(signal_map_apply(&attempt.config.map, SIGWINCH), SIGWINCH);
	assert_int_equal(attempt.config.listen.count, 2);
	assert_string_equal(attempt.config.listen.word[1], "b");
	assert_int_equal(attempt.config.secret, 4);
	assert_string_equal(attempt.arguments[attempt.operands], "word");
	end(&attempt);
}

static void rates_become_intervals(void **state)
{
	static const struct {
		const char *rate;
		int64_t interval_ms;
	} cases[] = {{"0", 0}, {"1/h", 3600000}, {"7/m", 8572}, {"1000/s", 1}, {"60000/m", 1}};
	struct attempt attempt;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(try(&attempt, WORDS("--rate", cases[i].rate), NULL), 0);
		assert_int_equal(attempt.config.interval_ms, cases[i].interval_ms);
		end(&attempt);
	}
}

static void knows_where_options_end(void **state)
{
	static const struct {
		const char *arguments[5];
		size_t operands;
		bool loud, quick;
	} cases[] = {
		{{"--", "--loud"}, 1, false, false},
		{{"--loud", "--"}, 2, true, false},
		{{"--loud", "--", "--", "x"}, 2, true, false},
		{{"-", "--loud"}, 0, false, false},
		{{"", "--loud"}, 0, false, false},
		{{"word", "--", "--loud"}, 0, false, false},
		{{"-lq", "word"}, 1, true, true},
		{{"-l", "-q", "word"}, 2, true, true},
		{{"--loud=yes", "--quick=NO", "x"}, 2, true, false},
		{{"--loud", "--loud=off"}, 2, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct attempt attempt;

		assert_int_equal(try(&attempt, cases[i].arguments, NULL), 0);
		assert_int_equal(attempt.operands, cases[i].operands);
		assert_int_equal(attempt.config.loud, cases[i].loud);
		assert_int_equal(attempt.config.quick, cases[i].quick);
		end(&attempt);
	}
}

static void wants_help_before_anything_later(void **state)
{
	static const char *const lines[][4] = {
		{"--help", "--nonsense"},
		{"-h"},
		{"-lh", "--nonsense"},
		{"--loud", "--help", "--nonsense"},
	};
	struct attempt attempt;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(
			try(&attempt, lines[i], WORDS("CURFEW_GRACE=nonsense")), OPTION_WANTS_HELP);
		end(&attempt);
	}
	assert_int_equal(try(&attempt, WORDS("word", "--help"), NULL), 0);
	end(&attempt);
	assert_int_equal(try(&attempt, WORDS("--report-file", "--help"), NULL), 0);
	assert_string_equal(attempt.config.report_file, "--help");
	end(&attempt);
}

static void reads_the_environment_where_the_command_line_is_silent(void **state)
{
	struct attempt attempt;

	(void)state;
	assert_int_equal(
		try(&attempt, WORDS("--grace", "1s", "--map", "HUP:INT", "--quick=no", "--code=0"),
			WORDS("CURFEW_LIMITS=8M", "CURFEW_GRACE=nonsense", "CURFEW_REPORT_FILE=f",
				"CURFEW_LOUD=1", "CURFEW_QUICK=1", "CURFEW_MAP=USR1:0",
				"CURFEW_LIMIT=", "CURFEW_PORT=tcp://10.0.0.1:80", "CURFEW_SECRET=5",
				"CURFEW_GRAC=x", "CURFEW_GRACED=x", "CURFEW_STOP_ON",
				"CURFEW_CODE=9", "XCURFEW_COLOUR=red")),
		0);
	assert_int_equal(attempt.config.grace_ms, 1000);
	assert_string_equal(attempt.config.report_file, "f");
	assert_true(attempt.config.loud);
	assert_false(attempt.config.quick);
	assert_int_equal(attempt.config.code, 0);
	assert_int_equal(signal_map_apply(&attempt.config.map, SIGHUP), SIGINT);
	assert_int_equal(signal_map_apply(&attempt.config.map, SIGUSR1), SIGUSR1);
	assert_int_equal(attempt.config.limit, 65536);
	assert_int_equal(attempt.config.colour, GREEN);
	assert_int_equal(attempt.config.secret, 0);
	end(&attempt);
}

static void refuses_in_one_line(void **state)
{
	static const struct {
		const char *arguments[3];
		const char *variable;
		const char *refusal;
	} cases[] = {
		{{"--grace", "10x"}, NULL,
			"--grace wants a duration such as 10s, 500ms or inf, not '10x'"},
		{{"--grace=10"}, NULL,
			"--grace wants a duration such as 10s, 500ms or inf, not '10' (it has no "
			"unit)"},
		{{"--grace="}, NULL, "--grace wants a duration such as 10s, 500ms or inf, not ''"},
		{{"--grace", "-1s"}, NULL,
			"--grace wants a duration such as 10s, 500ms or inf, not '-1s' (it is "
			"negative)"},
		{{"--grace"}, NULL,
			"--grace wants a duration such as 10s, 500ms or inf, but nothing follows"},
		{{"x"}, "CURFEW_GRACE=10x",
			"CURFEW_GRACE wants a duration such as 10s, 500ms or inf, not '10x'"},
		{{"x"}, "CURFEW_STOP_ON=X",
			"CURFEW_STOP_ON wants signals such as TERM,INT,QUIT, not 'X'"},
		{{"--limit", "1T"}, NULL, "--limit wants a size such as 64k, 8M or 1G, not '1T'"},
		{{"--code", "256"}, NULL,
			"--code wants a number from 0 to 255, not '256' (it is too large)"},
		{{"--report-file="}, NULL, "--report-file wants a value (FILE), not ''"},
		{{"--listen", ""}, NULL, "--listen wants a value (ADDR), not ''"},
		{{"--colour", "rde"}, NULL, "--colour wants red, green or blue, not 'rde'"},
		{{"--signal", "NO"}, NULL,
			"--signal wants a signal such as TERM, 15 or RTMIN+1, not 'NO'"},
		{{"--caught", "STOP"}, NULL,
			"--caught wants a signal such as TERM, 15 or RTMIN+1, not 'STOP' (it "
			"cannot be caught)"},
		{{"--stop-on", "INT,KILL"}, NULL,
			"--stop-on wants signals such as TERM,INT,QUIT, not 'INT,KILL' (it names "
			"one that cannot be caught)"},
		{{"--stop-on", "INT,"}, NULL,
			"--stop-on wants signals such as TERM,INT,QUIT, not 'INT,'"},
		{{"--map", "HUP"}, NULL,
			"--map wants signals such as HUP:TERM, or USR1:0 to drop one, not 'HUP'"},
		{{"--map", "HUP:INT,USR1:00"}, NULL,
			"--map wants signals such as HUP:TERM, or USR1:0 to drop one, not "
			"'HUP:INT,USR1:00'"},
		{{"--map", "KILL:0"}, NULL,
			"--map wants signals such as HUP:TERM, or USR1:0 to drop one, not 'KILL:0' "
			"(it maps one that cannot be "
			"caught)"},
		{{"--map", "HUP:INT:USR1"}, NULL,
			"--map wants signals such as HUP:TERM, or USR1:0 to drop one, not "
			"'HUP:INT:USR1'"},
		{{"--loud=loudly"}, NULL, "--loud wants yes or no, not 'loudly'"},
		{{"--grcae=1s"}, NULL, "unknown option '--grcae' (did you mean '--grace'?)"},
		{{"-grace"}, NULL, "unknown option '-grace' (did you mean '--grace'?)"},
		{{"--hepl"}, NULL, "unknown option '--hepl' (did you mean '--help'?)"},
		{{"--frobnicate"}, NULL, "unknown option '--frobnicate' (--help lists them)"},
		{{"-lx"}, NULL, "unknown option '-lx' (--help lists them)"},
		{{"---"}, NULL, "unknown option '---' (--help lists them)"},
		{{"--=x"}, NULL, "unknown option '--' (--help lists them)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct attempt attempt;

		assert_int_equal(
			try(&attempt, cases[i].arguments, WORDS(cases[i].variable)), -EINVAL);
		assert_string_equal(buffer_text(&attempt.reading.refusal), cases[i].refusal);
		end(&attempt);
	}
}

static void refuses_rates_that_are_none(void **state)
{
	static const struct {
		const char *rate;
		const char *why;
	} cases[] = {
		{"10", " (it has no unit)"},
		{"0/s", " (it is zero)"},
		{"10/d", ""},
		{"1001/s", " (it is more than 1000 a second)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct attempt attempt;
		char refusal[160];

		(void)snprintf(refusal, sizeof(refusal),
			"--rate wants a rate such as 10/s or 10/m, or 0 for no limit, not '%s'%s",
			cases[i].rate, cases[i].why);
		assert_int_equal(try(&attempt, WORDS("--rate", cases[i].rate), NULL), -EINVAL);
		assert_string_equal(buffer_text(&attempt.reading.refusal), refusal);
		end(&attempt);
	}
}

static void refuses_what_is_too_long(void **state)
{
	struct attempt attempt;
	char word[5001];

	(void)state;
	memset(word, 'a', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	memcpy(word, "--", 2);
	assert_int_equal(try(&attempt, WORDS(word), NULL), -EINVAL);
	assert_true(attempt.reading.refusal.length < 120);
	end(&attempt);
	assert_int_equal(try(&attempt, WORDS("--grace", word), NULL), -EINVAL);
	assert_true(attempt.reading.refusal.length < 200);
	end(&attempt);
	assert_int_equal(try(&attempt, WORDS("--stop-on", word), NULL), -EINVAL);
	end(&attempt);
}

static void refuses_one_word_too_many(void **state)
{
	struct words words = {.count = 0};
	struct option_reading reading = {.config = &words};
	static const struct option listen[] = {
		{.name = "listen", .kind = OPTION_WORDS, .metavar = "ADDR"}, {.name = NULL}};
	char argument[] = "--listen=x";
	char *arguments[WORDS_MOST + 2] = {NULL};

	(void)state;
	reading.table = listen;
	for (size_t i = 0; i <= WORDS_MOST; i++) {
		arguments[i] = argument;
	}
	reading.arguments = arguments;
	assert_int_equal(option_read(&reading), -EINVAL);
	assert_string_equal(buffer_text(&reading.refusal),
		"--listen wants a value (ADDR), not 'x' (it is one too many)");
	assert_int_equal(words.count, WORDS_MOST);
	buffer_fini(&reading.refusal);
}

static void writes_variables(void **state)
{
	char name[OPTION_VARIABLE_BYTES];

	(void)state;
	assert_string_equal(option_variable(&table[6], name), "CURFEW_REPORT_FILE");
	assert_null(option_variable(&table[13], name));
	assert_null(option_variable(&option_help, name));
}

static void lists_help_last(void **state)
{
	(void)state;
	assert_ptr_equal(option_at(table, 13), &table[13]);
	assert_ptr_equal(option_at(table, 14), &option_help);
	assert_null(option_at(table, 15));
	assert_null(option_at(table, 99));
}

static void strips_the_environment(void **state)
{
	char *environment[] = {
		(char[]){"PATH=/bin"},
		(char[]){"CURFEW_GRACE=1s"},
		(char[]){"CURFEW_PORT=tcp://x"},
		(char[]){"CURFEW_GRACED=1s"},
		(char[]){"CURFEW_STOP_ON="},
		(char[]){"curfew_grace=1s"},
		(char[]){"CURFEW_GRACE"},
		(char[]){"CURFEW_REPORT_FILE=x"},
		(char[]){""},
		(char[]){"X=CURFEW_GRACE=1"},
		NULL,
	};
	const char *const after[] = {"PATH=/bin", "CURFEW_PORT=tcp://x", "CURFEW_GRACED=1s",
		"curfew_grace=1s", "", "X=CURFEW_GRACE=1", NULL};

	(void)state;
	option_strip(table, environment);
	for (size_t i = 0; after[i]; i++) {
		assert_string_equal(environment[i], after[i]);
	}
	assert_null(environment[6]);
	option_strip(table, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_its_presets),
		cmocka_unit_test(reads_every_kind),
		cmocka_unit_test(rates_become_intervals),
		cmocka_unit_test(knows_where_options_end),
		cmocka_unit_test(wants_help_before_anything_later),
		cmocka_unit_test(reads_the_environment_where_the_command_line_is_silent),
		cmocka_unit_test(refuses_in_one_line),
		cmocka_unit_test(refuses_rates_that_are_none),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(refuses_one_word_too_many),
		cmocka_unit_test(writes_variables),
		cmocka_unit_test(lists_help_last),
		cmocka_unit_test(strips_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
