"""The machine-readable label of synthetic content in file metadata.

In:  who made it.   Out: metadata tags.

Source: GB 45438-2025 annex E (field `AIGC`); TC260 practice guide on metadata labels.
"""

from __future__ import annotations

import json
import uuid

SYNTHETIC = "1"  # "is generated or synthesised"; 2 and 3 are "may be" and "is suspected to be"


def label_tags(
    producer: str = "livehost",
    produce_id: str | None = None,
    propagator: str = "",
    propagate_id: str = "",
) -> dict[str, str]:
    """Return the tags that every recording carries.

    Args:
        producer: name or code of the service that generated the content.
        produce_id: the content's number with that service; None makes a new one.
        propagator: name or code of the service that publishes it, if that is known.
        propagate_id: the content's number with that service.
    """
    fields = {
        "Label": SYNTHETIC,
        "ContentProducer": producer,
        "ProduceID": produce_id or uuid.uuid4().hex,
        "ReservedCode1": "",
        "ContentPropagator": propagator,
        "PropagateID": propagate_id,
        "ReservedCode2": "",
    }
    # `comment` as well: many players and editors drop tags that they do not know.
    return {
        "AIGC": json.dumps(fields, ensure_ascii=False),
        "comment": json.dumps({"AIGC": fields}, ensure_ascii=False),
    }
