from __future__ import annotations

from django.db import models


class RenderedResponse(models.Model):
    """A response's Markdown as safe HTML, made once: rendering a long answer takes longer than casting a vote."""

    response = models.OneToOneField(
        "models_registry.Response", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    renderer = models.CharField(
        max_length=32, help_text="Version of the renderer that made it; another is made anew."
    )
    html = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"rendered response {self.pk}"
