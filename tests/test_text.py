"""What may be drawn, and how it is broken into lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.stage.text import (
    BOLD,
    Style,
    break_lines,
    clean,
    glyph_px,
    has_glyph,
    ink_height,
    one_line,
    size_for_ink,
    wrap,
)

STYLE = Style(24)


@pytest.mark.parametrize(
    ("given_text", "drawn"),
    [
        ("你好", "你好"),
        ("a\x00b\x1b[31m\nc\td", "ab[31m c d"),
        ("好\u200b\u200d的\u202e\ufeff", "好的"),
        ("शख\u0001ก", ""),
        ("مرحبا 你好", "你好"),
        ("太好看了👍🏻❤️🦄", "太好看了[赞]♥"),
        ("z\u0351\u036b\u0343a", "za"),
        ("e\u0301", "é"),
        ("\ue000\uffff\U0010ffff", ""),
        ("  两   个  ", "两 个"),
        ("", ""),
    ],
)
def test_only_what_the_font_can_draw_is_left(given_text, drawn):
    assert clean(given_text) == drawn


def test_long_text_is_cut_with_an_ellipsis():
    assert clean("长" * 100_000, 50) == "长" * 49 + "…"
    assert clean("长" * 50, 50) == "长" * 50


@given(st.text(max_size=80))
def test_cleaning_twice_changes_nothing_and_leaves_no_box(text):
    once = clean(text)
    assert clean(once) == once
    assert all(has_glyph(char) for char in once)


def test_missing_glyphs_are_known():
    assert has_glyph("数")
    assert has_glyph("𠮷")
    assert not has_glyph("😀")
    assert not has_glyph("\ue123")


@given(st.text(alphabet="中文字，。！？“”（）《》abcXYZ0123456789.% ¥", max_size=120))
@settings(max_examples=80, deadline=None)
def test_lines_fit_and_keep_every_character(text):
    lines = break_lines(text, STYLE, 200)
    assert all(line.width <= 200 for line in lines)
    assert "".join(line.text for line in lines).replace(" ", "") == text.replace(" ", "")


def test_closing_marks_stay_off_line_starts_and_opening_marks_off_line_ends():
    text = "这款防晒衣，轻薄（透气）！适合“夏天”穿。真的很好，大家放心买。" * 3
    for width in range(100, 420, 17):
        for line in break_lines(text, STYLE, width):
            assert line.text[0] not in "，。！？）”"
            assert line.text[-1] not in "（“"


def test_numbers_words_and_their_units_stay_whole():
    text = (
        "今天到手价是199.90元，面料UPF50+，容量480毫升，约180克，sunblock很好，30小袋装，满99元包邮"
    )
    for width in range(130, 400, 11):
        joined = "\n".join(line.text for line in break_lines(text, STYLE, width))
        for whole in ("199.90元", "UPF50+", "480毫升", "180克", "sunblock", "30小袋", "99元"):
            assert whole in joined


def test_two_lines_are_balanced_and_break_after_punctuation():
    lines = wrap("这款防晒衣的面料是凉感尼龙，夏天穿也不会闷热哦", Style(37, BOLD), 640)
    assert [line.text for line in lines] == ["这款防晒衣的面料是凉感尼龙，", "夏天穿也不会闷热哦"]


def test_a_long_word_is_broken_where_it_must():
    lines = break_lines("a" * 300, STYLE, 200)
    assert len(lines) > 5
    assert all(line.width <= 200 for line in lines)


def test_what_does_not_fit_ends_in_an_ellipsis():
    line = one_line("特别特别特别长的商品名称后面还有很多字", STYLE, 200)
    assert line.text.endswith("…")
    assert line.width <= 200
    assert one_line("短", STYLE, 200).text == "短"
    lines = wrap("一二三四五六七八九十" * 9, STYLE, 200, 2)
    assert len(lines) == 2
    assert lines[1].text.endswith("…")
    assert all(line.width <= 200 for line in lines)


def test_one_endless_word_is_shortened():
    assert one_line("b" * 5000, STYLE, 200).width <= 200


def test_masks_hold_ink_inside_the_line():
    mask = one_line("数字人 AI", Style(40, BOLD), 400).mask()
    assert mask.shape[0] == Style(40, BOLD).line_height
    assert ink_height(mask) >= 36
    assert mask.max() == 255


@pytest.mark.parametrize("least", [8, 18, 36, 54, 108])
def test_type_is_sized_by_its_ink(least):
    size = size_for_ink("AI生成 · 数字人", BOLD, least)
    assert glyph_px("AI生成 · 数字人", size, BOLD) >= least
    assert size < 1.3 * least + 3


def test_ink_of_nothing_is_zero():
    assert ink_height(np.zeros((10, 10), np.uint8)) == 0
    assert ink_height(np.zeros((0, 0), np.uint8)) == 0
