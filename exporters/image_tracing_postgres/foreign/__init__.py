"""Spans of other instrumentations, told in the names of our own.

What says that a span is about pictures, and which of its attributes means what, is section 2.2 of
evidence/conventions.md; docs/foreign-spans.md lists the emitters. From here on their spans go the way of
ours: to the spool, within its limits, to rows.
"""
