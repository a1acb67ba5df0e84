"""Spoken text to symbols: pinyin, sandhi, English, lexicon."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.text import heard, items, livehost, pypinyin, score
from livehost.brain.voice import dictionary, normalise
from livehost.brain.voice.erhua import with_erhua
from livehost.brain.voice.g2p import english, pronounce, transcribe, vocabulary
from livehost.brain.voice.lexicon import Lexicon, builtin_words, load_lexicon
from livehost.brain.voice.pinyin import is_syllable, to_ipa
from livehost.brain.voice.sandhi import with_sandhi
from livehost.errors import ConfigError

REFERENCE = Path(__file__).with_name("test_voice_pinyin_reference.txt")
BARE = Lexicon({})


def symbols(text, lexicon=BARE):
    return "".join(part.text for part in transcribe(text, lexicon))


def reference():
    lines = REFERENCE.read_text("utf-8").splitlines()
    return [pair.split("=") for line in lines if not line.startswith("#") for pair in line.split()]


def test_every_syllable_is_written_as_the_voice_was_taught():
    assert len(reference()) > 400
    assert [[syllable, to_ipa(syllable)] for syllable, _ in reference()] == reference()


@pytest.mark.parametrize("bad", ["", "zhong", "zhong6", "xyz1", "hello5", "1"])
def test_what_is_no_pinyin_is_refused(bad):
    with pytest.raises(ValueError, match="not"):
        to_ipa(bad)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([("不", ["bu4"]), ("是", ["shi4"])], ["bu2", "shi4"]),
        ([("不", ["bu4"]), ("好", ["hao3"])], ["bu4", "hao3"]),
        ([("一", ["yi1"]), ("个", ["ge4"])], ["yi2", "ge4"]),
        ([("一", ["yi1"]), ("起", ["qi3"])], ["yi4", "qi3"]),
        ([("一百", ["yi1", "bai3"])], ["yi4", "bai3"]),
        ([("第", ["di4"]), ("一", ["yi1"]), ("名", ["ming2"])], ["di4", "yi1", "ming2"]),
        ([("十一", ["shi2", "yi1"]), ("个", ["ge4"])], ["shi2", "yi1", "ge4"]),
        ([("统一", ["tong3", "yi1"]), ("价", ["jia4"])], ["tong3", "yi1", "jia4"]),
        ([("一月", ["yi1", "yue4"])], ["yi1", "yue4"]),
        ([("你好", ["ni3", "hao3"])], ["ni2", "hao3"]),
        ([("展览馆", ["zhan3", "lan3", "guan3"])], ["zhan2", "lan2", "guan3"]),
        ([("一", ["yi1"])], ["yi1"]),
    ],
)
def test_sandhi(words, said):
    assert [syllable for _, syllables in with_sandhi(words) for syllable in syllables] == said


def test_sandhi_leaves_its_input_alone():
    words = [("你好", ["ni3", "hao3"])]
    with_sandhi(words)
    assert words == [("你好", ["ni3", "hao3"])]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("重庆银行", "ꭧʰʊ↗ŋʨʰi↘ŋ i↗nxa↗ŋ"),
        ("长度", "ꭧʰa↗ŋtu↘"),
        ("好，走。", "xau↓, ʦou↓. "),
        ("走得快", "ʦou↓tɤkʰwai↘"),
        ("你得买", "ni↓ tei↗ mai↓"),
        ("头发长，长大", "tʰou↗fa ꭧʰa↗ŋ, ꭧa↓ŋta↘"),
        ("M码", "ai↘mu↓ ma↓"),
        ("A款", "ei→ kʰwa↓n"),
        ("X X L", "ai↘kʰɤ↘sɨ→ ai↘kʰɤ↘sɨ→ ai↘lɤ↘"),
        ("size M", "sˈIz ˈɛm"),
        ("玩儿", "wa↗ɚ"),
        ("事儿", "ʂə↘ɚ"),
        ("一会儿", "i↗xwə↘ɚ"),
        ("样儿", "ja↘ŋɚ"),
    ],
)
def test_transcribe(text, said):
    assert symbols(text) == said


def test_english_numbers_are_english():
    assert english("$5").startswith("fˈI")


def test_unknown_signs_vanish():
    assert symbols("好†‡\u0e01好") == "xau↓xau↓"


def test_emphatic_words_are_marked():
    parts = transcribe("今天便宜", BARE)
    assert [part.stress for part in parts if part.text.strip()] == [1, 0]


def stressed(text, *names):
    parts = transcribe(normalise.spoken(text), BARE, names)
    return "".join(part.text for part in parts if part.stress)


def test_prices_are_emphasised_whole():
    assert stressed("价格199.9元，很划算。") == symbols("一百九十九点九元").replace(" ", "")
    assert stressed("一共九块九。") == symbols("九块九").replace(" ", "")
    assert stressed("一共三件。") == ""


def test_names_are_emphasised_where_they_stand():
    assert stressed("这个保温杯很轻。", "保温杯") == symbols("保温杯").replace(" ", "")
    assert stressed("这个保温杯很轻。") == ""


anything = st.text(
    st.one_of(st.sampled_from("你好这个不一二三，。 abcXYZ'’-ê㐀龥〇"), st.characters()),
    max_size=40,
)


@settings(deadline=None)
@given(anything)
def test_any_text_gives_only_symbols_of_the_alphabet(text):
    said = symbols(normalise.spoken(load_lexicon().replace(text)), load_lexicon())
    assert set(said) <= set(vocabulary())
    assert "  " not in said
    assert not said.startswith(" ")


odd = st.one_of(
    st.sampled_from(
        "儿一不地得了着还长行重只干好为都看想买 12.5-元/%:年月A<>()^_T&;乾後發，。！ÀſİKß㎡①Ⅻ٣७"
        "\ue000\ue061\ue0310\uf8ff\U0001f600\u0301\u200b\ud800"
    ),
    st.characters(),
)


@settings(deadline=None, max_examples=300)
@given(st.text(odd, max_size=80))
@example("A\x0c.A")
@example("A - 'B")
def test_any_text_is_pronounced_in_syllables_that_can_be_said(text):
    for part in pronounce(normalise.spoken(load_lexicon().replace(text))):
        assert is_syllable(part) or part[0].isalpha()


LONG = (
    "1",
    "1-",
    "1.",
    "1:1",
    "行",
    "一一",
    "不",
    "a",
    "a-",
    "a@",
    "<a",
    "(",
    "&",
    "。",
    " ",
    "长得",
    "看看",
    "￥1/",
)


@pytest.mark.parametrize("unit", LONG)
def test_long_texts_of_one_kind_are_read(unit):
    said = symbols(normalise.spoken(load_lexicon().replace(unit * (5000 // len(unit)))))
    assert set(said) <= set(vocabulary())


# --- hard sentences -----------------------------------------------------------------------------


@pytest.mark.parametrize("item", items("open"), ids=lambda item: f"{item.category}:{item.text}")
def test_hard_sentence(item):
    said = heard(item.text)
    assert item.is_right(said), " ".join(said)


@pytest.mark.parametrize(("half", "least", "share"), [("held_out", 80, 0.95), ("fresh", 60, 0.9)])
def test_sentences_that_the_rules_were_not_made_from(half, least, share):
    scored = score(half, livehost)["all"]
    assert scored.sentences >= least
    assert scored.right / scored.sentences >= share


def test_the_hard_sentences_are_hard():
    plain = score("open", pypinyin)["all"]
    assert plain.sentences >= 250
    assert plain.right / plain.sentences < 0.6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([("玩", ["wan2"]), ("儿", ["er2"])], [("玩", ["wanr2"])]),
        ([("一点儿", ["yi1", "dian3", "er2"])], [("一点", ["yi1", "dianr3"])]),
        ([("女儿", ["nv3", "er2"])], [("女儿", ["nv3", "er2"])]),
        ([("儿子", ["er2", "zi5"])], [("儿子", ["er2", "zi5"])]),
        ([("儿", ["er2"])], [("儿", ["er2"])]),
        ([("小孩儿", ["xiao3", "hai2", "er2"])], [("小孩", ["xiao3", "hair2"])]),
    ],
)
def test_erhua(words, said):
    assert with_erhua(words) == said


def test_every_correction_is_pinyin_and_fits_its_word():
    known = dictionary._corrections()
    words = {*known.whole, *known.parts, *known.neutral}
    assert len(words) > 3000
    for word in words:
        syllables = [syllable for syllable, _ in dictionary.reading(word)]
        assert len(syllables) == len(word), word
        assert all(map(is_syllable, syllables)), word


# --- lexicon ------------------------------------------------------------------------------------


def test_lexicon_replaces_whole_latin_words_in_any_case():
    lexicon = Lexicon({"Livehost": "来福", "AI": "人工智能"})
    assert lexicon.replace("livehost和LIVEHOSTS，AI在MAIL里") == "来福和LIVEHOSTS，人工智能在MAIL里"


def test_the_longest_word_wins():
    assert Lexicon({"长": "短", "长款": "短款"}).replace("长款长") == "短款短"


def test_pinyin_readings_reach_the_voice():
    lexicon = Lexicon({"薄荷": "[bo4 he5]", "荷": "[he2]"})
    text = normalise.spoken(lexicon.replace("3个薄荷味。"))
    assert symbols(text, lexicon) == "sa→nkɤ↘ pwo↘xɤ wei↘. "


def test_private_characters_of_the_text_say_nothing():
    lexicon = Lexicon({"薄荷": "[bo4 he5]"})
    assert symbols(lexicon.replace("\ue000好"), lexicon) == "xau↓"


def test_built_in_words_are_all_readable(tmp_path):
    path = tmp_path / "lexicon.toml"
    lines = "\n".join(f'"{word}" = "{says}"' for word, says in builtin_words().items())
    path.write_text(f"[words]\n{lines}\n", "utf-8")
    assert load_lexicon(path).digest == load_lexicon().digest


def test_the_users_words_come_over_the_built_in_ones(tmp_path):
    path = tmp_path / "lexicon.toml"
    path.write_text('[words]\n"Dior" = "DIOR"\n"小荷" = "[xiao3 he2]"\n', "utf-8")
    lexicon = load_lexicon(path)
    assert lexicon.replace("dior IKEA") == "DIOR 宜家"
    assert lexicon.digest != load_lexicon().digest


def test_lexicon_words_match_without_accents_and_with_any_apostrophe():
    assert Lexicon({"L'Oreal": "欧莱雅"}).replace("L’Oréal、l'oréal") == "欧莱雅、欧莱雅"


def test_letters_that_fold_oddly_break_nothing():
    assert Lexicon({"s": "x", "k": "y"}).replace("ſ K İ ß") == "x y İ ß"


def written(path, words, at=0):
    path.write_text("[words]\n" + "".join(f'"{w}" = "{s}"\n' for w, s in words.items()), "utf-8")
    os.utime(path, ns=(at, at))


def test_a_changed_lexicon_counts_from_the_next_text_on(tmp_path):
    path = tmp_path / "lexicon.toml"
    written(path, {"小荷": "[xiao3 he2]"}, at=1)
    lexicon = load_lexicon(path)
    before = lexicon.digest
    assert pronounce(lexicon.replace("小荷")) == ["xiao3", "he2"]
    written(path, {"小荷": "[xiao3 he4]"}, at=2)
    assert pronounce(lexicon.replace("小荷")) == ["xiao3", "he4"]
    assert lexicon.digest != before


def test_a_broken_lexicon_changes_nothing_and_is_reported_once(tmp_path, caplog):
    path = tmp_path / "lexicon.toml"
    written(path, {"小荷": "小河"}, at=1)
    lexicon = load_lexicon(path)
    written(path, {"小荷": "[he]"}, at=2)
    assert [lexicon.replace("小荷") for _ in range(3)] == ["小河"] * 3
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert f"{path}:2: words.小荷: 'he' is not pinyin with a tone number" in record.why[0]
    path.unlink()
    assert lexicon.replace("小荷") == "小河"
    written(path, {"小荷": "小鹤"}, at=3)
    assert lexicon.replace("小荷") == "小鹤"


def test_a_text_read_by_the_old_lexicon_is_said_by_it(tmp_path):
    path = tmp_path / "lexicon.toml"
    written(path, {"小荷": "[xiao3 he2]"}, at=1)
    lexicon = load_lexicon(path)
    text = lexicon.replace("小荷")
    written(path, {}, at=2)
    lexicon.replace("")
    assert pronounce(text) == ["xiao3", "he2"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('[words]\n"a" = "[lai lai]"', r":2: words.a: 'lai' is not pinyin with a tone number"),
        ('[words]\na = "[来福]"', r":2: words.a: in brackets stands pinyin"),
        ('[words]\n"b" = "[xyz1]"', r":2: words.b: 'xyz1' is not a Mandarin syllable"),
        ("[words]\nc = 5", r":2: words.c: write a text to say"),
        ('[words]\nd = " "', r":2: words.d: write a text"),
        ("[word]\n", r"one table, \[words\]"),
        ("words = 3\n", r"one table, \[words\]"),
        ("[words", r"lexicon.toml"),
    ],
)
def test_lexicon_mistakes_are_named_with_file_and_line(tmp_path, content, problem):
    path = tmp_path / "lexicon.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=problem):
        load_lexicon(path)


def test_every_lexicon_mistake_is_reported_at_once(tmp_path):
    path = tmp_path / "lexicon.toml"
    path.write_text("[words]\na = 1\nb = 2\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_lexicon(path)
    assert len(caught.value.problems) == 2
