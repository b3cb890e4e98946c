from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ModelAssistConfig(AppConfig):
    name = "modelassist"

    def ready(self) -> None:
        import modelassist.worker  # noqa: F401 - it listens for the life signs of Celery workers
        from annotation.campaigns.creation import campaign_created
        from annotation.shared.reading_lanes import register_lane_reader, register_measuring_critics
        from modelassist.reads.reading_lanes import is_detectors, read_reading_lanes
        from modelassist.services.builtin import activate_default, register_after_migrate

        campaign_created.connect(activate_default, dispatch_uid="default critic")
        register_lane_reader(read_reading_lanes)
        register_measuring_critics(is_detectors)
        post_migrate.connect(register_after_migrate, sender=self)
