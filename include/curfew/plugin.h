/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin of `curfew serve` is: a shared object that defines one table,
 *
 *	static int greet(const struct curfew_request *request, struct curfew_response *response)
 *	{
 *		const char *name = curfew_request_string(request, "name", NULL);
 *		...
 *		return curfew_response_output(response, json, strlen(json));
 *	}
 *
 *	static const struct curfew_parameter parameters[] = {
 *		{.name = "name", .type = CURFEW_STRING, .description = "Who is greeted"},
 *		{.name = "times", .type = CURFEW_INTEGER, .preset = "1"},
 *		{0},
 *	};
 *	static const struct curfew_function functions[] = {
 *		{.name = "greet", .parameters = parameters, .output = &text, .run = greet},
 *		{0},
 *	};
 *	CURFEW_PLUGIN(.functions = functions);
 *
 * built with `cc -shared -fPIC greet.c -o greet.so`: the functions below come from the program that
 * loads it. So do those of <curfew/context.h>; a plugin needs no library of ours.
 *
 * Each call runs in a thread of its own choosing among those of --threads, so that several run at
 * once. Request and response belong to that call: to its thread, and until it returns, unless it
 * says otherwise. All texts are UTF-8 and end with a NUL; lengths are in bytes, without it.
 *
 * The ABI is stable: what was built for a version is loaded by every later program that offers it.
 */
#ifndef CURFEW_PLUGIN_H
#define CURFEW_PLUGIN_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curfew/context.h>
#include <curfew/visibility.h>

CURFEW_BEGIN

#define CURFEW_PLUGIN_ABI 1

struct curfew_request;
struct curfew_response;

/* What a value is. 0 ends a list of parameters. */
enum curfew_type {
	CURFEW_NO_TYPE,
	CURFEW_ANY, /* any JSON value */
	CURFEW_NULL,
	CURFEW_BOOLEAN,
	CURFEW_INTEGER, /* of any size; curfew_request_integer takes those of 64 bits */
	CURFEW_NUMBER,
	CURFEW_STRING,
	CURFEW_PATH,   /* a string that names a file */
	CURFEW_LIST,   /* parts[0]: what each item is; NULL: any */
	CURFEW_MAP,    /* parts[0]: what each value is, by names that nobody knows beforehand */
	CURFEW_OBJECT, /* parts: its members */
	CURFEW_UNION,  /* parts: what it may be instead */

	/*
	 * Given by the program: in no schema, in no request, not part of the id. Declared, so that
	 * one sees what a function uses.
	 */
	CURFEW_CANCELLATION_TOKEN = 64,
	CURFEW_USAGE,
	CURFEW_MESSAGE_CHANNELS,
	CURFEW_FILEDATA_META,
};

/* A parameter, a member, an item, an alternative. All of it is static. */
struct curfew_parameter {
	const char *name;        /* of parameters and members; ends no list, .type does */
	uint32_t type;           /* enum curfew_type */
	bool nullable;           /* may be null as well: a union with it */
	const char *preset;      /* JSON text of what is taken where there is none, of the
	                                         type, or null; NULL: it is required */
	const char *description; /* NULL */
	const struct curfew_parameter *parts; /* ends with {0}; NULL where the type has none */
	const char *const *choices;           /* JSON texts of the values that it may have, all of
	                                         one type; ends with NULL. NULL: any */
	void *reserved[2];                    /* NULL */
};

struct curfew_function {
	const char *name;                          /* an identifier; NULL ends the list */
	const char *description;                   /* NULL */
	const struct curfew_parameter *parameters; /* ends with {0}; NULL: none */
	const struct curfew_parameter *output;     /* what `output` is; NULL: null */
	bool streams; /* curfew_response_yield; else it has one output */
	int (*run)(const struct curfew_request *request, struct curfew_response *response);
	/*
	 * Whether the function could do its work, such as reach what it needs: GET /precheck. Takes
	 * CURFEW_USAGE and CURFEW_CANCELLATION_TOKEN at most, and has no output. NULL: it could
	 */
	int (*precheck)(const struct curfew_request *request, struct curfew_response *response);
	const struct curfew_parameter *precheck_parameters;
	void *reserved[2]; /* NULL */
};

struct curfew_plugin {
	uint32_t abi;                            /* CURFEW_PLUGIN_ABI */
	uint32_t function_bytes;                 /* sizeof(struct curfew_function) */
	uint32_t parameter_bytes;                /* sizeof(struct curfew_parameter) */
	const char *id;                          /* NULL: made of the function's schema */
	const struct curfew_function *functions; /* --function chooses one of several */
	void *reserved[2];                       /* NULL */
};

