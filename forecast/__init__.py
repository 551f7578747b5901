"""Bayesian forecasts of AI spending, with predictions evaluated on the draws as executable claims.

The public names stand in ``__init__.pyi`` and are loaded when they are first used: ``import forecast``
takes no time, and PyMC is loaded when a model is built.
"""

import logging

import lazy_loader

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent unless asked
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
