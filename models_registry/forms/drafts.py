from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from models_registry.golden_files import Row
from models_registry.golden_files.json_text import BadJson, decode
from models_registry.models import DraftChange
from models_registry.queries.drafts import Draft, rounds_of

MOST_ROUNDS = 100
MOST_NOTE_CHARACTERS = 2000
NAMED_IN_CHANGELOG = 20
SAY_SOMETHING = _("Write what the user asks.")


@dataclass(frozen=True)
class Turn:
    role: str
    field: BoundField


class ExampleForm(forms.Form):
    """One example, for a person who has never seen JSON.

    The conversation is drawn as rounds: what the user says and, before all but the first, what was answered. Answers
    that are all left empty are the model's own: such a conversation is replayed turn by turn.
    """

    id = forms.CharField(
        label=pgettext_lazy("of an example", "Id"),
        help_text=_(
            "A short name that no other example of the set has, such as <code>billing-014</code>. It stays."
        ),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": _("Give it an id, such as billing-014.")},
    )
    system = forms.CharField(
        label=_("System message"),
        required=False,
        strip=False,
        help_text=_("What the model is told before the conversation begins."),
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )
    # never drawn: what is wrong with the conversation as a whole is said here
    messages = forms.Field(required=False, widget=forms.HiddenInput)
    rounds = forms.IntegerField(min_value=1, max_value=MOST_ROUNDS, widget=forms.HiddenInput)
    tags = forms.CharField(
        label=_("Intent tags"),
        required=False,
        help_text=_("What the user wants, with ; between tags. The first is the primary intent."),
        widget=forms.TextInput(attrs={"list": "example-tags", "autocomplete": "off", "spellcheck": "false"}),
    )
    lang = forms.CharField(
        label=_("Language"),
        required=False,
        help_text=_("Its code, such as <code>en</code>, <code>es</code> or <code>pt-BR</code>."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "size": 8}),
    )
    reference = forms.CharField(
        label=_("Reference"),
        required=False,
        strip=False,
        help_text=_("What a good answer contains; reviewers can open it beside the pair."),
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )
    metadata = forms.CharField(
        label=_("Metadata as JSON"),
        required=False,
        strip=False,
        help_text=_('An object, such as <code>{"source": "chat"}</code>.'),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "code"}),
    )
    note = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=MOST_NOTE_CHARACTERS,
        help_text=_("One line for the changelog of the next version."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    settle = forms.BooleanField(
        label=_("This settles what people flagged"),
        required=False,
        initial=True,
        help_text=_("It leaves the to-do list."),
    )

    def __init__(
        self,
        *args: Any,
        row: Row | None = None,
        rounds: int = 1,
        is_new: bool = False,
        is_flagged: bool = False,
        **kwargs: Any,
    ) -> None:
        """`row` is the example as it was opened; texts that only the browser changed stay as they are there."""
        self.row = row
        self.number = max(1, min(rounds, MOST_ROUNDS))
        self.written = _written(row)
        kwargs["initial"] = {**self.written, **kwargs.get("initial", {}), "rounds": self.number}
        super().__init__(*args, **kwargs)
        if not is_new:
            del self.fields["id"]
        if not is_flagged:
            del self.fields["settle"]
        for number in range(1, self.number + 1):
            if number > 1:
                self.fields[f"answer_{number}"] = _turn(
                    _("Assistant, turn %(number)d"),
                    2 * number - 2,
                    help_text=_("Left empty, each model gives its own answer here."),
                )
            label = _("User, turn %(number)d") if self.number > 1 else _("User")
            self.fields[f"user_{number}"] = _turn(label, 2 * number - 1)
        self.fields["user_1"].required = True
        self.fields["user_1"].error_messages["required"] = str(SAY_SOMETHING)

    @classmethod
    def of(cls, data: Any, row: Row | None, *, one_more: bool = False, **kwargs: Any) -> ExampleForm:
        """A form of as many rounds as were sent, or as the example has; one more keeps what was typed so far."""
        if data is None:
            return cls(row=row, rounds=len(_rounds(row)), **kwargs)
        sent = str(data.get("rounds", ""))
        rounds = int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 4 else 1
        if not one_more:
            return cls(data, row=row, rounds=rounds, **kwargs)
        typed = {**data.dict(), "settle": "settle" in data}
        form = cls(initial=typed, row=row, rounds=rounds + 1, **kwargs)
        newest = f"answer_{form.number}" if form.number > 1 else "user_1"
        form.fields[newest].widget.attrs["autofocus"] = True
        return form

    def turns(self) -> list[Turn]:
        names = [
            f"{part}_{number}"
            for number in range(1, self.number + 1)
            for part in ("answer", "user")
            if number > 1 or part == "user"
        ]
        return [Turn("assistant" if name.startswith("answer") else "user", self[name]) for name in names]

    @property
    def may_add_turn(self) -> bool:
        return self.number < MOST_ROUNDS

    def clean_metadata(self) -> dict[str, Any]:
        text: str = self.cleaned_data["metadata"].strip()
        if not text:
            return {}
        try:
            value = decode(text, gettext("the metadata"))
        except BadJson as bad:
            raise ValidationError(f"{bad.message}; {bad.fix}") from None
        if not isinstance(value, dict):
            raise ValidationError(gettext('Write an object, such as {"source": "chat"}.'))
        return value

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not given.get("user_1", "already said").strip():
            self.add_error("user_1", SAY_SOMETHING)
        answers = [bool(answer.strip()) for answer, user in self._rounds()[1:]]
        if any(answers) and not all(answers):
            self.add_error(
                "messages",
                gettext(
                    "Some answers are given and others are left to the model. Give all of them, or none."
                ),
            )
        return given

    def raw(self) -> dict[str, Any]:
        """The columns of a file's row."""
        given = self.cleaned_data
        system = self._text("system")
        first, *more = self._rounds()
        raw: dict[str, Any] = {"id": given["id"]} if "id" in given else {}
        if more and not any(answer.strip() for answer, user in more):
            raw["user_turns"] = [first[1], *(user for answer, user in more)]
            if system.strip():
                raw["system"] = system
        else:
            said = [("system", system), ("user", first[1])]
            for answer, user in more:
                said += [("assistant", answer), ("user", user)]
            raw["messages"] = [{"role": role, "content": text} for role, text in said if text.strip()]
        return raw | {
            "tags": _split_tags(given["tags"], self.row.tags if self.row else ()),
            "reference": self._text("reference"),
            "lang": given["lang"],
            "metadata": given["metadata"],
        }

    def _rounds(self) -> list[tuple[str, str]]:
        """(answer, user) of every round in which something was written."""
        rounds = [
            (self._text(f"answer_{number}") if number > 1 else "", self._text(f"user_{number}"))
            for number in range(1, self.number + 1)
        ]
        return [rounds[0], *(turn for turn in rounds[1:] if "".join(turn).strip())]

    def _text(self, name: str) -> str:
        """As it was, where only the browser's line ends tell them apart."""
        text = _unix(self.cleaned_data.get(name) or "")
        before = str(self.written.get(name, ""))
        return before if text == _unix(before) else text


class PublishForm(forms.Form):
    changelog = forms.CharField(
        label=_("Changelog"),
        required=False,
        help_text=_("What is new in this version, and why."),
        widget=forms.Textarea(attrs={"rows": 5, "dir": "auto"}),
    )


def suggested_changelog(draft: Draft) -> str:
    """A line for each kind of change, with what was written down as the reason."""
    lines = []
    for kind, named in (
        (DraftChange.Kind.ADD, gettext("Added: %(examples)s.")),
        (DraftChange.Kind.EDIT, gettext("Edited: %(examples)s.")),
        (DraftChange.Kind.RETIRE, gettext("Retired: %(examples)s.")),
    ):
        changes = [pending.change for pending in draft.changes if pending.change.kind == kind]
        shown = [
            f"{change.key} ({change.note})" if change.note else change.key
            for change in changes[:NAMED_IN_CHANGELOG]
        ]
        if len(changes) > NAMED_IN_CHANGELOG:
            shown.append(gettext("%(number)d more") % {"number": len(changes) - NAMED_IN_CHANGELOG})
        if shown:
            lines.append(named % {"examples": ", ".join(shown)})
    return "\n".join(lines)


def _turn(label: Any, number: int, **kwargs: Any) -> forms.CharField:
    return forms.CharField(
        label=label % {"number": number},
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        **kwargs,
    )


def _rounds(row: Row | None) -> list[Any]:
    return rounds_of(row.messages)[1] if row else [None]


def _written(row: Row | None) -> dict[str, str]:
    """The fields of an example as text."""
    if row is None:
        return {}
    system, rounds = rounds_of(row.messages)
    fields = {
        "system": system,
        "tags": "; ".join(row.tags),
        "reference": row.reference,
        "lang": row.lang,
        "metadata": json.dumps(row.metadata, ensure_ascii=False, indent=2) if row.metadata else "",
    }
    for number, turn in enumerate(rounds, start=1):
        fields |= {f"answer_{number}": turn.answer, f"user_{number}": turn.user}
    return fields


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _split_tags(text: str, known: Iterable[str]) -> list[str]:
    """With ; between them; a tag that has one itself, as a file may give it, stays whole."""
    whole = [rf"\s*{re.escape(tag)}\s*(?=;|$)" for tag in known if ";" in tag]
    found = re.findall("|".join([*whole, "[^;]+"]), text)
    return [tag.strip() for tag in found if tag.strip()]
