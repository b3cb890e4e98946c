"""The passwords of the people in these tests."""

PASSWORD = "seven grey herons"
NEW_PASSWORD = "nine white storks"
NEW = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
"""A new password as a form sends it."""
