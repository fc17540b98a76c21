"""What is wrong with a row of a file, and how to mend it, in the language of the page.

The readers of files are pure and say it in English, which is stored with the upload; here their sentences are known
again by their form. What is not known stays as it is. A test holds the forms to be those of the readers.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

SENTENCES = (
    # --- rows
    _('"id" is missing'),
    _('"id" is empty'),
    _('"id" has %(count)s characters'),
    _('"id" contains a line break or another control character'),
    _('the id "%(key)s" was used in %(where)s already'),
    _("the prompt is the same as in %(where)s"),
    _('"messages" is missing'),
    _('"messages" is empty'),
    _('"text" is missing'),
    _('the row has both "messages" and "prompt"'),
    _('"system" stands beside "messages"'),
    _("the last message has the role %(role)s"),
    _('%(where)s has no "role"'),
    _('%(where)s has no "content"'),
    _("%(where)s has the role %(role)s where %(expected)s is expected"),
    _("%(where)s has the role %(role)s"),
    _("the tag %(tag)s is given twice"),
    _("the tag %(tag)s has %(count)s characters"),
    _('the row has "%(first)s" and "%(second)s", and they differ'),
    _("the row has %(cells)s cells where the header has %(columns)s"),
    _("the row is longer than %(most)s"),
    _("%(where)s contains a NUL character (U+0000)"),
    _("%(where)s contains a number that is too large"),
    _("%(where)s is nested too deep"),
    _("%(where)s is not JSON: %(reason)s, at character %(place)s"),
    # --- files
    _("the file holds no rows"),
    _("the file is HTML or XML"),
    _("the file is one JSON document spread over several lines"),
    _("the file is not UTF-8: %(where)s"),
    _("the file has more than %(most)s rows"),
    _("the file holds more than %(most)s"),
    _("the gzip file is cut off before its end"),
    _("the gzip file is damaged"),
    _("the header names %(count)s columns"),
    _('the header names "%(name)s" twice'),
    _('the header has no column "id", only %(columns)s'),
    _('the header has neither a column "prompt" nor "messages", only %(columns)s'),
    _("a double quote opens in this row and never closes"),
    _("the row contains a carriage return outside double quotes"),
    # --- how to mend it
    _("give each row an id of its own"),
    _("remove one of the two, or give both an id"),
    _("shorten it to %(most)s or fewer"),
    _("keep it on one line"),
    _('give a list such as %(example)s, or a "prompt"'),
    _("give a list such as %(example)s"),
    _("give an object such as %(example)s"),
    _('give "system", "user" or "assistant"'),
    _("write what is said, as a string"),
    _("write it as a string or a whole number"),
    _("write it as a string, or leave it out"),
    _("write it as a string"),
    _('end with the user message to be answered; a known good answer goes into "reference"'),
    _("let user and assistant take turns, beginning with user"),
    _("a system message may only be the first"),
    _("give each tag once"),
    _("keep one of the two"),
    _("keep one response an example"),
    _('put a cell that contains "%(sign)s" into double quotes'),
    _('close it; inside a cell write ""'),
    _("save the file with LF or CRLF line ends"),
    _("write one object a line: %(example)s"),
    _("write each row on one line: %(example)s"),
    _("begin with a header, then one row a line"),
    _("give JSON Lines or CSV"),
    _("split it into several"),
    _("pack or upload it again"),
    _("remove those that are not needed"),
    _("rename or remove one of the two"),
    _('name the column with the ids "id"'),
    _('name the column with the questions "prompt"'),
    _("remove it: the database can't store it"),
    _("flatten it"),
    _("shorten or remove it"),
    _('give what the model answered; "" where it answered nothing'),
    _("give a number that is not below zero, or leave it out"),
    # --- rarer ones
    _("%(where)s has a part that is not text"),
    _("%(where)s is not an assistant message"),
    _("give one assistant message"),
    _("%(where)s has a weight that is neither 0 nor 1"),
    _("give 0 or 1, or leave it out"),
    _("the last answer in %(where)s is %(kind)s"),
    _("%(where)s is a call of a tool or its result"),
    _("the file is a Parquet file"),
    _("columns are mapped for CSV only"),
    _("%(where)s a cell goes on after its closing double quote"),
    _('put the whole cell into double quotes and write "" for a quote inside it'),
    _("a cell is longer than %(most)s"),
    _("no column is chosen for the prompt"),
    _("choose the one with the questions"),
    _("the line is longer than %(most)s"),
    _("a row that ends here or later is longer than %(most)s"),
    _('the header has no column "%(name)s", only %(columns)s'),
    _("map each column once, to one of %(names)s"),
    _("the file is not a JSON array"),
    _("the file is not a JSON object"),
    _('the file has no list "%(name)s"'),
    _("the file goes on after the end of its JSON document"),
    _('"%(sign)s" stands where a comma or "]" is expected'),
    _("a name without a value stands in the document"),
    _("the document is not one JSON object"),
    _("the file ends in the middle of it"),
    _("%(where)s contains half of a surrogate pair, such as \\ud83d alone"),
    _("%(where)s contains half of a surrogate pair"),
    _("write the whole character, or remove what is left of it"),
    _("%(where)s contains %(what)s, which is not a number in JSON"),
    _("%(where)s contains %(what)s, which is not JSON"),
    _('the name "%(name)s" stands twice in one object'),
    _("%(where)s is nested more than %(most)s deep"),
    _("give a number or null"),
    _("the conversation is replayed: its answers are the model's own"),
    _("use JSON Lines"),
    _("the row has no reference, so there is nothing to learn from it"),
    _("the last message of the input is an answer"),
    _("end the input with what the user says"),
    _("the last message of the prompt is an answer"),
    _("end it with what the user says"),
    _("the file has %(count)s columns"),
    _("flatten it, or write it as JSON text"),
    _("the rows of the Parquet file are too large together"),
    _("write smaller row groups"),
    _("the Parquet file can't be read: %(reason)s"),
    _("some answers of the conversation are given and others are the model's own"),
    _("give all of them, or none"),
    _("write one row a line; see the example on the upload page"),
    _('write rows such as %(example)s, or a CSV whose header has "id" and "%(name)s"'),
    _("write rows such as %(example)s"),
    _('the file is neither JSON Lines nor CSV with the columns known here: it begins with "%(start)s"'),
    _('the file is not Parquet: it does not begin with "PAR1"'),
    _("choose another format"),
    _("the file holds %(what)s, not prompts"),
    _("give the file with the questions"),
    _("use strings, numbers, lists and objects"),
    _('the row has both "user_turns" and "prompt"'),
    _("give a list of what the user says, such as %(example)s"),
    _('the row has "messages" and "user_turns" that are different conversations'),
    _('write it as {"role": "user", "content": "…"}'),
    _('make it the first message, {"role": "system", "content": "…"}; beside "prompt" it may stand'),
    _("%(where)s has %(names)s beside role and content"),
    _('remove it; what is worth keeping can go into "metadata"'),
    _("tag %(number)s is empty"),
    _('remove it; a row without a tag leaves "tags" out'),
    _("tag %(number)s contains a line break or another control character"),
    _('"%(name)s" is what a row without a tag is called here'),
    _('leave "tags" out, or use another word'),
    _('%(name)s is a column of the row and stands in "metadata" too'),
    _("a name in %(where)s is %(kind)s"),
    _("write names as strings"),
    _("no example's id has over %(most)s"),
    _('"latency" is %(value)s, which in seconds is more than ten minutes'),
    _('call the column "latency_ms" if it holds milliseconds, "latency_seconds" if not'),
    _('"%(name)s" is %(value)s, which is more than a day'),
    _("give the time of one answer"),
    _("write a whole number such as 412"),
    _("give at most %(most)s tokens a response"),
    _("write a number such as %(example)s, or leave it out"),
    _('"%(name)s" is too large'),
    _("give a word such as stop or length, of at most %(most)s"),
    _("write a point instead of the comma, as in %(example)s"),
    _("write what the user asks"),
    _("write the system message, or leave it out"),
    _("write what is said, or remove the message"),
    _("write what the user says"),
    _("the file is not UTF-8 text: byte offset %(place)s holds a zero byte"),
    _("the gzip file unpacks to more than %(times)s times its size"),
    _("upload it unpacked"),
    _("the file is packed with gzip twice"),
    _("the file has more than %(most)s lines"),
)
# what stands in them and is no part of the file; the shortest form comes last
PARTS = (
    _("line %(number)s"),
    _("message %(number)s"),
    _("the row"),
    _("the line"),
    _("a number"),
    _("a string"),
    _("a list"),
    _("an object"),
    _("true or false"),
)
# the field a row gives wrongly, and what it is instead: only what JSON calls a type, else it is a text of the file
OF_A_KIND = _('"%(name)s" is %(kind)s')


def file_said(text: str) -> str:
    """A message or a fix of a golden set file or a file of responses."""
    if get_language() == "en":
        return text
    for sentence in (*SENTENCES, OF_A_KIND):
        if found := form(sentence).fullmatch(text):
            parts = {name: _part(value) for name, value in found.groupdict().items()}
            if sentence is OF_A_KIND and parts["kind"] == found["kind"]:
                continue
            return gettext(sentence) % parts if parts else gettext(sentence)
    return text


@cache
def form(sentence: str) -> re.Pattern[str]:
    pieces = re.split(r"%\((\w+)\)s", sentence)
    pattern = "".join(
        f"(?P<{piece}>.+?)" if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)
    )
    return re.compile(pattern, re.DOTALL)


def _part(value: str) -> str:
    for part in PARTS:
        if found := form(part).fullmatch(value):
            return gettext(part) % found.groupdict() if found.groupdict() else gettext(part)
    return value
