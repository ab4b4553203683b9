"""Codes over HTTP: redeeming under load, pools of a million made and taken away."""
