"""The command line: grammar and actions."""
