"""The models, each a room of its own: a folder that exports one ``MODEL``.

:mod:`forecast.models.registry` lists them and loads one when it is first asked for.
"""
