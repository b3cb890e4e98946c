"""A critic's draft: confirmed, edited, cleared, late, and absent from the blind arm."""

import re

from playwright.sync_api import Page, expect

from annotation.models import Arm, AxisAnswer, Campaign, Draft, Rating
from qsave.axes import AXES
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import Evidence, TimeRange
from tests.annotation.factories import make_draft, store_draft
from tests.browser.desk.desk_page import WORDS, add_clip, open_desk


def test_a_draft_is_confirmed_by_a_key_or_by_an_edit_and_cleared_by_another(desk: Page, campaign: Campaign) -> None:
    draft = make_draft(add_clip(campaign, "one", arm=Arm.ASSISTED))
    open_desk(desk)
    for axis in AXES:
        expect(desk.locator(f"#axis-{axis} [data-draft-state]")).to_have_text("unconfirmed")
        expect(desk.locator(f"#axis-{axis} input:checked[name$=score]")).to_have_count(0)
    for _ in AXES:
        desk.keyboard.press("4")
        desk.keyboard.press("Alt+ArrowDown")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#axis-visual [data-problems]")).to_contain_text("unconfirmed")
    assert not Rating.objects.exists()

    desk.keyboard.press("y")
    expect(desk.locator("#axis-visual [data-draft-state]")).to_have_text("confirmed")
    desk.keyboard.press("Alt+ArrowDown")
    desk.keyboard.press("Enter")
    desk.keyboard.press("End")
    desk.keyboard.type(" Indeed it does.")
    expect(desk.locator("#axis-dynamic [data-draft-state]")).to_have_text("edited by you")
    desk.keyboard.press("Alt+ArrowDown")
    desk.keyboard.press("x")
    desk.keyboard.type(WORDS["alignment"])
    desk.keyboard.press("Escape")
    desk.keyboard.press("0")
    expect(desk.locator("#axis-alignment [data-draft-state]")).to_have_text("cleared")
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()

    uses = dict(AxisAnswer.objects.values_list("axis", "draft_use"))
    assert uses == {"visual": "confirmed", "dynamic": "edited", "alignment": "cleared"}
    assert AxisAnswer.objects.get(axis="visual").confirm_ms is not None
    assert (Rating.objects.get().exposure, Rating.objects.get().draft) == ("from_start", draft)


def test_the_blind_arm_holds_no_draft_in_the_page_or_its_answers(desk: Page, campaign: Campaign) -> None:
    make_draft(add_clip(campaign, "one", arm=Arm.BLIND))
    bodies: list[str] = []
    desk.on("response", lambda answer: bodies.append(answer.text()) if "/rate/" in answer.url and answer.ok else None)
    open_desk(desk)
    expect(desk.locator("#axis-visual")).to_be_visible()
    for text in [desk.content(), *bodies]:
        assert "shimmer" not in text
        assert "draft" not in text.lower().replace("/rate/autumn/draft?lease=", "")  # asked in either arm


def test_a_draft_that_comes_late_is_offered_and_leaves_what_was_typed(desk: Page, campaign: Campaign) -> None:
    item = add_clip(campaign, "one", arm=Arm.ASSISTED)
    desk.clock.install()
    open_desk(desk)
    desk.keyboard.press("Enter")
    desk.keyboard.type(WORDS["visual"])
    draft = make_draft(item)
    desk.clock.run_for(11_000)
    offer = desk.locator("[data-late]")
    expect(offer).to_contain_text("starter@1")
    assert "shimmer" not in (desk.text_content("#desk") or "")
    offer.get_by_role("button", name="Fill the axes").click()
    expect(desk.locator("[name=visual-reason]")).to_have_value(WORDS["visual"])
    expect(desk.locator("[name=dynamic-reason]")).to_have_value(re.compile("shimmer"))
    expect(desk.locator("#axis-dynamic [data-draft-state]")).to_have_text("unconfirmed")
    expect(desk.locator("#axis-visual [data-draft-state]")).to_have_count(0)
    for axis, keys in (("visual", "40"), ("dynamic", "4y"), ("alignment", "4y")):
        desk.locator(f"#axis-{axis}").focus()
        for key in keys:
            desk.keyboard.press(key)
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert (Rating.objects.get().exposure, Rating.objects.get().draft) == ("late", draft)
    assert AxisAnswer.objects.get(axis="visual").draft_use == "none"
    assert Draft.objects.count() == 1


