"""Markdown that people wrote is shown safely."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.shared.markdown import render_markdown


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>)",
        "![x](http://a.example/x.png)",
        '<img src=x onerror="alert(1)">',
        "<javascript:alert(1)>",
        "[a](http://x.example 'y\" onmouseover=\"alert(1)')",
    ],
)
def test_nothing_that_runs_or_loads_comes_through(text: str) -> None:
    html = render_markdown(text)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert ' onmouseover="' not in html


@given(st.text(alphabet="<>&\"'[]()!*`#:/ ajscript\n", max_size=80))
def test_no_tag_but_ours_is_ever_made(text: str) -> None:
    html = render_markdown(text)
    assert "<script" not in html
    assert "<img" not in html
    assert "<iframe" not in html


def test_wide_parts_are_scrolled_by_keyboard() -> None:
    html = render_markdown("```\ncode <pre>\n```\n\n    more\n\n| a |\n| - |\n| b <table> |")
    assert html.count('<pre tabindex="0" role="group" aria-label="Code"><code>') == html.count("<pre") == 2
    assert html.count('<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table>') == 1
    assert html.count("</table></div>") == html.count("<table") == 1


def test_headings_start_below_those_of_the_page() -> None:
    assert render_markdown("# One\n\n## Two") == '<h3 dir="auto">One</h3>\n<h4 dir="auto">Two</h4>\n'


def test_lists_tables_and_links_are_rendered() -> None:
    html = render_markdown("- a\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n[q](https://q.example)")
    assert '<li dir="auto">a</li>' in html
    assert '<td dir="auto">1</td>' in html
    assert '<a href="https://q.example" rel="noopener noreferrer">q</a>' in html
