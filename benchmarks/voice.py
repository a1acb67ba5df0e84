"""The voice: speed, latency, loudness, and how well a speech recogniser understands it.

    python -m benchmarks.voice                      # speed only
    python -m benchmarks.voice --asr MODEL_FOLDER   # and pinyin / word errors (faster-whisper)
    python -m benchmarks.voice --studio --held-out  # Kokoro's two qualities side by side
    python -m benchmarks.voice --texts said.txt     # sentences of your own, one a line

The recogniser's own homophone errors do not count against the voice: Chinese is compared as
pinyin without tones, a letter as its name. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import resource
import tempfile
import time
from collections.abc import Sequence
from contextlib import aclosing
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from pypinyin import lazy_pinyin

from livehost.brain.voice import ENGINES, Sentence, make_voice
from livehost.brain.voice.g2p import MANDARIN_LETTERS
from livehost.brain.voice.level import BOTH_CHANNELS, loudness
from livehost.brain.voice.lexicon import load_lexicon
from livehost.brain.voice.normalise import spoken
from livehost.brain.voice.say import default_room
from livehost.clock import SAMPLE_RATE
from livehost.config import Room, State

CHINESE = (
    "这款连衣裙原价399元，今天直播间只要199.9元！",
    "家人们，现在下单立减50元，再送一支30毫升的旅行装。",
    "面霜净含量50g，保质期到2027年6月30日。",
    "库存只剩最后128件了，三二一，上链接！",
    "加湿器容量4.5L，噪音低于35分贝，晚上睡觉完全没有影响。",
    "第二件半价，两件一共只要258块8毛，折合每件129.4元。",
    "客服电话是400-820-8820，早上9:30到晚上10点都有人。",
    "面料是95%棉加5%氨纶，弹力特别好，洗了也不变形。",
    "欢迎新进直播间的宝宝们，点个关注不迷路，主播每天晚上8点开播。",
    "这个保温杯采用316不锈钢内胆，保温12小时以上。",
    "身高一米六五，体重一百一十斤，建议您拍中号。",
    "今天下单，明天发货，全国包邮，偏远地区也包邮。",
    "这个颜色特别显白，黄皮肤的姐妹可以放心入手。",
    "有没有想要的，想要的在评论区扣个一。",
    "我是人工智能主播，但是商品都是真实的，售后也有保障。",
    "这款蓝牙耳机续航二十四小时，充电十分钟可以用两个小时。",
    "不满意七天之内可以无理由退货，运费我们来出。",
    "姐妹们，这个价格真的是全年最低，错过今天就要等明年了。",
    "洗面奶的泡沫非常细腻，敏感肌也可以用。",
    "好的，这位朋友问有没有黑色，黑色还有五十件。",
)
MIXED = (
    "这个充电宝是20000毫安，支持22.5瓦快充，iPhone 15也能用。",
    "尺码从S到XXL都有，身高165体重55公斤建议拍M码。",
    "Nike这双跑鞋，鞋码36到44码，七天无理由退货。",
    "支持WiFi和蓝牙，用APP就可以控制。",
)
SIZES = (
    "尺码有S、M、L、XL、XXL。",
    "一百八十斤，穿XXL码就可以。",
    "您穿XL码合适。",
    "172厘米140斤要XL码。",
    "158厘米100斤选S码或者M码。",
    "一米七，一百三十斤，建议拍L码。",
    "这件S码还有十件，M码没有了。",
    "体重135斤，L码、XL码都能穿。",
)
ENGLISH = (
    "Welcome to the live room, everyone, thanks for joining us tonight!",
    "This dress was ninety nine dollars, and today it is only forty nine dollars.",
    "We have sizes from small to double extra large, so please check the size chart first.",
    "Free shipping on orders over thirty dollars, and you can return it within seven days.",
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--asr", type=Path, metavar="FOLDER", help="a CTranslate2 Whisper model")
    parser.add_argument("--engine", default="kokoro", choices=sorted(ENGINES))
    parser.add_argument("--voice", metavar="NAME", help="name or path of a voice")
    parser.add_argument("--studio", action="store_true", help="and Kokoro as it was published")
    parser.add_argument("--held-out", action="store_true", help="and what no vocoder was taught")
    parser.add_argument("--texts", type=Path, metavar="FILE", help="Chinese, one sentence a line")
    parser.add_argument("--limit", type=int, default=100, help="sentences of each kind")
    given = parser.parse_args(arguments)
    print(json.dumps(measure(given), ensure_ascii=False, indent=2))


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Return everything measured."""
    live = _measure(given, "live")
    if not given.studio:
        return live
    studio = _measure(given, "studio")
    costs = [report["speed"]["cpu_seconds_per_second"] for report in (studio, live)]
    return {"live": live, "studio": studio, "studio_costs_times": round(costs[0] / costs[1], 1)}


