from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AnnotationConfig(AppConfig):
    name = "annotation"

    def ready(self) -> None:
        import annotation.raters.invitations  # noqa: F401 - it listens for accepted invitations

        autodiscover_modules("clip_holders")
