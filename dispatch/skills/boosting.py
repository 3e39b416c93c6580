"""Pure: boosted regression trees for chances, small and deterministic (Friedman 2001, doi 10.1214/aos/1013203451).

Features are cut into at most 64 bins by quantiles; each tree grows level by level to a fixed depth on gradient and
curvature of the log-loss, and adds a small step. Nothing is drawn at random: the same table gives the same trees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Bins = npt.NDArray[np.uint8]

BINS = 64
SMOOTH = 5.0  # added to the curvature of a leaf, in observations of chance 1/2 times 4


@dataclass(frozen=True, kw_only=True)
class Trees:
    """Complete binary trees over binned features; node n has the children 2n + 1 and 2n + 2."""

    edges: Floats  # [feature, BINS - 1], upper ends of the bins
    start: float  # logit before the first tree
    feature: npt.NDArray[np.int16]  # [tree, inner node]
    cut: Bins  # [tree, inner node]: bins up to it go left
    leaf: Floats  # [tree, leaf], logit

    def logits(self, table: Floats) -> Floats:
        """Logit of the chance for each row.  # [row]."""
        result: Floats = _apply(_binned(table, self.edges), self.feature, self.cut, self.leaf, self.start)
        return result


def grow(
    table: Floats,
    happened: Floats,
    aside: npt.NDArray[np.bool_],
    *,
    depth: int = 5,
    step: float = 0.08,
    most: int = 300,
) -> Trees:
    """Fit trees on the rows that are not `aside`; stop when the log-loss of those aside no longer falls.

    Parameters
    ----------
    table
        Features.  # [row, feature]
    happened
        1.0 where it happened, else 0.0.  # [row]
    aside
        Rows that only judge when to stop.  # [row]
    """
    edges = _edges(table[~aside])
    bins = _binned(table, edges)
    rate = float(np.clip(happened[~aside].mean(), 1e-4, 1 - 1e-4))
    start = float(np.log(rate / (1 - rate)))
    logit = np.full(len(table), start)
    learn = np.flatnonzero(~aside)
    mine, judge = np.ascontiguousarray(bins[learn]), np.flatnonzero(aside)
    features, cuts, leaves = [], [], []
    best, best_at = np.inf, 0
    for number in range(most):
        chance = 1 / (1 + np.exp(-logit[learn]))
        feature, cut, leaf = _tree(mine, chance - happened[learn], chance * (1 - chance), depth)
        leaf *= step
        features.append(feature)
        cuts.append(cut)
        leaves.append(leaf)
        logit += _apply(bins, feature[None], cut[None], leaf[None], 0.0)
        loss = float(np.mean(np.logaddexp(0, np.where(happened[judge] > 0, -logit[judge], logit[judge]))))
        if loss < best - 1e-5:
            best, best_at = loss, number
        elif number - best_at >= 15:
            break
    kept = best_at + 1
    return Trees(
        edges=edges,
        start=start,
        feature=np.array(features[:kept]),
        cut=np.array(cuts[:kept]),
        leaf=np.array(leaves[:kept]),
    )


def _edges(table: Floats) -> Floats:
    at = np.linspace(0, 1, BINS + 1)[1:-1]
    result: Floats = np.quantile(table, at, axis=0).T
    return result


def _binned(table: Floats, edges: Floats) -> Bins:
    result = np.empty(table.shape, dtype=np.uint8)
    for column in range(table.shape[1]):
        result[:, column] = np.searchsorted(edges[column], table[:, column], side="left")
    return result


@njit(cache=True)
def _tree(bins: Bins, gradient: Floats, curvature: Floats, depth: int) -> tuple[npt.NDArray[np.int16], Bins, Floats]:
    """Grow one tree; a node that nothing improves sends everything left."""
    rows, columns = bins.shape
    inner = 2**depth - 1
    feature = np.zeros(inner, dtype=np.int16)
    cut = np.full(inner, BINS - 1, dtype=np.uint8)
    node = np.zeros(rows, dtype=np.int32)
    for level in range(depth):
        first, width = 2**level - 1, 2**level
        slopes = np.zeros((width, columns, BINS))
        weights = np.zeros((width, columns, BINS))
        for row in range(rows):
            here = node[row] - first
            for column in range(columns):
                slopes[here, column, bins[row, column]] += gradient[row]
                weights[here, column, bins[row, column]] += curvature[row]
        for here in range(width):
            slope, weight = slopes[here, 0].sum(), weights[here, 0].sum()
            best = slope * slope / (weight + SMOOTH) + 1e-9
            for column in range(columns):
                left, left_weight = 0.0, 0.0
                for at in range(BINS - 1):
                    left += slopes[here, column, at]
                    left_weight += weights[here, column, at]
                    right, right_weight = slope - left, weight - left_weight
                    if left_weight < SMOOTH or right_weight < SMOOTH:
                        continue
                    gain = left * left / (left_weight + SMOOTH) + right * right / (right_weight + SMOOTH)
                    if gain > best:
                        best = gain
                        feature[first + here], cut[first + here] = column, at
        for row in range(rows):
            here = node[row]
            node[row] = 2 * here + (1 if bins[row, feature[here]] <= cut[here] else 2)
    slope, weight = np.zeros(inner + 1), np.zeros(inner + 1)
    for row in range(rows):
        slope[node[row] - inner] += gradient[row]
        weight[node[row] - inner] += curvature[row]
    return feature, cut, -slope / (weight + SMOOTH)


@njit(cache=True)
def _apply(bins: Bins, feature: npt.NDArray[np.int16], cut: Bins, leaf: Floats, start: float) -> Floats:
    rows = len(bins)
    trees, inner = feature.shape
    result = np.full(rows, start)
    for row in range(rows):
        for tree in range(trees):
            node = 0
            while node < inner:
                node = 2 * node + (1 if bins[row, feature[tree, node]] <= cut[tree, node] else 2)
            result[row] += leaf[tree, node - inner]
    return result
