"""`python3 -m receptionist`: serve with as many workers as WEB_WORKERS says."""

import uvicorn

from .settings import Settings

if __name__ == "__main__":
    settings = Settings.from_environment()
    uvicorn.run(
        "receptionist.app:app",
        host="127.0.0.1",
        port=settings.port,
        workers=settings.web_workers,
        access_log=False,
        log_level="warning",
    )
