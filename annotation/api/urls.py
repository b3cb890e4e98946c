"""URLs of the API of campaigns, clips and ratings, below /api/."""

from django.urls import URLPattern, URLResolver, path

from annotation.api import (
    agreement,
    campaign_settings,
    campaigns,
    corrections,
    imports,
    item_acts,
    judgements,
    leases,
    new_imports,
    prompt_groups,
    schema,  # noqa: F401 - registers itself by being imported
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", campaigns.SchemaView.as_view(), name="api-schema"),
    path("campaigns", campaigns.CampaignsView.as_view(), name="api-campaigns"),
    path("campaigns/<slug:name>", campaigns.CampaignView.as_view(), name="api-campaign"),
    path("campaigns/<slug:name>/state", campaigns.CampaignStateView.as_view(), name="api-campaign-state"),
    path("campaigns/<slug:name>/agreement", agreement.AgreementView.as_view(), name="api-agreement"),
    path("campaigns/<slug:name>/policy", campaign_settings.PolicyView.as_view(), name="api-policy"),
    path("campaigns/<slug:name>/guidelines", campaign_settings.GuidelinesView.as_view(), name="api-guidelines"),
    path("campaigns/<slug:name>/order-scores", campaign_settings.OrderScoresView.as_view(), name="api-order-scores"),
    path("campaigns/<slug:name>/items/exclude", item_acts.ExcludeItemsView.as_view(), name="api-exclude-items"),
    path("campaigns/<slug:name>/items/give-out", item_acts.GiveOutItemsView.as_view(), name="api-give-out-items"),
    path("campaigns/<slug:name>/items/mark", item_acts.MarkItemsView.as_view(), name="api-mark-items"),
    path("campaigns/<slug:name>/items/more-ratings", item_acts.MoreRatingsView.as_view(), name="api-more-ratings"),
    path("campaigns/<slug:name>/items/withdraw", item_acts.WithdrawItemsView.as_view(), name="api-withdraw-items"),
    path("campaigns/<slug:name>/items/restore", item_acts.RestoreItemsView.as_view(), name="api-restore-items"),
    path("campaigns/<slug:name>/items/<int:pk>", campaign_settings.ItemView.as_view(), name="api-item"),
    path("campaigns/<slug:name>/items/<int:pk>/give-out", campaign_settings.GiveOutView.as_view(), name="api-give-out"),
    path("campaigns/<slug:name>/items/<int:pk>/correct", corrections.CorrectView.as_view(), name="api-correct-clip"),
    path("campaigns/<slug:name>/items/<int:pk>/file", corrections.ReplaceFileView.as_view(), name="api-replace-file"),
    path("campaigns/<slug:name>/items/<int:pk>/withdraw", corrections.WithdrawView.as_view(), name="api-withdraw-clip"),
    path("campaigns/<slug:name>/items/<int:pk>/restore", corrections.RestoreView.as_view(), name="api-restore-clip"),
    path("campaigns/<slug:name>/items/<int:pk>/exclude", campaign_settings.ExcludeView.as_view(), name="api-exclude"),
    path("campaigns/<slug:name>/import", new_imports.ImportView.as_view(), name="api-import"),
    path("campaigns/<slug:name>/import/bucket", new_imports.BucketImportView.as_view(), name="api-import-bucket"),
    path("campaigns/<slug:name>/import/server", new_imports.ServerImportView.as_view(), name="api-import-server"),
    path("imports/<int:pk>", imports.ClipImportView.as_view(), name="api-clip-import"),
    path("imports/<int:pk>/rows", imports.ImportRowsView.as_view(), name="api-import-rows"),
    path("imports/<int:pk>/start", imports.StartImportView.as_view(), name="api-start-import"),
    path("imports/<int:pk>/group", imports.GroupByColumnView.as_view(), name="api-group-import"),
    path("imports/<int:pk>/cancel", imports.CancelImportView.as_view(), name="api-cancel-import"),
    path("imports/<int:pk>/undo", imports.UndoImportView.as_view(), name="api-undo-import"),
    path("prompt-groups", prompt_groups.PromptGroupsView.as_view(), name="api-prompt-groups"),
    path("prompt-groups/merge", prompt_groups.MergeGroupsView.as_view(), name="api-merge-groups"),
    path("prompt-groups/redraw", prompt_groups.RedrawGroupsView.as_view(), name="api-redraw-groups"),
    path("prompt-groups/<int:pk>", prompt_groups.PromptGroupView.as_view(), name="api-prompt-group"),
    path("prompt-groups/<int:pk>/prompts", prompt_groups.GroupedPromptsView.as_view(), name="api-grouped-prompts"),
    path("prompt-groups/<int:pk>/split", prompt_groups.SplitGroupView.as_view(), name="api-split-group"),
    path("campaigns/<slug:name>/items", campaigns.ItemsView.as_view(), name="api-items"),
    path("campaigns/<slug:name>/ratings", campaigns.RatingsView.as_view(), name="api-ratings"),
    path("campaigns/<slug:name>/claim", leases.ClaimView.as_view(), name="api-claim"),
    path("leases/<uuid:lease>/submit", leases.SubmitView.as_view(), name="api-submit"),
    path("leases/<uuid:lease>/renew", leases.RenewView.as_view(), name="api-renew"),
    path("leases/<uuid:lease>/hand-back", leases.HandBackView.as_view(), name="api-hand-back"),
    path("leases/<uuid:lease>/skip", leases.SkipView.as_view(), name="api-skip"),
    path("clips/<int:pk>/<str:kind>", campaigns.ClipMediaView.as_view(), name="api-clip-media"),
    path("campaigns/<slug:name>/judgements", judgements.JudgementImportsView.as_view(), name="api-judgements"),
    path("judgement-imports/<int:pk>", judgements.JudgementImportView.as_view(), name="api-judgement-import"),
    path(
        "judgement-imports/<int:pk>/refused", judgements.RefusedJudgementsView.as_view(), name="api-refused-judgements"
    ),
    path(
        "judgement-imports/<int:pk>/start", judgements.StartJudgementImportView.as_view(), name="api-start-judgements"
    ),
    path("jobs/<uuid:pk>", campaigns.JobView.as_view(), name="api-job"),
]
