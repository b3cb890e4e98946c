from django.urls import URLPattern, URLResolver, path

from modelassist import add_critic_page, drafting_page, prediction_pages, scoring_pages, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("runs", views.runs, name="runs"),
    path("runs/start", views.run_start, name="run-start"),
    path("runs/<int:pk>", views.run, name="run"),
    path("runs/<int:pk>/cancel", views.run_cancel, name="run-cancel"),
    path("runs/<int:pk>/resume", views.run_resume, name="run-resume"),
    path("runs/<int:pk>/files/<path:name>", views.run_file, name="run-file"),
    path("critics", views.critics, name="critics"),
    path("critics/add", add_critic_page.critic_add, name="critic-add"),
    path("critics/<int:pk>", views.critic, name="critic"),
    path("critics/<int:pk>/activate", views.critic_activate, name="critic-activate"),
    path("campaigns/<slug:name>/drafting", drafting_page.drafting, name="drafting"),
    path("drafting/<slug:name>/activate", drafting_page.drafting_activate, name="drafting-activate"),
    path("drafting/<slug:name>/roll-back", drafting_page.drafting_roll_back, name="drafting-roll-back"),
    path("drafting/<slug:name>/resume", drafting_page.drafting_resume, name="drafting-resume"),
    path("drafting/<slug:name>/bound", drafting_page.drafting_bound, name="drafting-bound"),
    path("drafting/<slug:name>/retry-failed", drafting_page.drafting_retry_failed, name="drafting-retry-failed"),
    path("drafting/<slug:name>/fit", drafting_page.drafting_fit, name="drafting-fit"),
    path("drafting/<slug:name>/consent", drafting_page.drafting_consent, name="drafting-consent"),
    path(
        "drafting/<slug:name>/withdraw-consent",
        drafting_page.drafting_withdraw_consent,
        name="drafting-withdraw-consent",
    ),
    path("drafting/<slug:name>/retry", views.drafting_retry, name="drafting-retry"),
    path("drafting/<slug:name>/stop", views.drafting_stop, name="drafting-stop"),
    path("campaigns/<slug:name>/predictions", prediction_pages.predictions, name="predictions"),
    path("campaigns/<slug:name>/predictions/<int:pk>", prediction_pages.prediction_set, name="prediction-set"),
    path(
        "campaigns/<slug:name>/predictions/<int:pk>/clips.<slug:form>",
        prediction_pages.prediction_file,
        name="prediction-file",
    ),
    *(
        path(
            f"campaigns/<slug:name>/predictions/<int:pk>/{act}",
            prediction_pages.prediction_act,
            {"act": act},
            name=f"prediction-{act}",
        )
        for act in prediction_pages.ACTS
    ),
    path("score", scoring_pages.score, name="score"),
    path("scorings/<uuid:pk>", scoring_pages.scoring, name="scoring"),
    path("scorings/<uuid:pk>/video", scoring_pages.scoring_video, name="scoring-video"),
    path("scorings/<uuid:pk>/agree", scoring_pages.scoring_agree, name="scoring-agree"),
    path("scorings/<uuid:pk>/retry", scoring_pages.scoring_retry, name="scoring-retry"),
    path("scorings/<uuid:pk>/delete", scoring_pages.scoring_delete, name="scoring-delete"),
]
