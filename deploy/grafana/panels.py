"""Building blocks of Grafana dashboards, as the JSON that Grafana's files have.

A panel is made by `number`, `graph`, `bars`, `table`, `words` or `alerts`; `dashboard` puts rows of them on one page. Every panel has
a title, a unit and a description that says what a good picture looks like and what a bad one means.
"""

# Grafana's version of the form. Newer ones read older forms.
SCHEMA = 41
# Columns of a page.
WIDTH = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GOOD, WATCH, BAD = "green", "orange", "red"


def limits(*steps, of=GOOD):
    """Colours by value: `limits((1, BAD))` is good below 1 and bad from there."""
    return {
        "mode": "absolute",
        "steps": [{"value": None, "color": of}, *({"value": at, "color": color} for at, color in steps)],
    }


PLAIN = limits(of="blue")


def _targets(queries, instant):
    targets = []
    for letter, (query, legend) in zip("ABCDEFGH", queries, strict=False):
        target = {"refId": letter, "datasource": SOURCE, "expr": query, "legendFormat": legend, "editorMode": "code"}
        targets.append(target | ({"instant": True, "range": False} if instant else {"instant": False, "range": True}))
    return targets


def _panel(kind, title, description, unit, queries, wide, high, defaults, options, instant=False):
    assert title and description and unit and len(queries) <= 8, title
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "gridPos": {"w": wide, "h": high, "x": 0, "y": 0},
        "targets": _targets(queries, instant),
        "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": []},
        "options": options,
    }


def number(title, description, unit, query, steps=PLAIN, wide=4, high=4, texts=None, decimals=None):
    """One figure of now. `texts` says words in place of values."""
    mappings = (
        [
            {
                "type": "value",
                "options": {
                    str(value): {"text": text, "index": place} for place, (value, text) in enumerate(texts.items())
                },
            }
        ]
        if texts
        else []
    )
    defaults = {"thresholds": steps, "color": {"mode": "thresholds"}, "mappings": mappings}
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value" if steps is PLAIN else "background",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    }
    return _panel("stat", title, description, unit, [(query, "")], wide, high, defaults, options, instant=True)


def graph(title, description, unit, *queries, wide=8, high=8, stacked=False, steps=None, least=0):
    """Figures over time, one line for each series; each query with what its lines are called."""
    custom = {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "fillOpacity": 30 if stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if steps else "off"},
    }
    defaults = {"custom": custom, "color": {"mode": "palette-classic"}, "thresholds": steps or PLAIN, "mappings": []}
    if least is not None:
        defaults["min"] = least
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return _panel("timeseries", title, description, unit, queries, wide, high, defaults, options)


def bars(title, description, unit, query, legend, wide=8, high=8, steps=PLAIN, most=None):
    """One bar for each series of now."""
    defaults = {"thresholds": steps, "color": {"mode": "thresholds"}, "mappings": [], "min": 0}
    if most is not None:
        defaults["max"] = most
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "namePlacement": "left",
        "showUnfilled": True,
        "sizing": "auto",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 300,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
    }
    return _panel("bargauge", title, description, unit, [(query, legend)], wide, high, defaults, options, instant=True)


def alerts(title, description, wide=24, high=5):
    """What is firing or about to. It asks for no series, but for the state of the rules."""
    options = {
        "viewMode": "list",
        "groupMode": "default",
        "groupBy": [],
        "maxItems": 20,
        "sortOrder": 3,
        "dashboardAlerts": False,
        "alertName": "Frontrow",
        "alertInstanceLabelFilter": "",
        # None is named, so that alerts of any Prometheus are shown whose names begin like ours.
        "datasource": "",
        "stateFilter": {"firing": True, "pending": True, "error": True, "noData": False, "normal": False},
        "folder": "",
        "showInstances": False,
    }
    panel = _panel("alertlist", title, description, "none", [], wide, high, {}, options)
    del panel["targets"]
    return panel


def _variable(name, label, query):
    """A choice among the values of a label; all at first."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "query": {"qryType": 1, "query": query, "refId": f"choice-{name}"},
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "options": [],
        "regex": "",
    }


INSTANCE = _variable("instance", "Server", 'label_values(up{job="frontrow"}, instance)')
_DATASOURCE = {
    "type": "datasource",
    "name": "datasource",
    "label": "Prometheus",
    "query": "prometheus",
    "current": {"selected": True, "text": "Prometheus", "value": "prometheus"},
    "includeAll": False,
    "multi": False,
    "refresh": 1,
    "hide": 0,
    "options": [],
    "regex": "",
}


def concerts(metric):
    """The choice of a concert among those that this metric knows."""
    return _variable("concert", "Concert", f"label_values({metric}, concert)")


def _placed(rows):
    """The panels of each row at the highest place that is free, from left to right, below the row's title."""
    placed, top = [], 0
    for title, panels in rows:
        placed.append(
            {
                "type": "row",
                "title": title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
            }
        )
        # How far down each column is taken.
        taken = [top + 1] * WIDTH
        for panel in panels:
            wide, high = panel["gridPos"]["w"], panel["gridPos"]["h"]
            below = [max(taken[left : left + wide]) for left in range(WIDTH - wide + 1)]
            y = min(below)
            x = below.index(y)
            taken[x : x + wide] = [y + high] * wide
            placed.append({**panel, "gridPos": {"x": x, "y": y, "w": wide, "h": high}})
        top = max(taken)
    return [{"id": number, **panel} for number, panel in enumerate(placed, 1)]


def dashboard(uid, title, description, rows, variables, last="now-1h"):
    """One page. `rows` are pairs of a title and its panels."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["frontrow"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "5s",
        "time": {"from": last, "to": "now"},
        "timepicker": {"refresh_intervals": ["5s", "10s", "30s", "1m", "5m"]},
        "fiscalYearStartMonth": 0,
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "Frontrow",
                "tags": ["frontrow"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "icon": "external link",
                "targetBlank": False,
                "tooltip": "",
                "url": "",
            }
        ],
        "templating": {"list": [_DATASOURCE, *variables]},
        "panels": _placed(rows),
    }
