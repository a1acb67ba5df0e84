"""Live chat: messages, where they come from, and which of them is answered next."""