/* Defines the table: CURFEW_PLUGIN(.functions = functions); */
#define CURFEW_PLUGIN(...)                                                                         \
	CURFEW_API const struct curfew_plugin curfew_plugin = {.abi = CURFEW_PLUGIN_ABI,           \
		.function_bytes = sizeof(struct curfew_function),                                  \
		.parameter_bytes = sizeof(struct curfew_parameter),                                \
		__VA_ARGS__}
extern CURFEW_API const struct curfew_plugin curfew_plugin;

/*
 * What run returns: 0, and the response is what was set; CURFEW_E_CANCELLED, because the token had
 * fired; what curfew_response_fail returned; any other negative errno: 500 `[ENOENT] No such file
 * or directory`.
 */
#define CURFEW_E_CANCELLED (-ECANCELED)
#define CURFEW_E_FAILED (-4096)

/* Returns from the function that it is in if the token has fired. */
#define CURFEW_RETURN_IF_CANCELLED(request)                                                        \
	do {                                                                                       \
		if (curfew_token_cancelled(curfew_request_token(request))) {                       \
			return CURFEW_E_CANCELLED;                                                 \
		}                                                                                  \
	} while (0)

/*
 * The request. What is asked for is named by its parameter's name, or, behind a slash, by a JSON
 * Pointer into the parameters (RFC 6901): "/options/depth", "/files/0". The request was checked
 * against the schema, and what is absent has its preset; so a required parameter is always there.
 */

/*
 * Returns the token, which is cancelled when the process ends, when the client went away, and when
 * --request-timeout is over (curfew_token_cause tells which: CURFEW_PARENT with its origin,
 * CURFEW_CLIENT_GONE, CURFEW_DEADLINE). Borrowed until run returns; curfew_token_ref to keep it.
 */
CURFEW_API struct curfew_token *curfew_request_token(const struct curfew_request *request);

/*
 * Returns what a string says, until run returns; *length (NULL: not asked for) is its length, since
 * it may have a NUL in it. NULL if there is no string.
 */
CURFEW_API const char *curfew_request_string(
	const struct curfew_request *request, const char *name, size_t *length);

/* Each returns 0; -ENOENT if there is none, or null; -EINVAL for another type; -ERANGE. */
CURFEW_API int curfew_request_boolean(
	const struct curfew_request *request, const char *name, bool *value);
CURFEW_API int curfew_request_integer(
	const struct curfew_request *request, const char *name, int64_t *value);
CURFEW_API int curfew_request_number(
	const struct curfew_request *request, const char *name, double *value);

/* Returns how many items a list has, or members an object; 0 for all else. */
CURFEW_API size_t curfew_request_count(const struct curfew_request *request, const char *name);

/*
 * Returns the JSON text of a value as it came, *length bytes (NULL: not asked for) and a NUL, until
 * run returns; NULL if there is none. "": the whole request, as an object of all parameters.
 */
CURFEW_API const char *curfew_request_json(
	const struct curfew_request *request, const char *name, size_t *length);

/*
 * The response. JSON texts are copied. Each returns 0, -EINVAL (no JSON; a text that is not UTF-8),
 * -EPERM (it was not declared: CURFEW_USAGE and so on), -ENOMEM.
 */

/* Sets `output`; the last one counts. */
CURFEW_API int curfew_response_output(
	struct curfew_response *response, const char *json, size_t length);

/* Adds to `usage`. CURFEW_USAGE */
CURFEW_API int curfew_response_usage(
	struct curfew_response *response, const char *name, int64_t value);

/* Add to `message_channels`. CURFEW_MESSAGE_CHANNELS */
CURFEW_API int curfew_response_info(struct curfew_response *response, const char *text);
CURFEW_API int curfew_response_warning(struct curfew_response *response, const char *text);

/* Set `filedata_meta`: terminate_current, and one more of new_records. CURFEW_FILEDATA_META */
CURFEW_API int curfew_response_terminate_current(struct curfew_response *response);
CURFEW_API int curfew_response_new_record(
	struct curfew_response *response, const char *json, size_t length);

/* Sets `file_data`; else it is the request's parameter of that name, or null. */
CURFEW_API int curfew_response_file_data(
	struct curfew_response *response, const char *json, size_t length);

/*
 * Sends what was set since the last one as an item of the stream, with this output, and begins the
 * next one. Waits while the client is slow. Returns 0, CURFEW_E_CANCELLED, -EINVAL, -ENOMEM;
 * -EPERM: the function does not stream.
 */
CURFEW_API int curfew_response_yield(
	struct curfew_response *response, const char *json, size_t length);

/*
 * Sets a failure: an HTTP status of 400 to 599, and one line for people. Returns CURFEW_E_FAILED,
 * for run to return. It is the last that the client hears: from then on output, file_data and yield
 * return CURFEW_E_FAILED, and do nothing.
 */
CURFEW_API int curfew_response_fail(struct curfew_response *response, int status,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

CURFEW_END

#endif
