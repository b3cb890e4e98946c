from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "operations"

    def ready(self) -> None:
        import operations.worker  # noqa: F401 - it receives the signals of Celery workers
