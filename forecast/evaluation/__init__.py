"""How good the forecasts are: scores, sensitivity, calibration, backtests, the track record."""
