"""How HL7 v2 messages are acknowledged: the original and the enhanced mode, one by one or batch by batch.

Original mode (MSH-15 and MSH-16 empty): AA once it is kept and its header can be used, AR with the reason where it
cannot, AE where nothing was kept and it is to be sent again. Enhanced mode: CA, CR, CE in their place as MSH-15 wants
them, and AA or AE later as MSH-16 does. That nothing was kept is told even to a sender that wants no answers.

HL7 v2.9 chapter 2, sections 2.9.2 and 2.9.3; tables 0008, 0155, 0357:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adapter.source import AnsweredMessage
from connectors.jail.hl7v2.acknowledgement import ACCEPTED, ERROR, REJECTED, answer
from connectors.jail.hl7v2.delivery import read_delivery
from connectors.jail.hl7v2.header import Fault, Header, fault_of, read_header

if TYPE_CHECKING:
    from adapter.source import AnswerOptions
    from connectors.jail.hl7v2.delivery import Delivery, Part

UNREADABLE: Final = Fault(
    code="101", field=1, advice="expected MSH with its delimiters; what came is kept but cannot be used"
)
NOT_KEPT: Final[dict[str, tuple[str, Fault]]] = {
    "closed": (ERROR, Fault(code="207", advice="the feed takes nothing in now, send it again later")),
    "store": (ERROR, Fault(code="207", advice="it could not be kept, send it again")),
    "block-end": (ERROR, Fault(code="207", advice="no CR followed FS, the frame never ended: send it again with both")),
    "sender": (REJECTED, Fault(code="103", field=3, advice="this sender is not known here, nothing was kept")),
    "too-long": (REJECTED, Fault(code="207", advice="longer than this feed takes, nothing was kept")),
    "empty": (REJECTED, Fault(code="101", field=1, advice="the frame is empty")),
}
"""Answer and reason where nothing of a delivery is kept."""
_WANTED: Final = {"NE": frozenset[str](), "ER": frozenset({"CE", "CR"}), "SU": frozenset({"CA"})}
"""Accept acknowledgements that are wanted under a word of table 0155; under AL, or a word it does not have, each."""
_CONTROL_ROOM: Final = 13


class Hl7Answering:
    """Answers HL7 v2 messages."""

    def answered(self, content: bytes, options: AnswerOptions) -> tuple[AnsweredMessage, ...]:
        """The messages of a delivery with their acknowledgements; nothing where one may not be sent here."""
        delivery = read_delivery(content)
        headers = [part.header for part in delivery.parts] or [delivery.batch]
        known = options.senders
        if known is not None and any(each is not None and each.sender not in known for each in headers):
            return ()
        if delivery.batch is None:
            return (_single(delivery.parts[0], options),)
        return _batch(content, delivery, delivery.batch, options)

    def refused(self, opening: bytes, why: str, options: AnswerOptions) -> bytes:
        """The answer to a delivery of which nothing is kept."""
        code, fault = NOT_KEPT[why]
        header = read_header(opening)
        if header is None and opening:
            delivery = read_delivery(opening)
            header = delivery.batch or delivery.parts[0].header
        return answer(header, _moded(header, code), (fault,), at=options.at, control=options.control)

    def applied(self, message: bytes, code: str, options: AnswerOptions) -> bytes:
        """The application acknowledgement of a message: AA, or AE for one that waits for somebody."""
        fault = Fault(code="207", advice="it is kept and waits until somebody has looked at it; do not send it again")
        faults = () if code == ACCEPTED else (fault,)
        header = read_header(message)
        return answer(header, code, faults, at=options.at, control=options.control, is_last=True)


def _moded(header: Header | None, code: str) -> str:
    """The code in the mode of the message: C in place of A for an accept acknowledgement."""
    return f"C{code[1:]}" if header is not None and header.is_enhanced else code


def _named(header: Header) -> str:
    """The sender as it calls itself: MSH-3 and MSH-4 whole."""
    return f"{header.field(3)}|{header.field(4)}"


def _judged(header: Header | None, options: AnswerOptions) -> tuple[str, tuple[Fault, ...], str]:
    """Code and faults to answer, and the code of what keeps it from being used."""
    fault = UNREADABLE if header is None else fault_of(header)
    if fault is None:
        return _moded(header, ACCEPTED), (), ""
    if options.accept_unsupported and fault.code in {"200", "201"}:
        return _moded(header, ACCEPTED), (), fault.code
    return _moded(header, REJECTED), (fault,), fault.code


def _single(part: Part, options: AnswerOptions, number: int = 0) -> AnsweredMessage:
    header = part.header
    code, faults, fault = _judged(header, options)
    control = f"{options.control[:_CONTROL_ROOM]}-{number:06d}" if number else options.control
    is_wanted = header is None or not header.is_enhanced or code in _WANTED.get(header.accept, {code})
    return AnsweredMessage(
        sender="" if header is None else _named(header),
        control="" if header is None else header.control,
        raw=part.raw,
        line=part.line,
        stop=part.stop,
        code=code,
        fault=fault,
        answer=answer(header, code, faults, at=options.at, control=control) if is_wanted else b"",
        apply=header.apply if header is not None and header.is_enhanced and not fault else "NE",
    )


def _batch(content: bytes, delivery: Delivery, header: Header, options: AnswerOptions) -> tuple[AnsweredMessage, ...]:
    """A batch and its messages. Answered as one, it is accepted when each of them is and its count is right."""
    members = [_single(part, options, number) for number, part in enumerate(delivery.parts, 1)]
    told = b""
    code = ACCEPTED
    if options.per_batch:
        faults = list(delivery.faults)
        for number, (part, member) in enumerate(zip(delivery.parts, members, strict=True), 1):
            if member.code.endswith("R"):
                fault = UNREADABLE if part.header is None else fault_of(part.header) or UNREADABLE
                faults.append(replace(fault, sequence=number))
        code = REJECTED if faults else ACCEPTED
        told = answer(header, code, faults, at=options.at, control=options.control)
        members = [replace(member, answer=b"") for member in members]
    own = AnsweredMessage(
        sender=_named(header),
        control=header.control if delivery.has_envelope else "",
        raw=content,
        line=1,
        stop=max((part.stop for part in delivery.parts), default=1),
        code=code,
        fault=delivery.faults[0].code if delivery.faults else "",
        answer=told,
        is_batch=True,
    )
    return (own, *members)
