"""Pages of a list of names: the parameters ``n`` and ``last`` of a request, and the Link to the next page.

The OCI distribution specification has both parameters and the Link for tags ("Listing Tags"), Docker's registry API
for repositories ("Listing Repositories"). ECR gives 100 names without ``n`` (github.com/genuinetools/reg, issue 206;
github.com/docker-archive/migrator, issue 96), a Link that repeats ``n`` only where it was given
(github.com/deitch/docker_registry2, issue 34), and refuses an ``n`` over 1000 with the status 405 and the sentence
of its API (github.com/google/go-containerregistry, issue 1091; Renovate's ``isECRMaxResultsError``).
"""

from __future__ import annotations

from urllib.parse import quote

from ..errors import invalid
from ..numbers import parse_number
from .errors import RegistryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..http.messages import Request

_DEFAULT_SIZE = 100
_MAX_SIZE = 1000


def read_page(
    request: Request, names: Callable[[str, int], list[str]], path: str
) -> tuple[list[str], dict[str, str]]:
    """Return the names of the page that the request selects, and the headers that lead to the next one.

    ``names`` returns at most so many names (the second argument) that come after another, in ascending order;
    ``path`` is the list's, as it stands in the Link. Raises RegistryError.
    """
    number = request.parameter("n")
    size = _DEFAULT_SIZE if number is None else _page_size(number)
    later = names(request.parameter("last") or "", size + 1)
    page = later[:size]
    if not page or len(later) <= size:
        return page, {}
    prefix = "" if number is None else f"n={size}&"
    return page, {"Link": f'<{path}?{prefix}last={quote(page[-1])}>; rel="next"'}


def _page_size(number: str) -> int:
    size = parse_number(number)
    if size is None:
        raise RegistryError(400, "PAGINATION_NUMBER_INVALID", f"Invalid number of results '{number[:40]}'")
    if size > _MAX_SIZE:
        constraint = f"Member must have value less than or equal to {_MAX_SIZE}"
        raise RegistryError(405, "UNSUPPORTED", invalid("maxResults", constraint).message)
    return size
