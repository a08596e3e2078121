"""Queries that panels have in common.

Servers of one sale show the same figures of a line, a schedule or the outbox, so those are taken by `max`; what a server
counts for itself is added up by `sum`.
"""

from panels import BAD, GOOD, limits

# The servers, and the concerts, that were chosen at the top of the page.
AT = 'instance=~"$instance"'
OF = 'concert=~"$concert"'
# Long enough for at least four answers of the servers, whatever the width of the page.
OVER = "$__rate_interval"

WELL = limits((1, GOOD), of=BAD)
NONE = limits((1, BAD))
UP = {0: "down", 1: "up"}


def quantile(share, metric, by="", where=AT):
    """A share of the observations took at most so long."""
    return (
        f"histogram_quantile({share}, sum by (le{', ' + by if by else ''}) (rate({metric}_bucket{{{where}}}[{OVER}])))"
    )


def mean(metric):
    return f"sum(rate({metric}_sum{{{AT}}}[{OVER}])) / sum(rate({metric}_count{{{AT}}}[{OVER}]))"


def rate(metric, by="", where=""):
    chosen = ",".join(part for part in (AT, where) if part)
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{chosen}}}[{OVER}]))"


def share_of(part, whole):
    return f"{part} / ({whole} > 0)"


def seats(state):
    return f'sum(frontrow:seats:max{{{OF},state="{state}"}})'


EVENT = "frontrow_events_committed_total"


def told(*kinds):
    """How often something happened, by its event."""
    return rate(EVENT, where=f'type=~"frontrow[.]({"|".join(kinds)})[.]v1"')


def a_line(name, unit="max"):
    return f"{unit} by (concert) (frontrow_queue_{name}{{{OF}}})"


def money(kind):
    return f'sum by (currency) (frontrow:takings:max{{{OF},kind="{kind}"}})'
