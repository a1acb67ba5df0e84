"""The operator's page for several people: roles, the take-over, the rundown that they share."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from livehost.brain.access.sessions import Sessions
from livehost.brain.access.users import User, Users, new_token
from livehost.brain.command import LOCAL, Outcome, Role
from livehost.brain.console.access import Access
from livehost.brain.console.entry import Entry
from tests.console_page import (
    HACK,
    REAL,
    LeasedDesk,
    agree,
    browser,
    click,
    fill,
    press_twice,
    scripted,
    shown,
    text,
    visit,
)

__all__ = ["browser", "visit"]  # fixtures
pytestmark = REAL

SAID = "document.querySelector('#said-receipt')"


# --- roles ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Return a users file with one person of each role, and a token for each."""
    users, tokens = Users(tmp_path_factory.mktemp("people") / "users.toml"), {}
    for role in Role:
        tokens[role], user = new_token(User(name=f"a-{role}", role=role, password=""))
        users.put(user)
    return users, tokens


@pytest.mark.parametrize("role", list(Role))
def test_nobody_sees_a_button_that_is_not_for_them(visit, people, role):
    users, tokens = people
    sessions = Sessions(None, timedelta(hours=1))

    async def scenario(page, desk, console):
        await page.call("Network.clearBrowserCookies")
        await page.goto("about:blank")
        await page.goto(f"{console.address}#token={tokens[role]}")
        await page.until("document.body.dataset.line === 'open'")
        await page.until(f"{text('#who')}.includes('a-{role}')")
        there = role is not Role.VIEWER
        for name in ("#panic", "#mute", "#pause", "#skip", "#line", "#ask", "#take-type"):
            assert await page.run(shown(name)) is there, name
        assert await page.run("document.querySelectorAll('#products button').length > 0") is there
        await click(page, "#tab-outputs")
        await page.until("outputs.children.length === 1")
        for name in ("#output-form", "#outputs button"):
            assert await page.run(shown(name)) is there, name
        await click(page, "#tab-settings")
        assert await page.run(shown("#stop")) is there
        assert await page.run(shown("#logout"))
        await page.run("document.activeElement.blur()")
        await page.press("p", "p")
        await asyncio.sleep(0.2)
        panics = [name for name, _ in desk.commands if name == "panic"]
        assert panics == ["panic"] * there
        assert await page.run("Boolean(document.cookie)") is False

    visit(scenario, entry=Entry(Access(None, users, sessions, "demo")))


# --- taking over ----------------------------------------------------------------------------------


def test_host_is_taken_over_kept_and_handed_back(visit):
    async def scenario(page, desk, console):
        await page.until(f"document.body.dataset.line === 'open' && {shown('#take-type')}")
        await click(page, "#take-type")
        await page.until(shown("#hand-back"))
        assert await page.run("mode.textContent") == "真人接管"
        assert "你正在替主播说话（打字）" in await page.run(text("#lease"))
        assert "秒没有动作就自动交还" in await page.run(text("#dead-man-text"))
        assert await page.run("document.activeElement.id") == "line"
        assert not await page.run(shown("#take-type"))
        await page.write("我是真人")
        await page.press("Enter", "\r")
        await page.until(f"{SAID}.dataset.ok === 'true' && line.value === ''")
        await asyncio.sleep(3.3)
        assert ("lease_keep", {}) in desk.commands
        await click(page, "#hand-back")
        await page.until(shown("#take-type"))
        assert not await page.run(shown("#lease"))
        assert desk.lease.held is None

    visit(scenario, scripted(LeasedDesk()))


def test_empty_chair_does_not_keep_the_host(visit):
    async def scenario(page, desk, console):
        await page.until(f"document.body.dataset.line === 'open' && {shown('#take-type')}")
        await click(page, "#take-type")
        await page.until(shown("#hand-back"))
        await page.run("window.real = performance.now.bind(performance)")
        await page.run("performance.now = () => real() + 95_000, 1")  # nobody moved for so long
        await asyncio.sleep(3.5)
        kept = desk.commands.count(("lease_keep", {}))
        await asyncio.sleep(3.5)
        assert desk.commands.count(("lease_keep", {})) == kept

    visit(scenario, scripted(LeasedDesk(60)))


