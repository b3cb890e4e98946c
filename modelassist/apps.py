from django.apps import AppConfig


class ModelAssistConfig(AppConfig):
    name = "modelassist"
