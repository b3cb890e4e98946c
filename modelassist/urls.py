from django.urls import URLPattern, URLResolver, path

from modelassist import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("runs", views.runs, name="runs"),
    path("runs/start", views.run_start, name="run-start"),
    path("runs/<int:pk>", views.run, name="run"),
    path("runs/<int:pk>/cancel", views.run_cancel, name="run-cancel"),
    path("runs/<int:pk>/resume", views.run_resume, name="run-resume"),
    path("runs/<int:pk>/files/<path:name>", views.run_file, name="run-file"),
    path("critics", views.critics, name="critics"),
    path("critics/add", views.critic_add, name="critic-add"),
    path("critics/<int:pk>", views.critic, name="critic"),
    path("critics/<int:pk>/activate", views.critic_activate, name="critic-activate"),
    path("drafting/<slug:name>/retry", views.drafting_retry, name="drafting-retry"),
    path("drafting/<slug:name>/stop", views.drafting_stop, name="drafting-stop"),
]
