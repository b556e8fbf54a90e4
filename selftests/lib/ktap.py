# SPDX-License-Identifier: GPL-2.0
"""KTAP: writing it, for test programs in Python, and judging it.

A test program:

    from ktap import test, skip, main

    @test("an empty name is the default export")
    def empty_name():
        assert ...

    main()

The functions run in the order of the file.  An exception fails the test, also one
that ends a thread of its, and its traceback and what the test printed are shown;
skip(REASON) skips it.  Of what takes long it is said how long.
KTAP_FILTER=REGEX runs only the tests whose description matches.

Judging: `ktap.py FILE...` reads logs, in which the results of programs are
nested, and prints "N passed, N failed, N skipped"; the exit status is 0 when
nothing failed and something passed.  A program that ends before its plan is
complete counts as failed, and so does one that has no results, or whose results
aren't those of its plan.
"""

import contextlib
import io
import os
import re
import sys
import threading
import time
import traceback

# In seconds; what takes longer tells so.
LONG = 5


class Skip(Exception):
    pass


def skip(reason):
    raise Skip(reason)


TESTS = []


def test(description):
    def register(function):
        TESTS.append((description, function))
        return function
    return register


def comment(text):
    for line in text.rstrip().splitlines():
        print("# " + line)


class ThreadFailed(Exception):
    pass


@contextlib.contextmanager
def _threads_watched():
    """What ends a thread is nobody's to see but this hook's."""
    ends = []

    def note(args):
        ends.append("".join(traceback.format_exception(
            args.exc_type, args.exc_value, args.exc_traceback)))
    before, threading.excepthook = threading.excepthook, note
    try:
        yield
    finally:
        threading.excepthook = before
    if ends:
        raise ThreadFailed("%d threads failed, the first by:\n%s" %
                           (len(ends), ends[0]))


@contextlib.contextmanager
def _timed():
    began = time.monotonic()
    try:
        yield
    finally:
        took = time.monotonic() - began
        if took >= LONG:
            comment("took %.1f s" % took)


def _run(number, description, function):
    """One test; True unless it failed."""
    said = io.StringIO()
    try:
        with _timed(), contextlib.redirect_stdout(said), _threads_watched():
            function()
    except Skip as reason:
        print("ok %d %s # SKIP %s" % (number, description, reason))
        return True
    except Exception:
        comment(said.getvalue())
        comment(traceback.format_exc())
        print("not ok %d %s" % (number, description))
        return False
    print("ok %d %s" % (number, description))
    return True


def main(setup=None):
    """Run the tests; setup is a context manager around all of them."""
    sys.stdout.reconfigure(line_buffering=True)
    wanted = re.compile(os.environ.get("KTAP_FILTER", ""))
    tests = [each for each in TESTS if wanted.search(each[0])]
    print("KTAP version 1")
    if not tests:
        print("1..0 # SKIP no test matches")
        sys.exit(0)
    with contextlib.ExitStack() as stack:
        if setup:
            try:
                with _timed():
                    stack.enter_context(setup())
            except Skip as reason:
                print("1..0 # SKIP %s" % reason)
                sys.exit(0)
        print("1..%d" % len(tests))
        good = [_run(number, *each) for number, each in enumerate(tests, 1)]
    sys.exit(0 if all(good) else 1)


# Judging.

RESULT = re.compile(r"(ok|not ok) (\d+)(?: (?:- )?([^#]*))?(?:# *(\w+) ?(.*))?$")
PLAN = re.compile(r"1\.\.(\d+)(?: *# *SKIP ?(.*))?$")


class Level:
    """One KTAP document: the log itself, or the results of a program in it."""

    def __init__(self):
        self.plan = None
        self.skipped = None     # reason, when the plan says so
        self.results = 0
        self.failed = 0         # results among them that failed
        self.faults = []        # what makes the document itself untrue

    def result(self, number, good):
        self.results += 1
        if number != self.results:
            self.faults.append("result %d where %d belongs" %
                               (number, self.results))
        if not good:
            self.failed += 1

    def close(self):
        if self.plan is None:
            self.faults.append("ended before it had a plan")
        elif self.results != self.plan:
            self.faults.append("%d results, %d planned" %
                               (self.results, self.plan))
        elif self.plan == 0 and self.skipped is None:
            self.faults.append("no tests")
        return self.faults


class Judge:
    """Counts the results of the innermost documents, and what is wrong."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.complaints = []
        self.top = None
        self.inner = None

    def line(self, line):
        """A line of a log; lines that aren't KTAP are ignored."""
        depth = 1 if line.startswith("  ") else 0
        line = line.strip()
        if line == "KTAP version 1":
            self._open(depth)
            return
        plan, result = PLAN.match(line), RESULT.match(line)
        level = self.inner if depth else self.top
        if level is None or not (plan or result):
            return
        if plan:
            self._plan(level, plan)
        elif depth:
            self._inner_result(result)
        else:
            self._outer_result(result)

    def _open(self, depth):
        if depth:
            if self.inner:
                self._complain("two documents for one program")
            self.inner = Level()
        else:
            self._end_log()
            self.top = Level()

    def _plan(self, level, plan):
        if level.plan is not None:
            level.faults.append("two plans")
        level.plan = int(plan.group(1))
        level.skipped = plan.group(2)

    def _count(self, name, good, directive, reason):
        if not good:
            self.failed += 1
            self.complaints.append(name)
        elif directive and directive.upper() == "SKIP":
            self.skipped += 1
        else:
            self.passed += 1

    def _inner_result(self, result):
        verdict, number, text, directive, reason = result.groups()
        good = verdict == "ok"
        self.inner.result(int(number), good)
        self._count((text or "").strip(), good, directive, reason)

    def _outer_result(self, result):
        """The end of a program: its verdict must follow from its results."""
        verdict, number, text, directive, reason = result.groups()
        good, name = verdict == "ok", (text or "").strip()
        self.top.result(int(number), good)
        inner, self.inner = self.inner, None
        if inner is None:
            self._complain("%s: no results" % name)
            return
        faults = inner.close()
        if faults:
            self._complain("%s: %s" % (name, "; ".join(faults)))
        elif good and inner.failed:
            self._complain("%s: passed with failed results" % name)
        elif not good and not inner.failed:
            self._complain("%s: %s" % (name, " ".join(
                filter(None, (directive, reason))) or "failed as a whole"))
        elif good and inner.plan == 0:
            self.skipped += 1

    def _complain(self, text):
        self.failed += 1
        self.complaints.append(text)

    def _end_log(self):
        if self.top is None:
            return
        if self.inner:
            self._complain("the log ends inside a program's results")
        faults = self.top.close()
        if faults:
            self._complain("the log: " + "; ".join(faults))
        self.top = self.inner = None

    def end(self):
        """After the last line of a file."""
        if self.top is None:
            self._complain("a log without results")
        self._end_log()

    def file(self, path):
        with open(path, errors="replace") as log:
            for line in log:
                self.line(line.rstrip("\n").rstrip("\r"))
        self.end()

    @property
    def good(self):
        return not self.failed and self.passed > 0

    def summary(self):
        return "%d passed, %d failed, %d skipped" % (
            self.passed, self.failed, self.skipped)


def judge(paths):
    verdict = Judge()
    for path in paths:
        verdict.file(path)
    for complaint in verdict.complaints:
        print("failed: " + complaint)
    print(verdict.summary())
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(judge(sys.argv[1:]))
