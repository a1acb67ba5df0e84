"""Spoken text to symbols: pinyin, sandhi, English, lexicon."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.brain.voice import normalise
from livehost.brain.voice.g2p import english, transcribe, vocabulary
from livehost.brain.voice.lexicon import Lexicon, builtin_words, load_lexicon
from livehost.brain.voice.pinyin import to_ipa
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
        ("你得买", "ni↓ tei↓ mai↓"),
        ("头发长，长大", "tʰou↗fa↘ ꭧʰa↗ŋ, ꭧa↓ŋta↘"),
        ("M码", "ˈɛm ma↓"),
        ("A款", "ˈA kʰwa↓n"),
        ("X X L", "ˈɛks ˈɛks ˈɛl"),
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
