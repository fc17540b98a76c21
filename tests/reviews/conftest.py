from __future__ import annotations

from pathlib import Path

import pytest

from tests.reviews.foreign_files import Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The three files of an evaluation that was run elsewhere, and the command that imports them."""
    return Files(tmp_path)
