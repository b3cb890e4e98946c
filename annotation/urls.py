from django.urls import URLPattern, URLResolver, path

from annotation import campaign_page
from annotation.agreement import agreement_page, clip_list_page, clip_news, clip_page
from annotation.campaigns import (
    campaigns_page,
    duplicate_page,
    guidelines_page,
    item_acts_page,
    order_scores_page,
    settings_page,
    taxonomy_page,
)
from annotation.corrections import correction_pages
from annotation.intake import import_pages, tus
from annotation.judgements import pages as judgement_pages
from annotation.raters import hours_page, members_page, panel_pages
from annotation.rating import clip_media, desk_requests, my_ratings_page, rate_page, try_page

urlpatterns: list[URLPattern | URLResolver] = [
    path("media/<str:kind>/<int:pk>", clip_media.clip_media, name="clip-media"),
    path("media/<str:kind>/<int:pk>/<int:number>", clip_media.clip_version_media, name="clip-version-media"),
    path("rate/", rate_page.rate_home, name="rate-home"),
    path("rate/<slug:name>/", rate_page.rate, name="rate"),
    path("rate/<slug:name>/start", rate_page.rate_start, name="rate-start"),
    path("rate/<slug:name>/skip", rate_page.rate_skip, name="rate-skip"),
    path("rate/<slug:name>/stop", rate_page.rate_stop, name="rate-stop"),
    path("rate/<slug:name>/renew", desk_requests.rate_renew, name="rate-renew"),
    path("rate/<slug:name>/save", desk_requests.rate_save, name="rate-save"),
    path("rate/<slug:name>/draft", desk_requests.rate_draft, name="rate-draft"),
    path("rate/<slug:name>/upcoming", desk_requests.rate_upcoming, name="rate-upcoming"),
    path("rate/<slug:name>/try", try_page.rate_try, name="rate-try"),
    path("rate/<slug:name>/guidelines", rate_page.rate_guidelines, name="rate-guidelines"),
    path("my-ratings/", my_ratings_page.my_ratings, name="my-ratings"),
    path("my-ratings/<int:pk>/", my_ratings_page.my_rating, name="my-rating"),
    path("my-hours", hours_page.my_hours, name="my-hours"),
    path("campaigns", campaigns_page.campaigns, name="campaigns"),
    path("new-campaign", campaigns_page.campaign_new, name="campaign-new"),
    path("campaigns/<slug:name>", campaign_page.campaign, name="campaign"),
    path("campaigns/<slug:name>/state", campaign_page.campaign_state, name="campaign-state"),
    path("campaigns/<slug:name>/settings", settings_page.campaign_settings, name="campaign-settings"),
    path("campaigns/<slug:name>/defects", taxonomy_page.campaign_taxonomy, name="campaign-taxonomy"),
    path("campaigns/<slug:name>/guidelines", guidelines_page.campaign_guidelines, name="campaign-guidelines"),
    path("campaigns/<slug:name>/duplicate", duplicate_page.campaign_duplicate, name="campaign-duplicate"),
    path("campaigns/<slug:name>/items", clip_list_page.campaign_items, name="campaign-items"),
    path("campaigns/<slug:name>/items/keys", clip_list_page.item_keys, name="item-keys"),
    path("campaigns/<slug:name>/items/news", clip_news.clip_news, name="clip-news"),
    path("campaigns/<slug:name>/items/act", item_acts_page.act_on_items, name="act-on-items"),
    path("campaigns/<slug:name>/items/<int:pk>", clip_page.campaign_item, name="campaign-item"),
    path("campaigns/<slug:name>/items/<int:pk>/give-out", clip_page.give_out_item, name="give-out-item"),
    path("campaigns/<slug:name>/items/<int:pk>/exclude", clip_page.exclude_item, name="exclude-item"),
    path("campaigns/<slug:name>/items/<int:pk>/correct", correction_pages.correct, name="correct-clip"),
    path("campaigns/<slug:name>/items/<int:pk>/withdraw", correction_pages.withdraw, name="withdraw-clip"),
    path("campaigns/<slug:name>/items/<int:pk>/restore", correction_pages.restore, name="restore-clip"),
    path("campaigns/<slug:name>/order-scores", order_scores_page.order_scores, name="order-scores"),
    path("campaigns/<slug:name>/import", campaign_page.import_clips, name="import-clips"),
    path("campaigns/<slug:name>/uploads", tus.uploads, name="uploads"),
    path("uploads/<slug:key>", tus.upload, name="upload"),
    path("campaigns/<slug:name>/imports", import_pages.campaign_imports, name="campaign-imports"),
    path("imports/<int:pk>", import_pages.clip_import, name="clip-import"),
    path("imports/<int:pk>/rows.csv", import_pages.import_rows_file, name="import-rows-file"),
    *(
        path(f"imports/<int:pk>/{act}", import_pages.import_act, {"act": act}, name=f"import-{act}")
        for act in import_pages.ACTS
    ),
    path("manifest-template.csv", import_pages.import_template, name="import-template"),
    path("campaigns/<slug:name>/finish-upkeep", campaign_page.finish_upkeep, name="finish-upkeep"),
    path("campaigns/<slug:name>/members", members_page.members, name="members"),
    path("campaigns/<slug:name>/members/add", members_page.add_member, name="add-member"),
    path("campaigns/<slug:name>/members/open-to", members_page.open_to, name="open-to"),
    path("campaigns/<slug:name>/members/invite", members_page.invite_members, name="invite-members"),
    path("campaigns/<slug:name>/members/<int:pk>/remove", members_page.remove_member, name="remove-member"),
    path("campaigns/<slug:name>/members/<int:pk>/let-in", members_page.let_in, name="let-in"),
    path("campaigns/<slug:name>/panels", panel_pages.panels, name="panels"),
    path("campaigns/<slug:name>/timesheet", hours_page.timesheet, name="timesheet"),
    path("campaigns/<slug:name>/timesheet.csv", hours_page.timesheet_file, name="timesheet-file"),
    path("panels/<int:pk>/new-link", panel_pages.panel_new_link, name="panel-new-link"),
    path("panels/<int:pk>/close", panel_pages.panel_close, name="panel-close"),
    path("panels/<int:pk>/take-over", panel_pages.panel_take_over, name="panel-take-over"),
    path("panel/done", panel_pages.panel_done, name="panel-done"),
    path("panel/<str:secret>/", panel_pages.panel_begin, name="panel-begin"),
    path("campaigns/<slug:name>/agreement", agreement_page.agreement, name="agreement"),
    path("campaigns/<slug:name>/judgements", judgement_pages.judgements, name="judgements"),
    path("campaigns/<slug:name>/judgements/match", judgement_pages.match_judgements, name="match-judgements"),
    path("campaigns/<slug:name>/judgements/<int:pk>", judgement_pages.judgement_import, name="judgement-import"),
    path(
        "campaigns/<slug:name>/judgements/<int:pk>/delete",
        judgement_pages.delete_judgements,
        name="delete-judgements",
    ),
    path("campaigns/<slug:name>/agreement.csv", agreement_page.agreement_file, name="agreement-file"),
    path("campaigns/<slug:name>/mos.csv", agreement_page.mos_file, name="mos-file"),
    path("campaigns/<slug:name>/raters/<int:rater>/screen", agreement_page.screen_rater, name="screen-rater"),
]
