"""The product's settings, with the floor of bench/voting.py beside its pages and its queries counted."""

from evalsite.settings import *  # noqa: F403
from evalsite.settings import MIDDLEWARE

ROOT_URLCONF = "bench.voting_floor"
MIDDLEWARE = ["bench.voting_floor.QueryCountMiddleware", *MIDDLEWARE]
