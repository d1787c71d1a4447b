"""Somebody with a browser that runs no script, at the pages of a simulator."""

import re

import httpx

# All of a card but its number.
CARD = {
    "expiry": "12 / 34",
    "cvc": "123",
    "name": "Ada",
    "postal": "12345",
}


class Payer:
    """Follows links, sends forms and answers the issuer's challenge."""

    def __init__(self, base_url: str) -> None:
        self.http = httpx.Client(
            base_url=base_url, timeout=10, trust_env=False, follow_redirects=True
        )

    def open(self, url: str) -> httpx.Response:
        return self.http.get(url)

    def leaves_for(self, url: str, **form: str) -> str:
        """Send a form and return where it leads, without going there."""
        answer = self.http.post(url, data=form, follow_redirects=False)
        return str(answer.headers["location"])

    def send(self, url: str, **form: str) -> httpx.Response:
        return self.http.post(url, data=form)

    def answer(self, asked: httpx.Response, outcome: str) -> httpx.Response:
        secret = re.search(r'name="client_secret" value="([^"]+)"', asked.text)
        assert secret is not None
        form = {"client_secret": secret[1], "outcome": outcome}
        return self.http.post(str(asked.url), data=form)
