"""What people see of azure-cli before it is there: what to do, and how far its installation is."""

import pytest

from cli import az, az_install


def test_without_azure_cli_the_way_to_it_is_named(tmp_path, monkeypatch, capsys):
    """A command without an installation ends with code 2 and names `make az`; no local Azure is started for it."""
    monkeypatch.setattr(az_install, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["az", "group", "list"])
    assert az.main() == 2
    assert "make az" in capsys.readouterr().err


def test_pip_is_followed_package_by_package():
    """Each package is counted once and named; all that pip said is kept for the case that it fails."""
    told = []
    lines = [
        "Collecting azure-cli==2.91.0\n",
        "  Downloading https://x/azure_cli.whl (9 MB)\n",
        "Collecting knack~=0.1\n",
    ]
    assert len(az_install._follow(lines, told.append)) == 3
    assert [line.partition(" ")[0] for line in told] == ["1", "1", "2"]
    assert told[1].endswith("downloading azure_cli.whl")


@pytest.mark.parametrize("text", ["", "no json", "{}"])
def test_a_stale_note_is_no_running_azure(tmp_path, text):
    """A missing, broken or foreign note of a local Azure counts as none."""
    note = tmp_path / "simulator.json"
    if text:
        note.write_text(text)
    assert az.running(note) is None
