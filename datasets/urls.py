from django.urls import URLPattern, URLResolver, path

from datasets import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("releases", views.releases, name="releases"),
    path("releases/<int:number>", views.release, name="release"),
]
