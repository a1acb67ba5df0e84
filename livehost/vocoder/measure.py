"""How far a vocoder is from its teacher, on speech it was not trained on.

In:  a folder of pairs, an ONNX vocoder.   Out: a table, and whether each gate is passed.

    python -m livehost.vocoder.measure HELD_OUT vocoder.onnx [--spectrograms FOLDER]

Log-mel distance counts noise that can never match: two renderings of one vocoder that differ in
nothing but the noise are the floor, which is printed beside it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.brain.voice.vocoder import SAMPLE_RATE, TICK, Vocoder, pulses
from livehost.vocoder.pairs import Pair, load

BANDS = ((100, 1000), (1000, 1750), (1750, 2500), (2500, 5000), (5000, 8000))
"""Hz, in which the contrast of harmonics is compared."""
JUDGED = 3
"""Bands whose contrast has a gate; above them the teacher's own is below 2 dB."""
GATES = {"log_mel_db": 2.8, "contrast_db": 1.0, "level_db": 0.5, "tilt_db": 1.0}

_WINDOW, _HOP, _MELS = 1024, 256, 80
_ACTIVE = 50.0  # dB below the loudest frame; quieter ones are silence

Wave = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distance:
    """One sentence of the vocoder against the teacher's.

    Attributes:
        log_mel_db: mean absolute difference of 80 log-mel bands in frames with speech.
        level_db, tilt_db: difference of power, and of the balance around 4 kHz.
        snr_db: of the waveform itself; above 0 where the phase is right too.
    """

    log_mel_db: float
    level_db: float
    tilt_db: float
    snr_db: float


def distance(teacher: Wave, got: Wave) -> Distance:
    """Compare (n,) waveforms at 24 kHz."""
    a, b = _log_mel(teacher), _log_mel(got)
    loudest = a.max(axis=1)
    active = loudest > loudest.max() - _ACTIVE
    wrong = max(float(((teacher - got) ** 2).sum()), 1e-20)
    return Distance(
        float(np.abs(a - b)[active].mean()),
        _db(float((got**2).mean()) / float((teacher**2).mean())),
        _tilt(got) - _tilt(teacher),
        _db(float((teacher**2).sum()) / wrong),
    )


def contrast(wave: Wave, pitch: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (bands, 2): power on harmonics and half-way between them, in voiced frames."""
    power = np.abs(_spectrum(wave, 2048, TICK)) ** 2
    out = np.zeros((len(BANDS), 2))
    for spectrum, hertz in zip(power, pitch, strict=False):
        if hertz < 100:
            continue
        for band, (low, high) in enumerate(BANDS):
            number = np.arange(np.ceil(low / hertz), high / hertz)
            for column, shift in enumerate((0.0, 0.5)):
                bins = np.rint((number + shift) * hertz * 2048 / SAMPLE_RATE).astype(int)
                out[band, column] += spectrum[np.minimum(bins, 1024)].sum()
    return out


def measure(pairs: list[Pair], vocoder: Vocoder) -> dict[str, object]:
    """Return means over `pairs` and what the gates say."""
    rows, floor = [], []
    teachers, students = (np.zeros((len(BANDS), 2)) for _ in range(2))
    for pair in pairs:
        teacher, got, again = _said(pair, vocoder)
        rows.append(distance(teacher, got))
        floor.append(distance(got, again).log_mel_db)
        teachers += contrast(teacher, pair.pitch)
        students += contrast(got, pair.pitch)
    mean = {
        key: round(float(np.mean([getattr(row, key) for row in rows])), 3)
        for key in Distance.__slots__
    }
    theirs, ours = (10 * np.log10(both[:, 0] / both[:, 1]) for both in (teachers, students))
    off = np.abs(theirs - ours)[:JUDGED].max()
    judged = {**{k: abs(mean[k]) for k in GATES if k in mean}, "contrast_db": float(off)}
    return {
        "sentences": len(rows),
        **mean,
        "log_mel_floor_db": round(float(np.mean(floor)), 3),
        "log_mel_short_db": round(
            float(
                np.mean([r.log_mel_db for r, p in zip(rows, pairs, strict=True) if p.ticks < 100])
            ),
            3,
        ),
        "contrast_teacher_db": theirs.round(1).tolist(),
        "contrast_db": ours.round(1).tolist(),
        "gates": {key: bool(judged[key] <= most) for key, most in GATES.items()},
    }


def _said(pair: Pair, vocoder: Vocoder) -> tuple[Wave, Wave, Wave]:
    """Return the teacher's speech, the vocoder's, and the vocoder's with other noise."""
    seen, train = pair.seen.astype(np.float32), pulses(pair.pitch)
    got = vocoder.sound(seen, train, (0, pair.ticks))
    lead = 40  # ticks of silence before it: the noise is another stretch of the sequence
    later = np.pad(seen, ((0, 0), (lead, 0)), mode="edge")
    again = vocoder.sound(later, np.pad(train, (lead * TICK, 0)), (lead, lead + pair.ticks))
    speech = pair.speech.astype(np.float64)
    return speech, got.astype(np.float64), again.astype(np.float64)


def picture(pair: Pair, vocoder: Vocoder) -> NDArray[np.uint8]:
    """Return the spectrograms of teacher (above) and vocoder (below), up to 12 kHz."""
    teacher, got, _ = _said(pair, vocoder)
    rows = []
    for wave in (teacher, got):
        level = 20 * np.log10(np.abs(_spectrum(wave, 1024, 96)).T[::-1] + 1e-3)
        grey = np.clip((level + 40) / 70 * 255, 0, 255).astype(np.uint8)
        rows.append(cv2.applyColorMap(grey, cv2.COLORMAP_MAGMA))
    return np.concatenate([rows[0], np.full((6, rows[0].shape[1], 3), 255, np.uint8), rows[1]])


def _spectrum(wave: Wave, window: int, hop: int) -> NDArray[np.complex128]:
    padded = np.pad(wave, window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    return np.asarray(np.fft.rfft(frames * np.hanning(window + 1)[:-1], axis=1))


@cache
def _mel() -> NDArray[np.float64]:
    """Return (bins, 80) triangular filters, 0 to 12 kHz."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, _MELS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def _log_mel(wave: Wave) -> Wave:
    power = np.abs(_spectrum(wave, _WINDOW, _HOP)) ** 2 @ _mel()
    return np.asarray(20 * np.log10(np.maximum(np.sqrt(power), 1e-3)))


def _tilt(wave: Wave) -> float:
    power = (np.abs(_spectrum(wave, _WINDOW, _HOP)) ** 2).sum(axis=0)
    high = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE) > 4000
    return _db(float(power[high].sum()) / float(power[~high].sum()))


def _db(ratio: float) -> float:
    return 10 * float(np.log10(max(ratio, 1e-20)))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path, help="folder of pairs that were not trained on")
    parser.add_argument("vocoder", type=Path)
    parser.add_argument("--most", type=int, default=1000, help="sentences")
    parser.add_argument("--spectrograms", type=Path, help="folder for pictures of the first four")
    options = parser.parse_args()
    files = sorted(options.pairs.glob("[0-9]*.npz"))[: options.most]
    pairs, vocoder = [load(file) for file in files], Vocoder(options.vocoder)
    print(json.dumps(measure(pairs, vocoder), indent=2))
    if options.spectrograms:
        options.spectrograms.mkdir(parents=True, exist_ok=True)
        for number, pair in enumerate(sorted(pairs, key=lambda p: -p.ticks)[:4]):
            cv2.imwrite(str(options.spectrograms / f"{number}.png"), picture(pair, vocoder))


if __name__ == "__main__":
    main()
