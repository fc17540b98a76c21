"""The Spanish catalogue is complete, in step with the code, and compiled; and nothing on a page stays outside of it."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.template.base import Lexer, Token, TokenType
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale" / "es" / "LC_MESSAGES"
APPS = ("demo", "evalsite", "models_registry", "reviews")
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MODULES = [
    path for app in APPS for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts
]
CALLS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[^\W\d_]|%%|%\(\w+\)\.\d[^\W\d_]|\{\w*\}")
Key = tuple[str | None, str]


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with (LOCALE / "django.po").open("rb") as file:
        return read_po(file, locale="es", abort_invalid=True)


def written(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def key(message: Message) -> Key:
    context = (
        message.context.decode() if isinstance(message.context, bytes) else message.context
    )  # Babel's .mo
    return context, message.id if isinstance(message.id, str) else message.id[0]


def forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def asked_for() -> dict[Key, Path]:
    """What code and templates hand to gettext, as `make messages` finds it; without gettext on this machine."""
    found: dict[Key, Path] = {}
    for path in MODULES:
        for _line, text, _comments, context in extract(
            "python", io.BytesIO(path.read_bytes()), keywords=CALLS
        ):
            found[(context, forms(text)[0])] = path.relative_to(ROOT)
    for path in TEMPLATES:
        for asked in _asked_by_template(path):
            found[asked] = path.relative_to(ROOT)
    return found


def _asked_by_template(path: Path) -> Iterator[Key]:
    """Django writes the calls out, for xgettext: as Python each, amid what is no Python at all."""
    text = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for begin in re.finditer(r"\b(?:n?p?gettext|_)\((?=u?['\"])", text):
        end = begin.end()
        while True:
            end = text.index(")", end) + 1
            try:
                call = ast.parse(text[begin.start() : end], mode="eval").body
                break
            except SyntaxError:  # a bracket of the text itself
                continue
        assert isinstance(call, ast.Call)
        said = [str(value.value) for value in call.args if isinstance(value, ast.Constant)]
        yield (said[0], said[1]) if "pgettext" in begin.group() else (None, said[0])


def test_catalogue_is_in_step_with_the_code(catalogue: Catalog) -> None:
    asked, held = asked_for(), {key(message) for message in written(catalogue)}

    assert {text: str(path) for text, path in asked.items() if text not in held} == {}, "run: make messages"
    assert held - set(asked) == set(), "run: make messages"


def test_catalogue_is_complete(catalogue: Catalog) -> None:
    empty = [key(message)[1] for message in written(catalogue) if not all(forms(message.string))]
    fuzzy = [key(message)[1] for message in written(catalogue) if message.fuzzy]

    assert empty == []
    assert fuzzy == []
    assert not catalogue.obsolete


def test_plural_forms_are_those_of_the_language(catalogue: Catalog) -> None:
    assert (catalogue.num_plurals, catalogue.plural_expr) == (2, "n != 1")
    for message in written(catalogue):
        assert len(forms(message.string)) == len(forms(message.id)), message.id


def test_placeholders_agree(catalogue: Catalog) -> None:
    """Each form of a translation has those of the form it stands for; the singular may leave the number out."""
    wrong = []
    for message in written(catalogue):
        for text, said in zip(forms(message.id), forms(message.string), strict=True):
            had, has = sorted(PLACEHOLDER.findall(text)), sorted(PLACEHOLDER.findall(said))
            if had != has:
                wrong.append((text, said))
    assert wrong == []


def test_translations_keep_the_markup(catalogue: Catalog) -> None:
    tag = re.compile(r"</?\w+[^>]*>")
    for message in written(catalogue):
        for text, said in zip(forms(message.id), forms(message.string), strict=True):
            assert sorted(tag.findall(text)) == sorted(tag.findall(said)), text
            assert (text[0].isspace(), text[-1].isspace()) == (said[:1].isspace(), said[-1:].isspace()), text


def test_compiled_catalogue_is_the_written_one(catalogue: Catalog) -> None:
    """A newcomer's machine has no gettext, so it is committed; what it says is the .po's, run: make messages."""
    with (LOCALE / "django.mo").open("rb") as file:
        compiled = read_mo(file)

    assert {key(message): forms(message.string) for message in written(compiled)} == {
        key(message): forms(message.string) for message in written(catalogue)
    }


# --- nothing stays outside of the catalogue -----------------------------------------------------------------

# names and words of file formats, the same in every language
NAMES = {
    "Evalsite", "Gwet’s AC1", "sha256", "CSV", "JSON Lines",
    "id", "prompt", "tags", "lang", "messages", "reference", "metadata", "text", "latency_seconds", "input_tokens",
    "finish_reason", "earlier_answers",
}  # fmt: skip
# a row of a file, in whatever language the customer wrote it
EXAMPLE_FILES = re.compile(r"<pre[^>]*>.*?</pre>", re.DOTALL)
# attributes that people read or hear
READ = re.compile(
    r"\b(alt|title|placeholder|label|aria-(?:label|description|roledescription|valuetext))=\"([^\"]*)\""
)
LETTERS = re.compile(r"[^\W\d_]{2}|[A-Z]")
# where a template says what the page is, not what it says
SETTINGS = re.compile(r"{% block (?:body_class|main_class) %}[^{]*{% endblock %}")
ARGUMENT = re.compile(
    r"\b(?:label|title|text|note|lead|action|action2|caption|heading|parent|eyebrow)=(\"[^\"]*\")"
)


# what stands on a key is the same on every keyboard
ONE_KEY = re.compile(r"<kbd>[A-Z]</kbd>")


def outside(path: Path) -> Iterator[str]:
    """Text of a template that no translate tag holds."""
    text = ONE_KEY.sub("", EXAMPLE_FILES.sub("", SETTINGS.sub("", path.read_text(encoding="utf-8"))))
    shown, held = "", False
    for token in Lexer(text).tokenize():
        if token.token_type == TokenType.BLOCK:
            name = token.contents.split()[0]
            held = name == "blocktranslate" or (held and name != "endblocktranslate")
            yield from _literals(token)
        shown += token.contents if token.token_type == TokenType.TEXT and not held else "\0"
    yield from (value for _name, value in READ.findall(shown))
    yield from re.split(r"[\0\1]", re.sub(r"<[^>]*>", "\1", shown))


def _literals(token: Token) -> Iterator[str]:
    if token.contents.split()[0] in {"include", "with", "firstof"}:
        yield from (literal.strip('"') for literal in ARGUMENT.findall(token.contents))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_template_has_no_text_outside_of_the_catalogue(path: Path) -> None:
    found = {piece.strip(" \n·:,.…()×–-") for piece in outside(path)}

    assert {piece for piece in found if LETTERS.search(piece.replace("\0", ""))} - NAMES == set()


# --- what Python says to people ------------------------------------------------------------------------------

SAID_BY = {"ValidationError", "NotPossible", "VoteRefused", "PermissionDenied"}
SAID_AS = {"label", "empty_label", "help_text", "violation_error_message"}
FOLDERS = ("actions", "forms", "views", "models", "queries")
# of models that no page shows; for who reads the code
NOT_SHOWN = {"help_text"}


@pytest.mark.parametrize("app", ["models_registry", "reviews"])
def test_python_says_nothing_outside_of_the_catalogue(app: str) -> None:
    found = []
    for path in MODULES:
        inside = path.relative_to(ROOT).parts
        if inside[0] != app or not (
            inside[1] in FOLDERS or inside[1] in {"forms.py", "access.py", "admin.py"}
        ):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                found += [
                    f"{path.relative_to(ROOT)}:{node.lineno}: {text}" for text in _said(node, inside[1])
                ]
    assert found == []


def _said(call: ast.Call, folder: str) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    spoken = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "messages"
    values: list[ast.expr] = []
    if name in SAID_BY:
        values += call.args[:1]
    if spoken and name in {"success", "info", "warning", "error"}:
        values += call.args[1:2]
    values += [
        keyword.value
        for keyword in call.keywords
        if keyword.arg in SAID_AS and not (folder == "models" and keyword.arg in NOT_SHOWN)
    ]
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and LETTERS.search(value.value):
            yield value.value
        elif isinstance(value, ast.JoinedStr):
            words = "".join(str(part.value) for part in value.values if isinstance(part, ast.Constant))
            if LETTERS.search(words):
                yield words
