"""Loss of a language model by parameters and tokens."""
