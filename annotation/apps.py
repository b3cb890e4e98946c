from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AnnotationConfig(AppConfig):
    name = "annotation"

    def ready(self) -> None:
        import annotation.raters.invitations  # it listens for accepted invitations
        import annotation.worker  # noqa: F401 - it receives the signals of Celery workers

        autodiscover_modules("clip_holders")
