from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReviewsConfig(AppConfig):
    name = "reviews"
    verbose_name = "Reviews"

    def ready(self) -> None:
        from reviews.roles import ensure_roles

        # Permissions only exist once Django's own post_migrate has made them, so a migration can't hand them out.
        post_migrate.connect(ensure_roles, sender=self, dispatch_uid="reviews.roles")
