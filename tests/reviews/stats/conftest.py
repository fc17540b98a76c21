from hypothesis import settings

# a busy machine is no failure: the first example also pays for imports
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")
