from django.urls import URLPattern, URLResolver, path

from annotation import media
from annotation.views import agreement, campaign_settings, campaigns, guidelines, imports, my_ratings, rate, taxonomy

urlpatterns: list[URLPattern | URLResolver] = [
    path("media/<str:kind>/<int:pk>", media.clip_media, name="clip-media"),
    path("rate/", rate.rate_home, name="rate-home"),
    path("rate/<slug:name>/", rate.rate, name="rate"),
    path("rate/<slug:name>/start", rate.rate_start, name="rate-start"),
    path("rate/<slug:name>/skip", rate.rate_skip, name="rate-skip"),
    path("rate/<slug:name>/stop", rate.rate_stop, name="rate-stop"),
    path("rate/<slug:name>/renew", rate.rate_renew, name="rate-renew"),
    path("rate/<slug:name>/save", rate.rate_save, name="rate-save"),
    path("rate/<slug:name>/draft", rate.rate_draft, name="rate-draft"),
    path("rate/<slug:name>/upcoming", rate.rate_upcoming, name="rate-upcoming"),
    path("rate/<slug:name>/guidelines", rate.rate_guidelines, name="rate-guidelines"),
    path("my-ratings/", my_ratings.my_ratings, name="my-ratings"),
    path("my-ratings/<int:pk>/", my_ratings.my_rating, name="my-rating"),
    path("campaigns", campaigns.campaigns, name="campaigns"),
    path("new-campaign", campaigns.campaign_new, name="campaign-new"),
    path("campaigns/<slug:name>", campaigns.campaign, name="campaign"),
    path("campaigns/<slug:name>/state", campaigns.campaign_state, name="campaign-state"),
    path("campaigns/<slug:name>/settings", campaign_settings.campaign_settings, name="campaign-settings"),
    path("campaigns/<slug:name>/defects", taxonomy.campaign_taxonomy, name="campaign-taxonomy"),
    path("campaigns/<slug:name>/guidelines", guidelines.campaign_guidelines, name="campaign-guidelines"),
    path("campaigns/<slug:name>/import", imports.import_clips, name="import-clips"),
    path("campaigns/<slug:name>/agreement", agreement.agreement, name="agreement"),
    path("campaigns/<slug:name>/mos.csv", agreement.mos_file, name="mos-file"),
    path("campaigns/<slug:name>/raters/<int:rater>/screen", agreement.screen_rater, name="screen-rater"),
]
