"""The operator's page edits products and scripts: a form or the text, checks, difference, undo."""

from __future__ import annotations

from livehost.brain.command import LOCAL, Outcome
from tests.console_page import (
    HACK,
    REAL,
    LeasedDesk,
    agree,
    browser,
    click,
    fill,
    scripted,
    shown,
    text,
    visit,
)

__all__ = ["browser", "visit"]  # fixtures
pytestmark = REAL


class Scripts(LeasedDesk):
    """A desk with one product file and the rundown."""

    def __init__(self):
        super().__init__()
        self.product = {"id": "a", "name": "外套", "price": "199", "tags": ["轻", HACK], "size": []}
        self.problems = []

    async def command(self, name, args, who=LOCAL):
        match name:
            case "scripts":
                listed = [("rundown.toml", "rundown", ""), ("products/a.toml", "product", "外套")]
                keys = ("file", "kind", "title")
                files = [dict(zip(keys, each, strict=True), version="1") for each in listed]
                return Outcome(True, "", {"scripts": files})
            case "script_read" if args["file"] == "rundown.toml":
                data = {"file": args["file"], "kind": "rundown", "version": "1", "values": {}}
                return Outcome(True, "", data | {"text": '[[segment]]\nid = "x"\n'})
            case "script_read":
                data = {"file": args["file"], "kind": "product", "version": "1", "text": "x = 1"}
                return Outcome(True, "", data | {"values": self.product})
            case "script_check":
                diff = ["--- a", "+++ a", "@@ -1 +1 @@", "-price = 199", f"+price = {HACK}"]
                data = {"problems": self.problems, "diff": diff, "text": "", "version": "1"}
                self.commands.append((name, args))
                return Outcome(True, "", data)
            case "script_publish":
                self.product = args["values"]
                self.outcome = Outcome(True, "", {"file": args["file"], "version": "2"})
            case "hear":
                self.outcome = Outcome(True, "", {"url": "/api/heard/x", "rule": "", "found": ""})
        return await super().command(name, args, who)


def test_product_is_changed_by_its_form_after_a_look_at_the_difference(visit):
    desk = scripted(Scripts())

    async def scenario(page, desk, console):
        await page.until(shown("#tab-files"))
        await click(page, "#tab-files")
        await page.until("document.querySelector('#file').options.length === 3")
        await fill(page, "#file", "products/a.toml")
        await page.run("document.querySelector('#file').dispatchEvent(new Event('change'))")
        await page.until(shown("#field-price"))
        assert await page.run("document.querySelector('#field-tags').value") == f"轻\n{HACK}"
        desk.problems = [{"file": "a.toml", "line": 3, "key": "price", "text": "not a price"}]
        await fill(page, "#field-price", "x")
        await click(page, "#file-check")
        await page.until(f"{text('#file-found')}.includes('第 3 行 · 价格（元）')")
        assert not await page.run(shown("#file-publish"))
        assert await page.run("document.querySelector('#field-price').ariaInvalid") == "true"
        desk.problems = []
        await fill(page, "#field-price", "179")
        await fill(page, "#field-tags", "轻\n\n薄")
        await click(page, "#file-check")
        await page.until(shown("#file-publish"))
        assert HACK in await page.run(text("#file-found .diff .added"))
        await page.run("document.querySelector('#field-price').dispatchEvent("
                       "new Event('input', { bubbles: true }))")  # fmt: skip
        assert not await page.run(shown("#file-publish"))  # that was another draft
        await click(page, "#file-check")
        await page.until(shown("#file-publish"))
        await click(page, "#file-publish")
        await page.until(f"{text('#file-receipt')}.includes('已发布')")
        name, args = desk.commands[-1]
        values = {"id": "a", "name": "外套", "price": "179", "tags": ["轻", "薄"], "size": []}
        assert (name, args["version"], args["values"]) == ("script_publish", "1", values)
        await page.until(shown("#file-undo"))
        await click(page, "#file-undo")
        await agree(page)
        await page.until("document.querySelector('#confirm').open === false")
        await page.until(f"{text('#file-receipt')}.startsWith('已撤销')")
        assert await page.run("window.hacked") is None

    visit(scenario, desk)


def test_rundown_is_changed_as_text_and_a_sentence_is_heard(visit):
    desk = scripted(Scripts())

    async def scenario(page, desk, console):
        await page.until(shown("#tab-files"))
        await click(page, "#tab-files")
        await page.until(shown("#file-text"))
        assert "[[segment]]" in await page.run("document.querySelector('#file-text').value")
        await fill(page, "#file-text", "new text")
        await click(page, "#file-check")
        await page.until(shown("#file-publish"))
        assert desk.commands[-1][1]["text"] == "new text"
        await fill(page, "#hear-text", "大家好")
        await page.run("hear.requestSubmit()")
        await page.until(f"{text('#hear-receipt')}.includes('只有你能听到')")
        assert desk.commands[-1] == ("hear", {"text": "大家好"})

    visit(scenario, desk)
