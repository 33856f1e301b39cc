/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a text is refused. The words fit behind a position: "byte 17: a number is malformed".
 */
#ifndef JSON_ERROR_H
#define JSON_ERROR_H

#define JSON_ERRORS(X)                                                                             \
	X(OK, "it is well-formed")                                                                 \
	X(EMPTY, "there is no value")                                                              \
	X(TRUNCATED, "the text ends within a value")                                               \
	X(TRAILING, "something follows the value")                                                 \
	X(NO_VALUE, "a value is expected")                                                         \
	X(NO_NAME, "a member's name is expected")                                                  \
	X(NO_COLON, "a colon is expected")                                                         \
	X(NO_COMMA, "a comma or the closing bracket is expected")                                  \
	X(BAD_LITERAL, "true, false or null is misspelt")                                          \
	X(BAD_NUMBER, "a number is malformed")                                                     \
	X(BAD_CONTROL, "a control character in a string is not escaped")                           \
	X(BAD_ESCAPE, "an escape is malformed")                                                    \
	X(BAD_UTF8, "a string is not UTF-8")                                                       \
	X(TOO_DEEP, "it is nested too deeply")                                                     \
	X(TOO_LONG, "it is too long")

enum json_error {
#define JSON_ERROR(name, text) JSON_##name,
	JSON_ERRORS(JSON_ERROR)
#undef JSON_ERROR
};

/* Returns the words of the table. */
const char *json_error_text(enum json_error error);

#endif
