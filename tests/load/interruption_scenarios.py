# SPDX-License-Identifier: Apache-2.0
"""Signals at the moments in which they are least welcome: the first one, a look-up that hangs, the writing of the files.
The items of the lifecycle by their numbers."""

from load import *
from starts import sleep_until

HUP = signal.SIGHUP
F_SETPIPE_SZ = 1031  # of Linux


def page():
    return temporary(f"page-{next(names)}.html")


def assert_told(load, path):
    """The summary and both files are whole."""
    load.result().check()
    assert_whole(load.said())
    text = read_file(path)
    assert text.startswith("<!") and text.endswith("</html>\n"), text[-200:]


@plain
def test_1_a_signal_in_the_first_moment_in_which_it_is_held():
    """And in each of the next ones: an end in order, with all that is told."""
    truth = Truth()
    for i in range(15):
        path, number = page(), (TERM, INT, QUIT)[i % 3]
        load = Load(f"{FOR_EVER} --connections 4 --html {path} {'--prewarm' if i % 2 else ''}", truth)
        until(lambda load=load, number=number: blocks(load.pid, number), "it holds signals back")
        sleep_until(now() + i // 3 * 0.0005)
        load.signal(number)
        result = load.end()
        assert result.ending == "signal" and result.signal == number, (i, result.ending, result.signal)
        assert_told(load, path)
    truth.stop()


@plain
def test_1_a_signal_at_any_moment_around_its_own_end():
    """While the last answers come, the files are written, the process goes: the code is 0, and all of it is whole."""
    truth = Truth()
    load = Load(f"--requests 400 --connections 4 --html {page()}", truth)
    load.end()
    usual, hit = load.took(), 0
    for i in range(12):
        path = page()
        load = Load(f"--requests 400 --connections 4 --html {path}", truth)
        until(lambda load=load: blocks(load.pid, TERM), "it holds signals back")
        sleep_until(load.process.started + usual * (0.5 + i / 12))
        if load.process.alive():
            load.signal()
        assert load.end().ending in ("requests", "signal"), i
        hit += load.report()["cause"]["kind"] == "signal"
        assert_told(load, path)
    print(f"{hit} of 12 ended by the signal")
    truth.stop()


def hanging_names(options):
    """One that looks a name up, and is not answered."""
    path = temporary(f"asked-{next(names)}")
    preloaded = environment(LD_PRELOAD=fixture("libnames_hang.so"), NAMES_HANG=path)
    load = Load(f"--connections 2 {options}", "http://service.example/", env=preloaded)
    until(lambda: os.path.exists(path), "somebody asks")
    return load


@plain
def test_2_a_signal_while_a_name_is_looked_up():
    """What waits for it is in flight at the end; with --prewarm nothing was sent, which is no failure."""
    runs = {
        hanging_names(f"{FOR_EVER} --grace 500ms"): (1, 2),
        hanging_names(f"{FOR_EVER} --grace 500ms --prewarm"): (0, 0),
    }
    for load in runs:
        load.signal()
    for load, (code, in_flight) in runs.items():
        result = load.end(code)
        assert result.in_flight == in_flight and not result.ended() and result.ending == "signal", (result.in_flight, result.ended())
        assert load.took() < 10, load.took()


@plain
def test_4_a_second_signal_while_a_name_is_looked_up():
    load = hanging_names(f"{FOR_EVER} --grace inf")
    load.signal()
    debounced(load.pid)
    load.signal(INT)
    result = load.end(128 + INT)
    assert result.in_flight == 2 and result.ending == "insisted", (result.in_flight, result.ending)


@plain
def test_71_a_look_up_that_hangs_does_not_outlast_the_duration():
    load = hanging_names("--duration 600ms --grace 4s --timeout 200ms")
    result = load.end(1)
    assert set(result.ended()) == {"connect_timeout"} and result.in_flight == 0, result.ended()
    assert_below(load.took(), 5, "a run of --duration 600ms --timeout 200ms")


class Slow:
    """A run that has ended by itself, whose page goes into a pipe that is smaller than it."""

    def __init__(self, truth, options):
        path = temporary(f"pipe-{next(names)}")
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self.fd, F_SETPIPE_SZ, 4096)
        self.path, self.load = path, Load(f"--requests 200 --connections 4 --html {path} {options}", truth)
        until(lambda: self.load.said().endswith("\n"), "the summary")

    def rest(self):
        """What is read up to the end of the page."""
        got = b""
        while not got.endswith(b"</html>\n"):
            assert readable(self.fd, WITHIN), got[-200:]
            got += os.read(self.fd, 1 << 20)
        return got


