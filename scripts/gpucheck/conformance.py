"""What `flexmig node conformance` says of this machine's driver: whether it keeps the rules that Flex-MIG relies on.
It looks only, unless FLEXMIG_CONFORMANCE_WRITE=1 is set."""
from __future__ import annotations

import json
import subprocess
from typing import Any, Optional

LIMIT_S = 300.0


def ask(program: Optional[str], environment: dict[str, str]) -> dict[str, Any]:
    """The program's report, or {"reason": why there is none}."""
    if program is None:
        return {"reason": "flexmig is not built"}
    try:
        done = subprocess.run(
            [program, "node", "conformance", "--json"], env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=LIMIT_S)
        report = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"reason": "%s does not work: %s" % (program, error)}
    except ValueError:
        return {"reason": " ".join(done.stderr.split())[:300] or "exit status %d" % done.returncode}
    return report if isinstance(report, dict) else {"reason": "it printed no report"}


def summary(report: dict[str, Any]) -> str:
    """One line."""
    if "reason" in report:
        return "the driver's rules were not checked: " + report["reason"]
    verdicts = [rule["verdict"] for rule in report["rules"]]
    broken = ["%s (%s)" % (rule["rule"], rule.get("seen")) for rule in report["rules"] if rule["verdict"] == "broken"]
    words = "%s %s: of %d rules %d held, %d not checked" % (
        report["evidence"], report["driver"], len(verdicts), verdicts.count("held"), verdicts.count("not checked"))
    return words + (", broken: " + "; ".join(broken) if broken else "")


def is_broken(report: dict[str, Any]) -> bool:
    return any(rule["verdict"] == "broken" for rule in report.get("rules", []))
