"""Addresses of the API of critics, below /api/."""

from django.urls import URLPattern, URLResolver, path

from modelassist import scoring_api

urlpatterns: list[URLPattern | URLResolver] = [
    path("scorings", scoring_api.ScoringsView.as_view(), name="api-scorings"),
    path("scorings/<uuid:pk>", scoring_api.ScoringView.as_view(), name="api-scoring"),
]
