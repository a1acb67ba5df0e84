"""The brain: chat, director, replies, gate, voice, state, console."""
