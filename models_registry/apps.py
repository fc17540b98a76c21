from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ModelsRegistryConfig(AppConfig):
    name = "models_registry"
    verbose_name = _("Models registry")

    def ready(self) -> None:
        from models_registry.models.names import give_names

        give_names(self.get_models())
