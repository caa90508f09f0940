"""Errors of the OCI distribution specification, and the translation of ECR's exceptions into them."""

from __future__ import annotations

from ..auth import NOT_AUTHORIZED
from ..http.messages import Response, json_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..auth import Denied
    from ..errors import EcrError

VERSION_HEADER = {"Docker-Distribution-Api-Version": "registry/2.0"}

# ECR's exception -> HTTP status and the specification's error code.
_STATUS_AND_CODE = {
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "ImageNotFoundException": (404, "MANIFEST_UNKNOWN"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "ImageDigestDoesNotMatchException": (400, "DIGEST_INVALID"),
    "LayersNotFoundException": (404, "MANIFEST_BLOB_UNKNOWN"),
    "ReferencedImagesNotFoundException": (404, "MANIFEST_BLOB_UNKNOWN"),
    "ImageReferencedByManifestList": (405, "UNSUPPORTED"),
    "InvalidLayerException": (400, "DIGEST_INVALID"),
    "UploadNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
    "InvalidParameterException": (400, "MANIFEST_INVALID"),
    "ServerException": (500, "UNKNOWN"),
    "ThrottlingException": (429, "TOOMANYREQUESTS"),
    "AccessDeniedException": (403, "DENIED"),
    # github.com/aws/containers-roadmap, issue 2159; github.com/kubernetes-sigs/aws-ebs-csi-driver, pull request 1998.
    "LimitExceededException": (403, "DENIED"),
}


class RegistryError(Exception):
    """The refusal of a request: HTTP status, error code of the specification, message for the user."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def response(self) -> Response:
        """Return the response, with the JSON body that the specification prescribes for errors."""
        document = {"errors": [{"code": self.code, "message": self.message}]}
        return json_response(self.status, document, {**VERSION_HEADER, **self.headers})


def from_ecr_error(error: EcrError) -> RegistryError:
    """Translate an ECR exception into an error of the specification."""
    status, code = _STATUS_AND_CODE.get(error.name, (400, "UNKNOWN"))
    return RegistryError(status, code, error.message)


def denied(error: Denied, challenge: str) -> RegistryError:
    """Return 401 with the challenge, or 403 with ECR's message for an expired token."""
    if error.expired:
        return RegistryError(403, "DENIED", error.message)
    return RegistryError(401, "UNAUTHORIZED", NOT_AUTHORIZED, {"WWW-Authenticate": challenge})


def digest_invalid(digest: str) -> RegistryError:
    """Return the error for an invalid digest."""
    return RegistryError(400, "DIGEST_INVALID", f"Invalid digest '{digest}'")


def unsupported(method: str, what: str) -> RegistryError:
    """Return the error for an HTTP method that a kind of resource (``what``) does not support."""
    return RegistryError(405, "UNSUPPORTED", f"The operation {method} is not supported for {what}")
