"""Where this runs, as far as the host says so by a variable of its own."""

import os

# Each sets its own in whatever runs there; all of them start from a fresh disk after a restart or a deploy.
_FORGETFUL = {
    "RENDER": "Render",  # https://render.com/docs/environment-variables
    "RAILWAY_ENVIRONMENT": "Railway",  # https://docs.railway.com/reference/variables
    "K_SERVICE": "Cloud Run",  # https://cloud.google.com/run/docs/container-contract
    "FLY_APP_NAME": "Fly",  # https://fly.io/docs/machines/runtime-environment
}
REMEDY = "mount a disk that is kept and set BRIDGE_DATA to a folder on it, or set REDIS_URL"


def forgetful() -> str | None:
    """The name of a host that throws its disk away, unless one that is kept is mounted there; Heroku's is DYNO."""
    return next((host for variable, host in _FORGETFUL.items() if os.environ.get(variable)), None)
