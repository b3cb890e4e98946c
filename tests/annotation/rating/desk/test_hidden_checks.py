"""Raters cannot tell a check slot from a rating slot by any page or answer of the API.

The clip, its prompt, the lease and the counts differ. Everything else is the same, character by character.
"""

import re
import uuid
from collections import Counter, defaultdict
from difflib import ndiff
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from annotation.models import Campaign, Item, SavedWork, Slot
from annotation.rating import checks, queue, ratings
from annotation.rating.answers import answers_to_json
from annotation.rating.queue import LeaseLost
from qsave.axes import AXES
from tests.annotation import factories
from tests.annotation.rating.desk.forms import SCRIPT, make_form

pytestmark = pytest.mark.django_db

MAY_DIFFER = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "LEASE OR KEY"),
    (re.compile(r'(csrfmiddlewaretoken" value=|data-lease=|"X-CSRFToken": )"[^"]*"'), r"\1"),
    (re.compile(r'(data-item=|name="item" value=)"\d+"'), r"\1"),
    (re.compile(r"/media/(video|poster)/\d+"), r"/media/\1/"),
    (re.compile(r'(data-prompt [^>]*>|<th [^>]*class="prompt"[^>]*>)[^<]*(<a [^>]*>[^<]*</a>)?'), r"\1"),
    (re.compile(r"\b\d+ rated\b"), "N rated"),
    (re.compile(r"(N rated), (about \d+ left(, about \d+ minutes?)?|fewer than 10 left)\."), r"\1, some left."),
    (re.compile(r"/my-ratings/\d+/"), "/my-ratings/N/"),
    (re.compile(r"<time\s.*?</time>", re.DOTALL), "TIME"),
    (re.compile(r"<title>\s*My rating[^<]*|My rating of [^<]*"), "TITLE"),
    (re.compile(r'(<p dir="auto" tabindex="0" role="group"[^>]*>|<textarea[^>]*>)[^<]*'), r"\1"),
]
OF_A_KIND = 4
"""So many slots of each kind get every request: more would only repeat them."""
HEADERS_THAT_DIFFER = {"Content-Length", "Expires", "Set-Cookie"}


@pytest.fixture
def campaign_with_checks() -> Campaign:
    """A campaign with repeats and golds in both arms; some golds have rating slots, no clips share a prompt group."""
    made = factories.make_campaign(40, overlap=1, assisted_share=0.5, gold_share=0.3, repeat_share=0.4)
    factories.rate_all(factories.make_user(), factories.make_campaign(3))  # no key agrees with another by chance
    golds = list(Item.objects.filter(campaign=made).order_by("pk").values_list("pk", flat=True)[:12])
    Item.objects.filter(pk__in=golds).update(gold=dict.fromkeys(AXES, 3))
    Slot.objects.filter(item__in=golds[:9]).delete()
    return made


def test_pages_and_api_answer_alike_for_every_kind_of_slot(client: Client, campaign_with_checks: Campaign) -> None:
    rater = factories.make_user()
    client.force_login(rater)
    seen: dict[str, dict[str, str]] = defaultdict(dict)  # by request, then by answer: the kind of slot
    counts: Counter[str] = Counter()
    submitted = client.post(f"/rate/{campaign_with_checks.name}/start", headers=SCRIPT)
    while (slot := Slot.objects.filter(campaign=campaign_with_checks, rater=rater, state="leased").first()) is not None:
        counts[slot.kind] += 1
        if sum(counts.values()) > 1 and counts[slot.kind] <= OF_A_KIND:  # the first page has no link to a rating before
            note_answer(seen, slot.kind, "next", submitted)
            for name, answer in request_all(client, rater, campaign_with_checks, slot).items():
                note_answer(seen, slot.kind, name, answer)
        words = {f"{axis}-reason": f"{axis} was clip {sum(counts.values())} for me." for axis in AXES}
        submitted = client.post(f"/rate/{campaign_with_checks.name}/", make_form(slot, **words), headers=SCRIPT)
        assert submitted.status_code == 200
    assert min(counts["seat"], counts["gold"], counts["repeat"]) >= 3
    assert len(seen) > 8
    for name, answers in seen.items():
        first, *others = answers
        for other in others:
            assert not list_differences(first, other), f"{name} tells {answers[other]} from {answers[first]}"


def request_all(client: Client, rater: User, campaign: Campaign, slot: Slot) -> dict[str, Any]:
    """Send every request that a rater can send while a slot is on their desk."""
    _, secret = issue_token(actor=rater, name="script")
    script = Client(headers={"Authorization": f"Bearer {secret}"})
    desk = f"/rate/{campaign.name}"
    lease = {"lease": str(slot.lease)}
    wrong = script.post(f"/api/leases/{slot.lease}/submit", {}, content_type="application/json")
    return {
        "desk": client.get(f"{desk}/"),
        "start": client.post(f"{desk}/start", headers=SCRIPT),
        "draft": client.get(f"{desk}/draft", lease),
        "late draft": client.post(f"{desk}/draft", lease),
        "refused": client.post(f"{desk}/", {**lease, "item": slot.item_id, "key": uuid.uuid4()}, headers=SCRIPT),
        "skip": client.post(f"{desk}/skip", {**lease, "item": slot.item_id}, headers=SCRIPT),
        "rate": client.get("/rate/"),
        "home": client.get("/"),
        "campaigns": script.get("/api/campaigns"),
        "campaign": script.get(f"/api/campaigns/{campaign.name}"),
        "claim": script.post(f"/api/campaigns/{campaign.name}/claim"),
        "renew": script.post(f"/api/leases/{slot.lease}/renew"),
        "refused by the API": wrong,
    }


