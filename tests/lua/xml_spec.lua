--- navodoo.xml: trees of tables, and what is refused.

local xml = require "navodoo.xml"

local function parse(text) return assert(xml.parse(text)) end

local function problem(text)
  local node, err = xml.parse(text)
  expect(node):is_nil()
  return err
end

describe("xml.parse", function()
  it("makes nodes of name, namespace, attributes and children", function()
    expect(parse [[<a x="1"><b>t</b><c/></a>]]):equals {
      name = "a", attrs = { x = "1" },
      { name = "b", attrs = {}, "t" },
      { name = "c", attrs = {} },
    }
    local entry = parse [[<e xmlns="u:d" xmlns:m="u:m"><m:p m:null="true"/></e>]]
    expect(entry.ns):equals("u:d")
    expect(entry[1]):equals { name = "p", ns = "u:m", attrs = { null = "true" } }
  end)

  it("prefers the attribute without a prefix", function()
    expect(parse([[<a xmlns:p="u" p:id="2" id="1"/>]]).attrs):equals { id = "1" }
    expect(parse([[<a xmlns:p="u" id="1" p:id="2"/>]]).attrs):equals { id = "1" }
  end)

  it("joins text, CDATA and references", function()
    expect(parse("<a>1 &lt; 2<![CDATA[ & 3]]>&#x20AC;</a>")[1]):equals("1 < 2 & 3\u{20AC}")
  end)

  it("keeps blanks that are a value and drops those between elements", function()
    local node = parse("<a>\n  <b> </b>\n</a>")
    expect(#node):equals(1)
    expect(node[1][1]):equals(" ")
  end)

  it("answers malformed text with an error that names the line", function()
    local err = problem("<a>\n<b></a>")
    expect(err.code):equals("syntax")
    expect(err.where):equals("line 2")
    expect(tostring(err)):matches("mismatch")
    expect(problem("").text):matches("empty")
  end)

  it("refuses document types, entities and depth", function()
    expect(problem([[<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>]]).text):matches("DOCTYPE")
    expect(problem("<a>&x;</a>").code):equals("syntax")
    expect(problem(("<a>"):rep(300)).code):equals("too_large")
  end)

  it("raises for anything but text", function()
    expect.raises(function() xml.parse({}) end, "string expected")
  end)
end)

describe("xml.escape", function()
  it("makes text that reads back, inside and as an attribute", function()
    local text = "<a> & \"b\" 'c'\t\n \u{E6}"
    local node = parse("<r x='" .. xml.escape(text) .. "'>" .. xml.escape(text) .. "</r>")
    expect(node.attrs.x):equals(text)
    expect(node[1]):equals(text)
    expect(xml.escape("")):equals("")
  end)

  it("leaves out what XML cannot carry", function()
    expect(xml.escape("a\0b\1c")):equals("abc")
  end)
end)
