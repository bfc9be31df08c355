"""What the Open Bandit Pipeline (obp 0.4.1) estimates: estimates.py LOG CHOICES REWARDS POLICY, all CSV of the form of the mapping `openbandit`.

Expected rewards for DR are (clicks + 1) / (rows + 250) by item and position, of REWARDS. Prints JSON, by campaign.

Of obp only its estimators are loaded, with a stand-in for PyTorch: the package as a whole wants that and plots, of which they use nothing.
"""

import importlib.util
import json
import sys
import types

import numpy
import pandas


def estimators():
    """The module `obp.ope.estimators`, without running the packages around it."""
    root = importlib.util.find_spec("obp").submodule_search_locations[0]
    for name, folder in (("obp", root), ("obp.ope", f"{root}/ope")):
        package = types.ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package
    # Named in annotations only.
    torch = types.ModuleType("torch")
    torch.Tensor = type("Tensor", (), {})
    sys.modules["torch"] = torch
    return importlib.import_module("obp.ope.estimators")


def main(log, choices, rewards, policy):
    ope = estimators()
    log, choices, rewards = (pandas.read_csv(file) for file in (log, choices, rewards))
    told = {}
    for campaign, rows in log[log.policy == policy].groupby("campaign"):
        of = choices[choices.campaign == campaign]
        items, positions = int(of.item.max()) + 1, int(of.position.max())
        # The policy, and what is expected: by item and position.
        pi, q = numpy.zeros((items, positions)), numpy.full((items, positions), 1 / 250)
        pi[of.item, of.position - 1] = of.prob
        known = rewards[(rewards.campaign == campaign) & (rewards.policy == policy)]
        cells = known.groupby(["item", "position"]).click.agg(["sum", "count"])
        for (item, position), (clicks, count) in zip(cells.index, cells.to_numpy()):
            q[item, position - 1] = (clicks + 1) / (count + 250)
        each = {
            "reward": rows.click.to_numpy(),
            "action": rows.item.to_numpy(),
            "position": rows.position.to_numpy() - 1,
            "pscore": rows.pscore.to_numpy(),
            "action_dist": numpy.tile(pi, (len(rows), 1, 1)),
        }
        expected = numpy.tile(q, (len(rows), 1, 1))
        weights = pi[each["action"], each["position"]] / each["pscore"]
        told[campaign] = {
            "rows": len(rows),
            "ess": float(weights.sum() ** 2 / (weights**2).sum()),
            "ipw": float(ope.InverseProbabilityWeighting().estimate_policy_value(**each)),
            "snipw": float(ope.SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**each)),
            "dr": float(ope.DoublyRobust().estimate_policy_value(**each, estimated_rewards_by_reg_model=expected)),
        }
    json.dump(told, sys.stdout)


main(*sys.argv[1:])
