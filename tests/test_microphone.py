"""Speaking for the host by microphone: levels and pauses, the turn, and what a show makes of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from livehost.brain.command import Role, Who
from livehost.brain.lease import Lease
from livehost.brain.voice.level import BOTH_CHANNELS, loudness
from livehost.brain.webrtc.capture import BEFORE, HOLD, LEARNING, PIECE, Capture
from livehost.brain.webrtc.floor import ShowFloor
from livehost.brain.webrtc.microphone import DEAD_SECONDS, MOST_AHEAD, Turn
from livehost.clock import SAMPLE_RATE
from livehost.errors import WireLost
from livehost.wire import Speech

from .show_parts import show
from .virtual import run

ME = Who("lin", Role.OPERATOR, "127.0.0.1", "lin:a")
OTHER = Who("wu", Role.OPERATOR, "127.0.0.1", "wu:b")


def voice(seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """Noise like speech: four syllables a second."""
    n = np.arange(int(seconds * SAMPLE_RATE))
    noise = np.random.default_rng(seed).normal(0, level, len(n))
    return (noise * (0.4 + 0.6 * np.sin(np.pi * 4 * n / SAMPLE_RATE) ** 2)).astype(np.float32)


def quiet(seconds: float, level: float = 0.0005) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.normal(0, level, int(seconds * SAMPLE_RATE)).astype(np.float32)


def taken(capture: Capture, *sounds: np.ndarray, ready: bool = True) -> list[Any]:
    pcm = np.concatenate(sounds)
    pieces = (pcm[k : k + PIECE] for k in range(0, len(pcm), PIECE))
    return [t for piece in pieces if (t := capture.take(piece, ready)) is not None]


# --- the sound ------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.01, 0.05, 0.2, 0.6])
def test_every_microphone_comes_to_the_level_of_the_room(level):
    capture = Capture(-16.0)
    parts = taken(capture, quiet(1), voice(12, level))
    late = np.concatenate([t.pcm for t in parts])[-5 * SAMPLE_RATE :] / np.float32(32_768)
    assert loudness(late) + BOTH_CHANNELS == pytest.approx(-16.0, abs=2.0)
    assert np.abs(late).max() < 10 ** (-1.4 / 20)


def test_a_pause_ends_a_sentence_and_a_breath_does_not():
    parts = taken(
        Capture(-16.0), quiet(1), voice(1), quiet(0.3), voice(1), quiet(1.5), voice(1), quiet(2)
    )
    assert [t.begins for t in parts].count(True) == 2
    assert [t.ends for t in parts].count(True) == 2
    first = next(n for n, t in enumerate(parts) if t.ends)
    assert not any(t.begins for t in parts[1 : first + 1]) and parts[first + 1].begins


def test_the_beginning_of_a_word_is_not_cut_off():
    capture = Capture(-16.0)
    soft = np.concatenate([quiet(1), voice(BEFORE * 0.02, 0.002), voice(1)])
    parts = taken(capture, soft)
    assert parts[0].begins and len(parts[0].pcm) == (BEFORE + 1) * PIECE


@pytest.mark.parametrize("noise", [0.0, 0.0005, 0.002, 0.004])
def test_noise_alone_is_never_sent(noise):
    assert taken(Capture(-16.0), quiet(20, noise)) == []


def test_a_fan_that_is_switched_on_is_taken_for_noise_after_a_while():
    capture = Capture(-16.0)
    taken(capture, quiet(2, 0.0003), quiet(30, 0.006))
    assert taken(capture, quiet(10, 0.006)) == [] and not capture.speaking


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e9])
def test_sound_that_is_not_sound_harms_nothing(bad):
    capture = Capture(-16.0)
    taken(capture, voice(1), np.full(PIECE * 10, bad, np.float32), voice(1))
    assert np.isfinite(capture.gain_db) and np.isfinite(capture.level_db)


def test_speech_does_not_begin_before_the_host_has_left_off():
    capture = Capture(-16.0)
    assert taken(capture, voice(2), ready=False) == []
    assert taken(capture, voice(0.1))[0].begins


# --- the turn -------------------------------------------------------------------------------------


@dataclass
class Stand:
    """A floor that a test holds."""

    turn: Who | None = ME
    loudness: float = -16.0
    is_quiet: bool = True
    sent: list[tuple[float, Speech]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    kept: int = 0
    on_the_way: float = 0.1
    broken: bool = False

    def may_speak(self, who: Who) -> bool:
        return self.turn is who

    def keep(self, who: Who) -> None:
        self.kept += 1

    def end(self, who: Who, why: str) -> None:
        self.ended.append(why)

    def quiet(self) -> bool:
        return self.is_quiet

    def ahead(self) -> float:
        return self.on_the_way

    def new_id(self) -> int:
        return 7

    async def speak(self, speech: Speech) -> None:
        if self.broken:
            raise WireLost("gone")
        self.sent.append((asyncio.get_running_loop().time(), speech))

    def note(self, **what: Any) -> None: ...


class Wave:
    """A remote track that plays a sound in real time, then nothing, or its end."""

    def __init__(self, pcm: np.ndarray, *, ends: bool = False, lose: range = range(0)) -> None:
        self._pcm, self._at, self._ends, self._lose = pcm, 0, ends, lose

    async def recv(self) -> Any:
        await asyncio.sleep(0.02)
        while self._at // PIECE in self._lose:
            self._at += PIECE
        part = self._pcm[self._at : self._at + PIECE]
        if len(part) < PIECE:
            if self._ends:
                raise MediaStreamError
            await asyncio.Event().wait()
        pts, self._at = self._at, self._at + PIECE
        stereo = np.repeat(np.rint(part * 32_767).astype(np.int16), 2)[None, :]
        channels = (None, None)
        return SimpleNamespace(
            pts=pts, layout=SimpleNamespace(channels=channels), to_ndarray=lambda: stereo
        )


def spoken(wave: Wave, stand: Stand, before=None) -> tuple[str, Stand]:
    async def main():
        meanwhile = asyncio.ensure_future(before(stand)) if before else None
        why = await Turn(ME, stand).listen(wave)
        assert meanwhile is None or meanwhile.done()
        return why

    return run(main()), stand


def test_words_go_out_as_they_come_and_carry_no_phones():
    wave = Wave(np.concatenate([quiet(1), voice(2), quiet(1.5)]), ends=True)
    why, stand = spoken(wave, Stand())
    assert why == "left" and stand.kept >= 3
    first, last = stand.sent[0], stand.sent[-1]
    assert 1.0 < first[0] < 1.1 and last[1].last
    assert {(s.utterance, s.sentence, s.text, s.phones) for _, s in stand.sent} == {(7, 0, "", ())}
    assert all(len(s.pcm) <= 9600 for _, s in stand.sent)
    samples = sum(len(s.pcm) for _, s in stand.sent)
    assert samples == pytest.approx((2 + HOLD * 0.02) * SAMPLE_RATE, abs=2 * (BEFORE + 1) * PIECE)


def test_a_microphone_that_falls_silent_for_good_hands_the_host_back():
    why, stand = spoken(Wave(np.concatenate([quiet(1), voice(2)])), Stand())
    assert why == "silent" and stand.sent[-1][1].last
    assert stand.sent[-1][0] == pytest.approx(3 + DEAD_SECONDS, abs=0.1)


def test_the_word_ends_with_the_turn():
    async def taken_over(stand):
        await asyncio.sleep(2)
        stand.turn = OTHER

    why, stand = spoken(Wave(voice(10)), Stand(), taken_over)
    assert why == "returned"
    assert stand.sent[-1][1].last and stand.sent[-1][0] <= 2.1


def test_what_would_come_too_late_is_left_out():
    async def jam(stand):
        await asyncio.sleep(1)
        stand.on_the_way = MOST_AHEAD + 0.1
        await asyncio.sleep(1)
        stand.on_the_way = 0.1

    _, stand = spoken(Wave(voice(3), ends=True), Stand(), jam)
    assert not [at for at, s in stand.sent if 1.05 < at < 1.95 and len(s.pcm)]
    assert [at for at, s in stand.sent if at > 2.1]


def test_a_stage_that_ran_out_gets_a_reserve_first():
    async def starve(stand):
        await asyncio.sleep(1)
        stand.on_the_way = 0.0
        await asyncio.sleep(0.07)
        stand.on_the_way = 0.1

    _, stand = spoken(Wave(voice(3), ends=True), Stand(), starve)
    assert [len(s.pcm) for at, s in stand.sent if at > 0.9 and len(s.pcm) > PIECE] == [4 * PIECE]
    assert sum(len(s.pcm) for _, s in stand.sent) == pytest.approx(
        3 * SAMPLE_RATE - (LEARNING - BEFORE) * PIECE, abs=PIECE * 3
    )


def test_lost_packets_keep_their_time():
    _, whole = spoken(Wave(voice(2), ends=True), Stand())
    _, holes = spoken(Wave(voice(2), ends=True, lose=range(40, 44)), Stand())
    total = [sum(len(s.pcm) for _, s in stand.sent) for stand in (whole, holes)]
    assert total[0] == total[1]


def test_a_stage_that_goes_away_costs_the_words_of_that_time_only():
    async def away(stand):
        await asyncio.sleep(1)
        stand.broken = True
        await asyncio.sleep(1)
        stand.broken = False

    why, stand = spoken(Wave(voice(4), ends=True), Stand(), away)
    assert why == "left"
    after = [s for at, s in stand.sent if at > 2]
    assert after and after[0].sentence > stand.sent[0][1].sentence and after[-1].last


# --- a show ---------------------------------------------------------------------------------------


def test_the_script_keeps_its_place_while_a_person_speaks_and_goes_on_after():
    async def main():
        async with show() as room:
            lease = Lease()
            lease.listen(lambda now, before, why: room.speaker.hold(now is not None))
            floor = ShowFloor(
                lease, room.link, room.notes, room.speaker.on_air, room.picture, -16.0
            )
            await asyncio.sleep(8)
            before = [text for text in room.stage.texts if text]
            now = asyncio.get_running_loop().time
            taken_at = now()
            assert lease.take(ME, "microphone")
            wave = Wave(np.concatenate([voice(6), quiet(1), voice(3)]))
            why = await Turn(ME, floor).listen(wave)
            floor.end(ME, why)
            back = now()
            await asyncio.sleep(20)
            return before, why, lease.holder, room.stage.air, taken_at, back

    before, why, holder, whole, taken_at, back = run(main())
    air = [s for s in whole if s.at > taken_at]
    last = next(s for s in reversed(whole) if s.text and s.at <= taken_at)
    assert (why, holder) == ("silent", None)
    mine = [s for s in air if not s.text]
    assert len(mine) == 2 and all(s.interrupted is False for s in mine)
    assert mine[0].at - taken_at < 1.6, "the host leaves off within a second"
    assert mine[0].at < mine[1].at < back
    assert sum(s.samples for s in mine) > 7 * SAMPLE_RATE
    script = [s for s in air if s.text]
    assert all(s.at >= back or s.at < mine[0].at for s in script)
    after = [s.text for s in script if s.at >= back]
    assert after and after[0] not in before[:-1], "nothing that was heard is said again"
    order = ["今天有两样东西。", "先看第一样东西。", "再看第二样。", "这是一款绿茶。"]
    goes_on = order[order.index(last.text) + (not last.interrupted)]
    assert after[0] == goes_on, "with what was broken off, or else with what follows"


def test_a_paused_show_stays_paused_for_a_microphone():
    async def main():
        async with show() as room:
            lease = Lease()
            floor = ShowFloor(
                lease, room.link, room.notes, room.speaker.on_air, room.picture, -16.0
            )
            lease.take(ME, "microphone")
            room.speaker.hold(True)
            room.speaker.pause(True)
            await asyncio.sleep(3)
            await Turn(ME, floor).listen(Wave(voice(3), ends=True))
            return [s for s in room.stage.received if isinstance(s, Speech) and not s.text]

    assert run(main()) == []
