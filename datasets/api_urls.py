"""Addresses of the release API, below /api/."""

from django.urls import URLPattern, URLResolver, path

from datasets import api, downloads, lineage_api, preview_api

urlpatterns: list[URLPattern | URLResolver] = [
    path("releases", api.ReleasesView.as_view(), name="api-releases"),
    path("releases/preview", preview_api.PreviewReleaseView.as_view(), name="api-release-preview"),
    path("releases/<int:number>", api.ReleaseView.as_view(), name="api-release"),
    path("releases/<int:number>/withdraw", api.WithdrawReleaseView.as_view(), name="api-release-withdraw"),
    path("releases/<int:number>/diff", lineage_api.DiffView.as_view(), name="api-release-diff"),
    path("releases/<int:number>/diff/changes", lineage_api.ChangesView.as_view(), name="api-release-changes"),
    path("releases/<int:number>/clips/<path:clip_id>", lineage_api.ReleaseClipView.as_view(), name="api-release-clip"),
    path(
        "campaigns/<slug:name>/items/<int:pk>/releases",
        lineage_api.ClipReleasesView.as_view(),
        name="api-clip-releases",
    ),
    path("releases/<int:number>/presets", api.PresetsView.as_view(), name="api-release-presets"),
    path(
        "releases/<int:number>/presets/<slug:preset>/files/<path:name>",
        downloads.PresetFileView.as_view(),
        name="api-release-preset-file",
    ),
    path(
        "releases/<int:number>/presets/<slug:preset>/archive",
        downloads.PresetArchiveView.as_view(),
        name="api-release-preset-archive",
    ),
    path("releases/<int:number>/archive", downloads.ReleaseArchiveView.as_view(), name="api-release-archive"),
    path("releases/<int:number>/files/<path:name>", downloads.ReleaseFileView.as_view(), name="api-release-file"),
]
