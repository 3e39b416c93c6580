"""What only the whole of a VROOM input tells: its clock, what time is worth, which amounts matter, who comes first."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dispatch.matching.faults import Faults
from dispatch.matching.formats.vroom_input import MAX_PRIORITY, USUAL_PER_HOUR, Document, Job, Vehicle
from dispatch.matching.limits import MAX_COST, MAX_PERCENT, MAX_PIECES, MAX_TIME_S
from dispatch.units import SECONDS_PER_DAY, Seconds

LONGEST_SHIFT_S: Seconds = 2 * SECONDS_PER_DAY
PER_PERCENT = USUAL_PER_HOUR // 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """The instant that second 0 of the problem stands for, and the working time of each vehicle, on VROOM's clock."""

    start_s: int
    spans: Mapping[int, tuple[int, int]]

    @classmethod
    def of(cls, given: Document) -> "Clock":
        """Find the midnight before all work, and two days for each vehicle that may work at any time.

        Those two days lie so that every job can be started in the middle of them.
        """
        dated = [job.windows for job in given.jobs if job.windows]
        latest_start = max((min(since for since, _ in windows) for windows in dated), default=0)
        earliest_end = min((max(until for _, until in windows) for windows in dated), default=latest_start)
        apart = max(0, latest_start - earliest_end)
        begin = max(0, min(latest_start, earliest_end) - (LONGEST_SHIFT_S - apart) // 2)
        spans = {
            one.id: (begin, begin + LONGEST_SHIFT_S) if one.window is None else one.window for one in given.vehicles
        }
        start_s = min((since for since, _ in spans.values()), default=0) // SECONDS_PER_DAY * SECONDS_PER_DAY
        for one in given.vehicles:
            faults = Faults(one.path)
            if one.window is None and apart > SECONDS_PER_DAY:
                faults.add("time_window", None, "a working time: the jobs lie more than a day apart")
            if spans[one.id][1] - start_s > MAX_TIME_S:
                days = MAX_TIME_S // SECONDS_PER_DAY
                faults.add("time_window", one.window, f"a working time within {days} days of the first vehicle's")
            given.found += faults.found
        return cls(start_s=start_s, spans=spans)

    def ours(self, instant: int) -> Seconds:
        """Give seconds of the problem; what lies beyond its range lies beyond every working time as well."""
        return min(MAX_TIME_S, max(-MAX_TIME_S, instant - self.start_s))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """What a vehicle costs by its number: time in percent of the usual hour, and once when it is used."""

    percent: Mapping[int, int]
    call_out: Mapping[int, int]

    @classmethod
    def of(cls, given: Document) -> "Rates":
        """Keep the proportions of the costs; where all hours cost the same an hour is the usual one."""
        hours = {one.per_hour for one in given.vehicles}
        shared = hours.pop() if len(hours) == 1 else 0
        percent, call_out = {}, {}
        for one in given.vehicles:
            faults = Faults(f"{one.path}.costs")
            if not shared and (one.per_hour % PER_PERCENT or one.per_hour > PER_PERCENT * MAX_PERCENT):
                high = PER_PERCENT * MAX_PERCENT
                faults.add("per_hour", one.per_hour, f"a multiple of {PER_PERCENT} up to {high}, or the same for all")
            percent[one.id] = 100 if shared else one.per_hour // PER_PERCENT
            call_out[one.id] = (one.fixed * USUAL_PER_HOUR + shared // 2) // shared if shared else one.fixed
            if call_out[one.id] > MAX_COST:
                faults.add("fixed", one.fixed, f"at most {MAX_COST} s of paid travel")
            given.found += faults.found
        return cls(percent=percent, call_out=call_out)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loads:
    """Amounts that can keep a vehicle from a job: their place in the lists, and how much of them is one piece."""

    units: Mapping[int, int]
    totals: Mapping[int, int]

    @classmethod
    def of(cls, given: Document) -> "Loads":
        """Find the amounts that matter; one that is delivered and collected is refused where it could fill a vehicle.

        Deliveries are on board from the start and collections until the end, so either alone is full when its sum is.
        """
        units, totals = {}, {}
        for k in range(max((len(job.delivery or job.pickup) for job in given.jobs), default=0)):
            out = [job for job in given.jobs if amount(job.delivery, k)]
            back = [job for job in given.jobs if amount(job.pickup, k)]
            if out and back:
                if not all(_fits(vehicle, given, k) for vehicle in given.vehicles):
                    faults = Faults(back[0].path)
                    expected = f"none while {out[0].path} has a delivery there: only one of both can be counted"
                    faults.add(f"pickup[{k}]", back[0].pickup[k], expected)
                    given.found += faults.found
                continue
            sizes = [amount(job.delivery, k) + amount(job.pickup, k) for job in given.jobs]
            if not any(sizes):
                continue
            units[k], totals[k] = math.gcd(*sizes), sum(sizes)
            for vehicle in given.vehicles:
                faults = Faults(vehicle.path)
                most = min(amount(vehicle.capacity, k), totals[k]) // units[k]
                if most > MAX_PIECES:
                    faults.add(f"capacity[{k}]", vehicle.capacity[k], f"at most {MAX_PIECES * units[k]}")
                given.found += faults.found
        return cls(units=units, totals=totals)

    def of_job(self, job: Job) -> dict[str, int]:
        """Pieces that the job uses up."""
        sizes = {k: (amount(job.delivery, k) + amount(job.pickup, k)) // unit for k, unit in self.units.items()}
        return {str(k): min(MAX_PIECES, size) for k, size in sizes.items() if size}

    def of_vehicle(self, vehicle: Vehicle) -> dict[str, int]:
        """Pieces that there is room for; more than all jobs together never matters."""
        return {str(k): min(amount(vehicle.capacity, k), self.totals[k]) // unit for k, unit in self.units.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Penalties:
    """What a job costs that is left out: ``base`` and ``step`` for each point of its priority."""

    base: int
    step: int

    @classmethod
    def of(cls, given: Document, clock: Clock, rates: Rates) -> "Penalties":
        """Make one job worth more than all travel, and one point of priority more than all jobs.

        The second only as far as the range of costs goes.
        """
        dearest = 1 + sum(
            (clock.spans[one.id][1] - clock.spans[one.id][0]) * rates.percent[one.id] // 100 + rates.call_out[one.id]
            for one in given.vehicles
        )
        base = min(dearest, MAX_COST // 2)
        highest = max((job.priority for job in given.jobs), default=0)
        room = (MAX_COST - base) // max(1, min(MAX_PRIORITY, highest))
        return cls(base=base, step=min(base * (len(given.jobs) + 1), room))

    def of_job(self, job: Job) -> int:
        """Cost of leaving the job out."""
        return self.base + job.priority * self.step


def amount(amounts: tuple[int, ...], k: int) -> int:
    """Give amount number ``k``; lists that are left out count as nothing."""
    return amounts[k] if k < len(amounts) else 0


def _fits(vehicle: Vehicle, given: Document, k: int) -> bool:
    """Whether the vehicle could carry everything that it may ever carry at once."""
    most = sum(amount(job.delivery, k) + amount(job.pickup, k) for job in given.jobs if job.skills <= vehicle.skills)
    return most <= amount(vehicle.capacity, k)
