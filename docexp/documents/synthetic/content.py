"""The words of synthetic pages: vocabularies written here, names, dates and amounts by faker.

An entity's first word is capitalised (or is a number), those that follow come from lists of their own, and no word
stands in two lists: whether a word opens an entity can be told from the word alone, in every cue.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

ROLES = ("header", "question", "answer")

FIRST = {
    "header": ["Applicant", "Employer", "Vehicle", "Property", "Household", "Insurance", "Payment", "Education"],
    "question": ["Name", "Date", "Number", "Phone", "Street", "Type", "Status", "Reason"],
    "layout": ["Account", "Branch", "Region", "Carrier", "Product", "Cargo", "Contract", "Invoice", "Stock", "Transit"],
    "image": ["Channel", "Outlet", "Station", "Sector", "Project", "Service", "Licence", "Metal", "Depot", "Voucher"],
}
REST = {
    "header": ["details", "section", "record", "particulars"],
    "question": ["issued", "requested", "given", "claimed"],
    "layout": ["north", "central", "annual", "standard", "local", "primary"],
    "image": ["south", "coastal", "monthly", "general", "global", "secondary"],
}
"""Words of forms by role (text cue) or by cue (layout, image). No word is in two lists, in whatever case."""

TITLES = {
    "application": ("Application form", "to be completed in block capitals"),
    "claim": ("Statement of loss", "return within thirty days"),
    "order": ("Purchase request", "subject to approval by the buyer"),
    "registration": ("Enrolment sheet", "keep one copy for your files"),
}
"""Document classes of forms: title and instruction."""

KEYS = {
    "text": {"party": ("Seller", "Customer"), "date": ("Dated", "Due"), "amount": ("Total", "Change")},
    "layout": {"party": ("Name", "Name"), "date": ("Day", "Day"), "amount": ("Sum", "Sum")},
    "image": {"party": ("Party", "Party"), "date": ("When", "When"), "amount": ("Amount", "Amount")},
}
"""The key words of receipts by cue and section, for the asked value and for the other one."""

GOODS = [
    "Coffee",
    "Bread",
    "Butter",
    "Apples",
    "Cheese",
    "Soap",
    "Pasta",
    "Tea",
    "Rice",
    "Honey",
    "Paper",
    "Flour",
    "Sugar",
]


@dataclass(frozen=True)
class Pool:
    """Values drawn once from faker."""

    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    cities: tuple[str, ...]
    states: tuple[str, ...]
    streets: tuple[str, ...]
    street_suffixes: tuple[str, ...]
    company_suffixes: tuple[str, ...]
    dates: tuple[str, ...]
    amounts: tuple[str, ...]
    firms: tuple[str, ...]


@lru_cache(maxsize=1)
def pool() -> Pool:
    """The same values in every process and for every corpus seed; another version of faker may give others.

    Drawn once, because a faker call takes 10 to 150 µs and a page needs dozens.
    """
    from faker import Faker  # a quarter of a second: only who draws pages waits for it

    fake = Faker("en_US")
    fake.seed_instance(0)
    taken = {word.lower() for words in (*FIRST.values(), *REST.values()) for word in words}

    def draw(count: int, value: Callable[[], str], fits: Callable[[str], bool] = str.isalpha) -> tuple[str, ...]:
        found: list[str] = []
        while len(found) < count:
            word = value()
            if word.lower() not in taken and len(word) <= 10 and fits(word):
                found.append(word)
                taken.add(word.lower())
        return tuple(found)

    return Pool(
        given_names=draw(10, fake.first_name),
        family_names=draw(10, fake.last_name),
        cities=draw(10, fake.city),
        states=draw(6, fake.state_abbr),
        streets=draw(10, fake.last_name),
        street_suffixes=draw(5, fake.street_suffix),
        company_suffixes=draw(4, fake.company_suffix),
        # not faker's dates, which depend on today's
        dates=draw(
            12, lambda: f"{fake.random_int(1, 12):02}/{fake.random_int(1, 28):02}/{fake.random_int(2015, 2024)}", bool
        ),
        amounts=draw(12, lambda: f"${fake.random_int(100, 99_999) / 100:.2f}", bool),
        firms=draw(10, fake.last_name),
    )


def phrase(rng: random.Random, kind: str) -> list[str]:
    """One or two words of ``kind``: a form's role, or a cue whose words tell nothing. All kinds are equally long."""
    long = rng.random() < 0.5
    if kind == "answer":
        return _answer(rng, long)
    words = [rng.choice(FIRST[kind])]
    return [*words, rng.choice(REST[kind])] if long else words


def _answer(rng: random.Random, long: bool) -> list[str]:
    values = pool()
    if not long:
        return [rng.choice(rng.choice((values.dates, values.amounts, values.cities)))]
    if rng.random() < 0.5:
        return [rng.choice(values.given_names), rng.choice(values.family_names)]
    return [rng.choice(values.cities), rng.choice(values.states)]


def company(rng: random.Random) -> list[str]:
    """A company's name: two words, neither of which is in an answer."""
    return [rng.choice(pool().firms), rng.choice(pool().company_suffixes)]


def address(rng: random.Random) -> list[list[str]]:
    """The two lines of a postal address."""
    values = pool()
    return [
        [str(rng.randint(1, 999)), rng.choice(values.streets), rng.choice(values.street_suffixes)],
        [rng.choice(values.cities), rng.choice(values.states), str(rng.randint(10_000, 99_999))],
    ]
