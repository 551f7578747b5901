"""From a panel to a run that passed its gate, and from a run to draws."""
