"""A viewer: plays an RTMP stream and notes when each sample of sound and each picture arrived."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import ClassVar

import av
import numpy as np
from numpy.typing import NDArray

RATE = 48_000


@dataclass(frozen=True)
class Piece:
    """Decoded sound of one packet."""

    arrived: float  # time.perf_counter()
    first: int  # sample index since the first packet
    pcm: NDArray[np.float32]


class Receiver(threading.Thread):
    """Reads `url` in its own thread until `stop()`."""

    options: ClassVar[dict[str, str]] = {
        "fflags": "nobuffer",
        "analyzeduration": "1",
        "probesize": "65536",
    }
    """Soonest sound; a stream whose pictures are found later is listened to only."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._ending = threading.Event()
        self.pieces: list[Piece] = []
        self.video: list[tuple[float, float]] = []  # arrived, pts seconds
        self.first = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with av.open(self._url, options=self.options, timeout=10) as source:
                self._read(source)
        except av.FFmpegError as error:
            self.error = error

    def _read(self, source: av.container.InputContainer) -> None:
        resampler = av.AudioResampler("flt", "mono", RATE)
        count = 0
        for packet in source.demux():
            if self._ending.is_set():
                return
            now = time.perf_counter()
            self.first.set()
            if packet.stream.type == "video":
                if packet.pts is not None:
                    self.video.append((now, float(packet.pts * packet.time_base)))
                self._picture(packet, now)
                continue
            for frame in packet.decode():
                for piece in resampler.resample(frame):
                    pcm = piece.to_ndarray()[0].astype(np.float32)
                    self.pieces.append(Piece(now, count, pcm))
                    count += len(pcm)

    def _picture(self, packet: av.Packet, arrived: float) -> None:
        """Look at a video packet; a viewer who only listens does not."""

    def stop(self) -> None:
        """End the thread."""
        self._ending.set()
        self.join(5)

    # --- looking into what arrived ----------------------------------------------------------------

    def since(self, moment: float, seconds: float) -> tuple[NDArray[np.float32], list[Piece]]:
        """Return the sound that arrived in `seconds` after `moment`."""
        pieces = [p for p in list(self.pieces) if moment <= p.arrived <= moment + seconds]
        pcm = np.concatenate([p.pcm for p in pieces]) if pieces else np.zeros(0, np.float32)
        return pcm, pieces

    def onset_of(
        self, speech: NDArray[np.float32], moment: float, seconds: float
    ) -> tuple[float, float]:
        """Find `speech` in what arrived after `moment`.

        Returns:
            Seconds from `moment` to the arrival of its first sample, and the normalised
            correlation there (1 is a perfect match).
        """
        pcm, pieces = self.since(moment, seconds)
        probe = speech[: 2 * RATE]
        if len(pcm) < len(probe):
            return float("nan"), 0.0
        at, strength = best_match(pcm, probe)
        sample = pieces[0].first + at
        piece = next(p for p in pieces if p.first + len(p.pcm) > sample)
        return piece.arrived - moment, strength

    def silence_after(self, moment: float, seconds: float, quiet: float = 0.2) -> float:
        """Return seconds from `moment` until the last sound before `quiet` seconds of silence."""
        pcm, pieces = self.since(moment, seconds)
        level = np.abs(pcm) > 10 ** (-45 / 20)
        last = 0
        for index in np.flatnonzero(level):
            if index - last > quiet * RATE:
                break
            last = int(index)
        sample = pieces[0].first + last
        piece = next(p for p in pieces if p.first + len(p.pcm) > sample)
        return piece.arrived - moment


def best_match(signal: NDArray[np.float32], probe: NDArray[np.float32]) -> tuple[int, float]:
    """Return where `probe` fits best in `signal`, and the normalised correlation there."""
    size = 1 << int(np.ceil(np.log2(len(signal) + len(probe))))
    spectrum = np.fft.rfft(signal, size) * np.conj(np.fft.rfft(probe, size))
    correlation = np.fft.irfft(spectrum, size)[: len(signal) - len(probe) + 1]
    energy = np.cumsum(np.concatenate([[0.0], signal.astype(np.float64) ** 2]))
    window = np.sqrt(energy[len(probe) :] - energy[: -len(probe)])
    score = correlation / (window * np.linalg.norm(probe) + 1e-6)
    at = int(np.argmax(score))
    return at, float(score[at])
