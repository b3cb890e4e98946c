"""The menu and the tabs: which entry each page belongs to.

The one place that says so. A test opens every page and fails if it marks no entry, so a new page has to be listed here.
"""

from dataclasses import dataclass

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User

register = template.Library()


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of a menu. It is marked on its own page and on the other `pages` of its part of the site."""

    route: str
    label: str | Promise
    pages: frozenset[str] = frozenset()
    role: Role = Role.ANNOTATOR


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as a page shows it. `current` is the value of aria-current: "page", "true" or empty."""

    url: str
    label: str | Promise
    current: str


CAMPAIGN_TABS = (
    Entry(
        "campaign",
        _("Overview"),
        frozenset({"campaign-duplicate"}),
    ),
    Entry(
        "campaign-items",
        _("Clips"),
        frozenset({"campaign-item", "act-on-items", "correct-clip", "withdraw-clip", "clip-releases"}),
    ),
    Entry(
        "campaign-imports",
        _("Imports"),
        frozenset({"clip-import", "import-clips", "import-server-folder", "import-bucket"}),
    ),
    Entry("drafting", _("Drafting"), frozenset({"drafting-activate", "drafting-bound", "drafting-roll-back"})),
    Entry("predictions", _("Predictions"), frozenset({"prediction-set"})),
    Entry("review-queue", _("Review"), frozenset({"review-clip"})),
    Entry(
        "agreement",
        _("Agreement"),
        frozenset({"agreement-section", "generator-pair", "judgements", "judgement-import"}),
    ),
    Entry("members", _("Members")),
    Entry("panels", _("Panels"), frozenset({"panel-new-link"})),
    Entry("timesheet", _("Timesheet")),
    Entry("campaign-guidelines", _("Guidelines")),
    Entry("campaign-taxonomy", _("Defects")),
    Entry("campaign-settings", _("Settings")),
)
RATING_TABS = (
    Entry("rate-home", _("Campaigns")),
    Entry("my-ratings", _("My ratings"), frozenset({"my-rating"})),
    Entry("my-hours", _("My hours")),
)


GROUP_PAGES = frozenset(
    {"prompt-groups", "prompt-group", "fill-splits", "split-settings", "change-groups", "split-group", "hold-out"}
)


def _list_routes(tabs: tuple[Entry, ...]) -> frozenset[str]:
    return frozenset[str]().union(*({tab.route} | tab.pages for tab in tabs))


MENU = (
    Entry("home", _("Home")),
    Entry("rate-home", _("Rate"), _list_routes(RATING_TABS) | {"rate-guidelines"}),
    Entry(
        "campaigns",
        _("Campaigns"),
        _list_routes(CAMPAIGN_TABS) | GROUP_PAGES | {"campaign-new", "invite-members"},
        Role.LEAD,
    ),
    Entry("people", _("People"), frozenset({"invite", "reset-link"}), Role.LEAD),
    Entry("audit", _("Audit trail"), role=Role.LEAD),
    Entry(
        "releases",
        _("Releases"),
        frozenset(
            {
                "release",
                "release-new",
                "release-preview",
                "release-freeze",
                "release-rows",
                "release-diff",
                "release-clip",
            }
        ),
        Role.ENGINEER,
    ),
    Entry("runs", _("Training"), frozenset({"run", "run-start"}), Role.ENGINEER),
    Entry("score", _("Score a clip"), frozenset({"scoring"}), Role.LEAD),
    Entry("critics", _("Critics"), frozenset({"critic", "critic-add"}), Role.ENGINEER),
)


@register.simple_tag(takes_context=True)
def menu(context: template.Context) -> list[Link]:
    """List the entries of the menu that the signed-in person may open: `{% menu as links %}`."""
    request: HttpRequest = context["request"]
    user = request.user
    return [_make_link(entry, request) for entry in MENU if isinstance(user, User) and user.has_role(entry.role)]


@register.simple_tag(takes_context=True)
def campaign_tabs(context: template.Context, name: str) -> list[Link]:
    """List the pages of a campaign: `{% campaign_tabs campaign.name as links %}`."""
    return [_make_link(tab, context["request"], name) for tab in CAMPAIGN_TABS]


@register.simple_tag(takes_context=True)
def rating_tabs(context: template.Context) -> list[Link]:
    """List the pages of a rater's own work: `{% rating_tabs as links %}`."""
    return [_make_link(tab, context["request"]) for tab in RATING_TABS]


def _make_link(entry: Entry, request: HttpRequest, *args: str) -> Link:
    here = request.resolver_match.url_name if request.resolver_match else None
    current = "page" if here == entry.route else "true" if here in entry.pages else ""
    return Link(reverse(entry.route, args=args), entry.label, current)
