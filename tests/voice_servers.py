"""Voice servers on 127.0.0.1 that speak the published protocols, and every fault they may have.

One thread with a loop of its own, so that engines may be asked from any loop.
"""

import asyncio
import hashlib
import io
import json
import struct
import threading
from contextlib import suppress
from fractions import Fraction
from itertools import chain, repeat

import av
import numpy as np
from aiohttp import web

from livehost.brain.voice.say import default_room
from livehost.config import Voice

KEY = "sk-very-secret-0123456789"
ABORT = object()
NOTE = 0.16  # seconds for each character


def speech(text, rate, speed=1.0, lead=0.2, tail=0.3):
    """Notes with gaps, in int16: loud enough to be speech, quiet at both ends."""
    samples = int(NOTE * rate / speed)
    time = np.arange(samples) / rate
    shape = np.sin(np.pi * np.arange(samples) / samples)
    notes = [shape * np.sin(2 * np.pi * (180 + 7 * (ord(c) % 30)) * time) for c in text]
    silence = [np.zeros(int(lead * rate)), *notes, np.zeros(int(tail * rate))]
    return np.round(9000 * np.concatenate(silence)).astype("<i2")


def wav(samples, rate, *, size=None, channels=1, kind="<i2", before=b"", after=b""):
    """A WAV file; `size` is what the header says of the data."""
    data = samples.astype(kind).tobytes()
    width = np.dtype(kind).itemsize
    tag = 3 if kind == "<f4" else 1
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * width, width * channels, 8 * width)
    size = len(data) if size is None else size
    riff = b"WAVE" + b"fmt " + struct.pack("<I", 16) + fmt + before
    riff += b"data" + struct.pack("<I", size) + data + after
    return b"RIFF" + struct.pack("<I", min(size + 36, 0xFFFFFFFF)) + riff


