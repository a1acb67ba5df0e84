"""The parts of the page about experiments and titles: tables, intervals as a plot, plain words.

In:  `Tried`, `Period`s.   Out: pieces of HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from livehost.brain.experiments.words import percent
from livehost.report.html import table
from livehost.report.titles import Period, hourly, mean, summed
from livehost.report.tried import Tried

_WIDE, _ROW, _NAMES, _FOOT = 720, 26, 170, 20  # of a plot


def experiments(all_tried: Sequence[Tried], say: dict[str, str], language: str) -> Iterable[str]:
    """Yield the part of every experiment."""
    if not all_tried:
        return
    yield f"<h2>{say['experiments']}</h2><p>{say['experiments_note']}</p>"
    for one in all_tried:
        yield f"<h3>{escape(one.plan.id)}</h3><p><b>{escape(one.words(language))}</b></p>"
        yield _intervals(one, say)
        yield _arms(one, say)


def _arms(one: Tried, say: dict[str, str]) -> str:
    share, known, now = one.known.share, one.known, one.standings
    per = one.plan.per.value
    heads = ("arm", "exposures", f"amount_{per}", "did", f"reward_{per}", "interval")
    rows = [
        (
            name,
            int(known.exposures[n]),
            "" if share else f"{known.amount[n]:.0f}",
            _did(one, name, say),
            _number(float(now.mean[n]), share),
            f"{_number(float(now.low[n]), share)} – {_number(float(now.high[n]), share)}",
            percent(float(now.best[n])),
            _number(float(now.loss[n]), share),
        )
        for n, name in enumerate(one.plan.names)
    ]
    return table([say[key] for key in (*heads, "best", "loss")], rows)


def _did(one: Tried, arm: str, say: dict[str, str]) -> str:
    counted = one.did(arm)
    kinds = [kind for kind in one.plan.reward if counted[kind]]
    return "、".join(f"{say['did_' + kind]} {counted[kind]}" for kind in kinds) or "–"


def _number(value: float, share: bool) -> str:
    return f"{100 * value:.1f}%" if share else f"{value:.3g}"


def _intervals(one: Tried, say: dict[str, str]) -> str:
    """Return a plot: for each arm its interval as a line and its mean as a dot."""
    now, names = one.standings, one.plan.names
    most = float(now.high.max()) or 1.0
    scale = (_WIDE - _NAMES - 20) / most

    def x(value: float) -> float:
        return _NAMES + value * scale

    parts = []
    for n, name in enumerate(names):
        y = _ROW * n + _ROW / 2
        low, high, mean = float(now.low[n]), float(now.high[n]), float(now.mean[n])
        label = name if len(name) <= 22 else name[:21] + "…"
        parts.append(f'<text x="0" y="{y + 4:.0f}">{escape(label)}</text>')
        parts.append(
            f'<rect x="{x(low):.1f}" y="{y - 3:.1f}" width="{max(1.0, x(high) - x(low)):.1f}" '
            f'height="6" rx="3" opacity="0.45"/>'
        )
        parts.append(f'<circle cx="{x(mean):.1f}" cy="{y:.1f}" r="5" fill="var(--bar)"/>')
    high_text = _number(most, one.known.share)
    foot = _ROW * len(names) + _FOOT - 6
    parts.append(f'<text x="{_NAMES}" y="{foot}">0</text>')
    parts.append(f'<text x="{x(most):.1f}" y="{foot}" text-anchor="end">{high_text}</text>')
    size = f"0 0 {_WIDE} {_ROW * len(names) + _FOOT}"
    label = escape(f"{one.plan.id}: {say['interval']}")
    return f'<svg viewBox="{size}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def titles(periods: Sequence[Period], say: dict[str, str]) -> Iterable[str]:
    """Yield the part about titles and covers."""
    if not periods:
        return
    yield f"<h2>{say['titles']}</h2><p>{say['titles_note']}</p>"
    heads = (
        "title_text", "cover", "hours_on", "viewers", "watching", "comments", "follows",
        "clicks_hourly", "orders_hourly",
    )  # fmt: skip
    rows = [
        (
            period.text or period.title,
            period.cover,
            f"{hours:.1f}",
            len(period.viewers),
            mean(period.watching),
            period.messages["comment"],
            period.messages["follow"],
            _rate(period.messages["click"], hours),
            _rate(period.messages["order"], hours),
        )
        for period, hours in summed(periods)
    ]
    yield table([say[key] for key in heads], rows)


def _rate(count: int, hours: float) -> str:
    found = hourly(count, hours)
    if found is None:
        return "–"
    rate, low, high = found
    return f"{rate:.3g} ({low:.2g} – {high:.2g})"
