/* SPDX-License-Identifier: Apache-2.0 */
/* CMD --describe: what is read, what is refused and in which words, and its end. */
#include "serve/kept_process.h"
#include "serve/process.h"

#include "serve/program_script.h"

static char variable[4096];
static struct buffer refusal;
static int error;

static void forget_function(void)
{
	free(serve.function.name);
	free(serve.function.description);
	free(serve.function.id);
	schema_free(serve.function.inputs);
	schema_free(serve.function.outputs);
	serve.function = (struct function){0};
}

static int teardown_describe(void **state)
{
	int result = teardown(state);

	forget_function();
	buffer_fini(&refusal);
	return result;
}

#define describe_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown_describe)

/* What the child does with --describe. */
static int describe(const char *script)
{
	(void)snprintf(variable, sizeof(variable), "SERVE_CHILD=%s", script);
	serve_config.environment = (struct words){{variable}, 1};
	refusal.length = 0;
	error = -1;
	return program_describe(&serve, &refusal, &error);
}

#define SCHEMAS "'inputs':{'type':'null'},'outputs':{'type':'string'}"

static void what_it_says_is_read(void **state)
{
	struct function *function = &serve.function;
	struct buffer text = {0};

	(void)state;
	assert_int_equal(describe("say {'name':'extract','description':'Reads \\u00e4',"
				  "'inputs':{'type':'object','required':['path'],'properties':"
				  "{'path':{'type':'string','is_path':true}}},"
				  "'outputs':{'type':'integer'},'id':'x-1','stream':true,"
				  "'precheck':true,'more':[1]}"),
		0);
	assert_string_equal(function->name, "extract");
	assert_string_equal(function->description, "Reads \xc3\xa4");
	assert_string_equal(function->id, "x-1");
	assert_true(function->streams);
	assert_true(function->has_precheck);
	schema_write(&text, function->inputs);
	schema_write(&text, function->outputs);
	assert_string_equal(buffer_text(&text),
		"{\"type\":\"object\",\"required\":[\"path\"],\"properties\":"
		"{\"path\":{\"type\":\"string\",\"is_path\":true}}}{\"type\":\"integer\"}");
	buffer_fini(&text);
	assert_ptr_equal(function->runner, &process_runner);
	assert_int_equal(refusal.length, 0);
}

static void it_may_take_many_lines(void **state)
{
	struct function *function = &serve.function;

	(void)state;
	assert_int_equal(describe("say {;say  'name' : 'f',;say " SCHEMAS ";say ;put }"), 0);
	assert_string_equal(function->name, "f");
	assert_int_equal(strlen(function->id), IDENTIFIER_DIGITS);
	assert_null(function->description);
	assert_false(function->streams);
	assert_false(function->has_precheck);
}

static void the_id_that_is_given_wins(void **state)
{
	(void)state;
	serve_config.id = "given";
	serve_config.function = "f";
	serve_config.workers = 2;
	assert_int_equal(describe("say {'name':'f','id':'own'," SCHEMAS "}"), 0);
	assert_string_equal(serve.function.id, "given");
	assert_ptr_equal(serve.function.runner, &kept_process_runner);
	serve.function.runner = NULL;
}

static void refused(const char *script, const char *sentence)
{
	char expected[512];

	(void)snprintf(expected, sizeof(expected), "'%s --describe' %s", command[0], sentence);
	assert_int_equal(describe(script), -1);
	assert_string_equal(buffer_text(&refusal), expected);
	assert_int_equal(error, 0);
	forget_function();
}

static void how_it_ended_is_told(void **state)
{
	(void)state;
	refused("say {}; exit 3", "exited with code 3");
	refused("tell first; tell no module; exit 1", "exited with code 1: no module");
	refused("die 11", "was killed by SIGSEGV");
	refused("tell a\x1b[31m\x7f\xc2\x9b\xc3\xa4\xff; exit 1",
		"exited with code 1: a [31m   \xc3\xa4?");
	assert_contains(log_text(), " line=first\n");
}

static void what_is_no_document_is_told(void **state)
{
	(void)state;
	refused("tell x",
		"printed nothing (one JSON object: {\"name\":..,\"inputs\":..,\"outputs\":..})");
	refused("say hello", "printed no JSON: byte 0: a value is expected");
	refused("say {'a':1} x", "printed no JSON: byte 8: something follows the value");
	refused("say []", "printed no JSON object ({\"name\":..,\"inputs\":..,\"outputs\":..})");
	refused("flood 20 100000", "printed no document: it is longer than 1 MB");
	refused("long 3000000", "printed no document: it is longer than 1 MB");
	refused("many 100000000 10", "printed no document: it is longer than 1 MB");
}