def test_lease_that_ended_by_itself_is_told(visit):
    async def scenario(page, desk, console):
        await page.until(f"document.body.dataset.line === 'open' && {shown('#take-type')}")
        await click(page, "#take-type")
        await page.until(f"{SAID}.textContent.includes('自动交还') && {shown('#take-type')}", 5)

    visit(scenario, scripted(LeasedDesk(1.0)))


def test_two_operators_do_not_fight(visit):
    async def scenario(page, desk, console):
        await page.until(f"document.body.dataset.line === 'open' && {shown('#take-type')}")
        async with page.another() as second:
            await second.goto(console.address)
            await second.until(f"document.body.dataset.line === 'open' && {shown('#take-type')}")
            await click(page, "#take-type")
            await page.until(shown("#hand-back"))
            await second.until(shown("#lease"))
            assert not await second.run(shown("#hand-back"))
            assert await second.run("line.disabled")
            assert "另一个窗口" in await second.run(text("#lease"))  # the same user here
            await second.call("Page.bringToFront")
            await second.run("document.activeElement.blur()")
            await second.press("p", "p")  # panic works for everybody at all times
            await second.until("outcome.dataset.ok === 'true'")
            await press_twice(second, "#take-force")
            await second.until(shown("#hand-back"))
            await page.call("Page.bringToFront")
            await page.until(f"!{shown('#hand-back')} && line.disabled")
            await click(second, "#hand-back")
            await page.until("!line.disabled")
        given = [name for name, _ in desk.commands if name != "lease_keep"]
        assert given == ["take_over", "panic", "take_over_force", "hand_back"]

    visit(scenario, scripted(LeasedDesk()))


# --- the rundown ----------------------------------------------------------------------------------


def line(text, **more):
    return {"text": text, "emotion": "", "optional": False, "changed": "", "promotion": ""} | more


class Planned(LeasedDesk):
    """A desk with a rundown that can be changed."""

    def __init__(self):
        super().__init__()
        self.segments = [
            {"id": f"s{n}", "kind": kind, "product": "a", "minutes": 0, "repeat": 1, "open": True,
             "once_more": False, "window": "", "on_air": n == 1, "spent_seconds": 3,
             "lines": [line(f"第{n}段一"), line(f"第{n}段二，{{name}}"), line(HACK)]}
            for n, kind in enumerate(("opening", "price", "faq"))
        ]  # fmt: skip
        self.pinned = None
        self.sale = {"id": "f", "product": "b", "price": "59", "on": False, "minutes": 10,
                     "start": None, "end": None, "left_seconds": None}  # fmt: skip

    def rundown(self):
        cursor = {"segment": "s1", "line": 1, "sentence": 0, "round": 0, "again": 0}
        data = {"segments": self.segments, "cursor": cursor, "next": [], "changed": False}
        return data | {"pinned": self.pinned, "flash_sales": [self.sale]}

    async def command(self, name, args, who=LOCAL):
        self.commands.append((name, args))
        match name:
            case "reorder":
                self.segments.sort(key=lambda segment: args["order"].index(segment["id"]))
            case "edit":
                segment = next(s for s in self.segments if s["id"] == args["segment"])
                segment["lines"] = segment["lines"].copy()
                segment["lines"][args["line"]] = line(args["text"], changed="edited")
            case "insert":
                segment = next(s for s in self.segments if s["id"] == args["segment"])
                new, at = line(args["text"], changed="inserted"), args["line"] + 1
                segment["lines"] = [*segment["lines"][:at], new, *segment["lines"][at:]]
            case "remove" if self.outcome.ok:
                segment = next(s for s in self.segments if s["id"] == args["segment"])
                segment["lines"] = [x for x in segment["lines"] if x["text"] != args["was"]]
            case "pin":
                self.pinned = args["product"] or None
            case "flash_sale":
                self.sale = self.sale | {"on": not args.get("stop"), "left_seconds": 300}
        return self.outcome


