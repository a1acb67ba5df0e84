"""What is owed to viewers and to the operator survives a restart, and is said once."""

import json
from dataclasses import replace
from datetime import timedelta

from livehost.brain.intent import Intent, IntentKind
from livehost.brain.owed import MOST_SAYS, STALE, Owed

from .test_programme import at


class Wall:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return at(20) + timedelta(seconds=self.seconds)


RULES = Intent(IntentKind.ANNOUNCEMENT, "every", texts=("公告二。",), of="rules")


def restarted(owed, wall):
    return Owed(wall, json.loads(json.dumps(owed.to_json())))


def test_a_restart_goes_on_with_texts_and_rests_in_their_order():
    wall = Wall()
    owed = Owed(wall)
    assert owed.say("一。", "excited") and owed.say("二。")
    owed.resume(RULES)
    owed.resume(replace(RULES, texts=("更早的。",), of="hours"))
    again = restarted(owed, wall)
    assert [again.take_say().texts for _ in range(2)] == [("一。",), ("二。",)]
    first, second = again.take_resumed(), again.take_resumed()
    assert (first.of, second.of) == ("hours", "rules")
    assert first.resumed and first.urgent and not first.breaks
    assert again.take_say() is None and again.take_resumed() is None


def test_what_is_being_made_is_still_owed_and_what_was_sent_is_not():
    wall = Wall()
    owed = Owed(wall)
    owed.say("一。")
    owed.say("二。")
    made = owed.take_say()
    assert [intent.texts for intent in restarted(owed, wall).waiting()] == [("一。",), ("二。",)]
    owed.settled(made)
    assert [intent.texts for intent in restarted(owed, wall).waiting()] == [("二。",)]


def test_what_was_put_back_comes_first_again():
    owed = Owed(Wall())
    owed.say("一。")
    owed.say("二。")
    owed.put_back(owed.take_say())
    assert [intent.texts for intent in owed.waiting()] == [("一。",), ("二。",)]
    owed.put_back(Intent(IntentKind.REPLY, "question"))
    assert len(owed.waiting()) == 2, "not everything that is put back is owed"


def test_what_waited_too_long_is_left_out():
    wall = Wall()
    owed = Owed(wall)
    owed.resume(RULES)
    wall.seconds = STALE.total_seconds() - 1
    owed.say("一。")
    assert len(restarted(owed, wall).intents) == 2
    wall.seconds += 2
    assert [intent.kind for intent in restarted(owed, wall).intents] == [IntentKind.SAY]


def test_the_operator_cannot_queue_without_end():
    owed = Owed(Wall())
    assert [owed.say("x") for _ in range(MOST_SAYS + 1)] == [True] * MOST_SAYS + [False]
    assert len(owed.to_json()) == MOST_SAYS
