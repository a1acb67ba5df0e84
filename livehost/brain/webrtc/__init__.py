"""WebRTC: the live picture in half a second (WHEP), and the operator's microphone (WHIP).

In:  the stage's encoded packets; a browser's microphone.   Out: RTP to viewers; speech.

Nothing is encoded here: H.264 and Opus go to every viewer as the stage made them.
"""
