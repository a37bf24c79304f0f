"""Checks taken over from files: what comes, what goes, and that they mean what the files say."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog import AlreadyExists, Catalog, CatalogError, ErrorKind, InvalidInput, NotFound

pytest.importorskip("yaml", reason="the extra dbt is not installed")

Write = Callable[[str, str], str]

DBT = """
models:
  - name: orders
    columns:
      - name: order_id
        data_tests: [unique, not_null]
      - name: status
        data_tests:
          - accepted_values: {values: [paid, open]}
"""

TOML = '[checks.orders.amounts]\nkind = "range"\ncolumn = "amount"\nmin = 0\n'


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "lake"
    with catalog.create(root).transaction("main", message="orders") as tx:
        rows = {
            "order_id": [1, 2, 3, 4],
            "customer_id": [1, 1, 2, None],
            "status": ["paid", "open", None, ""],
            "amount": [1.5, 2.0, 3.0, None],
        }
        tx.write("orders", pa.table(rows), mode="append", key=["order_id"])
        tx.write("customers", pa.table({"id": [1, 2]}), mode="append")
        empty = pa.table({"x": pa.array([], pa.int64())})
        tx.write("nothing", empty, mode="append")
    return root


@pytest.fixture
def cat(template: Path, tmp_path: Path) -> Catalog:
    shutil.copytree(template, tmp_path / "lake")
    return catalog.open(tmp_path / "lake")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def written(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    return written


def names(cat: Catalog, ref: str = "main") -> dict[str, str]:
    """Returns the source of each check."""
    return {one.full_name: "" if one.check is None else one.check.source for one in cat.checks(ref)}


def test_what_a_file_states_comes_in_one_commit(cat: Catalog, write: Write) -> None:
    before = cat.resolve("main").commit_id
    report = cat.sync_checks(write("models/schema.yml", DBT))
    assert report.commit is not None
    assert report.commit.parents == (before,)
    assert report.commit.message == "take checks over from models/schema.yml"
    assert names(cat) == dict.fromkeys(
        ("orders.accepted_values_status", "orders.not_null_order_id", "orders.unique_order_id"),
        "dbt:models/schema.yml",
    )
    assert cat.diff("main~1", "main")["orders"].rows.updated == 0


@pytest.mark.invariant("Taking checks over twice makes no second commit")
def test_a_second_time_nothing_happens(cat: Catalog, write: Write) -> None:
    files = [write("schema.yml", DBT), write("checks.toml", TOML)]
    cat.sync_checks(*files)
    head = cat.resolve("main").commit_id
    report = cat.sync_checks(*files)
    assert (report.commit, report.added, report.changed, report.removed) == (None, (), (), ())
    assert len(report.unchanged) == 4
    assert cat.resolve("main").commit_id == head


@pytest.mark.invariant("Taking checks over changes those of the files, and no others")
def test_only_checks_of_the_files_change(cat: Catalog, write: Write) -> None:
    cat.add_check("orders", "not_null", "status", name="by_hand")
    cat.sync_checks(write("schema.yml", DBT), write("checks.toml", TOML))
    changed = DBT.replace("[unique, not_null]", "[unique]").replace("[paid, open]", "[paid]")
    added = "{name: fresh, test_name: not_null, column_name: amount}"
    report = cat.sync_checks(write("schema.yml", changed + f"    data_tests:\n      - {added}\n"))
    assert [one.name for one in report.added] == ["fresh"]
    assert [one.name for one in report.changed] == ["accepted_values_status"]
    assert [one.name for one in report.removed] == ["not_null_order_id"]
    assert [one.name for one in report.unchanged] == ["unique_order_id"]
    assert names(cat) == {
        "orders.accepted_values_status": "dbt:schema.yml",
        "orders.amounts": "toml:checks.toml",
        "orders.by_hand": "",
        "orders.fresh": "dbt:schema.yml",
        "orders.unique_order_id": "dbt:schema.yml",
    }


def test_pruning_drops_what_other_files_stated(cat: Catalog, write: Write) -> None:
    cat.add_check("orders", "not_null", "status", name="by_hand")
    cat.sync_checks(write("schema.yml", DBT))
    report = cat.sync_checks(write("checks.toml", TOML), prune=True)
    assert len(report.removed) == 3
    assert names(cat) == {"orders.amounts": "toml:checks.toml", "orders.by_hand": ""}


def test_a_file_that_moved_is_taken_over_by_pruning(cat: Catalog, write: Write) -> None:
    cat.sync_checks(write("a.yml", DBT))
    report = cat.sync_checks(write("b.yml", DBT), prune=True)
    assert (len(report.changed), len(report.removed)) == (3, 0)
    assert set(names(cat).values()) == {"dbt:b.yml"}


def test_a_dry_run_says_what_would_change(cat: Catalog, write: Write) -> None:
    head = cat.resolve("main").commit_id
    report = cat.sync_checks(write("schema.yml", DBT), dry_run=True)
    assert len(report.added) == 3
    assert report.commit is None
    assert cat.resolve("main").commit_id == head
    assert not names(cat)


def test_a_name_that_somebody_took_is_an_error(cat: Catalog, write: Write) -> None:
    cat.add_check("orders", "not_null", "order_id")
    path = write("schema.yml", DBT)
    with pytest.raises(
        AlreadyExists, match="not_null_order_id of table orders is there already"
    ) as e:
        cat.sync_checks(path)
    assert "replace=True" in e.value.hint
    assert list(names(cat)) == ["orders.not_null_order_id"]
    report = cat.sync_checks(path, replace=True)
    assert [one.name for one in report.changed] == ["not_null_order_id"]
    assert names(cat)["orders.not_null_order_id"] == "dbt:schema.yml"


def test_a_name_of_another_file_is_an_error_too(cat: Catalog, write: Write) -> None:
    cat.sync_checks(write("a.toml", TOML))
    with pytest.raises(AlreadyExists, match=r"which was taken over from toml:a\.toml"):
        cat.sync_checks(write("b.toml", TOML.replace("min = 0", "min = 1")))


def test_names_that_are_made_up_give_way(cat: Catalog, write: Write) -> None:
    cat.sync_checks(write("a.yml", DBT))
    both = cat.sync_checks(write("b.yml", DBT))
    assert len(both.added) == 3
    assert not {one.name for one in both.added} & {"unique_order_id", "not_null_order_id"}
    for files in (["b.yml"], ["b.yml", "a.yml"], ["a.yml"], ["a.yml", "b.yml"]):
        assert cat.sync_checks(*files).commit is None


def test_files_are_known_from_the_root_of_the_project(
    cat: Catalog, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("models/schema.yml", DBT)
    cat.sync_checks("models/schema.yml")
    monkeypatch.chdir(tmp_path / "models")
    assert cat.sync_checks("schema.yml", root=tmp_path).commit is None
    assert cat.sync_checks(tmp_path / "models" / "schema.yml", root="..").commit is None


def test_all_that_is_wrong_is_told_at_once_and_nothing_changes(cat: Catalog, write: Write) -> None:
    head = cat.resolve("main").commit_id
    text = (
        DBT
        + "      - name: amout\n        data_tests: [not_null]\n"
        + (
            "      - name: amount\n        data_tests:\n          - dbt_utils.not_constant\n"
            "          - not_null: {where: nix > 1}\n"
            "  - name: nix\n    columns: [{name: x, data_tests: [unique]}]\n"
        )
    )
    with pytest.raises(InvalidInput) as raised:
        cat.sync_checks(write("schema.yml", text))
    message = raised.value.message
    assert message.startswith("4 rules cannot be taken over:")
    for part in (
        "schema.yml, line 10: not_null of model orders: table 'orders' has no column 'amout'",
        'schema.yml, line 15: check not_null_amount of table orders: Referenced column "nix"',
        "schema.yml, line 16: model nix: there is no table 'nix'",
        "schema.yml, line 14: test dbt_utils.not_constant of column amount of model orders",
    ):
        assert part in message
    assert cat.resolve("main").commit_id == head


def test_the_rest_is_taken_over_only_if_asked(cat: Catalog, write: Write) -> None:
    text = DBT + (
        "      - name: amount\n        data_tests: [dbt_utils.not_constant]\n"
        "  - name: nix\n    columns: [{name: x, data_tests: [unique]}]\n"
    )
    path = write("schema.yml", text)
    with pytest.raises(InvalidInput):
        cat.sync_checks(path)
    report = cat.sync_checks(path, allow_partial=True)
    assert len(report.added) == 3
    assert len(report.left_out) == 2
    wrong = DBT.replace("status", "no_column")
    with pytest.raises(NotFound, match="no column 'no_column'"):
        cat.sync_checks(write("schema.yml", wrong), allow_partial=True)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("x.yml", "a: 1\n", "neither a properties file of dbt nor a data contract"),
        ("x.yml", "- a\n", "must be a properties file of dbt, or a data contract"),
        ("x.yml", "dataContractSpecification: 1.0\n", "Data Contract Specification"),
        ("x.sql", "SELECT 1", "is of no known kind"),
        ("x.toml", "a = [", "not valid TOML"),
        ("x.yml", "a: [", "not valid YAML"),
    ],
)
def test_other_files_are_refused(
    cat: Catalog, write: Write, name: str, text: str, problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        cat.sync_checks(write(name, text))


def test_what_is_no_file_is_refused_at_once(cat: Catalog, write: Write, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.yml")
    (tmp_path / "bytes.yml").write_bytes(b"\xff\xfe\x00")
    path = write("schema.yml", DBT)
    for name, kind in (
        ("nix.yml", ErrorKind.SOURCE_NOT_FOUND),
        (".", ErrorKind.NOT_A_FILE),
        ("pipe.yml", ErrorKind.NOT_A_FILE),
        ("bytes.yml", ErrorKind.BAD_CHECK),
    ):
        with pytest.raises(CatalogError) as raised:
            cat.sync_checks(name)
        assert raised.value.kind is kind, name
    with pytest.raises(InvalidInput, match="is named twice"):
        cat.sync_checks(path, f"./{path}")
    with pytest.raises(InvalidInput, match="no file to take checks from"):
        cat.sync_checks()


def test_a_protected_branch_takes_no_checks(cat: Catalog, write: Write) -> None:
    cat.branches.protect("main")
    with pytest.raises(CatalogError) as raised:
        cat.sync_checks(write("schema.yml", DBT))
    assert raised.value.kind is ErrorKind.BRANCH_PROTECTED


def test_a_gate_reads_no_file(cat: Catalog, write: Write) -> None:
    path = write("schema.yml", DBT)
    cat.sync_checks(path)
    write("schema.yml", "models: []\n")
    cat.branches.create("fix", at="main")
    with cat.transaction("fix", message="twice") as tx:
        tx.sql("UPDATE orders SET status = 'lost' WHERE order_id = 1")
    with pytest.raises(catalog.GateRefused, match="accepted_values_status"):
        cat.merge("fix")


CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: x
version: '1'
status: active
schema:
  - name: orders
    properties:
"""