def note_answer(seen: dict[str, dict[str, str]], kind: str, name: str, answer: Any) -> None:
    headers = {key: value for key, value in answer.headers.items() if key not in HEADERS_THAT_DIFFER}
    seen[name].setdefault(f"{answer.status_code} {headers} {normalise_answer(answer)}", kind)


def normalise_answer(answer: Any) -> str:
    """Return an answer without the parts that may differ from slot to slot."""
    if answer.headers.get("Content-Type") == "application/json":
        values = answer.json()
        if "lease_expires_at" not in values:
            return str(values)
        own = {"lease", "item", "clip", "prompt", "lease_expires_at"}
        return str({name: type(value) if name in own else value for name, value in values.items()})
    return normalise_page(answer.content.decode())


def test_the_history_of_a_rater_shows_every_kind_of_slot_alike(client: Client, campaign_with_checks: Campaign) -> None:
    rater = factories.make_user()
    factories.rate_all(rater, campaign_with_checks)
    client.force_login(rater)
    rows = re.findall(r"<tr[^>]*>\s*<td.*?</tr>", client.get("/my-ratings/").content.decode(), re.DOTALL)
    pages = {
        rating.slot.kind: client.get(f"/my-ratings/{rating.pk}/") for rating in rater.ratings.select_related("slot")
    }
    assert len(rows) > 20
    assert len({normalise_page(row) for row in rows}) == 1
    assert set(pages) == {"seat", "gold", "repeat"}
    plain, gold, repeat = (normalise_page(pages[kind].content.decode()) for kind in ("seat", "gold", "repeat"))
    assert not list_differences(plain, gold)
    assert not list_differences(plain, repeat)


def list_differences(first: str, second: str) -> list[str]:
    return [line for line in ndiff(first.splitlines(), second.splitlines()) if not line.startswith("  ")]


def normalise_page(text: str) -> str:
    for pattern, same in MAY_DIFFER:
        text = pattern.sub(same, text)
    return text


def rate_until(rater: User, campaign: Campaign, kind: str) -> Slot:
    """Rate until the queue gives a slot of this kind, and return it."""
    while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
        if slot.kind == kind:
            return slot
        factories.submit(rater, slot)
    raise AssertionError(kind)


def test_a_repeat_is_blank_whatever_other_pages_saved_after_the_first_time(campaign_with_checks: Campaign) -> None:
    rater = factories.make_user()
    while (slot := queue.claim(rater=rater, campaign=campaign_with_checks)) is not None and slot.kind != "repeat":
        lease = factories.get_lease(slot)
        factories.submit(rater, slot)
        late = factories.make_submission()
        with pytest.raises(LeaseLost, match="kept"):  # the same clip in a second tab, submitted after the first
            ratings.submit(rater=rater, lease=lease, item_id=slot.item_id, submission=late)
        assert SavedWork.objects.filter(rater=rater, item=slot.item_id).exists()
    assert slot is not None
    assert not SavedWork.objects.filter(rater=rater, item=slot.item_id).exists()


def test_saved_work_on_a_repeat_that_was_handed_back_is_there_when_it_comes_again(
    campaign_with_checks: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    rater = factories.make_user()
    slot = rate_until(rater, campaign_with_checks, "repeat")
    typed = answers_to_json(factories.make_answers())
    ratings.save_work(rater=rater, item_id=slot.item_id, answers=typed, base_version=0, tab=uuid.uuid4())
    queue.hand_back(rater=rater, lease=factories.get_lease(slot))
    monkeypatch.setattr(checks, "draw_check_kind", lambda *_: Slot.Kind.REPEAT)  # or it might never be drawn again
    while (again := factories.claim(rater, campaign_with_checks)).item_id != slot.item_id:
        factories.submit(rater, again)
    assert again.kind == "repeat"
    assert SavedWork.objects.get(rater=rater, item=slot.item_id).answers == typed


@pytest.mark.parametrize("kind", ["skipped", "broken", "flagged"])
def test_a_rated_clip_cannot_be_skipped_to_avoid_its_repeat(campaign_with_checks: Campaign, kind: str) -> None:
    rater = factories.make_user()
    slot = factories.claim(rater, campaign_with_checks)
    lease = factories.get_lease(slot)
    factories.submit(rater, slot)
    with pytest.raises(LeaseLost):
        queue.skip(rater=rater, lease=lease, item_id=slot.item_id, kind=kind, reason="I remember it.")
    assert not slot.item.skips.exists()
    assert Item.objects.get(pk=slot.item_id).availability == "available"


def test_a_form_without_the_item_of_an_older_page_still_submits(client: Client) -> None:
    campaign, rater = factories.make_campaign(1, assisted_share=0), factories.make_user()
    client.force_login(rater)
    slot = factories.claim(rater, campaign)
    form = make_form(slot, slot=slot.pk)
    del form["item"]
    assert client.post(f"/rate/{campaign.name}/", form, headers=SCRIPT).status_code == 200
    assert rater.ratings.count() == 1
    lost = client.post(f"/rate/{campaign.name}/", form | {"key": uuid.uuid4()}, headers=SCRIPT)
    assert (lost.status_code, lost.json()["lost"]) == (409, True)
