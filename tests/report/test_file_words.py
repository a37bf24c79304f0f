"""What happened to files, in words."""

from catalog.diff.counts import Coverage, RowCounts
from catalog.diff.file_changes import FileChanges, FileEntry, FilePair
from catalog.diff.json_form import diff_json
from catalog.diff.view import DiffView, End, TableView
from catalog.report.markdown.page import render_markdown
from catalog.report.text import render_brief, render_diff


def entry(path: str, size: int = 700, *image: int) -> FileEntry:
    return FileEntry(path, size, "image/png", "0" * 64, None, *image)


MOVED = tuple(
    FilePair(entry(f"photos/2023/{n}.png"), entry(f"photos/2024/{n}.png")) for n in range(1000)
)
FILES = FileChanges(
    added=tuple(entry(f"new/{n}.png", 2100, 3, 4, 2) for n in range(12)),
    removed=(entry("gone\n.png"),),
    replaced=(
        FilePair(entry("doc.pdf"), entry("doc.pdf", 5000)),
        FilePair(entry("red.png", 700, 80, 60, 7), entry("red.png", 4200, 160, 120, 3)),
        FilePair(entry("sky.png", 700, 80, 60, 7), entry("sky.png", 4200, 80, 60, 2**64 - 8)),
    ),
    moved=(*MOVED, FilePair(entry("a.png"), entry("b.png"))),
    restated=(FilePair(entry("same.png"), entry("same.png", 700, 1, 1, 1)),),
)


def view(files: FileChanges = FILES) -> DiffView:
    rows = RowCounts(2000, 2011, 1013, 1002, 4, 0)
    coverage = Coverage(1, 0, 2, 3, 4)
    table = TableView(
        "images", "modified", rows, ("path",), coverage=coverage, files=files, is_file_set=True
    )
    return DiffView(End("main~1", "a" * 64), End("main", "b" * 64), (table,))


def test_the_picture_tells_files_kind_by_kind() -> None:
    assert render_diff(view(), width=100)[2:] == [
        "images  modified  key path",
        "  rows        2,000 → 2,011: 1,013 inserted, 1,002 deleted (50.1 %), 4 updated (0.2 %)",
        "  files       3 replaced, 1,001 moved, 12 added, 1 removed, "
        "1 with the same content and other facts",
        "  data files  2 added, 3 removed, 4 kept",
        "",
        "  replaced  sky.png  700 B → 4.2 kB            80×60   0 % alike",  # noqa: RUF001
        "  replaced  red.png  700 B → 4.2 kB  80×60 → 160×120  98 % alike",  # noqa: RUF001
        "  replaced  doc.pdf  700 B → 5.0 kB",
        "  moved     photos/2023/ → photos/2024/: 1,000 files moved",
        "  moved     a.png → b.png",
        *(f"  added     new/{n}.png  2.1 kB  3×4" for n in range(10)),  # noqa: RUF001
        "  … and 2 more files added",
        "  removed   gone\\n.png  700 B",
        "  same      same.png  700 B  none → 1×1",  # noqa: RUF001
    ]


def test_on_a_narrow_terminal_numbers_are_left_out_rather_than_cut() -> None:
    long = FilePair(entry("x" * 90 + "/red.png", 700, 8, 6, 7), entry("x", 4200, 16, 12, 3))
    found = FileChanges(replaced=(FilePair(long.before, entry(long.before.path, 4200, 16, 12, 3)),))
    for width, expected in (
        (70, "700 B → 4.2 kB  98 % alike"),
        (52, " 98 % alike"),
        (30, "/red.png"),
    ):
        line = render_diff(view(found), width=width)[-1]
        assert len(line) <= max(width, 36) and line.endswith(expected)


def test_in_brief_files_are_counted() -> None:
    assert [line.split()[0] for line in render_brief(view().tables[0])] == [
        *("images", "rows", "files")
    ]


def test_markdown_has_a_table_of_files() -> None:
    text = "\n".join(render_markdown(view()))
    assert "| replaced | red.png | 700 B → 4.2 kB | 80×60 → 160×120 | 98 % |" in text  # noqa: RUF001
    assert "| moved | photos/2023/ → photos/2024/: 1,000 files moved |  |  |  |" in text
    assert "… and 2 more files added." in text


def test_json_has_counts_and_lists_beside_those_of_rows() -> None:
    (table,) = diff_json(view())["tables"]
    assert table["rows"]["inserted"] == 1013
    found = table["file_set"]
    assert {name: found[name] for name in ("added", "removed", "replaced", "moved")} == {
        **{"added": 12, "removed": 1, "replaced": 3, "moved": 1001}
    }
    assert found["listed"]["moved_directories"] == [
        {"from": "photos/2023", "to": "photos/2024", "files": 1000}
    ]
    assert [one["alike"] for one in found["listed"]["replaced"]] == [0.0, 1 - 1 / 64, None]


def test_metadata_alone_speaks_of_data_files() -> None:
    coverage = Coverage(1, 0, 1, 1, 0)
    stat = TableView("t", "modified", RowCounts(5, 5), coverage=coverage, is_file_set=True)
    lines = render_diff(DiffView(End("a", "a" * 64), End("b", "b" * 64), (stat,)), width=80)
    assert "  data files  1 added, 1 removed" in lines


def test_a_table_that_is_no_file_set_has_no_such_field() -> None:
    plain = TableView("t", "modified", RowCounts(1, 1, 0, 0, 0, 0))
    found = diff_json(DiffView(End("a", "a" * 64), End("b", "b" * 64), (plain,)))
    assert "file_set" not in found["tables"][0]
