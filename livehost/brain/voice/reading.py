"""What a voice is given to read that has no front end of ours: numbers and prices spelled out.

In:  a `Sentence`.   Out: plain text, the room's own words replaced, markup and emoji gone.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from livehost.brain.voice import normalise
from livehost.brain.voice.lexicon import load_texts
from livehost.brain.voice.speech import Sentence, Unspeakable, checked
from livehost.config import Room

_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>")
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0002fa1f]")


class Reading:
    """Turns sentences of one room into text for one engine.

    Readings in pinyin are left out: no engine but ours could read them. A lexicon that is saved
    counts from the next sentence on.

    Attributes:
        rules: what decides the text beside the lexicon. The lexicon is no part of a key: what it
            replaced stands in the text, and a word that is added makes no other sentence anew.
    """

    def __init__(self, room: Room, spell_out: bool = True) -> None:
        """Read the room's lexicon. Raises ConfigError."""
        path = room.voice.lexicon and room.near(room.voice.lexicon)
        self._lexicon = load_texts(path)
        self._spell_out = spell_out
        self.rules = f"{normalise.VERSION} {spell_out}"

    def of(self, sentence: Sentence) -> str:
        """Return what to read. Raises Unspeakable."""
        text = self._lexicon.replace(_MARKUP.sub(" ", checked(sentence)))
        if not self._spell_out:
            said = normalise.plain_characters(text)
        elif _HAN.search(text):
            said = normalise.spoken(text)
        else:
            said = normalise.spoken_english(text)
        if not any(character.isalnum() for character in said):
            raise Unspeakable("nothing of this text can be said aloud")
        return said


def sound_key(engine: str, **values: Any) -> str:
    """Return a hash of all that decides a sound; `values` must be JSON and free of secrets."""
    named = {"engine": engine, **values}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def pace_of(room_speed: float, sentence: Sentence) -> float:
    """Return the speed to speak at, 0.5 to 2."""
    return min(2.0, max(0.5, room_speed * sentence.speed))
