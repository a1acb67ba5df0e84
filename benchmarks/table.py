"""The README's table from the results.

In:  results of `python -m benchmarks`.   Out: Markdown.
"""

from __future__ import annotations

from typing import Any


def markdown(results: dict[str, Any]) -> str:
    """Return the rows of whatever was measured."""
    rows = [("what", "measured"), ("---", "---")]
    if live := results.get("live"):
        rows += _live(live)
    for cost in results.get("cost", []):
        rows += _cost(cost)
    if restart := results.get("restart"):
        brain, stage = (
            _seconds(restart[key]) for key in ("brain_to_speech_seconds", "stage_to_stream_seconds")
        )
        rows.append(("kill -9 of the brain until she speaks again: p50 / max", brain))
        rows.append(("kill -9 of the stage until it streams again: p50 / max", stage))
    if offset := results.get("offset"):
        worst, count = offset["worst_ms"], offset["flashes"]
        rows.append(("sound against picture at the receiver", f"≤ {worst} ms over {count} flashes"))
    if clip := results.get("clip"):
        rows += _clip(clip)
    if face := results.get("face"):
        rows += _face(face)
    if peers := results.get("peers"):
        rows += _peers(peers)
    if console := results.get("console"):
        rows += _console(console)
    if preview := results.get("preview"):
        rows += _preview(preview)
    return "\n".join(f"| {what} | {value} |" for what, value in rows)


def _console(console: dict[str, Any]) -> list[tuple[str, str]]:
    page = console["page"]
    pressed = (
        ("skip until silence at an RTMP viewer", console["skip"]["silence"]),
        ("panic until the slate at an RTMP viewer", console["panic"]["slate"]),
        ("a typed sentence until its sound at an RTMP viewer", console["say"]["sound"]),
    )
    rows = [(f"{what}: p50 / p95", _p95(seconds)) for what, seconds in pressed]
    picture = page["seconds_to_picture"]
    return [
        *rows,
        (
            "the operator's page, and its picture: p50",
            f"{page['kilobytes']} KB, {picture['p50']} s",
        ),
    ]


def _p95(seconds: dict[str, float]) -> str:
    return f"{seconds['p50']:.2f} / {seconds['p95']:.2f} s"


def _live(live: dict[str, Any]) -> list[tuple[str, str]]:
    times, counters = live["milliseconds"], live["counters"]
    memory = live["resident_mib"][-1]
    resident = ", ".join(f"{k} {v:.0f} MB" for k, v in memory.items() if k != "minute")
    misses = 100 * live["deadline_misses_share"]
    return [
        ("start, warm: to the stream / to speech", _pair(live, "start_to_{}_seconds")),
        ("draw one tick, 720x1280@25: p50 / p95 / p99 / max", _quantiles(times["render"])),
        ("encode one tick: p50 / p95 / p99 / max", _quantiles(times["encode"])),
        ("ticks late or repeated", f"{misses:.2f} % of {counters['ticks']}"),
        ("ticks in which speech had not arrived", str(live["audio_gaps"])),
        ("question to its answer's first sample, made ahead: p50 / max", _reply(live, "cached")),
        ("the same, new sentence: p50 / max", _reply(live, "uncached")),
        ("skip to silence at the receiver: p50 / max", _seconds(live["skip_to_silence_seconds"])),
        (f"memory after {memory['minute']:.0f} minutes", resident),
    ]


def _pair(live: dict[str, Any], key: str) -> str:
    return " / ".join(f"{live[key.format(what)]:.1f} s" for what in ("stream", "speech"))


def _quantiles(values: dict[str, float]) -> str:
    return " / ".join(f"{values[key]:.0f}" for key in ("p50", "p95", "p99", "max")) + " ms"


def _reply(live: dict[str, Any], which: str) -> str:
    return _seconds(live[f"reply_{which}_seconds"])


def _seconds(values: dict[str, float]) -> str:
    if not values["count"]:
        return "none found"
    return f"{values['p50']:.2f} / {values['max']:.2f} s ({values['count']} times)"


def _cost(cost: dict[str, Any]) -> list[tuple[str, str]]:
    used = cost["cpu_seconds_per_second"]
    said = f"{used['stage']:.2f} (+ {used['brain']:.2f} for the brain, speech from the cache)"
    return [
        (f"CPU-seconds per second, {cost['size']}@25", said),
        (
            f"ffmpeg encoding the same pictures alone, {cost['size']}",
            f"{cost['ffmpeg_alone']:.2f}; ratio {cost['ratio']:.1f}",
        ),
    ]


def _clip(clip: dict[str, Any]) -> list[tuple[str, str]]:
    what = f"clip of {clip['clip_seconds']:.0f} s, {clip['size']}@{clip['fps']}"
    said = f"{clip['wall_per_second']:.2f} s (CPU {clip['cpu_per_second']:.2f} s)"
    return [(f"{what}: time per second, voice included", said)]


def _face(face: dict[str, Any]) -> list[tuple[str, str]]:
    follows, silence, closures = face["follows"], face["silence"], face["closures"]
    return [
        (
            "mouth against the voice: correlation, best lag",
            f"{follows['r']:.2f}, {follows['lag_ms']} ms",
        ),
        (
            "lips seen to meet on b, p, m within 40 ms",
            f"{100 * closures['closed']:.0f} % of {closures['phones']}",
        ),
        ("mouth in silence: movement, opening, of those in speech", _silence(silence)),
        ("blinks a minute", f"{face['blinks']['per_minute']:.0f}"),
        (
            "largest step of the lips at the edges of speech, of the 99th percentile in it",
            f"{face['borders']['largest_against_p99']:.2f}",
        ),
    ]


def _silence(silence: dict[str, float]) -> str:
    shares = (silence[f"{key}_share"] for key in ("movement", "opening"))
    return ", ".join(f"{100 * share:.1f} %" for share in shares)


def _peers(peers: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for size, cases in peers["cpu_ms"].items():
        ours = cases["ours"]["frame"]
        rows.append((f"CPU for one frame, {size}, one thread", f"{ours:.1f} ms"))
        for kind, case in cases.items():
            if kind != "ours":
                alone = f"{case['network']:.0f} ms alone ({case['network'] / ours:.0f} times)"
                said = f"{alone}, {case['frame']:.0f} ms for the frame"
                rows.append((f"the same with the network {kind}, {size}", said))
    return rows


def _preview(preview: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for way, name in (("webrtc", "WebRTC"), ("http", "HTTP")):
        age, join, cost = (preview[way][key] for key in ("age_ms", "join_ms", "cost"))
        each = f"{100 * cost['cpu_for_each']:.1f} % of a core, {cost['mbps_for_each']:.1f} Mbit/s"
        rows += [
            (f"age of the picture by {name}: p50 / p95", f"{age['p50']:.0f} / {age['p95']:.0f} ms"),
            (f"time to the first picture by {name}: p50", f"{join['p50']:.0f} ms"),
            (f"one viewer by {name}", each),
        ]
    return rows
