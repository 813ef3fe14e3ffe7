"""Records that are delivered more than once."""

from loader.synth.irregularities.irregularity import (
    PHONE_ORIGINATED,
    PHONE_TERMINATED,
    SIP_TERMINATED,
    CallPool,
    irregularity,
    text,
    with_changes,
)


@irregularity(
    "warts/cdr_phone_originated_{day}_repeated.csv",
    "One record twice, and three different ones with one CallId.",
    "Five records make two calls: one exact duplicate, two conflicts. The last line wins.",
    kind=PHONE_ORIGINATED,
    staged=5,
)
def _repeated(supply: CallPool) -> bytes:
    twice, changed = supply.take(PHONE_ORIGINATED, 2, "ANSWERED")
    versions = [changed, changed | {"Amount": "0.0001"}, changed | {"Amount": "0.0002", "Reason": "N/A"}]
    return text([twice, *versions, twice], PHONE_ORIGINATED).encode()


@irregularity(
    "warts/cdr_phone_terminated_{day}_two_kinds.csv",
    "Calls whose CallId is also in the next file, of another kind.",
    "Two legs: a row in each kind.",
    kind=PHONE_TERMINATED,
    staged=3,
)
def _two_kinds(supply: CallPool) -> bytes:
    return text(supply.calls(PHONE_TERMINATED, supply.end, 3, "two kinds"), PHONE_TERMINATED).encode()


@irregularity(
    "warts/cdr_sip_terminated_{day}_two_kinds.csv",
    "The other legs of the calls in the file before.",
    "Two legs: a row in each kind.",
    kind=SIP_TERMINATED,
    staged=3,
)
def _two_kinds_sip(supply: CallPool) -> bytes:
    first_legs = supply.calls(PHONE_TERMINATED, supply.end, 3, "two kinds")
    calls = with_changes(supply.take(SIP_TERMINATED, 3), *({"CallId": leg["CallId"]} for leg in first_legs))
    return text(calls, SIP_TERMINATED).encode()


@irregularity(
    "warts/cdr_phone_terminated_{day}_repeated_across_files.csv",
    "The records of the file with two kinds again: two unchanged, one with another amount; and a new call.",
    "Two exact duplicates and a conflict, which this file loses: it is staged before the other.",
    kind=PHONE_TERMINATED,
    staged=4,
)
def _repeated_across_files(supply: CallPool) -> bytes:
    first, *others = supply.calls(PHONE_TERMINATED, supply.end, 3, "two kinds")
    calls = [first | {"Amount": "0.0001"}, *others, *supply.take(PHONE_TERMINATED, 1)]
    return text(calls, PHONE_TERMINATED).encode()