def test_what_an_edit_changed_is_shown_word_by_word_and_a_revert_is_unconfirmed_again(
    desk: Page, campaign: Campaign
) -> None:
    make_draft(add_clip(campaign, "one", arm=Arm.ASSISTED))
    open_desk(desk)
    visual = desk.locator("#axis-visual")
    drafted = desk.locator("[name=visual-reason]").input_value()
    expect(visual.locator("[data-draft-changes]")).to_be_hidden()
    desk.locator("[name=visual-reason]").fill(drafted.replace("shimmer a little", "flicker a lot"))
    visual.get_by_text("Changes: 2 in, 2 out").click()
    assert visual.locator("ins").all_text_contents() == ["added: flicker", "added: lot."]
    assert visual.locator("del").all_text_contents() == ["removed: shimmer", "removed: little."]
    desk.locator("#axis-visual").focus()
    desk.keyboard.press("n")
    expect(visual.locator("[data-draft-changes]")).to_contain_text("Defects: added: noise")
    desk.reload()
    expect(visual.locator("[data-draft-state]")).to_have_text("edited by you")
    desk.locator("[name=visual-reason]").fill(drafted)
    desk.locator("#axis-visual").focus()
    desk.keyboard.press("n")
    expect(visual.locator("[data-draft-state]")).to_have_text("unconfirmed")


def test_drafted_defects_are_confirmed_by_themselves_and_the_reason_is_the_raters(
    desk: Page, campaign: Campaign
) -> None:
    frozen = AxisProposal((Evidence("frozen", TimeRange(0.5, 1)),), note="8 equal frames in a row, threshold 5")
    store_draft(add_clip(campaign, "one", arm=Arm.ASSISTED).pk, proposal=Proposal(dynamic=frozen))
    open_desk(desk)
    dynamic, state = desk.locator("#axis-dynamic"), desk.locator("#axis-dynamic [data-draft-state]")
    expect(dynamic.locator("textarea")).to_have_value("")
    expect(dynamic.locator(".rate-draft-note")).to_have_text("Measured: 8 equal frames in a row, threshold 5")
    dynamic.focus()
    desk.keyboard.press("Enter")
    desk.keyboard.type(WORDS["dynamic"])
    desk.keyboard.press("Escape")
    expect(state).to_have_text("unconfirmed")
    desk.keyboard.press("x")
    expect(state).to_have_text("cleared")
    expect(dynamic.locator("textarea")).to_have_value(WORDS["dynamic"])
    dynamic.focus()
    desk.keyboard.press("z")
    expect(state).to_have_text("unconfirmed")
    desk.keyboard.press("y")
    expect(state).to_have_text("confirmed")
    desk.keyboard.press("4")
    for axis in ("visual", "alignment"):
        desk.locator(f"#axis-{axis}").focus()
        for key in "40":
            desk.keyboard.press(key)
        desk.locator(f"[name={axis}-reason]").fill(WORDS[axis])
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    uses = {one.axis: (one.exposure, one.draft_use) for one in AxisAnswer.objects.all()}
    assert uses == dict.fromkeys(AXES, ("none", "none")) | {"dynamic": ("from_start", "confirmed")}


def test_a_late_draft_of_one_axis_leaves_the_others_alone(desk: Page, campaign: Campaign) -> None:
    item = add_clip(campaign, "one", arm=Arm.ASSISTED)
    desk.clock.install()
    open_desk(desk)
    blind = desk.locator("#axis-alignment").inner_html()
    store_draft(item.pk, proposal=Proposal(dynamic=AxisProposal((Evidence("frozen"),))))
    desk.clock.run_for(11_000)
    desk.locator("[data-late]").get_by_role("button", name="Fill the axes").click()
    expect(desk.locator("#axis-dynamic [data-draft-state]")).to_have_text("unconfirmed")
    expect(desk.locator("#axis-dynamic [value=frozen]")).to_be_checked()
    assert desk.locator("#axis-alignment").inner_html() == blind