# orders: status paid, open, NULL, ''; amount 1.5, 2.0, 3.0, NULL; customer_id 1, 1, 2, NULL
QUALITY = {
    "status": [
        ("metric: nullValues, mustBe: 0", False),
        ("metric: nullValues, mustBe: 1", True),
        ("metric: nullValues, mustNotBe: 1", False),
        ("metric: nullValues, mustBeLessThan: 2", True),
        ("metric: nullValues, mustBeGreaterThan: 1", False),
        ("metric: nullValues, mustBe: 25, unit: percent", True),
        ("metric: nullValues, mustBeLessThan: 25, unit: percent", False),
        ("metric: nullValues, mustBeLessThan: 25.001, unit: percent", True),
        ("metric: nullValues, mustBeLessOrEqualTo: 25, unit: percent", True),
        ("metric: nullValues, mustBeBetween: [20, 30], unit: percent", True),
        ("metric: nullValues, mustNotBeBetween: [20, 30], unit: percent", False),
        ("metric: missingValues, mustBe: 2, arguments: {missingValues: [null, '']}", True),
        ("metric: missingValues, mustBe: 1, arguments: {missingValues: ['']}", True),
        ("metric: missingValues, mustBeLessThan: 5, arguments: {missingValues: [null]}", True),
        ("metric: missingValues, mustBe: 50, unit: percent, "
         "arguments: {missingValues: [null, '']}", True),
        ("metric: invalidValues, mustBe: 1, arguments: {validValues: [paid, open]}", True),
        ("metric: invalidValues, mustBe: 0, arguments: {validValues: [paid, open]}", False),
    ],
    "amount": [
        ("metric: missingValues, mustBe: 2, arguments: {missingValues: [null, 2]}", True),
        ("metric: duplicateValues, mustBe: 0, unit: percent", True),
        ("type: sql, query: 'SELECT sum({property}) FROM {object};', mustBe: 7", False),
    ],
    "customer_id": [
        ("metric: invalidValues, mustBe: 2, arguments: {validValues: [2]}", True),
        ("metric: invalidValues, mustBe: 50, unit: percent, arguments: {validValues: [2]}", True),
        ("metric: duplicateValues, mustBe: 0", False),
        ("metric: duplicateValues, mustBe: 1", True),
    ],
    "": [
        ("metric: duplicateValues, mustBe: 0, arguments: {properties: [amount, status]}", True),
        ("metric: rowCount, mustBe: 4", True),
        ("metric: rowCount, mustBeLessThan: 4", False),
        ("metric: rowCount, mustNotBe: 4", False),
        ("metric: rowCount, mustNotBeBetween: [5, 9]", True),
        ("type: sql, query: 'SELECT sum(amount) FROM ${object}', mustBe: 6.5", True),
        ("type: sql, query: 'SELECT NULL', mustBe: 0", False),
        ("type: sql, query: 'SELECT 1 WHERE false', mustNotBe: 0", False),
        ("type: sql, query: 'SELECT max(status) FROM orders', mustBe: paid", True),
        ("type: sql, query: 'SELECT bool_and(amount > 0) FROM orders', mustBe: true", True),
    ],
}  # fmt: skip
"""By property, or none for the table: rules of quality, and whether the rows above meet them."""


