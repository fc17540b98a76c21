from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_registry.preflight.language import other_language

ENGLISH = [
    "Where is my parcel?",
    "I would like to return the shoes that I bought last week.",
    "The discount code does not work at the checkout, what should I do?",
    "Can you change the delivery address of my order, please?",
    "How long does it take until the money is back on my card?",
]
SPANISH = [
    "¿Dónde está mi paquete?",
    "Quiero devolver los zapatos que compré la semana pasada.",
    "El código de descuento no funciona al pagar, ¿qué hago?",
    "¿Podéis cambiar la dirección de entrega de mi pedido, por favor?",
    "¿Cuánto tarda en llegar el dinero a mi tarjeta?",
]
OTHERS = [
    ("de", "Ich möchte die Schuhe zurückgeben, die ich letzte Woche gekauft habe."),
    ("fr", "Je voudrais retourner les chaussures que j'ai achetées la semaine dernière."),
    ("zh", "我想退回上周买的鞋子，请问应该怎么办？谢谢。"),
    ("ru", "Я хочу вернуть туфли, которые купила на прошлой неделе."),
    ("ja", "先週買った靴を返品したいのですが、どうすればいいですか。"),
]


@pytest.mark.parametrize("text", ENGLISH)
def test_english_is_english(text: str) -> None:
    assert other_language(text, "en") is None
    assert other_language(text, "en-GB") is None
    assert other_language(text, "es") == "en"


@pytest.mark.parametrize("text", SPANISH)
def test_spanish_is_spanish(text: str) -> None:
    assert other_language(text, "es") is None
    assert other_language(text, "es-MX") is None
    assert other_language(text, "en") in ("es", None)


def test_most_spanish_declared_english_is_caught() -> None:
    assert sum(other_language(text, "en") == "es" for text in SPANISH) >= 4


@pytest.mark.parametrize(("code", "text"), OTHERS)
def test_other_languages_are_told(code: str, text: str) -> None:
    assert other_language(text, code) is None
    assert other_language(text, "en") == code
    assert other_language(text, "es") == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "???",
        "48213",
        "hola",
        "iPhone 15 Pro Max",
        "def return_order(order_id): return shop.orders[order_id].cancel()",
        "```python\nfrom shop import carrito\nfor pedido in carrito.pedidos: print(pedido)\n```",
        'Translate "¿Cuánto tarda en llegar el dinero a mi tarjeta de crédito?" for me',
        "https://shop.example/pedidos/devoluciones/como-devolver-un-pedido-por-correo",
    ],
)
def test_what_says_too_little_is_not_judged(text: str) -> None:
    assert other_language(text, "en") is None


@pytest.mark.parametrize("declared", ["", "und", "xx", "zxx", "tlh", "not a code"])
def test_what_declares_nothing_known_is_not_judged(declared: str) -> None:
    assert other_language(ENGLISH[1], declared) is None


@pytest.mark.parametrize(("declared", "text"), [("nb", "no"), ("gl", "es"), ("yue", "zh"), ("sr", "hr")])
def test_close_relatives_are_not_told_apart(declared: str, text: str) -> None:
    samples = {
        "no": "Jeg vil gjerne levere tilbake skoene som jeg kjøpte i forrige uke, hvordan gjør jeg det?",
        "es": SPANISH[1],
        "zh": OTHERS[2][1],
        "hr": "Htio bih vratiti cipele koje sam kupio prošli tjedan, što trebam napraviti?",
    }
    assert other_language(samples[text], declared) is None


@given(st.text(alphabet=st.characters(), max_size=200), st.sampled_from(["en", "es", "ja", "und", "nb-NO"]))
@settings(deadline=None)
def test_any_text_gives_a_code_or_none(text: str, declared: str) -> None:
    found = other_language(text, declared)
    assert found is None or (found != declared and found.isascii())


def test_threads_share_one_model() -> None:
    results: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: results.extend(other_language(text, "es") for text in ENGLISH))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["en"] * 40


def test_the_model_is_loaded_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    from models_registry.preflight import language

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(language, "_identifier", None)
    assert other_language(ENGLISH[1], "es") == "en"
