"""A report as one HTML page without scripts: numbers, two plots, tables; light and dark.

In:  a `Report`.   Out: text of the page, in Chinese or English.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from livehost.report.gather import NO_ANSWER, Hour, Report, quantile, total
from livehost.report.html import table
from livehost.report.titles import mean
from livehost.report.trials_page import experiments, titles
from livehost.report.tried import Tried
from livehost.report.words import WORDS

MOST_ROWS = 50
_WIDE, _HIGH, _FOOT, _WIDEST = 720, 140, 18, 40  # of a plot; of a bar
_STYLE = """
:root{color-scheme:light dark;--line:#8884;--bar:#3b7dd8}
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:1.2rem 0 .2rem}h3+p{margin:.2rem 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr))}
.tiles{gap:.75rem;margin:1rem 0}
.tiles div{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem}
.tiles b{display:block;font-size:1.4rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid var(--line)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.scroll{overflow-x:auto}
svg{width:100%;height:auto}rect{fill:var(--bar)}text{fill:currentColor;font-size:11px}
"""


def page(report: Report, language: str = "zh", trials: Sequence[Tried] = ()) -> str:
    """Return the page."""
    say = WORDS[language]
    title = f"{say['title']} · {report.room}" if report.room else say["title"]
    body = "".join(_parts(report, say)) if report.hours else f"<p>{say['empty']}</p>"
    body += "".join(experiments(trials, say, language))
    body += "".join(titles(report.periods, say))
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def _parts(report: Report, say: dict[str, str]) -> Iterable[str]:
    hours = report.hours
    first, last = (f"{at.astimezone():%Y-%m-%d %H:%M}" for at in (report.first, report.last) if at)
    span = say["from_to"].format(first=first, last=last)
    yield f"<p>{span} · {say['starts'].format(starts=report.starts)}</p>"
    yield _tiles(hours, say)
    yield _plot(say["comments_an_hour"], [(h, float(h.messages["comment"])) for h in hours])
    medians = [(hour, quantile(hour.latencies, 0.5) or 0.0) for hour in hours]
    yield _plot(say["latency_an_hour"], medians)
    yield f"<h2>{say['by_hour']}</h2>{_by_hour(hours, say)}"
    yield f"<h2>{say['gaps']}</h2>{_gaps(report, say)}"
    counters = (("asked", "taken_for"), ("done", "outcome"), ("stopped", "rule"))
    for name, column in counters:
        if counted := total(hours, name):
            heading = say["rules"] if name == "stopped" else say[name]
            yield f"<h2>{heading}</h2>{_counted(counted, say[column], say)}"
    if report.consents:
        rows = [(who, problem or say["holds"]) for who, problem in report.consents.items()]
        yield f"<h2>{say['consents']}</h2>{table((), rows)}"
    if model := sum(hour.model for hour in hours):
        errors = sum(hour.model_errors for hour in hours)
        yield f"<p>{say['model'].format(model=model, errors=errors)}</p>"


def _tiles(hours: Sequence[Hour], say: dict[str, str]) -> str:
    latencies = [seconds for hour in hours for seconds in hour.latencies]
    done = total(hours, "done")
    tiles = (
        ("viewers", str(len(set().union(*(hour.viewers for hour in hours))))),
        ("comments", str(total(hours, "messages")["comment"])),
        ("answered", str(done["answered"])),
        ("unanswered", str(sum(done[outcome] for outcome in NO_ANSWER))),
        ("latency", _latency(latencies)),
        ("speech", f"{sum(hour.seconds for hour in hours) / 60:.0f}"),
        ("stopped", str(total(hours, "stopped").total())),
    )
    cells = (f"<div><b>{value}</b>{say[name]}</div>" for name, value in tiles)
    return f'<div class="tiles">{"".join(cells)}</div>'


def _latency(seconds: list[float]) -> str:
    median, most = quantile(seconds, 0.5), quantile(seconds, 0.95)
    return "–" if median is None or most is None else f"{median:.1f} / {most:.1f}"


def _by_hour(hours: Sequence[Hour], say: dict[str, str]) -> str:
    keys = (
        "hour", "viewers", "comments", "answered", "latency",
        "gifts", "follows", "likes", "speech", "stopped",
    )  # fmt: skip
    told = [kind for kind in ("click", "order") if any(h.messages[kind] for h in hours)]
    watched = any(hour.watching for hour in hours)
    keys += (*(f"did_{kind}" for kind in told), *(("watching",) if watched else ()))
    rows = [
        (
            f"{hour.begins:%m-%d %H:00}",
            len(hour.viewers),
            hour.messages["comment"],
            hour.done["answered"],
            _latency(hour.latencies),
            hour.messages["gift"],
            hour.messages["follow"],
            hour.messages["like"],
            f"{hour.seconds / 60:.0f}",
            hour.stopped.total(),
            *(hour.messages[kind] for kind in told),
            *((mean(hour.watching),) if watched else ()),
        )
        for hour in hours
    ]
    return table([say[key] for key in keys], rows)


def _gaps(report: Report, say: dict[str, str]) -> str:
    if not report.gaps:
        return f"<p>{say['no_gaps']}</p>"
    rows = [(gap.product, gap.text, gap.times) for gap in report.gaps[:MOST_ROWS]]
    return table([say["product"], say["question"], say["times"]], rows)


def _counted(counted: Counter[str], column: str, say: dict[str, str]) -> str:
    return table([column, say["times"]], counted.most_common(MOST_ROWS))


def _plot(name: str, values: Sequence[tuple[Hour, float]]) -> str:
    """Return bars, one for each hour, with the largest value written at its bar."""
    most = max((value for _, value in values), default=0.0)
    if most <= 0:
        return ""
    step = min(_WIDEST, _WIDE / len(values))
    every = max(1, len(values) // 12)
    bars = []
    for number, (hour, value) in enumerate(values):
        high = _HIGH * value / most
        left = number * step
        bars.append(
            f'<rect x="{left + 0.1 * step:.1f}" y="{_FOOT + _HIGH - high:.1f}" '
            f'width="{0.8 * step:.1f}" height="{high:.1f}"/>'
        )
        if number % every == 0:
            bars.append(f'<text x="{left:.1f}" y="{2 * _FOOT + _HIGH - 4}">{hour.begins:%H}</text>')
    top = f'<text x="0" y="{_FOOT - 6}">{escape(name)} · max {most:.3g}</text>'
    size = f"0 0 {_WIDE} {_HIGH + 2 * _FOOT}"
    return (
        f'<svg viewBox="{size}" role="img" aria-label="{escape(name)}">{top}{"".join(bars)}</svg>'
    )
