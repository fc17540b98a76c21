"""How fast the scans of preflight are, in MB/s on one core, beside the floor: json.loads of the same rows.

    make bench-preflight            20,000 rows; ROWS=100000 for more

CPU time of this process, so that a busy machine says nearly the same. The rows are made up: support requests in
English and Spanish, a third with a longer conversation, one in twenty nearly another, one in ten with personal data.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from models_registry.golden_files.row import Row
from models_registry.preflight import quick, slow
from models_registry.preflight.language import other_language
from models_registry.preflight.near_duplicates import near_duplicates
from models_registry.preflight.personal_data import kinds_in_row, replaced_row
from models_registry.preflight.prompts import prompt_of
from models_registry.preflight.tokens import row_tokens

INTENTS = ("billing", "returns", "delivery", "refunds", "account", "medical disclaimer", "sizes", "coupons")
PIECES = {
    "en": (
        "I ordered {n} pairs of {w} shoes and only {m} came",
        "the parcel {n} should have been here on {m} May",
        "can I send the {w} jacket back after {m} days",
        "my {w} coupon does not work at the checkout",
        "please change the address of order {n}",
        "what does it cost to have {w} things delivered to an island",
        "the app says {w} and then nothing happens",
        "I would rather have the money back than a {w} voucher",
    ),
    "es": (
        "pedí {n} pares de zapatos {w} y solo llegaron {m}",
        "el paquete {n} tenía que llegar el {m} de mayo",
        "¿puedo devolver la chaqueta {w} después de {m} días?",
        "mi cupón {w} no funciona al pagar",
        "cambiad la dirección del pedido {n}, por favor",
        "¿cuánto cuesta el envío de cosas {w} a una isla?",
        "la aplicación dice {w} y luego no pasa nada",
        "prefiero que me devolváis el dinero a tener un vale {w}",
    ),
}
PERSONAL = (
    "write to {w}@example.com",
    "+34 612 345 678",
    "4111 1111 1111 1111",
    "DNI 12345678Z",
    "ES9121000418450200051332",
)


def make_rows(number: int) -> Iterator[Row]:
    rng = random.Random(7)
    words = ["".join(rng.choices("aeiourstlnmcdp", k=rng.randint(3, 10))) for _ in range(4000)]
    earlier = ["What can I do?"]

    def sentence(lang: str) -> str:
        return rng.choice(PIECES[lang]).format(
            n=rng.randint(1, 999_999), m=rng.randint(2, 29), w=rng.choice(words)
        )

    def text(lang: str, sentences: int) -> str:
        said = [sentence(lang) for _ in range(sentences)]
        said += [" ".join(rng.choices(words, k=8)) for _ in range(sentences // 2)]
        if rng.random() < 0.1:
            said.append(rng.choice(PERSONAL).format(w=rng.choice(words)))
        return ". ".join(said)

    for line in range(1, number + 1):
        lang = rng.choice(("en", "es"))
        prompt = text(lang, rng.randint(1, 12))
        if rng.random() < 0.05:
            prompt = rng.choice(earlier) + " " + rng.choice(words)
        earlier = [*earlier[-200:], prompt]
        turns = [{"role": "user", "content": prompt}]
        if rng.random() < 0.33:
            turns += [
                {"role": "assistant", "content": text(lang, 8)},
                {"role": "user", "content": text(lang, rng.randint(1, 3))},
            ]
        yield Row(
            line,
            f"row-{line}",
            ({"role": "system", "content": "You are the support of Aurora Commerce."}, *turns),
            (rng.choice(INTENTS),),
            text(lang, 5),
            lang,
            {"source": "chat"},
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    options = parser.parse_args()
    rows = list(make_rows(options.rows))
    lines = [
        json.dumps(
            {
                "id": row.key,
                "messages": row.messages,
                "tags": row.tags,
                "reference": row.reference,
                "lang": row.lang,
                "metadata": row.metadata,
            },
            ensure_ascii=False,
        )
        for row in rows
    ]
    megabytes = sum(len(line.encode()) for line in lines) / 1e6
    row_tokens(rows[0])
    other_language(prompt_of(rows[0]), rows[0].lang)
    kinds_in_row(rows[0])

    print(
        f"{len(rows):,} rows, {megabytes:.1f} MB of JSON Lines; Python {platform.python_version()}, one core, CPU time"
    )
    print(f"{'scan':<34}{'seconds':>9}{'MB/s':>9}{'x floor':>9}")
    floor = 0.0
    scans: list[tuple[str, Callable[[], object]]] = [
        ("floor: json.loads of the rows", lambda: [json.loads(line) for line in lines]),
        ("quick: balance and coverage", lambda: quick(rows)),
        ("personal data", lambda: [kinds_in_row(row) for row in rows]),
        ("personal data, replaced", lambda: [replaced_row(row) for row in rows]),
        ("tokens, o200k_base", lambda: [row_tokens(row) for row in rows]),
        ("language", lambda: [other_language(prompt_of(row), row.lang) for row in rows]),
        ("near-duplicates", lambda: near_duplicates([prompt_of(row) for row in rows])),
        ("slow: all of them", lambda: slow(quick(rows), rows)),
    ]
    for name, scan in scans:
        start = time.process_time()
        scan()
        seconds = time.process_time() - start
        floor = floor or seconds
        print(f"{name:<34}{seconds:>9.2f}{megabytes / seconds:>9.1f}{seconds / floor:>9.1f}")
    print(
        f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB, rows and lines included"
    )


if __name__ == "__main__":
    main()
