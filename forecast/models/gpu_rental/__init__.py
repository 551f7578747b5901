"""What one accelerator rents for."""