def test_rundown_is_seen_reordered_edited_and_undone(visit):
    desk = scripted(Planned())

    async def scenario(page, desk, console):
        await page.until("window.rundown?.children.length === 3")
        here = ".lines > .here .text"
        assert "第1段二，外套" in await page.run(text(here))  # the slot as it will be said
        assert not await page.run(shown(".lines > .here .line-buttons button[aria-label^='改']"))
        assert HACK in await page.run(text("#rundown"))
        assert await page.run("window.hacked") is None
        await page.run("document.querySelector('[data-key=s2] .arrow').focus()")
        await page.press("Enter", "\r")  # up, by the keyboard
        await page.until(f"{IDS} === 's0,s2,s1'")
        row = "document.activeElement.closest('.segment').dataset.key"
        assert await page.run(row) == "s2"  # the focus stays where it was
        await click(page, "#undo")
        await page.until(f"{IDS} === 's0,s1,s2'")
        await click(page, "[data-key=s2] .toggle")
        await page.until(shown("[data-key=s2] .lines"))
        await click(page, "[data-key=s2] .lines button")
        await page.until("document.activeElement.tagName === 'TEXTAREA'")
        assert await page.run("document.activeElement.value") == "第2段一"
        await page.run("document.activeElement.value = ''")
        await page.write("新的话")
        await asyncio.sleep(1.2)  # the show goes on meanwhile, the field stays
        await page.run("document.activeElement.form.requestSubmit()")
        await page.until(f"{text('[data-key=s2] .lines')}.includes('新的话')")
        assert "本场改过" in await page.run(text("[data-key=s2] .lines"))
        assert desk.commands == [
            ("reorder", {"order": UP, "was": ["s0", "s1", "s2"]}),
            ("reorder", {"order": ["s0", "s1", "s2"], "was": UP}),
            ("edit", {"segment": "s2", "line": 0, "text": "新的话", "was": "第2段一"}),
        ]

    visit(scenario, desk)


def test_undo_names_the_line_and_says_when_somebody_else_changed_it(visit):
    desk = scripted(Planned())

    async def put_in(page, words):
        await page.until(shown("[data-key=s2] .lines"))
        await click(page, "[data-key=s2] .lines button[aria-label^='插']")
        await page.until("document.activeElement.tagName === 'TEXTAREA'")
        await page.write(words)
        await page.run("document.activeElement.form.requestSubmit()")

    async def scenario(page, desk, console):
        await page.until("window.rundown?.children.length === 3")
        await click(page, "[data-key=s2] .toggle")
        await put_in(page, "插进来的")
        await page.until(f"{text('[data-key=s2] .lines')}.includes('插进来的')")
        assert await page.run(shown("[data-key=s2] .lines button[aria-label^='去掉']"))
        desk.segments[2]["lines"] = [line("别人先插的"), *desk.segments[2]["lines"]]
        await page.until(f"{text('[data-key=s2] .lines')}.includes('别人先插的')")
        await click(page, "#undo")
        await page.until(f"!{text('[data-key=s2] .lines')}.includes('插进来的')")
        assert await page.run(text("#rundown-receipt")) == "已撤销：插一句。"
        assert not await page.run(shown("#undo"))
        assert desk.commands[-1] == (
            "remove", {"segment": "s2", "line": 1, "was": "插进来的"},
        )  # fmt: skip
        await put_in(page, "又一句")
        await page.until(shown("#undo"))
        desk.outcome = Outcome(False, "that line was changed; look again", code="gone")
        await click(page, "#undo")
        told = "没有执行：这句刚被别人改过或去掉了，没有动它"
        await page.until(f"{text('#rundown-receipt')} === '{told}'")

    visit(scenario, desk)


UP = ["s0", "s2", "s1"]
IDS = "[...rundown.children].map((row) => row.dataset.key).join()"


async def middle(page, selector):
    """Return where an element is, in the window."""
    box = f"document.querySelector('{selector}').getBoundingClientRect()"
    x, y, high = await page.run(f"(() => {{ const b = {box}; return [b.x, b.y, b.height]; }})()")
    return x + 20, y + high / 2


async def touch(page, kind, *at):
    """Put a finger down, move it or take it away."""
    points = [{"x": at[0], "y": at[1]}] if at else []
    await page.call("Input.dispatchTouchEvent", type=f"touch{kind}", touchPoints=points)


