from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "datasets"

    def ready(self) -> None:
        import datasets.worker  # noqa: F401 - it receives the signals of Celery workers
