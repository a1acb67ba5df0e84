"""Symbols and their durations to phones that agree with the sound.

In:  Kokoro's symbols, how long each lasts, and where the voice is silent.
Out: `Phone`s in 48 kHz samples.

Two things that the model's durations do not say are put right here, both measured on speech of
the model (`docs/voice.md`): a symbol's duration starts at the release of its closure, so that the
sound is ahead of it by 75 ms; and a pause is often counted to the tone mark before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livehost.media import Phone

TICK_SAMPLES = 600
"""Unit of time here: 12.5 ms at 48 kHz, half of the model's unit of duration."""
AHEAD = 6
"""Ticks by which the sound is ahead of the model's durations."""
SILENCE = "sil"
_SHORTEST_SILENCE = 5  # ticks; the closure of a stop is shorter
_SHORTEST_PHONE = 2  # ticks; what a silence leaves of a phone below this becomes silence

_RENAMED = {
    "ꭧ": "ʈʂ", "ʨ": "tɕ", "ʦ": "ts", "ʧ": "tʃ", "ʤ": "dʒ", "ʣ": "ts", "ʥ": "tɕ",
    "A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "T": "ɾ", "S": "ʃ",
    "ᵊ": "ə", "ᵻ": "ɪ", "g": "ɡ", "c": "k", "q": "k", "ɯ": "u", "β": "w", "ɲ": "n",
}  # fmt: skip
"""Symbols whose usual IPA is another one; the others are IPA already."""

_STOPS = frozenset(("p", "b", "t", "d", "k", "ɡ", "ts", "tɕ", "ʈʂ", "tʃ", "dʒ", "m"))
_CLOSURE = 5
"""Ticks before its release for which a stop after a pause is shut: silent, but not a pause."""

_LENGTHEN = frozenset("→↗↓↘ʰːʲ\u0303ᵝ")  # tones, aspiration, length: part of the phone before
_STRESS = frozenset("ˈˌ")  # part of the phone after
_MARKS = frozenset(';:,.!?—…"()“” ')  # part of the phone before, unless it is a real pause


@dataclass(slots=True)
class _Span:
    ipa: str
    start: int
    end: int
    stress: int


def phones(
    symbols: str,
    stress: Sequence[int],
    ticks: Sequence[int],
    silences: Sequence[tuple[int, int]],
    span: tuple[int, int],
) -> list[Phone]:
    """Return the phones of one stretch of speech, in order and without a gap.

    Args:
        symbols: one symbol for each token, without the silence that starts and ends the stretch.
        stress: 0 or 1 for each token.
        ticks: how long each token lasts, after how long the silence before the first lasts:
            one more than there are symbols.
        silences: (start, end) ticks at which the voice is silent, in order.
        span: (first, last) ticks of the stretch that are kept; the phones count from `first`.
    """
    spans = _merged(symbols, stress, ticks, span[1])
    heard: list[_Span] = []
    for each, after in zip(spans, [*spans[1:], spans[-1]], strict=True):
        parts = _without(each, silences)
        if len(parts) > 2 and SILENCE not in (parts[-1].ipa, after.ipa):
            after.start = parts.pop().start  # what sounds after a pause is the next phone's
        heard += parts
    return _timed(heard, *span)


def _merged(symbols: str, stress: Sequence[int], ticks: Sequence[int], end: int) -> list[_Span]:
    at = ticks[0] - AHEAD
    spans = [_Span(SILENCE, 0, at, 0)]
    early = 0
    for symbol, emphasis, length in zip(symbols, stress, ticks[1:], strict=True):
        if symbol in _STRESS:
            early += length
        elif symbol in _LENGTHEN or symbol in _MARKS:
            spans[-1].end += length
        else:
            start = spans[-1].end
            name = _RENAMED.get(symbol, symbol)
            spans.append(_Span(name, start, start + length + early, emphasis))
            early = 0
    spans[-1].end = max(spans[-1].end + early, spans[-1].start)
    return [*spans, _Span(SILENCE, spans[-1].end, max(end, spans[-1].end), 0)]


def _without(span: _Span, silences: Sequence[tuple[int, int]]) -> list[_Span]:
    """Return the parts of `span` that sound, with the silences between them as spans."""
    parts: list[_Span] = []
    at = span.start
    for silence in silences:
        start, end = max(silence[0], at), min(silence[1], span.end)
        if span.ipa in _STOPS and end == span.end:
            end -= _CLOSURE
        if end - start < min(_SHORTEST_SILENCE, span.end - span.start):
            continue
        if start - at >= _SHORTEST_PHONE:
            parts.append(_Span(span.ipa, at, start, span.stress))
        else:
            start = at
        parts.append(_Span(SILENCE, start, end, 0))
        at = end
    if span.end > at:
        parts.append(_Span(span.ipa if _worth(span, at) else SILENCE, at, span.end, span.stress))
    return parts


def _worth(span: _Span, at: int) -> bool:
    return at == span.start or span.end - at >= _SHORTEST_PHONE


def _timed(spans: list[_Span], first: int, last: int) -> list[Phone]:
    """Clip to the kept ticks, join neighbouring silences, count samples from `first`."""
    joined: list[_Span] = []
    for span in spans:
        start, end = max(span.start, first), min(span.end, last)
        if end <= start:
            continue
        if joined and joined[-1].ipa == span.ipa == SILENCE:
            joined[-1].end = end
        else:
            joined.append(_Span(span.ipa, start, end, span.stress))
    return [
        Phone(s.ipa, (s.start - first) * TICK_SAMPLES, (s.end - first) * TICK_SAMPLES, s.stress)
        for s in joined
    ]
