"""Paths, bodies and answers of the team over HTTP."""

from typing import Any

DANA = {"email": "dana@example.com", "role": "viewer"}


def path_of(organization: object, row: object = None) -> str:
    path = f"/api/v1/orgs/{getattr(organization, 'pk', organization)}/members"
    return f"{path}/{getattr(row, 'pk', row)}" if row else path


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]
