"""The pairs of the practice round, in each language of the interface. Pure: no Django; our own texts, of no model.

Five cases that reviewers meet: one answer is plainly better, both are as good, neither will do, one is polite and
wrong, one breaks the rules it was given. `choice` is what we would vote, and `why` says it in a sentence or two.
"""

from __future__ import annotations

from dataclasses import dataclass

GUIDELINES = {
    "en": (
        "You judge answers of a shop's support.\n\n"
        "- Is it **true**, and does it answer what was asked?\n"
        "- Does it keep to the **rules**: returns within 30 days, no medical advice?\n"
        "- Then: is it clear, and kind?"
    ),
    "es": (
        "Juzgas respuestas del servicio de atención de una tienda.\n\n"
        "- ¿Es **verdad** y responde a lo que se pregunta?\n"
        "- ¿Respeta las **normas**: devoluciones en 30 días, ningún consejo médico?\n"
        "- Después: ¿es clara y amable?"
    ),
}


@dataclass(frozen=True)
class PracticePair:
    question: str
    left: str
    right: str
    reference: str
    choice: str  # left, right, tie or both_bad
    why: str


ENGLISH = (
    PracticePair(
        question="My parcel says “delivered”, but there is nothing here. What now?",
        left="Sorry about that! Please wait a little longer, it will surely turn up.",
        right=(
            "I'm sorry, that is annoying. Please do two things:\n\n"
            "1. Ask your neighbours, and look for a note from the carrier.\n"
            "2. If it is not there by tomorrow, reply here. We then open a search with the carrier and send a "
            "new parcel or your money back."
        ),
        reference="Neighbours and carrier's note; a search from the next day on; replacement or refund.",
        choice="right",
        why=(
            "The right answer says what to do now and what happens next. The left one is friendly, but leaves the "
            "customer where they were."
        ),
    ),
    PracticePair(
        question="Which size of the Fjord jacket do I need? My chest is 96 cm.",
        left="With a chest of 96 cm you need size **M** (94–99 cm). Between two sizes, take the larger one.",
        right="Size M is right for you: it is made for a chest of 94 to 99 cm. If in doubt, take the larger size.",
        reference="M: 94–99 cm.",
        choice="tie",
        why=(
            "Both say the same, and both are right. That one has a word in bold makes no answer better: this is what "
            "Tie is for."
        ),
    ),
    PracticePair(
        question="Can I pay by invoice?",
        left="Great question! We offer many convenient ways to pay that suit every need.",
        right="Yes, by invoice, by cheque or in cash to the driver.",
        reference="Card, PayPal or gift card. No invoice.",
        choice="both_bad",
        why=(
            "The left one does not answer, and the right one invents ways to pay that do not exist. You would send "
            "neither, and Both bad says so."
        ),
    ),
    PracticePair(
        question="I bought shoes 40 days ago and never wore them. Can I return them?",
        left=(
            "Thank you so much for reaching out, and what a lovely choice of shoes! Of course you can return them, we "
            "are always happy to help. Just send them back whenever it suits you. 😊"
        ),
        right="Returns are possible within 30 days, so not any more. You may still exchange them for another size.",
        reference="Not any more: 30 days. An exchange for another size is possible within 60 days.",
        choice="right",
        why=(
            "The left answer is warm, and wrong: it promises a return that will be refused. What is true comes before "
            "what is kind."
        ),
    ),
    PracticePair(
        question="Your night cream burns on my skin. Should I take an allergy pill?",
        left=(
            "Please stop using it and wash it off with water. I can't advise on medicines: a pharmacist or doctor can. "
            "You get your money back in any case."
        ),
        right="Yes, one antihistamine pill now and another before bed will help. Put the cream in the fridge as well.",
        reference="Stop using it, no medical advice, send to a doctor or pharmacist, refund.",
        choice="left",
        why=(
            "The right answer gives medical advice, which the rules forbid, and it may do harm. The left one refuses "
            "that part and still helps."
        ),
    ),
)

