# SPDX-License-Identifier: Apache-2.0
"""A run on a terminal: what is seen there, also when it stands still, is narrow, or can do little."""

import re

from load import *

STOP, GO, CTRL_C = "\x13", "\x11", "\x03"
SEQUENCE = re.compile(rb"\x1b\[([?0-9;]*)([A-Za-z])")
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


class Screen:
    """What stands on a terminal of so many columns after these bytes: lines, those that have gone above it too."""

    def __init__(self, columns):
        self.columns, self.lines, self.row, self.column, self.widest = columns, [""], 0, 0, 0

    def feed(self, data):
        at = 0
        while at < len(data):
            found = SEQUENCE.match(data, at)
            if found:
                self.obey(found[1], found[2])
                at = found.end()
                continue
            length = len(re.match(rb"[^\x80-\xff]|[\xc0-\xff][\x80-\xbf]*", data[at:])[0])
            self.put(data[at : at + length].decode())
            at += length
        return self

    def obey(self, number, letter):
        line = self.lines[self.row]
        if letter == b"A":
            self.row = max(0, self.row - int(number or 1))
        elif letter == b"K":
            self.lines[self.row] = line[: self.column]
        elif letter == b"J":
            self.lines[self.row :] = [line[: self.column]]
        else:
            assert letter in b"m", (number, letter)

    def put(self, character):
        if character == "\r":
            self.column = 0
            return
        if character == "\n" or self.column == self.columns:
            self.row, self.column = self.row + 1, self.column if character == "\n" else 0
            self.lines += [""] * (self.row + 1 - len(self.lines))
        if character != "\n":
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
            self.column += 1
            self.widest = max(self.widest, self.column)


def resize(terminal, columns, rows=24):
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def on_terminal(truth, options, columns=100, term="xterm", **variables):
    """A run that has a terminal of its own, and the file of its result."""
    path = temporary(f"result-{next(names)}")
    script = 'stty rows 24 cols "$1"; shift; exec "$@"'
    argv = ["sh", "-c", script, "sh", str(columns), curfew_path(), "load", "--json", path, "--timeout", WAIT_S, *shlex.split(options), truth.url()]
    return Terminal(argv, env=environment(TERM=term, **variables)), path


def result_of(path, within=WITHIN):
    until(lambda: read_file(path).endswith("\n"), "the result", within)
    return Result(read_file(path)).check()


def rest_of(terminal, code=0):
    """All that is still to be read, to the end."""
    rest = terminal.reader.rest(30)
    assert terminal.process.wait() == code, rest.decode(errors="replace")
    return rest


def assert_clean(lines, *wanted):
    """That the live view has left nothing, and that the summary is there, once."""
    text = "\n".join(lines)
    assert not any(re.match("now  |all  |running for |[#.█░]{3}", line) for line in lines), text
    assert text.count("requests\n  scheduled") == 1 and text.rstrip().count("admitted   ") == 1, text
    assert all(each in text for each in wanted), text


def test_terminal_that_stands_still():
    """Ctrl-S: all requests are sent at their time, the run ends at its own, and the summary is there when it is read again."""
    truth = Truth()
    terminal, path = on_terminal(truth, "--rate 200 --duration 3s --grace 60s --threads 1")
    seen = terminal.until("now")
    terminal.type(STOP)
    typed = now()
    result = result_of(path)
    assert result.ending == "duration" and result.ended() == {"ok": 600} and result.dropped == 0, result.ended()
    assert terminal.process.alive(), "it did not wait for its reader"
    terminal.type(GO)
    rest = rest_of(terminal)
    assert rest.count(b"now     ") <= 2 + (typed - terminal.process.started) / 0.25, "pictures were drawn meanwhile"
    assert_clean(Screen(100).feed(seen.encode() + rest).lines, "Ended after 3.0")
    records = truth.records()
    assert_below((records[-1].arrived - records[0].arrived) / 1e9, 4.0, "the sending")
    truth.stop()


