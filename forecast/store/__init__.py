"""Run folders, stored fits and chained tables: whole or absent."""
