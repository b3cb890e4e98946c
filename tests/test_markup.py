"""Pieces of a page are found in it, however its template breaks the lines."""

import pytest

from tests.support.markup import collapse_space


@pytest.mark.parametrize(
    ("html", "collapsed"),
    [
        ('<input\n  name="add"\n  value="2"\n>', '<input name="add" value="2">'),
        ("<dt>excluded</dt>\n  <dd>\n    0\n  </dd>", "<dt>excluded</dt><dd>0</dd>"),
        ("<p>\n  12 ratings,\n  2 of them <b>blind</b>\n</p>", "<p>12 ratings, 2 of them <b>blind</b></p>"),
        ("<td class='number'>1</td> <td>2</td>", "<td class='number'>1</td><td>2</td>"),
    ],
)
def test_white_space_that_a_browser_does_not_show_is_gone(html: str, collapsed: str) -> None:
    assert collapse_space(html) == collapsed