def test_78_a_signal_while_a_file_is_written():
    """It was over before: the first one changes nothing, the second one insists, and the reader has all of it either way."""
    truth = Truth()
    for signals, code in ((), 0), ((TERM,), 0), ((TERM, INT), 128 + INT):
        slow = Slow(truth, "--grace 60s")
        assert slow.load.process.alive(), "it did not wait for its reader"
        for number in signals:
            slow.load.signal(number)
            if number == TERM:
                debounced(slow.load.pid)
        assert slow.rest().startswith(b"<!"), signals
        slow.load.wait(code)
        assert slow.load.result().ending == "requests", slow.load.result().ending
    truth.stop()


def test_78_a_file_that_is_not_read_in_time_is_a_failure():
    """Which is named; the grace bounds it."""
    truth = Truth()
    slow = Slow(truth, "--grace 500ms")
    slow.load.wait(1)
    assert f"cannot write the page to {slow.path}" in slow.load.errors(), slow.load.errors()
    assert slow.load.report()["exit_code"] == 1 and slow.load.result().ok() == 200
    truth.stop()


def test_78_a_reader_that_goes_in_the_middle():
    """Of the summary: told, too, though it seemed to be written."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
    os.write(writing, b"x" * 4000)
    truth = Truth()
    load = Load("--requests 200 --grace 60s", truth, stdout=writing)
    os.close(writing)
    until(lambda: read_file(load.json_path).endswith("\n"), "the result")
    until(lambda: load.process.alive() and asleep(load.pid), "it waits")
    os.close(reading)
    load.wait(1)
    assert "cannot write the summary" in load.errors(), load.errors()
    truth.stop()


def test_78_closed_descriptors_are_no_place_for_files():
    """Without standard output the summary cannot be told, and the result is in its file, alone."""
    truth = Truth()
    for closed in (1, 2), (0, 3), (0, 1):
        path = page()
        load = Load(f"--requests 20 --html {path}", truth, preexec_fn=lambda closed=closed: os.closerange(*closed))
        load.wait(0 if closed == (0, 1) else 1)
        assert load.result().check().ok() == 20 and read_file(path).endswith("</html>\n"), closed
        if closed == (1, 2):
            assert load.errors().count("\n") == 1 and "cannot write the summary" in load.errors(), load.errors()
    truth.stop()


def test_72_a_summary_without_room():
    truth = Truth()
    with open("/dev/full", "wb") as full:
        load = Load("--requests 20", truth, stdout=full)
    load.wait(1)
    assert "cannot write the summary" in load.errors() and load.result().check().ok() == 20, load.errors()
    truth.stop()


def test_3_other_signals_while_it_runs_change_nothing():
    """Also a terminal that is gone: it runs to its end, and its files are written."""
    truth = Truth()
    load = running(truth)
    for number in HUP, signal.SIGUSR2, PIPE, signal.SIGALRM, signal.SIGWINCH, signal.SIGCONT:
        load.signal(number)
        truth.until_read(truth.read() + 100)
    assert load.stop().signal == TERM
    path = temporary("result")
    argv = [curfew_path(), "load", "--json", path, "--connections", "2", "--duration", "3s", truth.url()]
    terminal = Terminal(argv, env=environment(TERM="xterm"))
    terminal.until("now")
    os.close(terminal.master)
    assert terminal.process.wait() == 1  # nobody has read the summary
    assert Result(read_file(path)).check().ending == "duration"
    truth.stop()
