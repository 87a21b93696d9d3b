"""Narratives are written one way, and nothing in them is expanded or fetched."""

from __future__ import annotations

import pytest

from adapter.fhir.xhtml import NAMESPACE, narrative


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("<div>a</div>", f'<div xmlns="{NAMESPACE}">a</div>'),
        (f"<div xmlns='{NAMESPACE}'>a<br></br>b</div>", f'<div xmlns="{NAMESPACE}">a<br/>b</div>'),
        (f'<h:div xmlns:h="{NAMESPACE}"><h:p>a</h:p></h:div>', f'<div xmlns="{NAMESPACE}"><p>a</p></div>'),
        ("<div><p/> &lt;&amp;&#169;<!-- x --></div>", f'<div xmlns="{NAMESPACE}"><p></p> &lt;&amp;©</div>'),
        (
            '<div xml:lang="en" title="a&#10;&quot;b">x</div>',
            f'<div xmlns="{NAMESPACE}" xml:lang="en" title="a&#xA;&quot;b">x</div>',
        ),
    ],
)
def test_one_form(text, form):
    assert narrative(text) == form
    assert narrative(form) == form


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "<div>",
        "<p>x</p>",
        "<div>&nbsp;</div>",
        '<div xmlns="http://other">x</div>',
        '<div><x xmlns="http://other"/></div>',
        '<div xmlns:y="http://other" y:a="1"/>',
        '<!DOCTYPE div SYSTEM "http://x.example/x.dtd"><div/>',
        '<!DOCTYPE div [<!ENTITY e "x">]><div>&e;</div>',
        "<div>" + "<b>" * 100 + "</b>" * 100 + "</div>",
    ],
)
def test_other_text_is_no_narrative(text):
    with pytest.raises(ValueError, match="expected"):
        narrative(text)