@asynccontextmanager
async def phone(page):
    """Make the window a phone's, with fingers for a mouse."""
    await page.look(390, 844)
    await page.call("Emulation.setTouchEmulationEnabled", enabled=True)
    try:
        yield
    finally:
        await page.call("Emulation.setTouchEmulationEnabled", enabled=False)
        await page.look(1280, 900)


def test_segments_are_dragged_with_a_mouse(visit):
    async def scenario(page, desk, console):
        await page.until("window.rundown?.children.length === 3")
        await page.run("rundown.scrollTop = 0")
        (x, y), (_, top) = [await middle(page, f"[data-key={key}] .grip") for key in ("s2", "s0")]
        event = {"button": "left", "clickCount": 1}
        await page.call("Input.dispatchMouseEvent", type="mousePressed", x=x - 8, y=y, **event)
        for step in range(1, 5):
            at = y + (top - 20 - y) * step / 4
            await page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=at, **event)
        await page.until("document.querySelector('[data-key=s0]').matches('.drop-above')")
        await page.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=top - 20, **event)
        await page.until(f"{IDS} === 's2,s0,s1'")
        assert desk.commands == [
            ("reorder", {"order": ["s2", "s0", "s1"], "was": ["s0", "s1", "s2"]})
        ]
        assert await page.run("document.querySelectorAll('.dragged, .drop-above').length") == 0

    visit(scenario, scripted(Planned()))


def test_segments_are_dragged_with_a_finger_that_rests_first(visit):
    async def scenario(page, desk, console):
        await page.until("window.rundown?.children.length === 3")
        async with phone(page):
            await page.run("document.querySelector('[data-key=s1]').scrollIntoView()")
            await asyncio.sleep(0.2)
            first = await middle(page, "[data-key=s1] .grip")
            await touch(page, "Start", *first)
            await touch(page, "Move", first[0], first[1] - 60)  # at once: that is a scroll
            await touch(page, "End")
            await asyncio.sleep(0.4)
            assert desk.commands == []
            await click(page, "[data-key=s1] .toggle")  # closed: all three fit
            await page.until("!document.querySelector('.lines')")
            await page.run("document.querySelector('[data-key=s0]').scrollIntoView("
                           "{ block: 'center' })")  # fmt: skip
            await asyncio.sleep(0.2)
            x, y = await middle(page, "[data-key=s0] .grip")
            _, low = await middle(page, "[data-key=s1]")
            bottom = await page.run(
                "document.querySelector('[data-key=s1]').getBoundingClientRect().bottom"
            )
            await touch(page, "Start", x, y)
            await page.until("document.querySelector('[data-key=s0]').matches('.dragged')")
            for at in (y + 20, (y + low) / 2, low, bottom - 4):
                await touch(page, "Move", x, at)
                await asyncio.sleep(0.05)
            await page.until("document.querySelector('[data-key=s1]').matches('.drop-below')")
            await touch(page, "End")
            await page.until(f"{IDS} === 's1,s0,s2'")

    visit(scenario, scripted(Planned()))


def test_list_scrolls_while_a_segment_is_held_at_its_end(visit):
    desk = scripted(Planned())
    more = [desk.segments[2] | {"id": f"x{n}", "on_air": False} for n in range(12)]
    desk.segments += more

    async def scenario(page, desk, console):
        await page.until("window.rundown?.children.length === 15")
        async with phone(page):
            await page.run("rundown.scrollTop = 0")
            middle_of = "document.querySelector('[data-key=s0]').scrollIntoView"
            await page.run(f"{middle_of}({{ block: 'center' }})")
            await asyncio.sleep(0.2)
            x, y = await middle(page, "[data-key=s0] .grip")
            bottom = await page.run("rundown.getBoundingClientRect().bottom")
            await touch(page, "Start", x, y)
            await page.until("document.querySelector('[data-key=s0]').matches('.dragged')")
            await touch(page, "Move", x, y + 30)
            await touch(page, "Move", x, min(bottom, 844) - 6)
            end = "rundown.scrollHeight - rundown.clientHeight - 2"
            await page.until(f"rundown.scrollTop >= {end} || scrollY > 0 && rundown.scrollTop > 99")
            await touch(page, "Cancel")  # a call came in: nothing is moved
            await page.until("document.querySelectorAll('.dragged, .lifting').length === 0")
            assert desk.commands == []

    visit(scenario, desk)


