"""Parameters are typed and told; what cannot be used is refused before a kernel starts, by name, value and what is expected."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from workbench import reports
from workbench.cli.commands import workbench
from workbench.reports.notebooks import TemplateError
from workbench.reports.parameters import KINDS, HiddenSecretError, Parameter, ParameterError, checked, public

from .conftest import LOG, template

NAMES = [one.name for one in reports.templates()]


def one(kind: str, default: object = None, required: bool = False) -> Parameter:
    return Parameter("it", kind, default, required, "")


@pytest.mark.parametrize(
    ("kind", "given_", "value"),
    [
        ("countries", "hk, vn", ["HK", "VN"]),
        ("countries", ["vn"], ["VN"]),
        ("level", "TLP:AMBER+STRICT", "amber+strict"),
        ("place", "nl", "NL"),
        ("place", "52.09,5.12,Plant, Utrecht", [52.09, 5.12, "Plant, Utrecht"]),
        ("number", "24", 24),
        ("flag", "no", False),
        ("file", LOG, str(LOG)),
        ("store", "local", "local"),
        ("store", "postgresql://ines@db.example/workbench", "postgresql://ines@db.example/workbench"),
        ("text", " CERT B ", "CERT B"),
    ],
)
def test_a_value_is_read_as_what_it_is_declared(kind: str, given_: object, value: object) -> None:
    assert one(kind).read(given_) == value


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("countries", "XX"), ("level", "pink"), ("place", "91,0"), ("place", "ZZ"), ("number", "0"), ("number", "many"), ("flag", "perhaps"),
        ("file", "no/such/file"), ("file", "/"), ("store", "mysql://x"), ("store", "env:NOT_SET_ANYWHERE"), ("store", "env:1 2"),
        ("text", "a\x00b"), ("snapshot", "1999-01-01"), ("log_format", "klingon"),
    ],
)  # fmt: skip
def test_a_bad_value_is_told_with_its_name_and_what_is_expected(kind: str, bad: str) -> None:
    with pytest.raises(ParameterError) as told:
        one(kind).read(bad)
    assert str(told.value).startswith("it=")
    assert repr(bad) in str(told.value)
    assert one(kind).expects in str(told.value)


@given(kind=st.sampled_from(sorted(set(KINDS) - {"recipient"})), text=st.text(max_size=60))
def test_whatever_is_given_is_taken_or_refused(kind: str, text: str) -> None:
    with contextlib.suppress(ParameterError):
        one(kind).read(text)


@pytest.mark.parametrize("url", ["postgresql://a:hunter2@db/x", "postgresql://a@db/x?password=hunter2"])
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(HiddenSecretError) as told:
        one("store").read(url)
    assert "hunter2" not in str(told.value)
    assert "env:NAME" in str(told.value)


def test_unknown_and_missing_parameters_are_named() -> None:
    taken = reports.template("triage").parameters
    with pytest.raises(ParameterError, match=r"sourc='x'.*there are: source, log_format"):
        checked(taken, {"sourc": "x"})
    with pytest.raises(ParameterError, match="source is needed"):
        checked(taken, {})
    with pytest.raises(ParameterError, match="no parameter 'recipient'"):
        checked(taken, {"source": LOG, "recipient": "x"})


def test_what_is_shown_of_parameters_names_neither_folder_nor_server() -> None:
    taken = (one("file"), Parameter("store", "store", None, False, ""))
    shown = public(taken, {"it": str(LOG), "store": "postgresql://ines@db.example/workbench"})
    assert shown["it"].startswith("firewall.log (SHA-256 ")
    assert shown["store"] == "a shared store"


def test_no_kernel_is_started_for_a_bad_parameter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "workbench.reports.making.running.execute", lambda *_: pytest.fail("a kernel was started")
    )
    with pytest.raises(ParameterError):
        reports.run("triage", {"source": LOG, "concern": "XX"}, output=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_each_template_is_described_with_every_parameter(name: str) -> None:
    told = CliRunner().invoke(workbench, ["report", "describe", name], env={"COLUMNS": "300"})
    assert told.exit_code == 0, told.output
    for parameter in reports.template(name).parameters:
        assert parameter.help
        if parameter.kind != "recipient":
            assert parameter.name in told.output


def test_every_template_is_listed() -> None:
    told = CliRunner().invoke(workbench, ["report", "list"]).output
    assert NAMES
    assert all(name in told for name in NAMES)


def test_an_unknown_report_names_those_there_are() -> None:
    told = CliRunner().invoke(workbench, ["report", "run", "triag"])
    assert told.exit_code == 1
    assert "there is no report 'triag'; there are: " in told.output
    assert "triage" in told.output


@pytest.mark.parametrize("line", ["x = 1", 'x: "colour" = 1', 'x: "text" = f()  # help', "x: 'text'"])
def test_a_template_that_declares_badly_is_told_which_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(TemplateError, match=r"mine\.ipynb"):
        _ = reports.template(template(tmp_path, parameters=line)).parameters
