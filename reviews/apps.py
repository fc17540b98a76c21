from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

# how the header calls a person's group
ROLES = (gettext_noop("Reviewer"), gettext_noop("Lead"), gettext_noop("Admin"))


class ReviewsConfig(AppConfig):
    name = "reviews"
    verbose_name = _("Reviews")

    def ready(self) -> None:
        from reviews.roles import ensure_roles
        from reviews.views.interface_language import remember_interface_language

        # Permissions only exist once Django's own post_migrate has made them, so a migration can't hand them out.
        post_migrate.connect(ensure_roles, sender=self, dispatch_uid="reviews.roles")
        user_logged_in.connect(remember_interface_language, dispatch_uid="reviews.interface_language")
