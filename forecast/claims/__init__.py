"""Claims as data, and the functions of draws that answer them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules={"events"})
