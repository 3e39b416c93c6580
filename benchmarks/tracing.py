"""How well the next answer is foretold from (skill, correct) sequences alone, beside BKT and Elo.

    python -m benchmarks.tracing                    # made-up pupils, four worlds
    python -m benchmarks.tracing TRAIN.csv TEST.csv # public data

Files hold three lines a person: the number of steps, the skills, and 0 or 1 for each, both separated by commas, as the
public sets of ASSISTments and others are passed around. All three are fitted on the first file (or four fifths of the
people) and asked one step ahead on the other. AUC: chance that a success was given a higher figure than a failure.
"""

import dispatch.skills  # noqa: F401, I001 - first, because it keeps NumPy's small matrices on one thread

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numba import njit
from scipy.stats import rankdata

from dispatch.skills.catalogue import Floats, Ints
from dispatch.skills.tracing import fit

People = list[list[tuple[int, bool]]]


def read(path: Path) -> People:
    """Read a file of three lines a person; people without steps are left out."""
    lines = [line.strip().strip(",") for line in path.read_text(encoding="utf-8").splitlines()]
    found = []
    for number in range(0, len(lines) - 2, 3):
        skills, right = lines[number + 1].split(","), lines[number + 2].split(",")
        if len(skills) != len(right):
            raise SystemExit(f"{path}, line {number + 2}: {len(skills)} skills but {len(right)} results")
        found.append([(int(skill), int(result) > 0) for skill, result in zip(skills, right, strict=True) if skill])
    return [person for person in found if person]


def pupils(
    seed: int, *, people: int = 800, skills: int = 60, learning: float = 0.15, together: bool = False, blocks: int = 6
) -> People:
    """Make pupils with a general and a skill's own ability who learn by practice, some by leaps.

    `together`: some work needs two skills and is written as two steps with one result, as public sets do.
    """
    rng = np.random.default_rng(seed)
    difficulty, slope = rng.normal(-0.4, 1.0, skills), rng.gamma(4, 0.3, skills)
    guess, slip = rng.uniform(0.0, 0.25, skills), rng.uniform(0.0, 0.1, skills)
    group = rng.integers(0, 6, skills)
    partner = rng.permutation(skills)
    made: People = []
    for _ in range(people):
        general, by_group, own = rng.normal(0, 0.9), rng.normal(0, 0.5, 6), rng.normal(0, 0.6, skills)
        gained, leapt = np.zeros(skills), np.zeros(skills, dtype=bool)
        steps: list[tuple[int, bool]] = []
        for _ in range(int(rng.integers(3, 30))):
            skill = int(rng.integers(skills))
            for _ in range(int(rng.integers(1, 2 * blocks))):
                level = general + by_group[group[skill]] + own[skill] + gained[skill] + 2.0 * leapt[skill]
                known = 1 / (1 + np.exp(-slope[skill] * (level - difficulty[skill])))
                right = bool(rng.random() < guess[skill] + (1 - guess[skill] - slip[skill]) * known)
                steps.append((skill, right))
                if together and skill % 3 == 0:
                    steps.append((int(partner[skill]), right))
                gained[skill] += learning
                leapt[skill] |= bool(rng.random() < learning / 3)
                general += rng.normal(0, 0.05)
        made.append(steps)
    return made


def elo(train: People, test: People) -> list[Floats]:
    """Ability of the person, of the person in the skill, and difficulty, each moved by what surprised."""
    difficulty: dict[int, float] = {}
    tried: dict[int, int] = {}

    def along(steps: Sequence[tuple[int, bool]], learn: bool) -> Floats:
        ability, own, times, said = 0.0, dict[int, float](), dict[int, int](), []
        for number, (skill, right) in enumerate(steps):
            logit = ability + own.get(skill, 0.0) - difficulty.get(skill, 0.0)
            chance = 1 / (1 + np.exp(-logit))
            said.append(chance)
            off = right - chance
            ability += off * 0.5 / (1 + 0.05 * number)
            own[skill] = own.get(skill, 0.0) + off * 1.0 / (1 + 0.1 * times.get(skill, 0))
            times[skill] = times.get(skill, 0) + 1
            if learn:
                difficulty[skill] = difficulty.get(skill, 0.0) - off * 1.0 / (1 + 0.05 * tried.get(skill, 0))
                tried[skill] = tried.get(skill, 0) + 1
        return np.array(said)

    for steps in train:
        along(steps, True)
    return [along(steps, False) for steps in test]


def bkt(train: People, test: People) -> list[Floats]:
    """Known or not, for each skill: chances to know it at first, to learn it, to guess and to slip, by EM."""
    by_skill: dict[int, list[list[int]]] = {}
    for steps in train:
        mine: dict[int, list[int]] = {}
        for skill, right in steps:
            mine.setdefault(skill, []).append(int(right))
        for skill, answers in mine.items():
            by_skill.setdefault(skill, []).append(answers)
    fitted = {}
    for skill, answers in by_skill.items():
        ends = np.cumsum([len(each) for each in answers])
        fitted[skill] = _bkt_em(np.array([r for each in answers for r in each]), ends, np.array([0.4, 0.15, 0.2, 0.1]))
    usual = np.array([0.4, 0.15, 0.2, 0.1])
    said = []
    for steps in test:
        known: dict[int, float] = {}
        chances = []
        for skill, right in steps:
            first, learns, guess, slip = fitted.get(skill, usual)
            now = known.get(skill, first)
            chance = now * (1 - slip) + (1 - now) * guess
            chances.append(chance)
            after = now * (1 - slip) / chance if right else now * slip / (1 - chance)
            known[skill] = after + (1 - after) * learns
        said.append(np.array(chances))
    return said


