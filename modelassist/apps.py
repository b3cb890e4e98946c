from django.apps import AppConfig


class ModelAssistConfig(AppConfig):
    name = "modelassist"

    def ready(self) -> None:
        import modelassist.worker  # noqa: F401 - it listens for the life signs of Celery workers