def test_terminal_that_stands_still_for_good():
    """It is not waited for behind the grace; the file has it all."""
    truth = Truth()
    terminal, path = on_terminal(truth, "--connections 2 --duration inf --grace 600ms")
    terminal.until("now")
    terminal.type(STOP)
    truth.until_read(100)
    began = terminal.process.signal(TERM)
    code = terminal.process.wait(30)
    assert code in (0, 1) and now() - began < 15, (code, now() - began)
    result = result_of(path)
    assert result.ok() <= truth.read() <= result.ok() + result.in_flight and not result.failures(), (result.ended(), truth.read())
    truth.stop()


def test_terminal_shows_log_lines_whole():
    """A dump comes between two pictures of the live view, and the next one stands below it."""
    truth = Truth()
    terminal, _ = on_terminal(truth, "--connections 2 --duration inf", columns=200)
    seen = terminal.until("now")
    for _ in range(2):
        terminal.process.signal(USR1)
        seen += terminal.until("event=state") + terminal.until("now")
    terminal.process.signal(INT)
    screen = Screen(200).feed(seen.encode() + rest_of(terminal))
    dumped = [line for line in screen.lines if "event=state" in line]
    assert len(dumped) >= 4 and all(line.startswith("time=") for line in dumped), screen.lines
    assert_clean(screen.lines)
    truth.stop()


def picture(terminal):
    """The next one, as it would be if nothing could wrap."""
    return Screen(1000).feed(terminal.until("\x1b[J", 30).encode())


def test_terminal_that_becomes_narrow():
    """Nothing of the live view is wider than the terminal; of one of no width at all it is taken for one of 80."""
    truth = Truth("--script 'ok*4 500'")
    terminal, _ = on_terminal(truth, "--rate 200 --duration inf", columns=200)
    terminal.until("now")
    for columns, least, most in (40, 30, 39), (0, 40, 79), (10, 5, 19):
        resize(terminal, columns)
        until(lambda least=least, most=most: least <= picture(terminal).widest <= most, f"a picture for {columns} columns")
        shown = picture(terminal)
        assert least <= shown.widest <= most, (columns, shown.widest, shown.lines)
    terminal.process.signal(TERM)
    rest_of(terminal)
    truth.stop()


def test_terminal_that_can_do_little():
    """Plain lines and no colours where TERM says so; the live view without colours where its user wants none."""
    truth = Truth("--script 'ok*4 500'")
    options = "--rate 100 --duration 800ms --stats-interval 200ms"
    plain, none, grey, bright = [
        on_terminal(truth, options, term=term, NO_COLOR=no_colour)[0] for term, no_colour in (("dumb", ""), ("", ""), ("xterm", "1"), ("xterm", ""))
    ]
    for terminal in plain, none:
        seen = rest_of(terminal)
        assert b"\x1b" not in seen and b" in flight" in seen and b"Ended after" in seen, seen
    seen = rest_of(grey)
    assert b"\x1b[K" in seen and not COLOUR.search(seen), seen
    assert COLOUR.search(rest_of(bright))
    truth.stop()


def test_terminal_ctrl_c():
    """One ends it in order; a second one at once, of which the shell hears too, as all of its group."""
    truth = Truth()
    terminal, path = on_terminal(truth, "--connections 2 --duration inf")
    truth.until_read(50)
    terminal.type(CTRL_C)
    assert_clean(Screen(100).feed(rest_of(terminal)).lines, "a signal")
    assert result_of(path).signal == INT
    truth.stop()
    truth = Truth("--script 'ok*30 never'")
    terminal, path = on_terminal(truth, "--connections 2 --duration inf --grace inf --timeout inf --log-level info", columns=200)
    truth.until_read(2, "never")
    terminal.type(CTRL_C)
    seen = terminal.until("event=stopping")
    debounced(terminal.process.pid)
    terminal.type(CTRL_C)
    assert_clean(Screen(200).feed(seen.encode() + rest_of(terminal, 128 + INT)).lines, "a second signal")
    assert result_of(path).in_flight == 2
    truth.stop()
