"""`{% constant %}..{% endconstant %}`: a part of a page that is the same for everybody, rendered once a language.

The desk sends the same buttons and texts with every clip; rendering them each time took a tenth of a request.
"""

from django import template
from django.template.base import NodeList, Parser, Token
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()


@register.tag
def constant(parser: Parser, token: Token) -> "ConstantNode":
    """Parse the tag. The body is rendered without the page's context, so variables in it are empty."""
    body = parser.parse(("endconstant",))
    parser.delete_first_token()
    return ConstantNode(body)


class ConstantNode(template.Node):
    """The body, and the rendered text of each language."""

    def __init__(self, body: NodeList) -> None:
        self.body = body
        self.rendered: dict[str | None, SafeString] = {}

    def render(self, context: template.Context) -> SafeString:
        language = get_language()
        if language not in self.rendered:
            assert context.template is not None  # a node is always rendered as part of a template
            empty = template.Context()
            with empty.bind_template(context.template):
                self.rendered[language] = self.body.render(empty)
        return self.rendered[language]
