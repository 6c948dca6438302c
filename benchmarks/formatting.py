"""The Markdown tables that the benchmarks print and the report shows."""

import pandas as pd


def as_markdown(table: pd.DataFrame) -> str:
    """Format a table of text cells as Markdown with aligned columns.

    Examples
    --------
    >>> print(as_markdown(pd.DataFrame({"model": ["LeNet"], "error": ["0.72 %"]})))
    | model | error  |
    | ----- | ------ |
    | LeNet | 0.72 % |
    """
    lines = [list(table.columns), *table.to_numpy().tolist()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )
