"""Keep spreadsheets from running text as a formula: the one rule for every CSV file that people open.

A file that only programs read (a manifest) is written raw: an added apostrophe would change its values.
"""

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The ASCII signs that begin a formula or hide one, and the full-width ones that Excel reads like them."""


def escape_cell(text: str) -> str:
    """Return `text`, with an apostrophe before it if a spreadsheet would run it as a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_SIGNS) else text
