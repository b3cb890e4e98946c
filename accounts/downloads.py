"""Send CSV as a download."""

from collections.abc import Iterator
from itertools import chain, islice

from django.http import StreamingHttpResponse


def send_csv(lines: Iterator[str], name: str) -> StreamingHttpResponse:
    """Stream a file. Its first two lines are computed before the response starts, so that an error in them gives
    an error response, not a truncated file."""
    content = chain(list(islice(lines, 2)), lines)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)
