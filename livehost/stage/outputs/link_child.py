"""One RTMP connection as a process of its own: `python -m livehost.stage.outputs.link_child`.

In:  on stdin one JSON line of `Job`, then wire frames (StreamInfo, Encoded ...); EOF ends the
     stream with its trailer.
Out: FLV to the server; on stdout JSON lines: {"live"}, {"acked", "unacked"}, {"error", "log"}.

Why a process: FFmpeg connects while PyAV holds the GIL, without any time-out, so that one silent
server would stop everything else in the process (PyAV issue 2400). A child can be killed.
The URL comes by stdin because arguments and environment can be read by others on the machine.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.logging

from livehost.stage.outputs.mux import Muxer
from livehost.stage.outputs.redaction import scrub

REPORT_SECONDS = 0.5
SEND_BUFFER = 512 * 1024  # bytes; by default Linux would hide 100 s of a stalled stream
_LENGTHS = struct.Struct(">II")  # the frame head of livehost.wire, which would cost 20 MB here
_PR_SET_PDEATHSIG = 1
_BYTES_ACKED = 120  # offset of tcpi_bytes_acked in struct tcp_info (linux/tcp.h)


@dataclass(frozen=True, slots=True)
class Job:
    """What the parent asks for.

    Attributes:
        url: with its key.
        parent: process id; when it is gone, so are we.
        tags: metadata of the stream.
        options: options of FFmpeg's FLV muxer.
    """

    url: str
    parent: int
    tags: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of StreamHeader that a muxer needs."""

    width: int
    height: int
    fps: str
    sample_rate: int
    video_extradata: bytes
    audio_extradata: bytes


def main() -> int:
    """Run one connection from start to end; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent ends us, in its own time
    stdin = sys.stdin.buffer
    job = Job(**json.loads(stdin.readline()))
    die_with(job.parent)
    av.logging.set_level(av.logging.ERROR)
    with av.logging.Capture(local=False) as lines:
        try:
            _stream(job, stdin)
        except (av.FFmpegError, OSError, ValueError) as error:
            said = [scrub(line[2].strip(), job.url) for line in lines[-20:]]
            _say(error=scrub(_text(error), job.url), log=said)
            return 1
    return 0


def _stream(job: Job, stdin: BinaryIO) -> None:
    frames = read_frames(stdin)
    muxer = Muxer(job.url, "flv", _header(*next(frames)), job.options, job.tags)
    muxer.start()
    for server in tcp_sockets():
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        threading.Thread(target=_report, args=(server,), daemon=True).start()
    _say(live=True)
    for values, payload in frames:
        if values.pop("t") == "Encoded":
            muxer.write(**values, payload=payload)
    muxer.close()


def read_frames(source: BinaryIO) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield (header, payload) of each wire frame until EOF; a frame cut short ends it too."""
    while len(lengths := source.read(_LENGTHS.size)) == _LENGTHS.size:
        head_size, payload_size = _LENGTHS.unpack(lengths)
        head, payload = source.read(head_size), source.read(payload_size)
        if len(payload) < payload_size:
            return
        yield json.loads(head), payload


def _header(values: dict[str, Any], payload: bytes) -> Header:
    split = values["split"]
    wanted = {name: values[name] for name in ("width", "height", "fps", "sample_rate")}
    return Header(**wanted, video_extradata=payload[:split], audio_extradata=payload[split:])


def tcp_sockets() -> list[socket.socket]:
    """Return duplicates of this process's connected TCP sockets, however they were opened."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            number = int(entry.name)
            if not str(entry.readlink()).startswith("socket:"):
                continue
            duplicate = socket.socket(fileno=os.dup(number))
        except OSError:  # closed since it was listed, such as the listing's own
            continue
        if duplicate.family in (socket.AF_INET, socket.AF_INET6):
            found.append(duplicate)
        else:
            duplicate.close()
    return found


def delivery(server: socket.socket) -> tuple[int, int]:
    """Return how many bytes the far end has acknowledged, and how many it has not.

    Raises:
        OSError: the socket is closed, or the system does not tell.
    """
    info = server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
    if len(info) < _BYTES_ACKED + 8:
        raise OSError("no tcpi_bytes_acked")
    unsent = array.array("i", [0])
    fcntl.ioctl(server, termios.TIOCOUTQ, unsent)  # SIOCOUTQ: unsent and unacknowledged
    acked: int = struct.unpack_from("=Q", info, _BYTES_ACKED)[0]
    return acked, unsent[0]


def _report(server: socket.socket) -> None:
    wake = threading.Event()
    while not wake.wait(REPORT_SECONDS):
        try:
            acked, unacked = delivery(server)
            _say(acked=acked, unacked=unacked)
        except OSError:
            return


def die_with(parent: int) -> None:
    """Have this process killed when `parent` ends; end at once if it has."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)


def _text(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _say(**report: object) -> None:
    try:
        os.write(1, json.dumps(report).encode() + b"\n")  # one write: two threads speak
    except OSError:
        os._exit(1)  # nobody listens any more


if __name__ == "__main__":
    sys.exit(main())