def test_one_slip_of_a_finger_moves_nothing(visit):
    async def scenario(page, desk, console):
        await page.until("window.rundown?.children.length && window.sales?.children.length")
        go = "[data-key=s2] .segment-buttons button"
        for selector in (go, "#products li:nth-child(2) .product", "#sales .main"):
            await click(page, selector)
            assert await page.run(f"document.querySelector('{selector}').dataset.armed")
            await click(page, selector)  # a finger that trembles
        await asyncio.sleep(0.2)
        assert desk.commands == []
        await page.until("document.querySelectorAll('[data-armed]').length === 0", 4)
        await press_twice(page, go)
        await asyncio.sleep(0.2)
        assert desk.commands == [("goto", {"segment": "s2"})]

    visit(scenario, scripted(Planned()))


def test_skipped_segment_can_be_had_again(visit):
    desk = scripted(Planned())
    desk.values["place"] = {"segment": "s1", "line": 0, "sentence": 0}
    desk.outcome = Outcome(True, "now at segment s2", {"segment": "s2"})

    async def scenario(page, desk, console):
        await page.until("document.body.dataset.line === 'open' && !controls.hidden")
        await click(page, "#skip")
        await page.until(shown("#outcome button"))
        await click(page, "#outcome button")
        await page.until(f"{text('#outcome')}.includes('从头讲')")
        assert desk.commands == [("skip", {}), ("goto", {"segment": "s1"})]

    visit(scenario, desk)


def test_flash_sale_counts_down_and_a_card_is_pinned(visit):
    async def scenario(page, desk, console):
        await page.until("window.sales?.children.length === 1 && window.rundown?.children.length")
        await fill(page, "#sales select", "5")
        await press_twice(page, "#sales .main")
        await page.until(shown("#sales .countdown"))
        await page.until(f"/^[45]:\\d\\d$/.test({text('#sales .countdown')})")
        first = await page.run(text("#sales .countdown"))
        await page.until(f"{text('#sales .countdown')} !== {first!r}", 4)
        await click(page, "#sales .danger")
        await agree(page)
        await page.until(f"!{shown('#sales .countdown')}")
        await click(page, "#products .pin")
        await page.until(f"{text('#products .pin')} === '取下卡片'")
        await click(page, "#products .pin")
        await page.until(f"{text('#products .pin')} === '挂卡片'")
        assert desk.commands == [
            ("flash_sale", {"id": "f", "minutes": 5}),
            ("flash_sale", {"id": "f", "stop": True}),
            ("pin", {"product": "a"}),
            ("pin", {"product": ""}),
        ]

    visit(scenario, scripted(Planned()))


# --- experiments ----------------------------------------------------------------------------------


def test_experiment_is_told_in_words_and_stopped(visit):
    desk = scripted()
    arms = [
        {"id": name, "exposures": 12, "amount": 3.0, "reward": 0.2, "low": 0.1, "high": 0.3,
         "best": best, "loss": 0.0}
        for name, best in (("short", 0.82), (HACK, 0.18))
    ]  # fmt: skip
    trial = {"id": "opening", "what": "wording", "per": "minute", "kept": "", "on": "short"}
    trial |= {"standing": "leads", "words": "短的开场领先。", "arms": arms}
    desk.values["experiments"] = [trial]

    async def scenario(page, desk, console):
        await page.until(shown("#tab-experiments"))
        await click(page, "#tab-experiments")
        await page.until("trials.children.length === 1")
        told = await page.run(text("#trials"))
        assert "短的开场领先。" in told and "用了 12 次，82% 可能最好" in told and HACK in told
        await click(page, "#trials .arms button")
        await agree(page)
        await page.until("document.querySelector('#trial-receipt').dataset.ok === 'true'")
        keep = ("experiment_stop", {"id": "opening", "keep": "short"})
        assert desk.commands == [keep]

    visit(scenario, desk)
