"""The outcomes as a table: a row for each family and for each kind of fault."""
from collections import defaultdict


def share(outcomes, attribute):
    return sum(getattr(outcome, attribute) for outcome in outcomes) / len(outcomes)


def markdown(outcomes, alarms):
    rows = [["", "faults", "located", "named"], ["---", "---:", "---:", "---:"]]
    for title, key in (("family", "family"), ("kind", "kind")):
        groups = defaultdict(list)
        for outcome in outcomes:
            groups[getattr(outcome, key)].append(outcome)
        rows.append([f"**by {title}**", "", "", ""])
        rows += [_row(name, group) for name, group in groups.items()]
    rows.append(_row("**all**", outcomes))
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    false = sum(map(len, alarms.values()))
    return "\n".join([
        *lines, "",
        f"Faithful ports: {len(alarms)}, false alarms: {false}. Faults reported beside the one that is "
        f"there: {sum(outcome.others for outcome in outcomes)}."])


def _row(name, outcomes):
    return [name, str(len(outcomes)), *(f"{100 * share(outcomes, attribute):.0f} %"
                                        for attribute in ("is_located", "is_named"))]


def line(outcome):
    verdict = ("named" if outcome.is_named else "LOCATED ALONE") if outcome.is_located else "MISSED"
    beside = f", {outcome.others} BESIDE IT" if outcome.others else ""
    return (f"{verdict}{beside}: {outcome.family}: {outcome.kind} at {outcome.place}: {outcome.said}")


def misses(outcomes, alarms):
    """What was not located or not named, and what was wrongly reported, a line each."""
    lines = [line(outcome) for outcome in outcomes
             if outcome.others or not (outcome.is_located and outcome.is_named)]
    return lines + [f"FALSE ALARM: {family}: {fault['kind']} {fault['converted']}"
                    for family, faults in alarms.items() for fault in faults]


def reaches_goals(outcomes, alarms):
    """95 % located, 85 % of the causes named, no false alarm."""
    return (share(outcomes, "is_located") >= 0.95 and share(outcomes, "is_named") >= 0.85
            and not any(alarms.values()))
