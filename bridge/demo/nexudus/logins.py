"""The board's login: OAuth's password and refresh grants, and the roles of the API user."""

import uuid
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

EXPIRES_IN = 604799


class Logins:
    """Who may log in, and which tokens live."""

    def __init__(self) -> None:
        self.logins: dict[str, str] = {}
        self.access_tokens: set[str] = set()
        self.refresh_tokens: dict[str, str] = {}
        self.token_requests = self.refreshes = 0
        self.two_factor_auth_check = self.must_reset_password = False
        self.missing_roles: set[str] = set()

    def expire_access_tokens(self) -> None:
        self.access_tokens.clear()

    def expire_refresh_tokens(self) -> None:
        self.refresh_tokens.clear()

    async def token(self, request: Request) -> Response:
        """Form-encoded only; client_id is a header; one live refresh token for each client_id."""
        form = dict(parse_qsl((await request.body()).decode()))
        self.token_requests += 1
        if "json" in request.headers.get("content-type", ""):
            return _denied("unsupported_grant_type")
        if form.get("grant_type") == "refresh_token":
            return self._refreshed(form.get("refresh_token", ""), request.headers.get("client_id"))
        if form.get("grant_type") != "password":
            return _denied("unsupported_grant_type")
        return self._logged_in(form, request.headers.get("client_id"))

    def _logged_in(self, form: dict[str, str], client_id: str | None) -> Response:
        name = form.get("username", "")
        if name not in self.logins or self.logins[name] != form.get("password"):
            return _denied("invalid_grant")
        if self.two_factor_auth_check and "totp" not in form:
            return _denied("two_factor_auth_check")
        if self.must_reset_password:
            return _denied("must_reset_password")
        return self._pair(client_id or name)

    def _refreshed(self, token: str, client_id: str | None) -> Response:
        owner = next((each for each, live in self.refresh_tokens.items() if live == token), None)
        # Without the header the client_id counts as the user's e-mail.
        if owner is None or owner != (client_id or owner) or (not client_id and owner not in self.logins):
            return _denied("invalid_grant")
        self.refreshes += 1
        return self._pair(owner)

    def _pair(self, client_id: str) -> Response:
        access, refresh = f"at-{uuid.uuid4().hex}", f"rt-{uuid.uuid4().hex}"
        self.access_tokens.add(access)
        self.refresh_tokens[client_id] = refresh
        pair = {"access_token": access, "token_type": "bearer", "expires_in": EXPIRES_IN}
        return JSONResponse(pair | {"refresh_token": refresh})

    def refuses(self, request: Request, role: str) -> Response | None:
        """401 with an empty body: no live token, or a role that this user lacks."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if bearer in self.access_tokens and role not in self.missing_roles:
            return None
        return Response(b"", 401)


def _denied(error: str) -> Response:
    return JSONResponse({"error": error, "error_description": "The login was refused."}, 400)
