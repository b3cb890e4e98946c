"""Addresses of the API of critics, below /api/."""

from django.urls import URLPattern, URLResolver, path

from modelassist import critics_api, predictions_api, scoring_api

urlpatterns: list[URLPattern | URLResolver] = [
    path("critics", critics_api.CriticsView.as_view(), name="api-critics"),
    path("critics/<int:pk>", critics_api.CriticView.as_view(), name="api-critic"),
    path("scorings", scoring_api.ScoringsView.as_view(), name="api-scorings"),
    path("scorings/<uuid:pk>", scoring_api.ScoringView.as_view(), name="api-scoring"),
    path("campaigns/<slug:name>/predictions", predictions_api.PredictionSetsView.as_view(), name="api-prediction-sets"),
    *(
        path(f"campaigns/<slug:name>/predictions/<int:pk>{rest}", view.as_view(), name=f"api-prediction-{word}")
        for rest, view, word in (
            ("", predictions_api.PredictionSetView, "set"),
            ("/cancel", predictions_api.PredictionCancelView, "cancel"),
            ("/resume", predictions_api.PredictionResumeView, "resume"),
            ("/clips.<slug:form>", predictions_api.PredictionFileView, "file"),
        )
    ),
]
