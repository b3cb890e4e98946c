"""Every address of the site, by room."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("accounts.urls")),
    path("", include("annotation.urls")),
    path("", include("datasets.urls")),
    path("", include("modelassist.urls")),
    path("", include("operations.urls")),
    path("api/", include("annotation.api_urls")),
    path("api/", include("datasets.api_urls")),
]
