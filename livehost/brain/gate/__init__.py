"""What may be said and shown: words, claims, prices; whatever fails is replaced or masked.

In:  a sentence, the product that it is about, the time.   Out: `Verdict` with a text that is safe.
"""

from livehost.brain.gate.gate import Gate, Verdict, make_gate

__all__ = ["Gate", "Verdict", "make_gate"]
