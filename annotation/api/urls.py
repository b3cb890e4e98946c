"""Addresses of the API of campaigns, clips and ratings, below /api/."""

from django.urls import URLPattern, URLResolver, path

from annotation.api import (
    agreement,
    endpoints,
    schema,  # noqa: F401 - tells the schema of tokens by being imported
    settings,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", endpoints.SchemaView.as_view(), name="api-schema"),
    path("campaigns", endpoints.CampaignsView.as_view(), name="api-campaigns"),
    path("campaigns/<slug:name>", endpoints.CampaignView.as_view(), name="api-campaign"),
    path("campaigns/<slug:name>/state", endpoints.CampaignStateView.as_view(), name="api-campaign-state"),
    path("campaigns/<slug:name>/agreement", agreement.AgreementView.as_view(), name="api-agreement"),
    path("campaigns/<slug:name>/policy", settings.PolicyView.as_view(), name="api-policy"),
    path("campaigns/<slug:name>/guidelines", settings.GuidelinesView.as_view(), name="api-guidelines"),
    path("campaigns/<slug:name>/order-scores", settings.OrderScoresView.as_view(), name="api-order-scores"),
    path("campaigns/<slug:name>/items/<int:pk>", settings.ItemView.as_view(), name="api-item"),
    path("campaigns/<slug:name>/items/<int:pk>/give-out", settings.GiveOutView.as_view(), name="api-give-out"),
    path("campaigns/<slug:name>/items/<int:pk>/exclude", settings.ExcludeView.as_view(), name="api-exclude"),
    path("campaigns/<slug:name>/import", endpoints.ImportView.as_view(), name="api-import"),
    path("campaigns/<slug:name>/items", endpoints.ItemsView.as_view(), name="api-items"),
    path("campaigns/<slug:name>/ratings", endpoints.RatingsView.as_view(), name="api-ratings"),
    path("campaigns/<slug:name>/claim", endpoints.ClaimView.as_view(), name="api-claim"),
    path("leases/<uuid:lease>/submit", endpoints.SubmitView.as_view(), name="api-submit"),
    path("leases/<uuid:lease>/renew", endpoints.RenewView.as_view(), name="api-renew"),
    path("leases/<uuid:lease>/hand-back", endpoints.HandBackView.as_view(), name="api-hand-back"),
    path("leases/<uuid:lease>/skip", endpoints.SkipView.as_view(), name="api-skip"),
    path("clips/<int:pk>/<str:kind>", endpoints.ClipMediaView.as_view(), name="api-clip-media"),
    path("jobs/<uuid:pk>", endpoints.JobView.as_view(), name="api-job"),
]