def test_rules_of_quality_mean_what_the_standard_says(cat: Catalog, write: Write) -> None:
    pytest.importorskip("open_data_contract_standard", reason="the extra odcs is not installed")
    text, of_table = CONTRACT, "    quality:\n"
    expected: dict[str, bool] = {}
    for column, rules in QUALITY.items():
        listed = ""
        for rule, passes in rules:
            listed += f"          - {{name: r{len(expected)}, {rule}}}\n"
            expected[f"r{len(expected)}{f'_{column}' if column else ''}"] = passes
        if column:
            text += f"      - name: {column}\n        quality:\n{listed}"
        else:
            of_table += listed
    assert not cat.sync_checks(write("c.odcs.yaml", text + of_table)).left_out
    found = {one.check.replace("_percent", ""): one for one in cat.check()}
    assert {name: one.status in ("passed",) for name, one in found.items()} == expected
    assert {one.status for one in found.values()} == {"passed", "failed"}


def test_of_no_rows_the_share_is_none(cat: Catalog, write: Write) -> None:
    pytest.importorskip("open_data_contract_standard", reason="the extra odcs is not installed")
    text = CONTRACT.replace("orders", "nothing") + "      - name: x\n        quality:\n"
    for name, operator in (("a", "mustBe: 0"), ("b", "mustBeLessThan: 1"), ("c", "mustNotBe: 0")):
        text += f"          - {{name: {name}, metric: nullValues, {operator}, unit: percent}}\n"
    cat.sync_checks(write("c.odcs.yaml", text))
    assert [one.status for one in cat.check()] == ["passed", "passed", "failed"]


