"""Invoices over what the files contain, with one error."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

INVOICES = ("invoice_month", "application_key", "currency", "invoice_amount")
# Added to the newest month's invoice in euro.
INVOICE_ERROR = Decimal("12.34")


def invoices(out: Path, end: date) -> Iterator[dict[str, str]]:
    """Lines of the account by month and currency: the sums of the files, one of them with an error."""
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for folder in (out, out / "planted"):
        for kind in ("phone_terminated", "phone_originated"):
            for path in sorted(folder.glob(f"cdr_{kind}_*.csv")):
                with path.open(encoding="utf-8", newline="") as file:
                    for record in csv.DictReader(file, delimiter=";"):
                        if record["Amount"]:
                            totals[record["CallTime"][:7], record["Currency"]] += Decimal(record["Amount"])
    for (month, currency), total in sorted(totals.items()):
        differs = currency == "EUR" and month == f"{end:%Y-%m}"
        yield {
            "invoice_month": f"{month}-01",
            "application_key": "",
            "currency": currency,
            "invoice_amount": str(total + (INVOICE_ERROR if differs else 0)),
        }
