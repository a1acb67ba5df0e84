"""What is known of an experiment, in words that claim no more than that.

In:  standings.   Out: one sentence for the operator, in Chinese or English.
"""

from __future__ import annotations

from livehost.brain.experiments.plan import Experiment
from livehost.brain.experiments.verdict import Standing, Standings

_WORDS = {
    "zh": {
        Standing.COLLECTING: "数据还不够：每个方案至少要 {least} 次，最少的只有 {fewest} 次。",
        Standing.UNKNOWN: "还看不出差别：“{leader}”最好的概率 {best}，区间互相重叠。",
        Standing.LEADS: "“{leader}”暂时领先（最好的概率 {best}），还不能确定。",
        Standing.BETTER: "“{leader}”更好：最好的概率 {best}，选它预计损失 {loss}。",
        Standing.ALIKE: "各方案差不多：选哪个预计损失都不超过 {most}。",
    },
    "en": {
        Standing.COLLECTING: "Too early: every arm needs {least} exposures, one has {fewest}.",
        Standing.UNKNOWN: (
            "Not yet known: {leader} is the best with probability {best}; intervals overlap."
        ),
        Standing.LEADS: "{leader} leads (the best with probability {best}); not yet known.",
        Standing.BETTER: (
            "{leader} is better: the best with probability {best}, expected loss {loss}."
        ),
        Standing.ALIKE: "Next to no difference: whichever is kept, at most {most} is lost.",
    },
}
_KEPT = {"zh": "已停止，固定用“{arm}”。", "en": "Stopped; {arm} is kept."}


def said(
    plan: Experiment, standings: Standings, fewest: int, kept: str = "", language: str = "zh"
) -> str:
    """Return what may be said of an experiment.

    Args:
        fewest: exposures of the arm that was on least.
        kept: the arm that it was frozen on, "" while it runs.
    """
    whole = max(float(standings.mean.max()), 1e-12)
    text = _WORDS[language][standings.standing].format(
        leader=plan.names[standings.leader],
        best=percent(float(standings.best[standings.leader])),
        loss=percent(float(standings.loss[standings.leader]) / whole),
        most=percent(float(standings.loss.max()) / whole),
        least=plan.least,
        fewest=fewest,
    )
    return _KEPT[language].format(arm=kept) + text if kept else text


def percent(share: float) -> str:
    """Return a share; certainty is never claimed."""
    if share > 0.999:
        return "> 99.9%"
    return "< 0.1%" if share < 0.001 else f"{100 * share:.1f}%"