# name: test, column, failures
TESTS = [
    ("not_null", "status", 1),
    ("unique", "customer_id", 1),
    ("accepted_values: {values: [paid, open]}", "status", 1),
    ("accepted_values: {values: [1, 2]}", "customer_id", 0),
    ("accepted_values: {values: ['1', '2'], where: order_id < 4}", "customer_id", 0),
    ("relationships: {to: ref('customers'), field: id}", "customer_id", 0),
    ("dbt_utils.accepted_range: {min_value: 2}", "amount", 1),
    ("dbt_utils.accepted_range: {min_value: 2, inclusive: false}", "amount", 2),
    ("dbt_utils.expression_is_true: {expression: '< 3'}", "amount", 1),
    ("dbt_utils.not_accepted_values: {values: [paid, '']}", "status", 2),
    ("dbt_utils.unique_combination_of_columns: {combination_of_columns: [customer_id]}", "", 1),
    ("dbt_utils.unique_combination_of_columns: {combination_of_columns: [customer_id], "
     "where: order_id > 1}", "", 0),
    ("dbt_utils.expression_is_true: {expression: amount > order_id}", "", 2),
]  # fmt: skip


def test_tests_of_dbt_count_what_dbt_counts(cat: Catalog, write: Write) -> None:
    of_table, columns, expected = "", "", {}
    for number, (test, column, failures) in enumerate(TESTS):
        kind, _, arguments = test.partition(": ")
        body = f"{kind}: {{name: t{number}, {arguments.removeprefix('{') or '}'}"
        if column:
            columns += f"      - name: {column}\n        data_tests:\n          - {body}\n"
        else:
            of_table += f"      - {body}\n"
        expected[f"t{number}"] = failures
    text = f"models:\n  - name: orders\n    data_tests:\n{of_table}    columns:\n{columns}"
    cat.sync_checks(write("schema.yml", text))
    assert {one.check: one.failures for one in cat.check()} == expected
