"""The programme: what is on when, beside and between the lines of the script.

In:  the rundown file, the time, how busy the chat is.   Out: the next line, what goes before it.
"""
