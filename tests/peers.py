"""Real peers on 127.0.0.1 for tests: RTMP servers, and eyes for what arrived (see also `faults`).

In:  a temporary folder.   Out: context managers; each leaves no process, thread or socket behind.

    with nginx_rtmp(tmp_path) as server:
        ... push to server.url("key") ...
        probe(server.recordings("key")[0])
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import monotonic
from xml.etree import ElementTree

import av
import numpy as np
import pytest

RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")


# --- waiting ------------------------------------------------------------------------------------


def wait_until(condition: Callable[[], object], seconds: float = 10.0, what: str = "") -> None:
    """Block until `condition()` is true; fail the test after `seconds`."""
    deadline, pause = monotonic() + seconds, threading.Event()
    while not condition():
        if monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what or condition}")
        pause.wait(0.02)


async def until(condition: Callable[[], object], seconds: float = 10.0, what: str = "") -> None:
    """`wait_until` for coroutines: the event loop goes on meanwhile."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what or condition}")
        await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return probing.getsockname()[1]


def listening(port: int) -> bool:
    """Say whether somebody listens on the port, without connecting to it."""
    return any(f":{port:04X} 00000000:0000 0A" in line for line in _tcp_table())


def _tcp_table() -> list[str]:
    return Path("/proc/net/tcp").read_text().splitlines()[1:]


