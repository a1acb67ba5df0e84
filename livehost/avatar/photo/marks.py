"""Which of MediaPipe's 478 landmarks are lips, lids, irises and outline.

In:  nothing.   Out: indices; "right" is the person's right, on the picture's left.

Source: MediaPipe's canonical_face_model_uv_visualization.png; rows run from the picture's left to
its right.
"""

from __future__ import annotations

UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
CORNERS = (61, 291)
UPPER_LIP = frozenset(
    (
        *(185, 40, 39, 37, 0, 267, 269, 270, 409, 74, 73, 72, 11, 302, 303, 304, 408),
        *(184, 42, 41, 38, 12, 268, 271, 272, *UPPER_INNER[1:-1]),
    )
)
LOWER_LIP = frozenset(
    (
        *(146, 91, 181, 84, 17, 314, 405, 321, 375, 77, 90, 180, 85, 16, 315, 404, 320, 307),
        *(96, 89, 179, 86, 15, 316, 403, 319, 325, *LOWER_INNER[1:-1]),
    )
)
UPPER_LID = {
    "Right": (33, 246, 161, 160, 159, 158, 157, 173, 133),
    "Left": (362, 398, 384, 385, 386, 387, 388, 466, 263),
}
LOWER_LID = {
    "Right": (33, 7, 163, 144, 145, 153, 154, 155, 133),
    "Left": (362, 382, 381, 380, 374, 373, 390, 249, 263),
}
CREASE = {
    "Right": (247, 30, 29, 27, 28, 56, 190),
    "Left": (414, 286, 258, 257, 259, 260, 467),
}
IRIS = {"Right": (468, 469, 470, 471, 472), "Left": (473, 474, 475, 476, 477)}
"""Centre, then four points of the rim."""
BROWS = {
    "Right": (70, 63, 105, 66, 107, 46, 53, 52, 65, 55),
    "Left": (336, 296, 334, 293, 300, 285, 295, 282, 283, 276),
}
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
CHIN, TOP = 152, 10
NOSE_TIP = 1
SKIN = 468
"""Landmarks below this one lie on the skin, the others are irises."""
