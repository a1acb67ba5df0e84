"""What brain and stage share of WebRTC: the stage's packets as RTP, and session descriptions.

In:  encoded packets, SDP.   Out: tracks that aiortc sends as they are.
"""
