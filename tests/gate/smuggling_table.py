# SPDX-License-Identifier: Apache-2.0
"""Requests and answers that somebody could read in another way, and what becomes of each.

What stands at the end of every request of REFUSED is SMUGGLED: bytes that are a request if the one before them
is read as somebody else would. The row says with which status the client is refused; the connection is closed
behind it, and the origin sees nothing. The rows of READ have one reading, which is what the origin gets.
"""

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: gate\r\n\r\n"
GET = b"GET /bad HTTP/1.1\r\nHost: gate\r\n"
POST = b"POST /bad HTTP/1.1\r\nHost: gate\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
CODED = b"\r\n\r\n0\r\n\r\n"  # behind a Transfer-Encoding


def start_line(line, host=b"Host: gate\r\n"):
    return line + b"\r\n" + host + b"\r\n"


def target(text):
    return start_line(b"GET " + text + b" HTTP/1.1")


def hosts(text):
    return start_line(b"GET /bad HTTP/1.1", text)


def length(text):
    return POST + b"Content-Length: " + text + b"\r\n\r\nabcde"


REFUSED = [
    # Content-Length
    ("lengths that differ", POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", 400),
    ("lengths that agree", POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", 400),
    ("length and zero", POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n", 400),
    ("list of equal lengths", length(b"5, 5"), 400),
    ("list of lengths", length(b"5,6"), 400),
    ("length with a plus", length(b"+5"), 400),
    ("length with a minus", length(b"-5"), 400),
    ("length in hexadecimal", length(b"0x5"), 400),
    ("length with a space", length(b"5 5"), 400),
    ("length with a point", length(b"5.0"), 400),
    ("length with an exponent", length(b"5e0"), 400),
    ("quoted length", length(b'"5"'), 400),
    ("empty length", length(b""), 400),
    ("length with an underscore", length(b"1_0"), 400),
    ("length above 64 bits", length(b"18446744073709551621"), 400),
    ("length above 63 bits", length(b"9223372036854775808"), 400),
    ("length in a folded line", POST + b"Content-Length: 0\r\n Content-Length: 44\r\n\r\n", 400),
    ("space before the length's colon", POST + b"Content-Length : 5\r\n\r\nabcde", 400),
    ("tab before the length's colon", POST + b"Content-Length\t: 5\r\n\r\nabcde", 400),
    ("NUL in the length's name", POST + b"Content-Length\0: 5\r\n\r\nabcde", 400),
    ("length in other digits", length("٥".encode()), 400),
    # Transfer-Encoding
    ("length, then coding", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked" + CODED, 400),
    ("coding, then length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5" + CODED, 400),
    ("coding and no length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 0" + CODED, 400),
    ("unknown coding", POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    ("identity", POST + b"Transfer-Encoding: identity\r\n\r\n", 400),
    ("xchunked", POST + b"Transfer-Encoding: xchunked" + CODED, 400),
    ("quoted chunked", POST + b'Transfer-Encoding: "chunked"' + CODED, 400),
    ("chunked with a parameter", POST + b"Transfer-Encoding: chunked;q=1" + CODED, 400),
    ("chunked, then identity", POST + b"Transfer-Encoding: chunked, identity" + CODED, 400),
    ("chunked twice", POST + b"Transfer-Encoding: chunked, chunked" + CODED, 400),
    ("two codings", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" + CODED, 400),
    ("coding and identity", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity" + CODED, 400),
    ("identity and coding", POST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked" + CODED, 400),
    ("empty coding", POST + b"Transfer-Encoding:\r\n\r\n", 400),
    ("gzip, chunked", POST + b"Transfer-Encoding: gzip, chunked" + CODED, 501),
    ("vertical tab before chunked", POST + b"Transfer-Encoding: \x0bchunked" + CODED, 400),
    ("form feed behind chunked", POST + b"Transfer-Encoding: chunked\x0c" + CODED, 400),
    ("NUL behind chunked", POST + b"Transfer-Encoding: chunked\0" + CODED, 400),
    ("space before the coding's colon", POST + b"Transfer-Encoding : chunked" + CODED, 400),
    ("folded coding", POST + b"Transfer-Encoding:\r\n chunked" + CODED, 400),
    ("coding behind a bare LF", POST + b"X: y\nTransfer-Encoding: chunked" + CODED, 400),
    ("coding behind a bare CR", POST + b"X: y\rTransfer-Encoding: chunked" + CODED, 400),
    ("coding in HTTP/1.0", b"POST /bad HTTP/1.0\r\nHost: gate\r\nTransfer-Encoding: chunked" + CODED, 400),
    # Lines and fields
    ("bare LFs", b"GET /bad HTTP/1.1\nHost: gate\n\n", 400),
    ("a bare LF behind Host", b"GET /bad HTTP/1.1\r\nHost: gate\n\r\n", 400),
    ("a bare LF as the empty line", GET + b"X: y\r\n\n", 400),
    ("CR CR LF", GET + b"X: y\r\r\n\r\n", 400),
    ("a bare CR in a value", GET + b"X: y\rz\r\n\r\n", 400),
    ("a bare CR before a name", GET + b"\rX: y\r\n\r\n", 400),
    ("folded by a space", GET + b"X: a\r\n b\r\n\r\n", 400),
    ("folded by a tab", GET + b"X: a\r\n\tb\r\n\r\n", 400),
    ("folded start line", b"GET /bad HTTP/1.1\r\n Host: gate\r\n\r\n", 400),
    ("no name", GET + b": y\r\n\r\n", 400),
    ("no colon", GET + b"X\r\n\r\n", 400),
    ("space in a name", GET + b"X y: z\r\n\r\n", 400),
    ("letters beyond ASCII in a name", GET + b"X\xc3\xa4: z\r\n\r\n", 400),
    ("parentheses in a name", GET + b"(X): z\r\n\r\n", 400),
    ("NUL in a value", GET + b"X: a\0b\r\n\r\n", 400),
    ("DEL in a value", GET + b"X: a\x7f\r\n\r\n", 400),
    ("escape in a value", GET + b"X: a\x1b[0m\r\n\r\n", 400),
    # The start line
    ("two spaces before the target", b"GET  /bad HTTP/1.1\r\nHost: gate\r\n\r\n", 400),
    ("two spaces behind the target", b"GET /bad  HTTP/1.1\r\nHost: gate\r\n\r\n", 400),
    ("space behind the version", b"GET /bad HTTP/1.1 \r\nHost: gate\r\n\r\n", 400),
    ("tab behind the method", b"GET\t/bad HTTP/1.1\r\nHost: gate\r\n\r\n", 400),
    ("HTTP/0.9", b"GET /bad\r\n\r\n", 400),
    ("space in the target", start_line(b"GET /bad /smuggled HTTP/1.1"), 400),
    ("version in lower case", start_line(b"GET /bad http/1.1"), 400),
    ("no target", start_line(b"GET HTTP/1.1"), 400),
    ("space before the method", b" GET /bad HTTP/1.1\r\nHost: gate\r\n\r\n", 400),
    ("TLS to a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ("LFs before the request", b"\n\nGET /bad HTTP/1.1\r\nHost: gate\r\n\r\n", 400),
    ("two empty lines before the request", b"\r\n\r\nGET /bad HTTP/1.1\r\nHost: gate\r\n\r\n", 400),
    ("HTTP/1.2", start_line(b"GET /bad HTTP/1.2"), 505),
    ("HTTP/2.0", start_line(b"GET /bad HTTP/2.0"), 505),
    ("HTTP/2 by prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("method in lower case", start_line(b"get /bad HTTP/1.1"), 501),
    ("method with a parenthesis", start_line(b"GE(T /bad HTTP/1.1"), 400),
    ("CONNECT", b"CONNECT gate:443 HTTP/1.1\r\nHost: gate:443\r\n\r\n", 501),
    # Target and Host
    ("tab in the target", target(b"/bad\tb"), 400),
    ("NUL in the target", target(b"/bad\0b"), 400),
    ("bytes beyond ASCII in the target", target(b"/bad\xc3\xa4"), 400),
    ("fragment in the target", target(b"/bad#b"), 400),
    ("relative target", target(b"bad"), 400),
    ("asterisk and GET", target(b"*"), 400),
    ("another scheme", target(b"ftp://gate/bad"), 400),
    ("no authority", target(b"http:///bad"), 400),
    ("user in the target", target(b"http://user@gate/bad"), 400),
    ("host of the target is another one", target(b"http://other/bad"), 400),
    ("no Host", hosts(b""), 400),
    ("Host twice", hosts(b"Host: gate\r\nHost: gate\r\n"), 400),
    ("two Hosts", hosts(b"Host: gate\r\nhost: other\r\n"), 400),
    ("a list in Host", hosts(b"Host: gate, other\r\n"), 400),
    ("a path in Host", hosts(b"Host: gate/bad\r\n"), 400),
    ("a user in Host", hosts(b"Host: other@gate\r\n"), 400),
    ("an expectation that nobody knows", POST + b"Expect: a miracle\r\nContent-Length: 1\r\n\r\nx", 417),
]

# Here the head was good, so that the origin may have seen it before the body turned out to be none: it must
# never see a whole request, nor anything of what follows.
REFUSED_BODIES = [
    ("no size", CHUNKED + b"\r\n0\r\n\r\n"),
    ("size in letters", CHUNKED + b"x\r\n"),
    ("size with 0x", CHUNKED + b"0x5\r\nabcde\r\n0\r\n\r\n"),
    ("size with a plus", CHUNKED + b"+5\r\nabcde\r\n0\r\n\r\n"),
    ("size with a minus", CHUNKED + b"-1\r\nabcde\r\n0\r\n\r\n"),
    ("space before the size", CHUNKED + b" 5\r\nabcde\r\n0\r\n\r\n"),
    ("space behind the size", CHUNKED + b"5 \r\nabcde\r\n0\r\n\r\n"),
    ("LF behind the size", CHUNKED + b"5\nabcde\r\n0\r\n\r\n"),
    ("CR behind the size", CHUNKED + b"5\rabcde\r\n0\r\n\r\n"),
    ("LF behind the chunk", CHUNKED + b"5\r\nabcde\n0\r\n\r\n"),
    ("a longer chunk than it says", CHUNKED + b"5\r\nabcdeX\r\n0\r\n\r\n"),
    ("a shorter chunk than it says", CHUNKED + b"5\r\nabc\r\n0\r\n\r\n"),
    ("size above 64 bits", CHUNKED + b"10000000000000005\r\nabcde\r\n0\r\n\r\n"),
    ("size above 63 bits", CHUNKED + b"8000000000000000\r\nabcde"),
    ("LF in an extension", CHUNKED + b"5;a=\nb\r\nabcde\r\n0\r\n\r\n"),
    ("NUL in an extension", CHUNKED + b"5;a\0b\r\nabcde\r\n0\r\n\r\n"),
    ("length as a trailer", CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n"),
    ("coding as a trailer", CHUNKED + b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("host as a trailer", CHUNKED + b"0\r\nHost: other\r\n\r\n"),
    ("LF behind a trailer", CHUNKED + b"0\r\nX: y\n\r\n"),
    ("folded trailer", CHUNKED + b"0\r\nX: y\r\n z\r\n\r\n"),
    ("space before a trailer's colon", CHUNKED + b"0\r\nX : y\r\n\r\n"),
    ("LF as the last line", CHUNKED + b"0\r\n\n"),
]

ECHO = b"POST /echo HTTP/1.1\r\nHost: gate\r\n"

# (name, request, how the origin's copy begins, its framing field, its content)
READ = [
    ("leading empty line", b"\r\nGET /echo HTTP/1.1\r\nHost: gate\r\n\r\n", b"GET /echo HTTP/1.1\r\n", None, b""),
    ("leading zero in the length", ECHO + b"Content-Length: 05\r\n\r\nabcde", b"POST /echo HTTP/1.1\r\n", ("content-length", "5"), b"abcde"),
    ("spaces around the length", ECHO + b"Content-Length:5  \r\n\r\nabcde", b"POST ", ("content-length", "5"), b"abcde"),
    ("chunked in capitals", ECHO + b"Transfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"POST ", ("transfer-encoding", "chunked"), b"abc"),
    ("sizes with zeros and extensions", ECHO + b"Transfer-Encoding: chunked\r\n\r\n0005;a=b\r\nabcde\r\n0;c\r\n\r\n", b"POST ", ("transfer-encoding", "chunked"), b"abcde"),
    ("a request in an extension", ECHO + b'Transfer-Encoding: chunked\r\n\r\n1;a="GET /smuggled HTTP/1.1"\r\nx\r\n0\r\n\r\n', b"POST ", ("transfer-encoding", "chunked"), b"x"),
    ("a request as the body", ECHO + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED, b"POST ", ("content-length", str(len(SMUGGLED))), SMUGGLED),
    ("a request as a chunk", ECHO + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED), b"POST ", ("transfer-encoding", "chunked"), SMUGGLED),
    ("a body of GET", b"GET /echo HTTP/1.1\r\nHost: gate\r\nContent-Length: 3\r\n\r\nabc", b"GET ", ("content-length", "3"), b"abc"),
    ("coding with an underscore", ECHO + b"Transfer_Encoding: chunked\r\n\r\n", b"POST ", None, b""),
    ("coding with a prefix", ECHO + b"X-Transfer-Encoding: chunked\r\n\r\n", b"POST ", None, b""),
    ("length named in Connection", ECHO + b"Connection: content-length\r\nContent-Length: 3\r\n\r\nabc", b"POST ", ("content-length", "3"), b"abc"),
    ("coding named in Connection", ECHO + b"Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", b"POST ", ("transfer-encoding", "chunked"), b"a"),
    ("absolute target", b"GET http://gate/echo?a HTTP/1.1\r\nHost: gate\r\n\r\n", b"GET /echo?a HTTP/1.1\r\n", None, b""),
    ("target with two slashes", b"GET //echo HTTP/1.1\r\nHost: gate\r\n\r\n", b"GET //echo HTTP/1.1\r\n", None, b""),
    ("upgrade with a body", ECHO + b"Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\nx", b"POST ", ("content-length", "1"), b"x"),
    ("upgrade without Connection", b"GET /echo HTTP/1.1\r\nHost: gate\r\nUpgrade: websocket\r\n\r\n", b"GET ", None, b""),
    ("dots in the path", b"GET /../smuggled?echo HTTP/1.1\r\nHost: gate\r\n\r\n", b"GET /../smuggled?echo HTTP/1.1\r\n", None, b""),
]  # fmt: skip

OK = b"HTTP/1.1 200 OK\r\n"
OK_CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

# Answers of the origin that are refused: 502.
NONSENSE = [
    ("text", b"hello\r\n\r\n"),
    ("TLS", b"\x15\x03\x03\x00\x02\x02\x46\r\n\r\n"),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    ("HTTP/0.9", b"<html></html>\n\n\r\n\r\n"),
    ("HTTP/2.0", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("no version", b"HTTP 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status of four digits", b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status of letters", b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
    ("status 000", b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n"),
    ("status 999", b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n"),
    ("length and coding", OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("lengths that differ", OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
    ("length of letters", OK + b"Content-Length: abc\r\n\r\nabc"),
    ("negative length", OK + b"Content-Length: -1\r\n\r\nabc"),
    ("unknown coding", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("coding in HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("bare LFs", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n"),
    ("a bare CR", OK + b"X: a\rb\r\nContent-Length: 0\r\n\r\n"),
    ("a folded field", OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    ("no colon", OK + b"X\r\nContent-Length: 0\r\n\r\n"),
    ("space before the colon", OK + b"Content-Length : 0\r\n\r\n"),
    ("NUL in a value", OK + b"X: \0\r\nContent-Length: 0\r\n\r\n"),
    ("a switch that nobody asked for", b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
    ("a body of 204", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nabcde"),
    ("a chunked 204", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a head of 20 kB", OK + b"X: " + b"x" * 20000 + b"\r\nContent-Length: 0\r\n\r\n"),
    ("a head without an end", OK + b"X: " + b"x" * 100000),
    ("nothing but empty lines", b"\r\n" * 100),
]

# Answers that begin well: what the client has got must be recognisable as not whole.
BROKEN = [
    ("a chunk of letters", OK_CHUNKED + b"5\r\nabcde\r\nxyz\r\n"),
    ("a chunk that is longer than it says", OK_CHUNKED + b"5\r\nabcdefg\r\n0\r\n\r\n"),
    ("LF behind a chunk", OK_CHUNKED + b"5\r\nabcde\n0\r\n\r\n"),
    ("a size above 64 bits", OK_CHUNKED + b"5\r\nabcde\r\nfffffffffffffffff\r\n"),
    ("a folded trailer", OK_CHUNKED + b"5\r\nabcde\r\n0\r\nX: y\r\n z\r\n\r\n"),
    ("a length as a trailer", OK_CHUNKED + b"5\r\nabcde\r\n0\r\nContent-Length: 5\r\n\r\n"),
]
