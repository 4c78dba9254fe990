"""The time to parse an event grows with its length: sixteen times the length takes about sixteen times the time.

So no file name can stop a worker. The tests compare the CPU time of this thread, the best of five tries, with a wide
bound: a quadratic parser would take 256 times as long.
"""

import time

import pytest

from service.domain.names import TaskMode
from service.parsing import PARSERS

GROWTH = 16
PATHS = {
    "slashes": "/",
    "commas": "/a,",
    "sizes": ", 9 bytes",
    "almost sizes": ", 9 byte",
    "digits": "9",
    "comma and digits": ", 99999999999999999",
    "spaces": " ",
    "newlines": "\n",
    "levels": "\n[NOTICE] ",
    "letters of a level": "\n[A",
    "metadata": "\n[NOTICE] /   srcMeta: ",
    "almost metadata": "\n[A] /   srcMet ",
    "words of a finish line": "Execution exec-0 ",
    "objects": '{"Action":',
    "lists": "[",
    "escapes": "\\ud800",
    "quotes": '\\"',
}
FORMS = [
    (TaskMode.BASIC, "[NOTICE] Verified file /{}"),
    (TaskMode.BASIC, "[NOTICE] Verified file /{}, 3 bytes"),
    (TaskMode.BASIC, "[NOTICE] Transferred file /{}"),
    (TaskMode.BASIC, "[NOTICE] Verified directory /{}"),
    (TaskMode.BASIC, "[NOTICE] Verification failed <> /{}"),
    (TaskMode.BASIC, "[NOTICE] Verification failed <> {0}\n[NOTICE] {0}   srcMeta: x"),
    (TaskMode.BASIC, "[NOTICE] /{}"),
    (TaskMode.BASIC, "[INFO] Execution exec-{}"),
    (TaskMode.BASIC, "[INFO] Started logging in a hostId: {} for Execution "),
    (TaskMode.BASIC, "[{}"),
    (TaskMode.BASIC, "{}"),
    (TaskMode.ENHANCED, "{}"),
    (TaskMode.ENHANCED, '{{"Action": "VERIFY", "Source": {{"RelativePath": "{}"}}}}'),
]


def processor_s(parse, line):
    def once():
        began = time.thread_time()
        parse(line, 0)
        return time.thread_time() - began

    return min(once() for _ in range(5))


@pytest.mark.parametrize("piece", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize(("mode", "form"), FORMS)
def test_time_grows_with_the_length_of_the_event_and_not_faster(mode, form, piece):
    times = 16_000 // len(piece)
    small, large = (form.format(piece * n) for n in (times, times * GROWTH))
    small_s = max(processor_s(PARSERS[mode], small), 50e-6)
    assert processor_s(PARSERS[mode], large) < 5 * GROWTH * small_s
