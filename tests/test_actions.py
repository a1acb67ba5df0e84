"""Actions: every event reaches every target, signed and in order, over failures and kills."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from livehost.brain import signing
from livehost.brain.actions import target as target_module
from livehost.brain.actions.actions import Actions
from livehost.brain.actions.moments import Moments
from livehost.brain.picture import Picture
from livehost.brain.product import Product
from livehost.brain.state import State
from livehost.brain.store import Store
from livehost.config import load_room
from livehost.config_actions import Action, Title, problems, shown
from livehost.errors import ConfigError

from .virtual import run as run_virtual

ROOT = Path(__file__).parents[1]
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
real = pytest.mark.real


class Receiver:
    """A web server that keeps what it got, and answers as the test says."""

    def __init__(self):
        self.got, self.headers, self.answers = [], [], []
        self.news = asyncio.Event()

    async def take(self, request):
        body = await request.read()
        self.headers.append((dict(request.headers), body))
        answer = self.answers.pop(0) if self.answers else 200
        if answer == "hang":
            await asyncio.sleep(3600)
        if answer == "close":
            request.transport.abort()
            return web.Response()
        if answer == "endless":
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(1000):
                await response.write(b"x" * 1000)
                await asyncio.sleep(0.01)
        if isinstance(answer, web.Response):
            return answer
        if answer == 200:
            self.got.append(json.loads(body))
            self.news.set()
        return web.Response(status=answer)

    async def wait_for(self, count, seconds=10):
        async with asyncio.timeout(seconds):
            while len(self.got) < count:
                self.news.clear()
                await self.news.wait()

    @asynccontextmanager
    async def serving(self, port=0):
        app = web.Application()
        app.router.add_post("/hook", self.take)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()


def hook(port, name="shop", **more):
    return Action(name=name, url=f"http://127.0.0.1:{port}/hook", **more)


@asynccontextmanager
async def acting(path, *settings, now=None):
    store = Store(path / "s.sqlite3")
    actions = Actions("room", settings, store, **({"now": now} if now else {}))
    running = asyncio.ensure_future(actions.run())
    try:
        yield actions
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


@pytest.fixture
def quick(monkeypatch):
    for name in ("FIRST", "MOST", "OPEN_FIRST", "OPEN_MOST"):
        monkeypatch.setattr(target_module, name, 0.02)


async def until(holds):
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def settled(actions):
    """Wait until nothing waits any more."""
    await until(lambda: not any(seen["waiting"] for seen in actions.snapshot()))


def rows(path):
    import sqlite3

    base = sqlite3.connect(path / "s.sqlite3")
    try:
        return base.execute("SELECT target, kind FROM actions ORDER BY seq").fetchall()
    finally:
        base.close()


# --- delivery -----------------------------------------------------------------------------------


def independent_check(secret, headers, body):
    """Verify a request from the text of the specification alone."""
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{right}"


@real
def test_events_arrive_signed_and_in_order(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_SECRET", SECRET)

    async def main():
        receiver = Receiver()
        async with receiver.serving() as port:
            signed = hook(port, secret_env="SHOP_SECRET")
            async with acting(
                tmp_path, signed, hook(port, "ends", events=("show.ended",))
            ) as actions:
                for n in range(20):
                    actions.emit("segment.began", {"segment": f"第{n}段"})
                actions.emit("show.ended", {"show": "x"})
                await receiver.wait_for(22)
                await settled(actions)
                (shop, ends) = actions.snapshot()
                assert shop["events"]["delivered"] == 21 and ends["events"]["delivered"] == 1
                assert shop["state"] == "ready" and shop["waiting"] == 0 and shop["signed"]
        mine = [e for e in receiver.got if e["kind"] == "segment.began"]
        assert [e["data"]["segment"] for e in mine] == [f"第{n}段" for n in range(20)]
        assert all(set(e) == {"id", "kind", "at", "room", "data"} for e in receiver.got)
        assert len({e["id"] for e in receiver.got}) == 21, "one id for all targets"
        signed = [(h, b) for h, b in receiver.headers if "webhook-signature" in h]
        assert len(signed) == 21 and all(independent_check(SECRET, h, b) for h, b in signed)
        assert all(
            abs(int(h["webhook-timestamp"]) - datetime.now().timestamp()) < 60 for h, _ in signed
        )
        header, body = signed[0]
        assert not independent_check(SECRET, header, body + b" ")
        assert json.loads(body)["id"] == header["webhook-id"]
        assert rows(tmp_path) == []

    asyncio.run(main())


@real
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (500, "answered with status 500"),
        (401, "answered with status 401"),
        (302, "answered with status 302"),
        ("hang", "did not answer within 0.2 s"),
        ("close", "cannot be reached"),
    ],
)
def test_a_failing_target_gets_everything_later(tmp_path, quick, answer, said):
    async def main():
        receiver = Receiver()
        receiver.answers = [answer] * 3
        reasons = set()
        async with (
            receiver.serving() as port,
            acting(tmp_path, hook(port, timeout_seconds=0.2)) as actions,
        ):
            actions.emit("show.began", {})
            actions.emit("show.ended", {})
            while actions.snapshot()[0]["waiting"]:
                reasons.add(actions.snapshot()[0]["reason"])
                await asyncio.sleep(0.001)
            (seen,) = actions.snapshot()
            assert seen["failures"] == 3 and seen["tries"] == 5 and seen["state"] == "ready"
        assert [e["kind"] for e in receiver.got] == ["show.began", "show.ended"]
        ids = [h["webhook-id"] for h, _ in receiver.headers]
        assert len(set(ids[:4])) == 1, "the same event is tried again under the same id"
        assert any(reason.startswith(said) for reason in reasons)

    asyncio.run(main())


@real
def test_an_answer_without_end_is_not_read(tmp_path, quick):
    async def main():
        receiver = Receiver()
        receiver.answers = ["endless"]
        async with receiver.serving() as port, acting(tmp_path, hook(port)) as actions:
            actions.emit("show.began", {})
            actions.emit("show.ended", {})
            await receiver.wait_for(1, 3)
            assert actions.snapshot()[0]["events"]["delivered"] >= 1

    asyncio.run(main())


@real
def test_an_event_that_the_target_finds_wrong_is_given_up(tmp_path, quick):
    async def main():
        receiver = Receiver()
        receiver.answers = [422, 422, 422]
        async with receiver.serving() as port, acting(tmp_path, hook(port)) as actions:
            actions.emit("show.began", {})
            actions.emit("show.ended", {})
            await receiver.wait_for(1)
            assert receiver.got[0]["kind"] == "show.ended"
            assert actions.snapshot()[0]["events"]["refused"] == 1

    asyncio.run(main())


@real
def test_the_breaker_opens_is_told_and_closes(tmp_path, quick, caplog):
    async def main():
        receiver = Receiver()
        receiver.answers = [503] * 6
        async with receiver.serving() as port, acting(tmp_path, hook(port)) as actions:
            actions.emit("show.began", {})
            warned = []
            while not receiver.got:
                warned += actions.warnings()
                await asyncio.sleep(0.005)
            assert warned[0] == "action shop: answered with status 503; 1 events wait"
            assert actions.warnings() == []
            assert actions.metrics()['livehost_action_ok{target="shop"}'] == 1
        said = [r.message for r in caplog.records if "target" in r.message]
        assert said == ["action target fails", "action target is back"], "told on the edges only"

    asyncio.run(main())


@real
def test_a_target_may_ask_for_patience(tmp_path, quick):
    async def main():
        receiver = Receiver()
        receiver.answers = [web.Response(status=429, headers={"Retry-After": "1"})]
        loop = asyncio.get_running_loop()
        async with receiver.serving() as port, acting(tmp_path, hook(port)) as actions:
            since = loop.time()
            actions.emit("show.began", {})
            await receiver.wait_for(1)
            assert loop.time() - since > 0.95

    asyncio.run(main())


@real
def test_one_target_does_not_wait_for_another(tmp_path):
    async def main():
        receiver = Receiver()
        async with receiver.serving() as port:
            dead = Action(name="dead", url="http://127.0.0.1:1/hook")
            async with acting(tmp_path, dead, hook(port)) as actions:
                for _ in range(5):
                    actions.emit("segment.began", {})
                await receiver.wait_for(5)
                await until(lambda: [s["waiting"] for s in actions.snapshot()] == [5, 0])
                await until(lambda: actions.snapshot()[0]["reason"])
                seen = {s["name"]: s for s in actions.snapshot()}
                assert seen["dead"]["waiting"] == 5 and seen["shop"]["waiting"] == 0
                assert "refused" in seen["dead"]["reason"]

    asyncio.run(main())


@real
def test_the_end_of_the_show_is_told_before_the_process_goes(tmp_path):
    async def main():
        receiver = Receiver()
        async with receiver.serving() as port:
            store = Store(tmp_path / "s.sqlite3")
            actions = Actions("room", (hook(port),), store)
            running = asyncio.ensure_future(actions.run())
            actions.emit("show.began", {})
            await settled(actions)
            running.cancel()
            actions.emit("show.ended", {})
            await actions.finish()
            await store.close()
            assert [e["kind"] for e in receiver.got] == ["show.began", "show.ended"]

    asyncio.run(main())


@real
def test_kill_9_loses_nothing(tmp_path):
    """A child emits to a target that is away and is killed; the next process delivers it all."""
    child = textwrap.dedent("""
        import asyncio, sys
        sys.path[:0] = sys.argv[3:]
        from pathlib import Path
        from livehost.brain.actions.actions import Actions
        from livehost.brain.store import Store
        from livehost.config_actions import Action

        async def main():
            store = Store(Path(sys.argv[1]))
            target = Action(name="shop", url=f"http://127.0.0.1:{sys.argv[2]}/hook")
            actions = Actions("room", (target,), store)
            running = asyncio.ensure_future(actions.run())
            while True:
                event = actions.emit("flash_sale.began", {"sale": "a"})
                await store.flush()
                print(event, flush=True)

        asyncio.run(main())
    """)

    async def free_port():
        async with Receiver().serving() as port:
            return port

    def life(lines):
        """Emit until at least `lines` events are safe, then be killed; return their ids."""
        process = subprocess.Popen(
            [sys.executable, "-c", child, str(tmp_path / "s.sqlite3"), str(port), *sys.path],
            stdout=subprocess.PIPE,
            text=True,
        )
        told = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().splitlines(keepends=True)
        process.wait()
        return [line.strip() for line in told if line.endswith("\n")]

    async def replay(receiver):
        async with receiver.serving(port), acting(tmp_path, hook(port)) as actions:
            await settled(actions)

    port = asyncio.run(free_port())
    safe = life(1) + life(40)
    receiver = Receiver()
    asyncio.run(replay(receiver))
    got = [event["id"] for event in receiver.got]
    assert len(safe) > 40 and [i for i in got if i in set(safe)] == safe, "all, in their order"


# --- the line -----------------------------------------------------------------------------------


def waiting(actions):
    outbox = actions._outboxes["shop"]
    return [(e.kind, json.loads(e.body)["data"].get("n")) for e in outbox._line]


def test_what_is_superseded_is_left_out_when_late(tmp_path):
    clock = [NOW]

    async def main():
        store = Store(tmp_path / "s.sqlite3")
        actions = Actions("room", (hook(1, late_seconds=10),), store, lambda: clock[0])
        for n, kind in enumerate(("product.shown", "show.began", "product.shown", "segment.began")):
            actions.emit(kind, {"n": n})
        await store.flush()
        outbox = actions._outboxes["shop"]
        assert outbox.oldest.kind == "product.shown" and len(waiting(actions)) == 4
        clock[0] += timedelta(seconds=11)
        assert outbox.oldest.kind == "show.began"
        assert waiting(actions) == [("show.began", 1), ("product.shown", 2), ("segment.began", 3)]
        assert outbox.counts["superseded"] == 1
        clock[0] += timedelta(hours=25)
        assert outbox.oldest is None and outbox.counts["expired"] == 3
        await store.close()
        assert rows(tmp_path) == []

    run_virtual(main())


def test_the_line_is_bounded_and_gives_up_what_is_missed_least(tmp_path):
    async def main():
        store = Store(tmp_path / "s.sqlite3")
        actions = Actions("room", (hook(1, queue=10),), store, lambda: NOW)
        actions.emit("flash_sale.began", {"n": 0})
        for n in range(1, 12):
            actions.emit("product.shown", {"n": n})
        await store.flush()
        assert waiting(actions) == [("flash_sale.began", 0)] + [
            ("product.shown", n) for n in range(3, 12)
        ]
        for n in range(20, 30):
            actions.emit("flash_sale.ended", {"n": n})
        await store.flush()
        assert [n for _, n in waiting(actions)] == list(range(20, 30))
        assert actions.snapshot()[0]["events"]["full"] == 12
        await store.close()
        assert len(rows(tmp_path)) == 10

    run_virtual(main())


def test_what_an_earlier_process_left_comes_first_and_targets_that_are_gone_are_forgotten(tmp_path):
    async def first():
        store = Store(tmp_path / "s.sqlite3")
        actions = Actions("room", (hook(1), hook(1, "gone")), store)
        actions.emit("show.began", {"n": 1}, "same")
        actions.emit("show.began", {"n": 2}, "same")
        await store.flush()
        assert waiting(actions) == [("show.began", 1)], "an id is told once"
        await store.close()

    async def second():
        store = Store(tmp_path / "s.sqlite3")
        actions = Actions("room", (hook(1),), store)
        actions.emit("show.ended", {"n": 3})
        await store.flush()
        assert waiting(actions) == [("show.began", 1), ("show.ended", 3)]
        await store.close()
        assert {target for target, _ in rows(tmp_path)} == {"shop"}

    run_virtual(first())
    run_virtual(second())


def test_a_state_file_that_takes_nothing_is_counted_and_stops_nobody(tmp_path):
    async def main():
        store = Store(tmp_path / "s.sqlite3")
        actions = Actions("room", (hook(1),), store)
        store.put = lambda *_, **__: False
        actions.emit("show.began", {"odd": {1, 2}, "half": "\ud800"})
        assert actions.snapshot()[0]["events"]["lost"] == 1
        await store.close()

    run_virtual(main())


# --- moments ------------------------------------------------------------------------------------


def product(name, price="59"):
    return Product.model_validate(
        {"id": name, "name": f"好{name}", "link": 3, "price": price, "stock": 5}
    )


def test_moments_are_told_once_over_restarts(tmp_path):
    told = []

    async def life(run, *cards):
        state = State(tmp_path / "s.sqlite3", run)
        products = {p.id: p for p in (product("tea"), product("cup"))}
        moments = Moments(lambda *e: told.append(e), state, lambda: products)
        picture = Picture(lambda _cue: None)
        picture.shown = moments.card
        moments.began("夜场")
        for card in cards:
            picture.product(card)
        await state.close()

    tea = {"name": "好tea", "price": "59.00", "tags": []}
    run_virtual(
        life("one", tea, {**tea, "tags": ["x"]}, {}, tea, {"name": "好cup", "price": "59.00"})
    )
    assert [k for k, *_ in told] == ["show.began", "product.shown", "product.shown"]
    assert told[1][1] == {"product": "tea", "link": 3, "name": "好tea", "price": "59.00"}
    run_virtual(life("one", {"name": "好cup", "price": "59.00"}))
    assert len(told) == 3, "the brain was started again in the same show"
    run_virtual(life("one", {"name": "好cup", "price": "49.00"}))
    assert told[3][1]["price"] == "49.00"
    run_virtual(life("two", {"name": "好cup", "price": "49.00"}))
    assert [k for k, *_ in told[4:]] == ["show.began", "product.shown"]
    assert told[0][2] != told[4][2], "each show has its own id"


# --- settings -----------------------------------------------------------------------------------

GOOD = 'name = "room"\n[avatar]\npath = "."\n[show]\nrundown = "room.toml"\n'


def load(tmp_path, more):
    file = tmp_path / "room.toml"
    file.write_text(GOOD + more)
    return load_room(file)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[[action]]\nname = "a"\n', "room.toml:6: action.0: needs url or url_env, and not both"),
        ('[[action]]\nname = "a"\nurl = "http://u:pw@x/"\n', "room.toml:8: action.0.url:"),
        ('[[action]]\nname = "a"\nurl = "ftp://x"\n', "room.toml:8: action.0.url:"),
        (
            '[[action]]\nname = "a"\nurl = "http://x"\nevents = ["no"]\n',
            "room.toml:9: action.0.events",
        ),
        (
            '[[action]]\nname = "a"\nurl = "http://x"\n' * 2,
            "room.toml:6: action: each needs its own name",
        ),
        ('[[title]]\nid = "a"\n' * 2, "room.toml:6: title: each needs its own id"),
        ('[[title]]\nid = "a"\nsince = 2026-11-22T18:00:00\n', "room.toml:8: title.0.since:"),
    ],
)
def test_mistakes_in_the_room_file(tmp_path, more, said):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, more)
    (problem,) = caught.value.problems
    assert problem.removeprefix(f"{tmp_path}/").startswith(said) and "pw" not in problem


def test_secrets_come_from_the_environment_and_stay_there(tmp_path, monkeypatch):
    room = load(tmp_path, '[[action]]\nname = "a"\nurl_env = "HOOK"\nsecret_env = "KEY"\n')
    monkeypatch.setenv("KEY", "short-secret")
    assert len(list(problems(room.action))) == 2
    for bad in (
        "",
        "hook-token-123",
        "http://",
        "ftp://hook-token-123",
        "http://[x/hook-token-123",
    ):
        monkeypatch.setenv("HOOK", bad)
        told = "\n".join(problems(room.action))
        assert "HOOK" in told and "hook-token" not in told and "short-secret" not in told
    monkeypatch.setenv("HOOK", "https://me:pw@shop.example:8443/hook-token-123?key=1")
    monkeypatch.setenv("KEY", SECRET)
    assert list(problems(room.action)) == []
    assert shown(room.action[0].address()) == "https://shop.example:8443"


@real
def test_no_secret_is_in_logs_status_or_metrics(tmp_path, monkeypatch, caplog, quick):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("KEY", "sign-secret-123456")
    monkeypatch.setenv("HOOK", "http://user:pass-word@127.0.0.1:1/hook-token-123?key=9")
    monkeypatch.setenv("ODD", "http://127.0.0.1:99/\x7f hook-token-123")

    async def main():
        settings = (
            Action(name="a", url_env="HOOK", secret_env="KEY"),
            Action(name="b", url_env="MISSING"),
            Action(name="c", url_env="ODD"),
        )
        async with acting(tmp_path, *settings) as actions:
            actions.emit("show.began", {})
            await asyncio.sleep(0.3)
            told = json.dumps([actions.snapshot(), actions.warnings(), actions.metrics()])
            assert '"http://127.0.0.1:1"' in told
            assert actions.snapshot()[1]["state"] == "failed"
            assert any("MISSING" in line for line in actions.warnings())
            for secret in ("sign-secret", "pass-word", "hook-token"):
                assert secret not in told and secret not in caplog.text
            everything = "".join(str(vars(r)) for r in caplog.records)
            assert "hook-token" not in everything and "pass-word" not in everything

    asyncio.run(main())


def test_every_key_has_an_example_and_stands_in_the_docs():
    example = (ROOT / "scripts/example-room.toml").read_text("utf-8")
    for name, model in (("action", Action), ("title", Title)):
        table = example.split(f"# [[{name}]]")[1].split("\n\n")[0]
        for key, field in model.model_fields.items():
            found = re.search(rf"^# {key} = (.*?)(?: +#.*)?$", table, re.MULTILINE)
            assert found, key
            if field.default not in (None, "", ()) and not field.is_required():
                assert json.loads(found[1]) == field.default, key
    docs = (ROOT / "docs/actions.md").read_text("utf-8")
    assert all(f"`{key}`" in docs for key in Action.model_fields)
    assert all(
        f"`{kind}`" in docs
        for kind in Action.model_fields["events"].annotation.__args__[0].__args__
    )


# --- signatures ---------------------------------------------------------------------------------


def test_the_published_example_of_the_specification():
    """The example that the Standard Webhooks libraries test themselves with."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    given = signing.headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert given["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signing.wrong(secret, given, body, 1614265330 + 299) == ""
    assert signing.wrong(secret, given, body, 1614265330 + 301) == "timestamp"
    assert signing.wrong(secret, given, body + b" ", 1614265330) == "signature"
    assert signing.wrong("whsec_not base64", given, body, 1614265330) == "signature"
    several = {**given, "webhook-signature": "v1,xx " + given["webhook-signature"]}
    assert signing.wrong(secret, several, body, 1614265330) == ""
    for odd in ("", "-1", "1e9", "９", "1" * 30):
        assert signing.wrong(secret, {**given, "webhook-timestamp": odd}, body, 0) == "timestamp"
    assert signing.wrong(secret, {}, body, 0) == "timestamp"


def test_the_receiver_in_the_docs_works(tmp_path):
    """The example receiver of docs/actions.md takes a right request and refuses a wrong one."""
    text = (ROOT / "docs/actions.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    assert len(code.splitlines()) <= 30
    space = {"__name__": "receiver"}
    os.environ["SHOP_SECRET"] = SECRET
    exec(compile(code, "receiver.py", "exec"), space)
    body = b'{"id": "e1", "kind": "product.shown"}'
    stamp = int(datetime.now().timestamp())
    assert space["is_ours"](signing.headers(SECRET, "e1", stamp, body), body)
    assert not space["is_ours"](signing.headers(SECRET, "e1", stamp, body), body + b" ")
    assert not space["is_ours"](signing.headers(SECRET, "e1", stamp - 4000, body), body)
