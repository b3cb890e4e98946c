from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "operations"

    def ready(self) -> None:
        import operations.worker  # noqa: F401 - it listens for the life signs of Celery workers
