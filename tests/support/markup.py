"""HTML without the line breaks and indents of its template, so that a test can look for a piece of it."""

import re

_BLOCKS = (
    "article|button|caption|dd|details|dialog|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header|legend|li|main|"
    "nav|ol|option|p|section|select|summary|table|tbody|td|tfoot|th|thead|tr|ul"
)
_AROUND_BLOCK = re.compile(rf" ?(</?(?:{_BLOCKS})(?: [^<>]*)?>) ?")


def collapse_space(html: str) -> str:
    """Reduce each run of white space to one space; remove it next to the tag of a block and at the end of a tag.

    A browser shows both alike, except in `<pre>` and `<textarea>`.
    """
    return _AROUND_BLOCK.sub(r"\1", re.sub(r"\s+", " ", html).replace(" >", ">"))
