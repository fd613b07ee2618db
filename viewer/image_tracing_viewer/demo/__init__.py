"""The demo: a picture generator, and a local stand-in for the models it calls."""

__all__: list[str] = []
