"""What the detectors measured of the files of clips: as the pages draw it, and as a regression takes it."""

from django.db import models

from modelassist.models.scorings import SHA256_HEX


class ClipReadings(models.Model):
    """The readings of one video file, whatever clips have it: the strip of its timeline, and its features."""

    sha256 = models.CharField(max_length=SHA256_HEX, unique=True, help_text="Of the bytes of the original.")
    version = models.PositiveIntegerField(help_text="STRIP_VERSION of the program that measured it.")
    strip = models.JSONField(default=dict, blank=True, help_text="Series by name; empty if it cannot be measured.")
    features = models.JSONField(default=list, blank=True, help_text="Numbers; empty if it cannot be measured.")
    features_key = models.PositiveIntegerField(
        default=0, help_text="FEATURES_KEY of the program that computed the features; 0 before they were computed."
    )
    measured_at = models.DateTimeField(auto_now=True)
