"""Who can log in to the demo. Apart from the rest, so that it can be printed before Django is set up."""

from reviews.roles import ADMIN, LEAD, REVIEWER

PASSWORD = "aurora-demo"  # noqa: S105 - printed at every start
LOGINS = {"ada": ADMIN, "lena": LEAD, "rosa": REVIEWER, "mateo": REVIEWER}