def encoded(samples, rate, kind):
    """MP3, or Opus in Ogg."""
    out = io.BytesIO()
    container, codec = {"mp3": ("mp3", "libmp3lame"), "opus": ("ogg", "libopus")}[kind]
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=48_000 if kind == "opus" else rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        resampler = av.AudioResampler(stream.format.name, "mono", stream.rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            for packet in stream.encode(part):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    return out.getvalue()


class VoiceServer:
    """OpenAI's /v1/audio/speech, GPT-SoVITS' /tts, CosyVoice's /inference_*.

    Attributes:
        fault: what goes wrong with every request; "" nothing. See `_answer`.
        asked: (path, headers, fields) of each request.
        rate: of what is sent.
    """

    def __init__(self):
        self.fault, self.asked, self.rate, self.connections = "", [], 24_000, 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        self.url = f"http://127.0.0.1:{self.port}"

    async def _start(self):
        app = web.Application()
        app.router.add_post("/v1/audio/speech", self._openai)
        app.router.add_post("/tts", self._sovits)
        app.router.add_post("/inference_{mode}", self._cosyvoice)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return site._server.sockets[0].getsockname()[1]

    def close(self):
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    # --- protocols ------------------------------------------------------------------------------

    async def _openai(self, request):
        body = await request.json()
        self.asked.append((request.path, dict(request.headers), body))
        assert set(body) >= {"model", "input", "voice"}
        pcm = speech(body["input"], self.rate, body.get("speed", 1.0))
        kind = body.get("response_format", "mp3")
        data = {"pcm": pcm.tobytes, "wav": lambda: wav(pcm, self.rate, size=0xFFFFFFFF)}
        made = data.get(kind, lambda: encoded(pcm, self.rate, kind))()
        return await self._answer(request, made, f"audio/{kind}")

    async def _sovits(self, request):
        body = await request.json()
        self.asked.append((request.path, dict(request.headers), body))
        for key in ("text", "text_lang", "ref_audio_path", "prompt_lang"):
            if not body.get(key):
                return web.json_response({"message": f"{key} is required"}, status=400)
        if not body["ref_audio_path"].endswith(".wav"):
            failed = {"message": "tts failed", "Exception": "no such recording"}
            return web.json_response(failed, status=400)
        pcm = speech(body["text"], 32_000, body.get("speed_factor", 1.0))
        return await self._answer(request, wav(pcm, 32_000, size=0), "audio/wav")

    async def _cosyvoice(self, request):
        form = dict(await request.post())
        form = {
            key: value.file.read() if key == "prompt_wav" else value for key, value in form.items()
        }
        self.asked.append((request.path, dict(request.headers), form))
        needed = {
            "sft": {"spk_id"},
            "zero_shot": {"prompt_text", "prompt_wav"},
            "cross_lingual": {"prompt_wav"},
            "instruct2": {"instruct_text", "prompt_wav"},
        }[request.match_info["mode"]]
        if missing := [key for key in ({"tts_text"} | needed) if key not in form]:
            return web.json_response({"detail": [{"loc": missing}]}, status=422)
        return await self._answer(request, speech(form["tts_text"], self.rate).tobytes(), "")

    # --- answers --------------------------------------------------------------------------------

    async def _answer(self, request, data, kind):
        plain = getattr(self, f"_{self.fault}", None)
        if plain:
            return plain(request)
        headers = {"Content-Type": kind} if kind else {}
        if self.fault == "declares":
            headers["Content-Type"] = "audio/pcm;rate=16000"
        response = web.StreamResponse(headers=headers)
        response.force_close() if self.fault else None
        await self._before(request)
        await response.prepare(request)
        with suppress(ConnectionError):
            await self._stream(request, response, data)
        return response

    def _json(self, request):
        return web.json_response({"error": {"message": "model not loaded"}})

    def _refused(self, request):
        said = {"error": {"message": f"bad key {request.headers.get('Authorization')}\nline"}}
        return web.json_response(said, status=401)

    def _busy(self, request):
        return web.json_response({"detail": "queue is full"}, status=429)

    def _failing(self, request):
        return web.Response(status=500)

    def _moved(self, request):
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})

    def _html(self, request):
        page = b"<!DOCTYPE html><html><body>It works! This is no voice.</body></html>" * 4
        return web.Response(body=page, content_type="application/octet-stream")

    async def _before(self, request):
        if self.fault == "hangs":
            await asyncio.sleep(30)

    async def _stream(self, request, response, data):
        for step in self._steps(data):
            if step is ABORT:
                request.transport.abort()
            elif isinstance(step, float):
                await asyncio.sleep(step)
            else:
                await response.write(step)

    def _steps(self, data):
        """What is sent: bytes, pauses in seconds, ABORT."""
        half, quiet = data[: len(data) // 2 + 1], b"\0\0" * self.rate
        noise = np.random.default_rng(0).normal(0, 4000, self.rate).astype("<i2").tobytes()
        head = data[:44] if data.startswith(b"RIFF") else b""
        rate = 32_000 if head else self.rate
        nan = wav(np.full(rate, np.nan), rate, kind="<f4")
        steps = {
            "empty": (),
            "silent": (quiet,),
            "silent for ever": repeat(quiet),
            "hangs after headers": (30.0,),
            "hangs in the middle": (half, 30.0),
            "dies": (half, 0.1, ABORT),
            "drips": chain.from_iterable(zip(cut(data, 1), repeat(0.05), strict=False)),
            "babbles": chain((head,), repeat(noise)),
            "not numbers": (nan,),
            "odd pieces": (*cut(data, 777), b"\1"),
            "16 kHz": (wav(speech("abcdef", 16_000), 16_000),),
            "other format": (encoded(speech("abcdef", 24_000), 24_000, "opus"),),
        }
        return steps.get(self.fault, cut(data, 8192))


def cut(data, size):
    """`data` in pieces."""
    return [data[at : at + size] for at in range(0, len(data), size)]


# --- rooms that use them --------------------------------------------------------------------------


def consent_record(folder, **changes):
    """A record that holds, or that does not with some `changes`; returns its path."""
    document = folder / "signed.pdf"
    document.write_bytes(b"%PDF I agree")
    values = {
        "who": '"王小美"',
        "contact": '"mei@example.com"',
        "when": "2026-01-01",
        "expires": "2099-12-31",
        "scope": '["voice"]',
        **changes,
    }
    lines = [f"{key} = {value}" for key, value in values.items() if value is not None]
    digest = hashlib.sha256(document.read_bytes()).hexdigest()
    proof = ["[document]", 'file = "signed.pdf"', f'sha256 = "{digest}"']
    path = folder / "consent.toml"
    path.write_text("\n".join([*lines, *proof]) + "\n", "utf-8")
    return path


def served_room(server, folder, engine, **changes):
    """A room whose `engine` is `server`; `changes` go into the engine's table."""
    consent = str(consent_record(folder))
    tables = {
        "openai": {"base_url": f"{server.url}/v1", "api_key_env": "VOICE_KEY"},
        "sovits": {
            "base_url": server.url,
            "ref_audio_path": "/on/the/server/ref.wav",
            "prompt_text": "你好",
            "consent": consent,
        },
        "cosyvoice": {"base_url": server.url},
    }
    table = {"timeout_seconds": 1.5, "idle_seconds": 0.6, **tables[engine], **changes}
    speed = {"speed": table.pop("speed")} if "speed" in table else {}
    voice = Voice.model_validate({"engine": engine, "fallback": (), engine: table, **speed})
    return default_room().model_copy(update={"voice": voice, "file": folder / "room.toml"})


def shown(value):
    """`value` as text, to search it for secrets."""
    return json.dumps(value, default=str, ensure_ascii=False)
