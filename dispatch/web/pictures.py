"""Pictures that belong to a row, as an answer of their own: shown, never run."""

from flask import Response

from dispatch.core.attachments import read_file
from dispatch.web.context import db, services


def picture_of(entity: str, entity_id: int) -> Response:
    """Answer with the newest picture of a row; whoever calls has seen to it that the reader may see the row."""
    row, data = read_file(db(), services().settings.data_dir, entity=entity, entity_id=entity_id)
    answer = Response(data, mimetype=row.media_type)
    answer.headers["Content-Disposition"] = f'inline; filename="{row.name}"'
    # What browsers wrap a lone picture in carries styles of their own; nothing else may come of it.
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return answer
