from __future__ import annotations

import os

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from models_registry.forms.endpoints import EndpointTestForm
from models_registry.generation.endpoint_test import try_endpoint
from models_registry.models import Endpoint


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("models_registry.change_endpoint", raise_exception=True)
def endpoint_test(request: HttpRequest, pk: int) -> HttpResponse:
    endpoint = get_object_or_404(Endpoint, pk=pk)
    form = EndpointTestForm(request.POST if request.method == "POST" else None, endpoint=endpoint)
    context = {
        "endpoint": endpoint,
        "form": form,
        "key_is_set": bool(endpoint.api_key_env and os.environ.get(endpoint.api_key_env, "").strip()),
    }
    if form.is_valid():
        context["result"] = try_endpoint(endpoint, form.asked(), form.cleaned_data["prompt"])
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, "models_registry/endpoint_test.html", context, status=status)
