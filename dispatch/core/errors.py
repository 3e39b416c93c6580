"""The four ways a use case can refuse, each with a sentence fit to show to a person."""


class ServiceError(Exception):
    """Base of the four refusals; ``str(error)`` is the sentence shown."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(ServiceError):
    """The thing does not exist, or the actor may not know that it does."""


class Forbidden(ServiceError):
    """The actor lacks the right; the sentence says which and who can grant it."""


class Conflict(ServiceError):
    """Someone else was first, or the database refuses: the sentence names holder and next step."""


class Invalid(ServiceError):
    """The request makes no sense as given; ``field`` names the form field at fault, if one is."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
