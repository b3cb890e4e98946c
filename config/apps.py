from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Installed so that every process that sets up Django also loads the Celery application, and with it the broker."""

    name = "config"

    def ready(self) -> None:
        import config.celery  # noqa: F401 - it registers itself as the current application
