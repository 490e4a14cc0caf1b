"""The network; `Training/LAYOUT.md` is its specification for the runtime."""
