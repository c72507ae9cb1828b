"""Pretraining on eight digits, and one LoRA run on a set of a ninth."""

from __future__ import annotations

import copy
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from digits.model import NULL, UNet, add_lora, flow_loss
from digits.pictures import BASE_DIGITS, Digits, shift, small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

BASE_SAMPLES, BASE_BATCH, BASE_RATE = 160_000, 64, 2e-3  # of pretraining: 40 passes over 4,000 pictures
UNLABELLED = 0.2  # share of pretraining pictures under the null label
BATCH = 10  # pictures a step
TIMES = 4  # times at which each held-out picture is judged, spread over 0-1
FIRST_LOOK, PER_OCTAVE = 40, 4  # samples; looks at the held-out loss for each doubling of them
LANDMARKS = (1_000, 10_000, 16_000)  # samples at which every run that comes so far is looked at
GIVE_UP, WORSE = 3.0, 1.03  # a run that is this many times past its best look and this much worse has shown its optimum
FEWEST = 500  # samples: no run stops by itself before
DRAWN, DRAWING_STEPS, MEMORISED = 64, 16, 1 / 3  # pictures drawn to look for memorised ones; Euler steps; ratio of the
# distances to the nearest and to the second nearest training picture (Bonnaire et al. 2025, arXiv 2505.17638)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a run trains. Rate and weight decay are AdamW's."""

    rate: float = 2e-3
    alpha: float = 8.0  # the rank is 8
    decay: float = 0.01
    mix: bool = False  # one picture of another digit, under its own label, for each of the subject
    jitter: bool = False  # each draw moved by -1, 0 or 1 px of 16 in each direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run, and once it is finished the held-out loss along the way."""

    digit: int
    seed: int
    pictures: str  # name of the set
    change: str
    cap: int  # samples at which it stops at the latest
    least: int  # samples up to which it goes in any case
    watch: bool = False  # for memorised pictures
    samples: list[int] = field(default_factory=list)  # of the subject, at each look
    loss: list[float] = field(default_factory=list)  # held out, at each look; at 0 samples the base model's
    memorised: list[list[float]] = field(default_factory=list)  # [samples, share of drawn pictures]
    seconds: float = 0.0

    def answers(self, asked: Run) -> bool:
        """Whether this finished run is the one asked for, or the same one gone on for longer."""
        alike = all(
            getattr(self, name) == getattr(asked, name) for name in ("digit", "seed", "pictures", "change", "watch")
        )
        return alike and self.samples[-1] >= asked.least and (self.ended or self.cap >= asked.cap)

    def until(self, cap: int) -> Run:
        """The run as it would have been with a smaller cap that is one of LANDMARKS."""
        looks = sum(samples <= cap for samples in self.samples)
        memorised = [look for look in self.memorised if look[0] <= cap]
        return replace(
            self, cap=min(cap, self.cap), samples=self.samples[:looks], loss=self.loss[:looks], memorised=memorised
        )

    @property
    def ended(self) -> bool:
        """Whether it stopped by itself: more samples allowed would have changed nothing."""
        return self.samples[-1] < self.cap or (self.cap > self.least and _shown(self.samples, self.loss))

    def record(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Material:
    """What one run trains on."""

    base: UNet
    held_out: HeldOut
    files: Tensor  # float32 [F, 1, 16, 16]
    draws: Tensor | None  # float [F]: how often each file is drawn; None: each once an epoch
    others: tuple[Tensor, Tensor]  # pictures and labels of the digits that the base model knows


class HeldOut:
    """The loss on the pictures of `digit` that no run trains on, always with the same noise and times."""

    def __init__(self, digits: Digits, digit: int) -> None:
        rng = torch.Generator().manual_seed(99)
        self.pictures = small(digits.of(digit, held_out=True)).repeat(TIMES, 1, 1, 1)
        count = len(self.pictures)
        self.noise = torch.randn(self.pictures.shape, generator=rng)
        self.t = (torch.randperm(count, generator=rng) + 0.5) / count
        self.label = torch.full((count,), NULL)

    @torch.no_grad()
    def __call__(self, model: UNet) -> float:
        return float(flow_loss(model, self.pictures, self.label, self.t, self.noise))


def known(digits: Digits) -> tuple[Tensor, Tensor]:
    """Pictures float32 [4000, 1, 16, 16] and labels of the digits that the base model is trained on."""
    rows = torch.isin(digits.label, torch.tensor(BASE_DIGITS))
    return digits.pictures[rows], digits.label[rows]


def pretrained(digits: Digits, path: Path) -> UNet:
    """The base model: read from `path`, or trained (a minute or two of one core) and kept there."""
    torch.manual_seed(0)
    model = UNet()
    if path.is_file():
        model.load_state_dict(torch.load(path, weights_only=True))
        return model.eval()
    rng = torch.Generator().manual_seed(0)
    pictures, labels = known(digits)
    steps = BASE_SAMPLES // BASE_BATCH
    optimizer = torch.optim.AdamW(model.parameters(), lr=BASE_RATE, weight_decay=0.01, foreach=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        row = torch.randint(len(pictures), (BASE_BATCH,), generator=rng)
        hidden = torch.rand(BASE_BATCH, generator=rng) < UNLABELLED
        _step(model, optimizer, pictures[row], labels[row].masked_fill(hidden, NULL), rng)
        schedule.step()
    torch.save(model.state_dict(), path)
    return model.eval()


def train(run: Run, material: Material, change: Change) -> Run:
    """`run` with what was seen on the way."""
    started = time.perf_counter()
    rng = torch.Generator().manual_seed(1000 * run.digit + run.seed)
    model = copy.deepcopy(material.base)
    weights = add_lora(model, change.alpha, rng)
    optimizer = torch.optim.AdamW(weights, lr=change.rate, weight_decay=change.decay, foreach=True)
    samples, loss, memorised = [0], [material.held_out(model)], []
    looks = _looks(run.cap)
    for step, (pictures, label) in enumerate(_batches(material, change, rng), start=1):
        _step(model, optimizer, pictures, label, rng)
        seen = step * BATCH
        if seen not in looks:
            continue
        samples.append(seen)
        loss.append(material.held_out(model))
        if run.watch and len(samples) % 2 == 0:
            memorised.append([seen, _memorised(model, material.files)])
        if seen >= run.cap or (seen >= run.least and _shown(samples, loss)):
            break
    spent = round(time.perf_counter() - started, 1)
    return replace(run, samples=samples, loss=loss, memorised=memorised, seconds=spent)


def _step(model: UNet, optimizer: torch.optim.Optimizer, pictures: Tensor, label: Tensor, rng: torch.Generator) -> None:
    t = torch.rand(len(pictures), generator=rng)
    noise = torch.randn(pictures.shape, generator=rng)
    optimizer.zero_grad()
    flow_loss(model, pictures, label, t, noise).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _batches(material: Material, change: Change, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Pictures and labels of one step after another."""
    known_pictures, known_labels = material.others
    for rows in _rows(len(material.files), material.draws, rng):
        pictures, label = material.files[rows], torch.full((BATCH,), NULL)
        if change.jitter:
            moves = torch.randint(-1, 2, (BATCH, 2), generator=rng).tolist()
            pictures = torch.stack([shift(picture, *move) for picture, move in zip(pictures, moves, strict=True)])
        if change.mix:
            other = torch.randint(len(known_pictures), (BATCH,), generator=rng)
            pictures = torch.cat([pictures, known_pictures[other]])
            label = torch.cat([label, known_labels[other]])
        yield pictures, label


def _rows(files: int, draws: Tensor | None, rng: torch.Generator) -> Iterator[Tensor]:
    """Files of one batch after another: shuffled epochs joined end to end, or independent draws by weight."""
    waiting = torch.empty(0, dtype=torch.int64)
    while True:
        if draws is not None:
            yield torch.multinomial(draws, BATCH, replacement=True, generator=rng)
            continue
        while len(waiting) < BATCH:
            waiting = torch.cat([waiting, torch.randperm(files, generator=rng)])
        yield waiting[:BATCH]
        waiting = waiting[BATCH:]


def _looks(cap: int) -> set[int]:
    """Samples at which the held-out loss is taken."""
    points = {*LANDMARKS, cap}
    number = 0
    while (point := FIRST_LOOK * 2 ** (number / PER_OCTAVE)) < cap:
        points.add(BATCH * round(point / BATCH))
        number += 1
    return {point for point in points if point <= cap}


def _shown(samples: list[int], loss: list[float]) -> bool:
    best = min(range(len(loss)), key=loss.__getitem__)
    return samples[-1] >= max(GIVE_UP * samples[best], FEWEST) and loss[-1] > WORSE * loss[best]


@torch.no_grad()
def _memorised(model: UNet, files: Tensor) -> float:
    """Share of drawn pictures that are three times nearer to one training picture than to the next."""
    x = torch.randn(DRAWN, 1, 16, 16, generator=torch.Generator().manual_seed(7))
    label = torch.full((DRAWN,), NULL)
    for step in range(DRAWING_STEPS):
        x = x - model(x, torch.full((DRAWN,), 1 - step / DRAWING_STEPS), label) / DRAWING_STEPS
    nearest = torch.cdist(x.flatten(1), files.flatten(1)).topk(2, largest=False).values
    return float((nearest[:, 0] < MEMORISED * nearest[:, 1]).float().mean())
