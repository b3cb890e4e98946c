"""Addresses of the API of campaigns, clips and ratings, below /api/."""

from django.urls import URLPattern, URLResolver, path

from annotation import (
    api,
    api_agreement,
    api_schema,  # noqa: F401 - tells the schema of tokens by being imported
    api_settings,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", api.SchemaView.as_view(), name="api-schema"),
    path("campaigns", api.CampaignsView.as_view(), name="api-campaigns"),
    path("campaigns/<slug:name>", api.CampaignView.as_view(), name="api-campaign"),
    path("campaigns/<slug:name>/state", api.CampaignStateView.as_view(), name="api-campaign-state"),
    path("campaigns/<slug:name>/agreement", api_agreement.AgreementView.as_view(), name="api-agreement"),
    path("campaigns/<slug:name>/policy", api_settings.PolicyView.as_view(), name="api-policy"),
    path("campaigns/<slug:name>/guidelines", api_settings.GuidelinesView.as_view(), name="api-guidelines"),
    path("campaigns/<slug:name>/order-scores", api_settings.OrderScoresView.as_view(), name="api-order-scores"),
    path("campaigns/<slug:name>/items/<int:pk>", api_settings.ItemView.as_view(), name="api-item"),
    path("campaigns/<slug:name>/items/<int:pk>/give-out", api_settings.GiveOutView.as_view(), name="api-give-out"),
    path("campaigns/<slug:name>/items/<int:pk>/exclude", api_settings.ExcludeView.as_view(), name="api-exclude"),
    path("campaigns/<slug:name>/import", api.ImportView.as_view(), name="api-import"),
    path("campaigns/<slug:name>/items", api.ItemsView.as_view(), name="api-items"),
    path("campaigns/<slug:name>/ratings", api.RatingsView.as_view(), name="api-ratings"),
    path("campaigns/<slug:name>/claim", api.ClaimView.as_view(), name="api-claim"),
    path("leases/<uuid:lease>/submit", api.SubmitView.as_view(), name="api-submit"),
    path("leases/<uuid:lease>/renew", api.RenewView.as_view(), name="api-renew"),
    path("leases/<uuid:lease>/hand-back", api.HandBackView.as_view(), name="api-hand-back"),
    path("leases/<uuid:lease>/skip", api.SkipView.as_view(), name="api-skip"),
    path("clips/<int:pk>/<str:kind>", api.ClipMediaView.as_view(), name="api-clip-media"),
    path("jobs/<uuid:pk>", api.JobView.as_view(), name="api-job"),
]
