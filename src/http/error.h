/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a message is refused, and with which status a server answers it. A client that refuses a
 * response answers its own client with 502, whatever the reason.
 */
#ifndef HTTP_ERROR_H
#define HTTP_ERROR_H

#define HTTP_ERRORS(X)                                                                             \
	X(OK, 200, "it is well-formed")                                                            \
	X(BAD_START, 400, "it does not begin with a start line")                                   \
	X(EMPTY_LINE, 400, "empty lines stand in front of it")                                     \
	X(BAD_START_LINE, 400, "its start line is malformed")                                      \
	X(UNKNOWN_METHOD, 501, "its method is not known")                                          \
	X(BAD_VERSION, 505, "its version is neither 1.0 nor 1.1")                                  \
	X(BAD_TARGET, 400, "its target is malformed")                                              \
	X(TARGET_TOO_LONG, 414, "its target is too long")                                          \
	X(HEAD_TOO_LARGE, 431, "its head is too large")                                            \
	X(TOO_MANY_FIELDS, 431, "it has too many header fields")                                   \
	X(BARE_LF, 400, "a line of it ends without a carriage return")                             \
	X(BARE_CR, 400, "a carriage return stands within a line of it")                            \
	X(FOLDED, 400, "a header field goes on in a second line")                                  \
	X(BAD_FIELD, 400, "a header field is malformed")                                           \
	X(NO_HOST, 400, "it has no Host")                                                          \
	X(REPEATED_HOST, 400, "it has more than one Host")                                         \
	X(BAD_HOST, 400, "its Host is malformed")                                                  \
	X(OTHER_HOST, 400, "its Host is not that of its target")                                   \
	X(BAD_LENGTH, 400, "its Content-Length is malformed")                                      \
	X(REPEATED_LENGTH, 400, "it has more than one Content-Length")                             \
	X(LENGTH_AND_CODING, 400, "it has both Content-Length and Transfer-Encoding")              \
	X(BAD_CODING, 400, "its Transfer-Encoding is malformed")                                   \
	X(UNKNOWN_CODING, 501, "its Transfer-Encoding is not just chunked")                        \
	X(EARLY_CODING, 400, "it has Transfer-Encoding, and is of version 1.0")                    \
	X(UNKNOWN_EXPECTATION, 417, "it expects something else than 100-continue")                 \
	X(TOO_MANY_OPTIONS, 400, "its Connection lists too much")                                  \
	X(BAD_CHUNK, 400, "a chunk is malformed")                                                  \
	X(CHUNK_TOO_LONG, 400, "the extensions of its chunks are too long")                        \
	X(BAD_TRAILER, 400, "a trailer field may not stand there")                                 \
	X(TRAILERS_TOO_LARGE, 431, "its trailers are too large")                                   \
	X(UNASKED_UPGRADE, 502, "it switches protocols and was not asked to")                      \
	X(BODY_FORBIDDEN, 502, "it has a body where there is none")                                \
	X(TRUNCATED, 400, "it ends too early")                                                     \
	X(NO_MEMORY, 503, "there is no memory for it")

enum http_error {
#define HTTP_ERROR(name, status, text) HTTP_##name,
	HTTP_ERRORS(HTTP_ERROR)
#undef HTTP_ERROR
};

/* Return the status and the words of the table; the words fit behind "the request is refused: ". */
unsigned http_error_status(enum http_error error);
const char *http_error_text(enum http_error error);

#endif
