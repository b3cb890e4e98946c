"""Every address of the site, by package."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

from accounts.access import public
from config.components_page import components

handler400 = "config.errors.bad_request"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"

words_of_scripts = public(reason="the texts of the scripts, in the reader's language")(
    cache_control(max_age=3600)(JavaScriptCatalog.as_view())
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("accounts.urls")),
    path("", include("annotation.urls")),
    path("", include("datasets.urls")),
    path("", include("modelassist.urls")),
    path("", include("operations.urls")),
    path("api/", include("annotation.api.urls")),
    path("api/", include("datasets.api_urls")),
    path("api/", include("modelassist.api_urls")),
    path("components", components, name="components"),
    path("words.js", words_of_scripts, name="words-of-scripts"),
]
