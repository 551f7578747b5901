"""Benchmark scores of public models by date, compute and organisation."""
