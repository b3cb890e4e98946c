"""`{% constant %}..{% endconstant %}`: a part of a page that is the same for everybody, and so made once a language.

The desk sends the same buttons and words with every clip; looking them up anew took a tenth of the time of a request.
"""

from django import template
from django.template.base import NodeList, Parser, Token
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()


@register.tag
def constant(parser: Parser, token: Token) -> "ConstantNode":
    """The body is rendered without the page's context: a variable in it shows nothing."""
    body = parser.parse(("endconstant",))
    parser.delete_first_token()
    return ConstantNode(body)


class ConstantNode(template.Node):
    """The body, and what it became in each language."""

    def __init__(self, body: NodeList) -> None:
        self.body = body
        self.made: dict[str | None, SafeString] = {}

    def render(self, context: template.Context) -> SafeString:
        language = get_language()
        if language not in self.made:
            assert context.template is not None  # a node is rendered as a part of one
            nobodys = template.Context()
            with nobodys.bind_template(context.template):
                self.made[language] = self.body.render(nobodys)
        return self.made[language]
