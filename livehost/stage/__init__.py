"""The stage: real time; never waits for anybody."""