def need(*programs: str) -> None:
    """Skip the test, saying why, when a program is missing."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def children(name: str = "link_child") -> list[int]:
    """Return the process ids, zombies included, of our descendants with `name` in the command."""
    found, todo = [], [os.getpid()]
    while todo:
        for pid in _children_of(todo.pop()):
            todo.append(pid)
            with contextlib.suppress(OSError):
                if name in Path(f"/proc/{pid}/cmdline").read_text():
                    found.append(pid)
    return found


def _children_of(pid: int) -> list[int]:
    pids = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            pids += [int(child) for child in task.read_text().split()]
    return pids


# --- nginx-rtmp ---------------------------------------------------------------------------------

_NGINX_CONF = """
load_module {module};
daemon off; master_process off; {user}
error_log {dir}/error.log info; pid {dir}/nginx.pid;
events {{ worker_connections 256; }}
rtmp {{
  server {{
    listen 127.0.0.1:{rtmp}; chunk_size 4096; max_message 4M;
    application live {{
      live on; record all; record_path {dir}/rec; record_unique on; record_max_size 2000M;
      idle_streams off;
    }}
    application refuse {{ live on; on_publish http://127.0.0.1:{http}/deny; }}
  }}
}}
http {{
  access_log off;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  server {{
    listen 127.0.0.1:{http};
    location /stat {{ rtmp_stat all; }}
    location /control {{ rtmp_control all; }}
    location /deny {{ return 403; }}
  }}
}}
"""


class Nginx:
    """An nginx-rtmp server. `live` records everything; `refuse` turns every publisher away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.http_port = free_port(), free_port()
        (folder / "rec").mkdir(parents=True)
        (folder / "nginx.conf").write_text(
            _NGINX_CONF.format(
                module=RTMP_MODULE,
                user="user root;" if os.geteuid() == 0 else "",
                dir=folder,
                rtmp=self.port,
                http=self.http_port,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, key: str, app: str = "live") -> str:
        return f"rtmp://127.0.0.1:{self.port}/{app}/{key}"

    def start(self) -> None:
        command = ["nginx", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(lambda: listening(self.port) and listening(self.http_port), what="nginx starts")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the server; recordings are complete afterwards."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze the process: the kernel goes on acknowledging until its buffers are full."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def drop(self, key: str, app: str = "live") -> None:
        """Throw the publisher of `key` out."""
        self._get(f"control/drop/publisher?app={app}&name={key}")

    def stat(self) -> ElementTree.Element:
        return ElementTree.fromstring(self._get("stat"))

    def publishing(self, key: str) -> bool:
        streams = self.stat().iterfind(".//live/stream")
        return any(s.findtext("name") == key and s.find("publishing") is not None for s in streams)

    def recordings(self, key: str) -> list[Path]:
        """Return the files of `key`, oldest first, without those that hold no packet yet."""
        files = [f for f in (self.folder / "rec").glob(f"{key}-*.flv") if f.stat().st_size > 500]
        return sorted(files, key=lambda f: f.stat().st_mtime)

    def _get(self, what: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/{what}", timeout=5) as got:
            return got.read()


@contextmanager
def nginx_rtmp(folder: Path) -> Iterator[Nginx]:
    """Run nginx with the RTMP module on free ports; skip the test when it is not installed."""
    need("nginx")
    if not RTMP_MODULE.exists():
        pytest.skip("libnginx-mod-rtmp is not installed")
    server = Nginx(folder / "nginx")
    server.start()
    try:
        yield server
    finally:
        server.kill()


# --- ffmpeg -listen -----------------------------------------------------------------------------


@dataclass
class Listener:
    """An `ffmpeg -listen` that takes one publisher and writes what it gets to `path`."""

    url: str
    path: Path
    process: subprocess.Popen[bytes]

    def finish(self, seconds: float = 10.0) -> Path:
        """Wait until the publisher is gone and the file complete; return the file."""
        self.process.wait(seconds)
        return self.path


@contextmanager
def ffmpeg_listen(folder: Path, key: str = "key") -> Iterator[Listener]:
    """Run a one-shot RTMP server; skip the test when ffmpeg is not installed."""
    need("ffmpeg")
    port = free_port()
    url, path = f"rtmp://127.0.0.1:{port}/live/{key}", folder / f"listen-{port}.flv"
    command = f"ffmpeg -v error -nostdin -y -listen 1 -i {url} -c copy -copyts {path}".split()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: listening(port), what="ffmpeg listens")
            yield Listener(url, path, process)
        finally:
            process.kill()


# --- eyes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """One packet in a file, in milliseconds."""

    pts: int
    dts: int
    keyframe: bool
    size: int


@dataclass(frozen=True)
class Probed:
    """What ffprobe says of a file."""

    video: list[Seen] = field(default_factory=list)
    audio: list[Seen] = field(default_factory=list)
    streams: dict[str, dict[str, object]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def gaps(self, period: float, kind: str = "video", tolerance: float = 1.0) -> list[int]:
        """Return where (ms) two packets of a kind are not `period` ms apart."""
        packets = self.video if kind == "video" else self.audio
        return [b.dts for a, b in pairwise(packets) if abs(b.dts - a.dts - period) > tolerance]


def probe(path: Path) -> Probed:
    """Return every packet of a file, read by ffprobe; fail the test if it is unreadable."""
    need("ffprobe")
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_packets", "-show_streams"]
    done = subprocess.run(
        [*command, "-show_format", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"ffprobe cannot read {path.name}: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    probed = Probed(tags=found["format"].get("tags", {}))
    probed.streams.update({stream["codec_type"]: stream for stream in found["streams"]})
    for packet in found["packets"]:
        kept = probed.video if packet["codec_type"] == "video" else probed.audio
        times = (round(float(packet[key]) * 1000) for key in ("pts_time", "dts_time"))
        kept.append(Seen(*times, "K" in packet["flags"], int(packet["size"])))
    return probed


def flash_beep_offset(path: Path) -> list[float]:
    """Return, for each white flash of a file, the beep's onset minus the flash's, in ms.

    A flash in the last 0.2 s is left out: its beep may not have made it into the file.
    """
    flashes, beeps, end = flash_and_beep_onsets(path)
    whole = [flash for flash in flashes if flash < end - 0.2]
    return [float(min((beep - flash for beep in beeps), key=abs) * 1000) for flash in whole]


def flash_and_beep_onsets(path: Path) -> tuple[list[float], list[float], float]:
    """Return the onsets of white flashes, of beeps, and the end of the sound, in seconds."""
    light: list[tuple[float, bool]] = []
    sound: list[tuple[float, np.ndarray]] = []
    with av.open(str(path)) as source:
        for frame in source.decode():
            if isinstance(frame, av.VideoFrame):
                light.append((frame.time, float(frame.to_ndarray(format="gray").mean()) > 128))
            else:
                sound.append((frame.time, np.abs(frame.to_ndarray()).max(axis=0)))
    flashes = [t for (_, was), (t, now) in pairwise(light) if now and not was]
    return flashes, _beeps(sound), sound[-1][0]


def _beeps(sound: list[tuple[float, np.ndarray]]) -> list[float]:
    onsets, quiet_since = [], -1.0
    for start, level in sound:
        for index in np.flatnonzero(level > 0.1):
            at = start + index / 48_000
            if at - quiet_since > 0.05:
                onsets.append(at)
            quiet_since = at
    return onsets
