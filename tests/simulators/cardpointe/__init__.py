"""A stateful stand-in for CardPointe: a process of its own, spoken to over HTTP only.

It keeps to what the provider documents, and never imports from the product, so that nothing but
the wire is shared. Integrated terminals answer under `/bolt/`.
"""

from typing import Any

Json = dict[str, Any]
