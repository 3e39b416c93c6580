"""Is the process alive, and may it get requests? Both answer without telling anything else."""

import psycopg
from flask import Blueprint, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dispatch.core.migrate import heads
from dispatch.core.serving import draining
from dispatch.web.context import services
from dispatch.web.security import public

blueprint = Blueprint("health", __name__, url_prefix="/health")


@blueprint.get("/live")
@public
def live() -> Response:
    """Say that the process turns; asks nobody else."""
    return Response("ok", mimetype="text/plain")


@blueprint.get("/ready")
@public
def ready() -> Response:
    """Say whether requests are welcome: the database answers and has this version's schema."""
    if draining.is_set():
        return Response("stopping", 503, mimetype="text/plain", headers={"Retry-After": "5"})
    try:
        with services().engine.connect() as connection:
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except (SQLAlchemyError, psycopg.Error):
        return Response("no database", 503, mimetype="text/plain", headers={"Retry-After": "5"})
    if [found] != heads():
        return Response("database of another version", 503, mimetype="text/plain", headers={"Retry-After": "30"})
    return Response("ready", mimetype="text/plain")
