"""List prices of language models, and the cheapest at a capability."""
