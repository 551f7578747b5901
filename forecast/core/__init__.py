"""Words, units, periods, errors, text and files: what every step speaks in."""