static void what_is_wrong_with_a_document_is_quoted(void **state)
{
	(void)state;
	refused("say {" SCHEMAS "}",
		"printed a document without \"name\" "
		"({\"name\":..,\"inputs\":..,\"outputs\":..})");
	refused("say {'name':7," SCHEMAS "}", "printed a document whose \"name\" is no string: 7");
	refused("say {'name':''," SCHEMAS "}",
		"printed a document whose \"name\" is no name (letters, digits, - and _): \"\"");
	refused("say {'name':'a b'," SCHEMAS "}",
		"printed a document whose \"name\" is no name (letters, digits, - and _): "
		"\"a b\"");
	refused("say {'name':'f','id':'a\\u0000b'," SCHEMAS "}",
		"printed a document whose \"id\" has a NUL in it: \"a\\u0000b\"");
	refused("say {'name':'f','id':['x']," SCHEMAS "}",
		"printed a document whose \"id\" is no string: [\"x\"]");
	refused("say {'name':'f','id':'a/b c'," SCHEMAS "}",
		"printed a document whose \"id\" cannot stand in an answer "
		"(letters, digits, - and _): \"a/b c\"");
	refused("say {'name':'f','stream':'yes'," SCHEMAS "}",
		"printed a document whose \"stream\" is neither true nor false: \"yes\"");
	refused("say {'name':'f','stream':[1,;say  2]," SCHEMAS "}",
		"printed a document whose \"stream\" is neither true nor false: [1, 2]");
	refused("say {'name':'f','precheck':1," SCHEMAS "}",
		"printed a document whose \"precheck\" is neither true nor false: 1");
	refused("say {'name':'f','outputs':{'type':'null'}}",
		"printed a document without \"inputs\" "
		"({\"name\":..,\"inputs\":..,\"outputs\":..})");
	refused("say {'name':'f','inputs':{'type':'null'}}",
		"printed a document without \"outputs\" "
		"({\"name\":..,\"inputs\":..,\"outputs\":..})");
}

static void what_is_wrong_with_a_schema_names_the_parameter(void **state)
{
	(void)state;
	assert_int_equal(describe("say {'name':'f','outputs':{'type':'null'},'inputs':"
				  "{'type':'object','required':[],'properties':"
				  "{'depth':{'type':'integer','default':'x'}}}}"),
		-1);
	assert_contains(buffer_text(&refusal), "printed a wrong schema: inputs.depth");
	forget_function();
	assert_int_equal(
		describe("say {'name':'f','inputs':{'type':'string'},'outputs':{'type':'null'}}"),
		-1);
	assert_contains(buffer_text(&refusal), "printed a wrong schema: inputs");
}

static void another_function_is_refused(void **state)
{
	(void)state;
	serve_config.function = "other";
	assert_int_equal(describe("say {'name':'f'," SCHEMAS "}"), -1);
	assert_contains(buffer_text(&refusal), "--function: 'other' is not what '");
	assert_contains(buffer_text(&refusal), "' calls itself: f");
}

static void a_command_that_cannot_be_executed_is_told_by_its_errno(void **state)
{
	char *real = command[0];

	(void)state;
	command[0] = "/nonexistent";
	assert_int_equal(describe(""), -1);
	assert_string_equal(buffer_text(&refusal),
		"'/nonexistent' cannot be executed: No such file or directory");
	assert_int_equal(error, ENOENT);
	refusal.length = 0;
	command[0] = "/etc/passwd";
	assert_int_equal(describe(""), -1);
	assert_string_equal(
		buffer_text(&refusal), "'/etc/passwd' cannot be executed: Permission denied");
	assert_int_equal(error, EACCES);
	command[0] = real;
}

static void one_that_takes_too_long_is_ended(void **state)
{
	(void)state;
	serve_config.start_timeout_ms = 50;
	assert_int_equal(describe("hang"), -1);
	assert_contains(buffer_text(&refusal), "was not done within 50 ms (--start-timeout)");
	serve_config.term_wait_ms = 50;
	serve_config.start_timeout_ms = 51;
	assert_int_equal(describe("ignore-term; hang"), -1);
	assert_contains(buffer_text(&refusal), "was not done within 51 ms (--start-timeout)");
}

/* The lifecycle is asked to end as by a signal, while the process runs. */
static void stop_life(struct timer *timer)
{
	(void)timer;
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
}

static void the_end_ends_it(void **state)
{
	struct timer timer = {.fired = stop_life};

	(void)state;
	agenda_start(&worker->loop->agenda, &timer, curfew_after_ms(50));
	assert_int_equal(describe("hang"), 1);
	assert_int_equal(refusal.length, 0);
	assert_int_equal(worker_pool_run(&pool), 0);
	assert_int_equal(describe("say {}"), 1);
}

static void its_input_has_an_end(void **state)
{
	(void)state;
	refused("eof; exit 2", "exited with code 2");
}

static void without_memory_it_is_refused(void **state)
{
	int result = -1;

	(void)state;
	for (int n = 1; result; n++) {
		(void)snprintf(variable, sizeof(variable),
			"SERVE_CHILD=say {'name':'f','description':'d'," SCHEMAS "}");
		serve_config.environment = (struct words){{variable}, 1};
		refusal.length = 0;
		allocation_fail(n);
		result = program_describe(&serve, &refusal, &error);
		if (!allocation_failed()) {
			assert_int_equal(result, 0);
		}
		if (result) {
			forget_function();
		}
		assert_true(n < 200);
	}
	assert_string_equal(serve.function.name, "f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		describe_test(what_it_says_is_read),
		describe_test(it_may_take_many_lines),
		describe_test(the_id_that_is_given_wins),
		describe_test(how_it_ended_is_told),
		describe_test(what_is_no_document_is_told),
		describe_test(what_is_wrong_with_a_document_is_quoted),
		describe_test(what_is_wrong_with_a_schema_names_the_parameter),
		describe_test(another_function_is_refused),
		describe_test(a_command_that_cannot_be_executed_is_told_by_its_errno),
		describe_test(one_that_takes_too_long_is_ended),
		describe_test(the_end_ends_it),
		describe_test(its_input_has_an_end),
		describe_test(without_memory_it_is_refused),
	};

	return cmocka_run_group_tests(tests, first_of_all, NULL);
}
