"""Hours on virtual time: nothing drifts, nothing leaks, nothing is lost."""

import numpy as np
import pytest

from livehost import soak
from livehost.media import rest_face


class Still:
    face_at_rest = rest_face()

    def face(self, tick, spoken):
        return self.face_at_rest


class Plain:
    def mix(self, samples, voice):
        assert voice.shape == (samples,)
        return np.zeros((samples, 2), np.int16)


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("hours", [2, pytest.param(24, marks=pytest.mark.stress)])
def test_hours_on_air(hours):
    report = soak.soak(hours, Still(), Plain())
    assert report.problems == []
    assert report.ticks == hours * 3600 * 25 and report.samples == hours * 3600 * 48_000
    assert report.sentences > 400 * hours and report.cut > 4 * hours


def test_the_soak_notices_a_slipping_clock():
    class Slow(Plain):
        def mix(self, samples, voice):
            import asyncio

            asyncio.get_running_loop().advance(0.05)
            return super().mix(samples, voice)

    assert any("slipped" in problem for problem in soak.soak(0.02, Still(), Slow()).problems)


def test_the_soak_notices_lost_sound():
    report = soak.Report(1)
    encoder = soak.NullEncoder(soak.Timeline(soak.Fraction(25)), report)
    encoder.audio(0, np.zeros((1920, 2), np.int16))
    encoder.audio(1921, np.zeros((1920, 2), np.int16))
    assert report.problems
