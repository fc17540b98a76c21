"""The admin site is for who has the role, whether or not anybody also ticked "staff"."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest


class EvalsiteAdminConfig(AdminConfig):
    default_site = "evalsite.admin_site.EvalsiteAdminSite"


class EvalsiteAdminSite(AdminSite):
    site_header = site_title = "Evalsite"

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) or (
            request.user.is_active and request.user.has_perm("auth.view_user")
        )
