from django.urls import URLPattern, URLResolver, path

from datasets import build_pages, diff_page, lineage_page, rows_page, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("releases", views.releases, name="releases"),
    path("releases/new", build_pages.release_new, name="release-new"),
    path("releases/preview", build_pages.release_preview, name="release-preview"),
    path("releases/freeze", build_pages.release_freeze, name="release-freeze"),
    path("releases/<int:number>", views.release, name="release"),
    path("releases/<int:number>/rows", rows_page.release_rows, name="release-rows"),
    path("releases/<int:number>/verify", views.release_verify, name="release-verify"),
    path("releases/<int:number>/presets", views.release_preset, name="release-preset"),
    path("releases/<int:number>/jobs/<uuid:pk>/cancel", views.release_job_cancel, name="release-job-cancel"),
    path("releases/<int:number>/diff", diff_page.release_diff, name="release-diff"),
    path("releases/<int:number>/diff.csv", diff_page.release_diff_file, name="release-diff-file"),
    path("releases/<int:number>/clip", lineage_page.release_clip, name="release-clip"),
    path("campaigns/<slug:name>/items/<int:pk>/releases", lineage_page.clip_releases, name="clip-releases"),
    path("releases/<int:number>/withdraw", views.release_withdraw, name="release-withdraw"),
]