def _measure(given: argparse.Namespace, quality: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        room = _room(given, Path(folder), quality)
        spoken_ones = asyncio.run(_speak_all(room, _texts(given)))
    report: dict[str, Any] = {"engine": given.engine, "voice": given.voice or room.voice.name}
    report["speed"] = _speed(spoken_ones)
    report["loudness_lufs"] = _levels(spoken_ones)
    if given.asr:
        report["recognised"] = _recognised(given.asr, spoken_ones)
    report["rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return report


def _room(given: argparse.Namespace, folder: Path, quality: str) -> Room:
    room = default_room()
    name = given.voice or room.voice.name
    voice = room.voice.model_copy(
        update={"engine": given.engine, "fallback": (), "name": name, "quality": quality}
    )
    # The speech cache starts empty; the model files are the user's.
    models = room.cache_dir / "models"
    if models.is_dir():
        (folder / "models").symlink_to(models)
    return room.model_copy(update={"voice": voice, "state": State(cache_dir=folder)})


def _texts(given: argparse.Namespace) -> list[tuple[str, str]]:
    kinds = {"chinese": CHINESE, "mixed": MIXED, "sizes": SIZES, "english": ENGLISH}
    if given.texts:
        kinds = {"given": tuple(given.texts.read_text("utf-8").split("\n"))}
    if given.held_out:
        text = resources.files("livehost.vocoder").joinpath("held_out.txt").read_text("utf-8")
        kinds["held_out"] = tuple(text.split("\n"))
    if given.engine == "hibari":
        kinds = {"english": ENGLISH}
    return [(kind, text) for kind, texts in kinds.items() for text in texts[: given.limit] if text]


async def _speak_all(room: Room, texts: list[tuple[str, str]]) -> list[dict[str, Any]]:
    voice = make_voice(room)
    await _timed(voice, "好的。" if room.voice.engine != "hibari" else "All right.")
    out = [{"kind": kind, "text": text, **await _timed(voice, text)} for kind, text in texts]
    for each in out:
        each["again"] = (await _timed(voice, each["text"]))["first"]
    voice.close()
    return out


async def _timed(voice: Any, text: str) -> dict[str, Any]:
    began, cpu = time.perf_counter(), time.process_time()
    first, parts = 0.0, []
    async with aclosing(voice.speak(Sentence(text))) as chunks:
        async for chunk in chunks:
            first = first or time.perf_counter() - began
            parts.append(chunk.pcm)
    return {
        "pcm": np.concatenate(parts),
        "first": first,
        "took": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
    }


def _speed(each: list[dict[str, Any]]) -> dict[str, float]:
    audio = sum(len(one["pcm"]) for one in each) / SAMPLE_RATE
    first = [one["first"] for one in each]
    return {
        "audio_seconds": round(audio, 2),
        "real_time_factor": round(sum(one["took"] for one in each) / audio, 3),
        "cpu_seconds_per_second": round(sum(one["cpu"] for one in each) / audio, 3),
        "first_chunk_p50": round(float(np.median(first)), 3),
        "first_chunk_max": round(max(first), 3),
        "cached_first_chunk_p50": round(float(np.median([one["again"] for one in each])), 4),
    }


def _levels(each: list[dict[str, Any]]) -> dict[str, float]:
    levels = [loudness(one["pcm"]) + BOTH_CHANNELS for one in each]
    return {
        "mean": round(float(np.mean(levels)), 2),
        "min": round(min(levels), 2),
        "max": round(max(levels), 2),
        "peak_dbfs": round(20 * float(np.log10(max(np.abs(one["pcm"]).max() for one in each))), 2),
    }


# --- recognition --------------------------------------------------------------------------------


def _recognised(model: Path, each: list[dict[str, Any]]) -> dict[str, Any]:
    from faster_whisper import WhisperModel  # noqa: PLC0415  (an extra that only this needs)

    whisper = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=1)
    counts: dict[str, list[tuple[int, int]]] = {}
    lines = []
    for one in each:
        english = one["kind"] == "english"
        heard = _hear(whisper, one["pcm"], "en" if english else "zh")
        units = _words if english else _syllables
        want, got = units(one["text"]), units(heard)
        errors = _distance(want, got)
        counts.setdefault(one["kind"], []).append((errors, len(want)))
        lines.append({"text": one["text"], "heard": heard, "errors": errors, "of": len(want)})
    rates = {
        f"{kind}_error": round(sum(e for e, _ in pairs) / sum(n for _, n in pairs), 4)
        for kind, pairs in counts.items()
    }
    return {**rates, "worst": sorted(lines, key=lambda line: -line["errors"])[:8]}


def _hear(whisper: Any, pcm: Any, language: str) -> str:
    prompt = "以下是普通话直播带货的句子。" if language == "zh" else None
    segments, _ = whisper.transcribe(
        soxr.resample(pcm, SAMPLE_RATE, 16_000).astype(np.float32),
        language=language,
        beam_size=5,
        initial_prompt=prompt,
        condition_on_previous_text=False,
    )
    return "".join(segment.text for segment in segments).strip()


def _syllables(text: str) -> list[str]:
    said = re.sub("[幺]", "一", spoken(load_lexicon().replace(text)))
    said = said.replace("两", "二").replace("块", "元")
    units: list[str] = []
    for part in re.findall(r"[\u3400-\u9fff]+|[A-Za-z]", said):
        letter = re.sub(r"\d", "", MANDARIN_LETTERS.get(part.upper(), part)).split()
        units += lazy_pinyin(part) if ord(part[0]) > 127 else letter
    return units


def _words(text: str) -> list[str]:
    text = text.lower().replace("$99", "ninety nine dollars").replace("$49", "forty nine dollars")
    text = text.replace("$30", "thirty dollars").replace("7 days", "seven days").replace("-", " ")
    return re.findall(r"[a-z']+", text)


def _distance(want: Sequence[str], got: Sequence[str]) -> int:
    """Return the edit distance (Levenshtein)."""
    row = list(range(len(got) + 1))
    for n, one in enumerate(want, 1):
        last, row[0] = row[0], n
        for m, other in enumerate(got, 1):
            last, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, last + (one != other))
    return row[-1]


if __name__ == "__main__":
    main()