@njit(cache=True)
def _bkt_em(right: Ints, ends: Ints, chances: Floats) -> Floats:
    for _ in range(30):
        first = learn = learn_from = guess = unknown = slip = knew = 0.0
        begin = 0
        for end in ends:
            size = end - begin
            ahead = np.zeros((size, 2))
            back = np.ones((size, 2))
            see = np.zeros((size, 2))
            for at in range(size):
                worked = right[begin + at] > 0
                see[at, 0] = chances[2] if worked else 1 - chances[2]
                see[at, 1] = 1 - chances[3] if worked else chances[3]
                if at == 0:
                    ahead[0, 0], ahead[0, 1] = 1 - chances[0], chances[0]
                else:
                    ahead[at, 0] = ahead[at - 1, 0] * (1 - chances[1])
                    ahead[at, 1] = ahead[at - 1, 0] * chances[1] + ahead[at - 1, 1]
                ahead[at] *= see[at]
                ahead[at] /= ahead[at].sum()
            for at in range(size - 2, -1, -1):
                one = back[at + 1, 1] * see[at + 1, 1]
                back[at, 0] = (1 - chances[1]) * back[at + 1, 0] * see[at + 1, 0] + chances[1] * one
                back[at, 1] = one
                back[at] /= back[at].sum()
            for at in range(size):
                both = ahead[at] * back[at]
                know = both[1] / both.sum()
                if at == 0:
                    first += know
                knew += know
                unknown += 1 - know
                if right[begin + at] > 0:
                    guess += 1 - know
                else:
                    slip += know
                if at < size - 1:
                    stay = ahead[at, 0] * (1 - chances[1]) * see[at + 1, 0] * back[at + 1, 0]
                    move = ahead[at, 0] * chances[1] * see[at + 1, 1] * back[at + 1, 1]
                    hold = ahead[at, 1] * see[at + 1, 1] * back[at + 1, 1]
                    whole = stay + move + hold
                    learn += move / whole
                    learn_from += (stay + move) / whole
            begin = end
        count = len(ends)
        chances = np.array(
            [
                (first + 1) / (count + 2),
                (learn + 1) / (learn_from + 5),
                min((guess + 1) / (unknown + 5), 0.5),
                min((slip + 1) / (knew + 10), 0.4),
            ]
        )
    return chances


def ours(train: People, test: People) -> list[Floats]:
    """Ask the function of the project."""
    return fit(train).chances(test)


def auc(chance: Floats, right: Floats) -> float:
    """Chance that a success was given a higher figure than a failure."""
    ranks, ones = rankdata(chance), right.sum()
    return float((ranks[right > 0].sum() - ones * (ones + 1) / 2) / (ones * (len(right) - ones)))


def compare(name: str, train: People, test: People) -> None:
    """Print one line a model."""
    right = np.array([float(result) for steps in test for _, result in steps])
    learnt = sum(map(len, train))
    print(f"{name}: learned from {len(train)} people, {learnt} steps; asked {len(test)} people, {len(right)} steps")
    models: tuple[Callable[[People, People], list[Floats]], ...] = (bkt, elo, ours)
    for model in models:
        began = time.process_time()
        chance = np.clip(np.concatenate(model(train, test)), 1e-4, 1 - 1e-4)
        seconds = time.process_time() - began
        loss = -float(np.mean(np.where(right > 0, np.log(chance), np.log(1 - chance))))
        bins = np.minimum((chance * 10).astype(int), 9)
        off = sum((bins == b).mean() * abs(chance[bins == b].mean() - right[bins == b].mean()) for b in set(bins))
        print(
            f"  {model.__name__:5} AUC {auc(chance, right):.4f}  log-loss {loss:.4f}  calibration {off:.3f}"
            f"  {seconds:.1f} s",
            flush=True,
        )


def main() -> None:
    """Compare on the files given, else on made-up pupils."""
    if len(sys.argv) == 3:
        train, test = (read(Path(each)) for each in sys.argv[1:])
        compare(Path(sys.argv[1]).stem, train, test)
        return
    fit(pupils(99, people=40))  # compiled before the clock starts
    for name, kind in (
        ("learning by practice", {}),
        ("nothing is learned", {"learning": 0.0}),
        ("work that needs two skills", {"together": True}),
        ("short stays", {"blocks": 2, "skills": 120}),
    ):
        everybody = pupils(7, **kind)  # type: ignore[arg-type]  # a table of named settings
        cut = len(everybody) * 4 // 5
        compare(name, everybody[:cut], everybody[cut:])


if __name__ == "__main__":
    main()
