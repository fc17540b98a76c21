"""The request as our middleware leaves it. For type checkers: nothing is made of it when the program runs."""

from django.http import HttpRequest as DjangoRequest
from django_htmx.middleware import HtmxDetails


class HttpRequest(DjangoRequest):
    htmx: HtmxDetails
