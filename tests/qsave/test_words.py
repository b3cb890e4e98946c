"""Words in every script: what folds together, and what must stay apart."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.words import fold, split_tokens

DIFFERENT = {
    "Hindi vowel signs": ("नीला", "नाला"),
    "a Hindi boy and a girl": ("लड़का दौड़ता है", "लड़की दौड़ती है"),
    "Tamil": ("சிறுவன் ஓடுகிறான்", "சிறுமி ஓடுகிறாள்"),
    "Bengali": ("ছেলে", "ছলে"),
    "Telugu": ("నీలం", "నాలం"),
    "Thai tone marks": ("เสือ", "เสื้อ"),
    "Khmer": ("ក្រហម", "ក្រហាម"),
    "Myanmar": ("ကား", "ကူး"),
    "Arabic short vowels": ("عَلِمَ", "عُلِمَ"),
    "Hebrew points": ("דָּבָר", "דֶּבֶר"),
    "accents": ("resume", "résumé"),
    "an accent without a composed letter": ("m̃", "m"),
}
SAME = {
    "composed and decomposed": (unicodedata.normalize("NFC", "Žofie ਕ੍ਰਿ"), unicodedata.normalize("NFD", "Žofie ਕ੍ਰਿ")),
    "case and punctuation": ("A Fox,\tRUNS — fast! ", "a fox runs fast"),
    "a danda": ("लड़का दौड़ता है।", "लड़का दौड़ता है"),
    "wide forms": ("ﬁne ５", "FINE 5"),
    "joiners and soft hyphens": ("cam\u00adera क्\u200dष", "camera क्ष"),
    "variation selectors": ("heart \u2764\ufe0f", "heart"),
    "sharp s": ("Straße", "STRASSE"),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_marks_tell_words_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)
    assert split_tokens(one) != split_tokens(other)


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_the_same_words_fold_together(one: str, other: str) -> None:
    assert fold(one) == fold(other)
    assert split_tokens(one) == split_tokens(other)


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_what_is_left_is_letters_digits_and_the_marks_that_follow_them(text: str) -> None:
    for word in fold(text).split():
        assert word[0].isalnum()
        assert all(sign.isalnum() or unicodedata.category(sign).startswith("M") for sign in word)


@pytest.mark.parametrize("text", ["", " ", "☃ ☂", "...", "\u0301", "\u200d"])
def test_a_text_without_letters_and_digits_has_no_words(text: str) -> None:
    assert fold(text) == ""
    assert split_tokens(text) == frozenset()


def test_words_with_spaces_between_them_are_the_tokens() -> None:
    assert split_tokens("A red fox, a RED fox") == {"a", "red", "fox"}


def test_scripts_without_spaces_give_letters_with_their_marks_and_pairs_of_them() -> None:
    assert split_tokens("猫追狗") == {"猫", "追", "狗", "猫追", "追狗"}
    assert split_tokens("猫追狗") != split_tokens("狗追猫")
    assert split_tokens("ผู้ชาย") == {"ผู้", "ช", "า", "ย", "ผู้ช", "ชา", "าย"}
    assert split_tokens("4K高清") == {"4k", "高", "清", "高清"}


@given(st.text(st.characters(codec="ascii")))
def test_a_text_in_ascii_gives_the_same_words_as_beside_other_letters(text: str) -> None:
    assert fold(text) + " é" == fold(f"{text} é").lstrip() or not fold(text)
    assert split_tokens(text) | {"é"} == split_tokens(f"{text} é")
