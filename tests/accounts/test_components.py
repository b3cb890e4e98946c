"""The components that are template tags."""

import pytest
from django.template import Context, Template

from accounts.templatetags.components import key


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        ("J", "<kbd>J</kbd>"),
        ("J K", "<kbd>J</kbd> <kbd>K</kbd>"),
        ("Shift+L M", "<kbd>Shift</kbd>+<kbd>L</kbd> <kbd>M</kbd>"),
        ("- +", "<kbd>-</kbd> <kbd>+</kbd>"),
        ("<", "<kbd>&lt;</kbd>"),
    ],
)
def test_keys_that_are_pressed_together_are_joined(names: str, keys: str) -> None:
    assert key(names, "go & look") == f"<div><dt>{keys}</dt> <dd>go &amp; look</dd></div>"


def test_a_dialog_is_headed_by_its_title_and_acts_by_its_label() -> None:
    tag = '{% dialog "off" action="/off" label="Deactivate" title=title %}<p>Gone.</p>{% enddialog %}'
    html = Template(f"{{% load components %}}{tag}").render(Context({"title": "Deactivate <Ada>"}))
    opener, body = html.split("<dialog")
    assert 'aria-label="Deactivate &lt;Ada&gt;"' in opener
    assert "Deactivate &lt;Ada&gt;</h2>" in body
    assert '<button class="button-primary" dir="auto">Deactivate</button>' in body


def test_the_keys_of_a_page_are_in_a_dialog_that_can_turn_single_keys_off() -> None:
    source = '{% load components %}{% keys "page-keys" "Keys" %}{% key "J" "next" %}{% endkeys %}'
    html = Template(source).render(Context())
    assert 'id="page-keys" aria-labelledby="page-keys-title"' in html
    assert "<kbd>J</kbd></dt> <dd>next</dd>" in html
    assert "data-single-keys" in html
