"""Being a child process."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from livehost import process

AUTOGROUP = Path("/proc/self/autogroup")


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel has no autogroups")
def test_a_child_gives_way_to_other_sessions_and_its_parent_keeps_its_place():
    code = (
        "import os; from pathlib import Path; from livehost import process;"
        "process.give_way(3);"
        f"print(os.nice(0), Path({str(AUTOGROUP)!r}).read_text())"
    )
    before = AUTOGROUP.read_text()
    said = subprocess.check_output([sys.executable, "-c", code], text=True, start_new_session=True)
    assert said.split()[0] == "3"
    assert said.strip().endswith("nice 3")
    assert AUTOGROUP.read_text() == before


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads share their niceness")
def test_threads_that_run_already_give_way_too():
    code = (
        "import os, threading; from livehost import process; end = threading.Event();"
        "one = threading.Thread(target=end.wait); one.start(); process.give_way(3);"
        "print(os.getpriority(os.PRIO_PROCESS, one.native_id)); end.set()"
    )
    said = subprocess.check_output([sys.executable, "-c", code], text=True, start_new_session=True)
    assert said.strip() == "3"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc")
def test_a_thread_is_called_by_its_name_and_the_process_is_not():
    with ThreadPoolExecutor(1, initializer=process.name_thread, initargs=("sound",)) as pool:
        number = pool.submit(threading.get_native_id).result()
        assert Path(f"/proc/self/task/{number}/comm").read_text() == "sound\n"
    assert Path("/proc/self/comm").read_text() != "sound\n"
