"""Addresses of `operations`."""

from django.urls import URLPattern, URLResolver, path

from operations import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("jobs/<uuid:pk>", views.job, name="job"),
]
