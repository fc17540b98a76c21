"""What a number is called by the words beside it: a phone number, a card, or an order. Pure."""

from __future__ import annotations

import re
from enum import Enum

BEFORE = 48  # characters
AFTER = 24


class Called(Enum):
    PHONE = "phone"
    CARD = "card"
    IDENTITY = "identity"
    ADDRESS = "address"
    VERSION = "version"
    ORDER = "order"
    NOTHING = "nothing"


# English and Spanish. "Strong" words decide by standing closest; "weak" ones only where nothing else is said, for
# a customer or an account may well be told by a phone number.
_STRONG = {
    Called.PHONE: (
        r"(?:tele)?phones?|tel|tele?fonos?|tel[eé]fonos?|tlf|tfno|tlfno|m[oó]vil(?:es)?|mobile|cell|cellphone"
        r"|celular|call(?:ed|ing)?|ring|ll[aá]m\w*|marc(?:ar?|ando|qu?e)|dial|whatsapp|wasap|sms|text|fax|landline"
        r"|reach|fijo|bizum"
    ),
    Called.CARD: (
        r"(?:credit ?|debit ?)?cards?|tarjetas?|visa|mastercard|amex|american express|maestro|discover|diners|jcb"
        r"|unionpay"
    ),
    Called.IDENTITY: r"dni|nie|nif|d\.n\.i|n\.i\.e|n\.i\.f|identidad|identity|pasaporte|passport",
    Called.ADDRESS: r"ips?|ipv4|ipv6|ip address|direcci[oó]n ip|host|servidor|server|router|gateway|dns|ping",
    Called.VERSION: (
        r"v|ver|version|versi[oó]n|versiones|versions|firmware|release|build|update|upgrade|actualizaci[oó]n|ios"
        r"|android|driver|controlador|software|app|kernel|section|secci[oó]n|cap[ií]tulo|chapter|apartado|chrome"
        r"|firefox|safari|windows|python|java|node|clause|cl[aá]usula"
    ),
    Called.ORDER: (
        r"orders?|pedidos?|tracking|track|seguimiento|rastreo|invoices?|facturas?|ref(?:erence|erencia)?s?"
        r"|ticket|cases?|caso|imei|serial|serie|s/n|sku|isbn|issn|ean|gtin|upc|asin|barcode|barras|art[ií]culo|part"
        r"|model|modelo|shipments?|env[ií]os?|parcel|paquete|package|transaction|transacci[oó]n|operaci[oó]n"
        r"|reserva|booking|reservation|localizador|batch|lote|coupon|cup[oó]n|voucher|gu[ií]a|albar[aá]n"
        r"|incidencia|purchase|compra|policy|p[oó]liza|population|poblaci[oó]n|budget|presupuesto|rma|return"
        r"|devoluci[oó]n|gift card|tarjeta (?:de )?regalo|total|price|precio|cost|costs|cuesta"
    ),
}
_WEAK = (
    r"customer|client|cliente|account|cuenta|id|identificador|code|c[oó]digo|products?|producto|item|user|usuario"
    r"|member|socio|loyalty|contract|contrato|subscription|suscripci[oó]n|patent|license|licencia"
)
_GENERIC_PHONE = r"number|numbers|n[uú]mero|contact(?:ar?|o|arme)?|cont[aá]ct\w*"

_WORDS = re.compile(
    "|".join(
        [
            *(rf"(?P<{called.name}>(?<![^\W_])(?:{words})(?![^\W\d_]))" for called, words in _STRONG.items()),
            rf"(?P<WEAK>(?<![^\W_])(?:{_WEAK})(?![^\W\d_]))",
            rf"(?P<GENERIC>(?<![^\W_])(?:{_GENERIC_PHONE})(?![^\W\d_]))",
        ]
    ),
    re.IGNORECASE,
)
# "card" is inside "gift card", whose number pays for nothing but goods
_GIFT = re.compile(r"gift card|tarjeta (?:de )?regalo", re.IGNORECASE)
_AMOUNT_AFTER = re.compile(
    r"\s?(?:[€$£%°²³]|(?:eur|euros?|usd|gbp|mxn|pesos|d[oó]lar(?:es)?|dollars?|pounds?|libras|units?|unidades|uds"
    r"|people|users|usuarios|personas|habitantes|miles|km|kg|mm|cm|gb|mb|ms|px|views|followers|seguidores|rows"
    r"|filas|bytes|tokens|visitas|points|puntos)(?![^\W\d_]))",
    re.IGNORECASE,
)
_AMOUNT_BEFORE = re.compile(r"[€$£]\s?\Z")


def called(text: str, start: int, end: int) -> Called:
    """What the number at text[start:end] is called by the words up to 48 characters before, 24 after it.

    The closest strong word before it decides, then one after it, then weak words. Works in English and Spanish;
    what no word tells is Called.NOTHING.
    """
    before = _GIFT.sub("voucher", text[max(0, start - BEFORE) : start])
    closest, weak, generic = None, False, False
    for match in _WORDS.finditer(before):
        kind = match.lastgroup
        if kind == "WEAK":
            weak = True
        elif kind == "GENERIC":
            generic = True
        elif kind:
            closest = Called[kind]
    if closest:
        return closest
    if weak:
        return Called.ORDER
    # words after a number tell less: those of the next sentence speak of something else
    after = re.split(r"[.!?;\n]", text[end : end + AFTER], maxsplit=1)[0]
    for match in _WORDS.finditer(after):
        if match.lastgroup in ("PHONE", "CARD"):
            return Called[match.lastgroup]
    return Called.PHONE if generic else Called.NOTHING


def is_amount(text: str, start: int, end: int) -> bool:
    """Whether the number at text[start:end] is money or a quantity by the sign or unit beside it."""
    return bool(_AMOUNT_AFTER.match(text, end) or _AMOUNT_BEFORE.search(text, max(0, start - 2), start))
