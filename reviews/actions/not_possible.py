class NotPossible(Exception):
    """The action can't be done now; the message says why and what to do instead."""
