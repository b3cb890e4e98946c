"""Names to sign in with: how they are stored, and when two of them are the same."""

import unicodedata

KEY_LENGTH = 400
"""The longest key of a name: a name has at most 80 letters, and folding turns some letters into three."""
CONTROL = frozenset({"Cc", "Cs"})
INVISIBLE = CONTROL | {"Cf"}


def clean_name(name: str) -> str:
    """Return the name as it is stored: compatible forms composed (NFKC), blanks trimmed and single."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def fold_name(name: str) -> str:
    """Return the key under which a name is unique: NFKC and case folding, without invisible characters.

    Names with the same key belong to the same person, on every database: Élodie, élodie and ÉLODIE.
    """
    visible = "".join(letter for letter in clean_name(name) if unicodedata.category(letter) not in INVISIBLE)
    folded = unicodedata.normalize("NFKC", visible.casefold())
    return clean_name(folded.casefold())  # again: composing can produce a letter that folds


def has_control_characters(name: str) -> bool:
    """Return whether the name contains a control character or a lone surrogate."""
    return any(unicodedata.category(letter) in CONTROL for letter in name)
