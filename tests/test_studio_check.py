"""`livehost script check`: everything that the gate would stop, and what a listener would mind."""

import json

import pytest

from livehost.cli import main
from livehost.studio.draft import seconds
from livehost.studio.report import report
from livehost.studio.shelf import open_shelf
from tests.demo_shop import NOW, demo_room

CARD = """
id = "cup"
name = "白瓷杯"
price = 20
selling_points = ["容量300毫升", "杯底有一只小鹿"]
usage = "可以放进微波炉"
[[promotion]]
id = "soon"
text = "新品尝鲜，立减5元"
start = 2027-01-01T00:00:00+08:00
end = 2027-01-08T00:00:00+08:00
price = 15
"""
GOOD = '"您好，我是AI生成的数字人主播。"'


def rundown(*lines, opening=GOOD):
    about = "\n".join(f"  {line}," for line in lines)
    return (
        f'[[segment]]\nid = "hi"\nkind = "opening"\nlines = [{opening}]\n'
        f'[[segment]]\nid = "one"\nkind = "price"\nproduct = "cup"\nlines = [\n{about}\n]\n'
    )


def shelf(folder, text, card=CARD):
    (folder / "products").mkdir(exist_ok=True)
    (folder / "products" / "cup.toml").write_text(card, "utf-8")
    (folder / "rundown.toml").write_text(text, "utf-8")
    return open_shelf(folder / "rundown.toml")


def found(folder, *lines, **more):
    return report(shelf(folder, rundown(*lines, **more)), NOW)


SAID = ('"容量300毫升。"', '"杯底有一只小鹿。"', '"可以放进微波炉。"')


@pytest.mark.parametrize(
    ("line", "rule", "words", "advice"),
    [
        ('"这是全网最便宜的杯子。"', "superlative.most", "最便宜", "card says"),
        ('"容量500毫升。"', "figure", "500毫升", "details"),
        ('"现在只要9块9。"', "price", "9块9", "{price}"),
        ('"喝了能降血压。"', "medical.disease", "降血压", "health"),
        ('"手慢无。"', "scarcity.pressure", "手慢无", "hurry"),
        ('{ text = "好。", variants = ["还剩3个。"] }', "stock", "3个", "{stock}"),
    ],
)
def test_each_stop_says_rule_words_reason_and_advice(tmp_path, line, rule, words, advice):
    (stop,) = found(tmp_path, *SAID, line).stopped
    assert (stop.rule, stop.found) == (rule, words)
    assert stop.why and advice in stop.suggestion
    assert stop.where.endswith("rundown.toml:13")


def test_what_is_wrong_only_while_an_offer_holds_is_found_too(tmp_path):
    assert not found(tmp_path, *SAID, '"到手{price}。"').stopped
    (stop,) = found(tmp_path, *SAID, '"平时卖15元。"').stopped
    assert stop.rule.startswith("price")
    assert not found(tmp_path, *SAID, '{ text = "{promo}。", promotion = "soon" }').stopped


def test_cards_are_read_too(tmp_path):
    card = CARD.replace("杯底有一只小鹿", "国家级工艺")
    (stop,) = report(shelf(tmp_path, rundown(*SAID), card), NOW).stopped
    assert stop.rule == "superlative.state" and "cup.toml" in stop.where


def notes(folder, *lines, **more):
    return [(n.what, n.text) for n in found(folder, *lines, **more).notes]


def test_a_good_script_has_no_notes(tmp_path):
    assert notes(tmp_path, *SAID) == []


def test_what_a_listener_would_mind(tmp_path):
    long = "您看这只小鹿，" * 12 + "好看。"
    assert "long" in [what for what, _ in notes(tmp_path, *SAID, f'"{long}"')]
    assert notes(tmp_path, *SAID, '"看这里→好看。"')[0][0] == "unreadable"
    assert ("repeated", "您看杯底这只小鹿。") in notes(
        tmp_path, *SAID, '"您看杯底这只小鹿。"', '"您看杯底这只小鹿。"'
    )
    assert notes(tmp_path, *SAID, opening='"您好，欢迎您来。"') == [("no-notice", "")]
    assert notes(tmp_path, *SAID[:2]) == [("unsaid", "可以放进微波炉")]


def test_variants_of_one_line_may_share_a_sentence(tmp_path):
    line = '{ text = "您看。杯底这只小鹿，真可爱。", variants = ["来。杯底这只小鹿，真可爱。"] }'
    assert notes(tmp_path, *SAID, line) == []


def test_how_long_it_takes(tmp_path):
    lengths = found(tmp_path, *SAID).lengths
    assert [(n.segment, n.lines, n.wordings) for n in lengths] == [("hi", 1, 1), ("one", 3, 1)]
    assert lengths[1].seconds == pytest.approx(sum(seconds(s[1:-1]) for s in SAID), abs=0.1)
    assert 4 < seconds("今天慢慢聊三款日常用得上的东西给大家。") < 5


def test_the_demo_is_fine(tmp_path):
    result = report(open_shelf(demo_room(tmp_path).file), NOW)
    assert result.stopped == [] and 330 < result.seconds < 520
    assert not [n for n in result.notes if n.what in ("no-notice", "unreadable", "repeated")]


def test_the_command(tmp_path, capsys):
    shelf(tmp_path, rundown(*SAID, '"这是全网最便宜的杯子。"'))
    script = str(tmp_path / "rundown.toml")
    assert main(["script", "check", script]) == 1
    printed = capsys.readouterr().out
    assert "superlative.most「最便宜」" in printed and "1 would be stopped" in printed
    assert main(["script", "check", script, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["ok"] and told["stopped"][0]["rule"] == "superlative.most"
    shelf(tmp_path, rundown(*SAID))
    assert main(["script", "check", script]) == 0
    assert main(["script", "check", str(tmp_path / "gone.toml")]) == 2


def test_a_rundown_finds_its_room(tmp_path):
    folder = demo_room(tmp_path).file.parent
    assert open_shelf(folder / "rundown-evening.toml").room.file.name == "evening.toml"
    assert open_shelf(folder / "rundown.toml").room.file.name == "room.toml"
    other = open_shelf(folder / "rundown.toml", folder / "evening.toml")
    assert other.rundown == (folder / "rundown.toml").resolve()
