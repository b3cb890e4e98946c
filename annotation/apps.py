from django.apps import AppConfig


class AnnotationConfig(AppConfig):
    name = "annotation"

    def ready(self) -> None:
        import annotation.raters.invitations  # noqa: F401 - it listens for accepted invitations
