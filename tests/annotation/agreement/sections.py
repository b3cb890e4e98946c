"""Read the sections of the agreement page, after computing the figures as the worker does."""

from django.test import Client

from annotation.agreement.page_sections import PAGE_SECTIONS
from annotation.agreement.stored import compute_figures
from annotation.models import Campaign
from tests.support.markup import collapse_space


def open_sections(client: Client, campaign: Campaign, *sections: str) -> str:
    """Return the HTML of these sections, or of all, with single spaces."""
    compute_figures(campaign)
    texts = []
    for section in sections or [one.id for one in PAGE_SECTIONS]:
        answer = client.get(f"/campaigns/{campaign.name}/agreement/{section}", headers={"HX-Request": "true"})
        assert answer.status_code == 200
        texts.append(answer.content.decode())
    return collapse_space("\n".join(texts))
