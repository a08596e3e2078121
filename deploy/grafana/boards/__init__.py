"""The dashboards, each by the name of its file."""

from .engine import ENGINE
from .line import LINE
from .money import MONEY
from .night import NIGHT
from .stores import STORES

ALL = {"night": NIGHT, "line": LINE, "money": MONEY, "engine": ENGINE, "stores": STORES}
