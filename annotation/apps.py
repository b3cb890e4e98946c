from django.apps import AppConfig


class AnnotationConfig(AppConfig):
    name = "annotation"

    def ready(self) -> None:
        import annotation.account_deeds  # noqa: F401 - it listens for accepted invitations
