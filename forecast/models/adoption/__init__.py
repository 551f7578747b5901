"""The share of open-weight models in enterprise use."""