SPANISH = (
    PracticePair(
        question="Mi paquete figura como «entregado», pero aquí no hay nada. ¿Qué hago?",
        left="¡Lo sentimos! Espera un poco más, seguro que aparece.",
        right=(
            "Siento la molestia. Haz dos cosas, por favor:\n\n"
            "1. Pregunta a tus vecinos y busca un aviso del transportista.\n"
            "2. Si mañana sigue sin aparecer, responde aquí. Abriremos una búsqueda con el transportista y te "
            "enviaremos otro paquete o te devolveremos el dinero."
        ),
        reference="Vecinos y aviso del transportista; búsqueda desde el día siguiente; nuevo envío o reembolso.",
        choice="right",
        why=(
            "La de la derecha dice qué hacer ahora y qué pasará después. La de la izquierda es amable, pero deja al "
            "cliente donde estaba."
        ),
    ),
    PracticePair(
        question="¿Qué talla de la chaqueta Fiordo necesito? Mido 96 cm de pecho.",
        left="Con 96 cm de pecho necesitas la talla **M** (94–99 cm). Entre dos tallas, elige la mayor.",
        right="Tu talla es la M: está pensada para un pecho de 94 a 99 cm. Si dudas, elige la talla mayor.",
        reference="M: 94–99 cm.",
        choice="tie",
        why=(
            "Las dos dicen lo mismo y las dos aciertan. Que una lleve una palabra en negrita no la hace mejor: para "
            "eso está el empate."
        ),
    ),
    PracticePair(
        question="¿Puedo pagar con factura?",
        left="¡Excelente pregunta! Ofrecemos muchas formas de pago cómodas para todas las necesidades.",
        right="Sí, con factura, con cheque o en efectivo al repartidor.",
        reference="Tarjeta, PayPal o tarjeta regalo. Con factura, no.",
        choice="both_bad",
        why=(
            "La de la izquierda no responde y la de la derecha inventa formas de pago que no existen. No enviarías "
            "ninguna, y eso es lo que dice «Ambas malas»."
        ),
    ),
    PracticePair(
        question="Compré unos zapatos hace 40 días y no me los he puesto. ¿Puedo devolverlos?",
        left=(
            "¡Muchísimas gracias por escribirnos, y qué bonita elección! Claro que puedes devolverlos, siempre nos "
            "alegra ayudar. Envíalos cuando te venga bien. 😊"
        ),
        right="Las devoluciones se admiten en 30 días, así que ya no. Aún puedes cambiarlos por otra talla.",
        reference="Ya no: 30 días. El cambio de talla es posible en 60 días.",
        choice="right",
        why=(
            "La de la izquierda es cálida, pero falsa: promete una devolución que será rechazada. Lo verdadero va "
            "antes que lo amable."
        ),
    ),
    PracticePair(
        question="Vuestra crema de noche me quema la piel. ¿Me tomo una pastilla para la alergia?",
        left=(
            "Deja de usarla y acláratela con agua, por favor. No puedo aconsejar sobre medicamentos: pregunta en una "
            "farmacia o a un médico. En cualquier caso te devolvemos el dinero."
        ),
        right="Sí, un antihistamínico ahora y otro antes de dormir te ayudarán. Guarda además la crema en la nevera.",
        reference="Dejar de usarla, ningún consejo médico, enviar al médico o a la farmacia, reembolso.",
        choice="left",
        why=(
            "La de la derecha da un consejo médico, que las normas prohíben, y puede hacer daño. La de la izquierda "
            "rehúsa esa parte y aun así ayuda."
        ),
    ),
)

PAIRS = {"en": ENGLISH, "es": SPANISH}
ROUND = len(ENGLISH)


def practice_pair(number: int, language: str) -> PracticePair:
    """The pair of this number, from 1; in English where there is none in the language."""
    return PAIRS.get(language[:2], ENGLISH)[number - 1]


def guidelines(language: str) -> str:
    return GUIDELINES.get(language[:2], GUIDELINES["en"])
