--- navodoo.text and navodoo.crypto: Unicode text, digests and base64.

local crypto = require "navodoo.crypto"
local text = require "navodoo.text"

local describe, it, expect = describe, it, expect

describe("text forms", function()
  it("nfc gives one form to one letter", function()
    expect(text.nfc("e\u{301}")):equals("é")
    expect(text.nfc("é")):equals("é")
    expect(text.nfc("plain")):equals("plain")
    expect(text.nfc("")):equals("")
  end)

  it("fold makes names comparable", function()
    expect(text.fold("Straße ÉCOLE Ångström")):equals("strasse ecole angstrom")
    expect(text.fold("MÜLLER")):equals(text.fold("mu\u{308}ller"))
    expect(text.fold("STRASSE")):equals(text.fold("straße"))
    expect(text.fold("Søn")):equals("søn")
  end)

  it("upper and lower map one to one", function()
    expect(text.upper("straße é ÿ")):equals("STRAßE É Ÿ")
    expect(text.lower("ÆØÅ Ж")):equals("æøå ж")
  end)

  it("trim takes every kind of space off the ends", function()
    expect(text.trim("\u{a0}\t a b \r\n\u{3000}")):equals("a b")
    expect(text.trim(" \u{2003} ")):equals("")
    expect(text.trim("ab")):equals("ab")
  end)
end)

describe("text lengths", function()
  it("count code points, and UTF-16 units as NAV does", function()
    expect(text.length("aé😀")):equals(3)
    expect(text.utf16_length("aé😀")):equals(4)
    expect(text.length("")):equals(0)
  end)

  it("truncate never splits a code point", function()
    expect(text.truncate("aé😀b", 2)):equals("aé")
    expect(text.truncate("aé😀b", 3)):equals("aé")
    expect(text.truncate("aé😀b", 4)):equals("aé😀")
    expect(text.truncate("aé😀b", 50)):equals("aé😀b")
    expect(text.truncate("abc", 0)):equals("")
    expect.raises(function() text.truncate("abc", -1) end, "not negative")
  end)
end)

describe("text that is not UTF-8", function()
  it("is found out and never repaired", function()
    expect(text.valid("é\0😀")):is_true()
    for _, s in ipairs { "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80" } do
      expect(text.valid(s)):is_false()
      for _, name in ipairs { "nfc", "fold", "upper", "lower", "length", "utf16_length" } do
        local value, err = text[name](s)
        expect(value):is_nil()
        expect(err.code):equals("syntax")
        expect(err.text):matches("^not UTF%-8 at byte %d$")
      end
      expect(text.truncate(s, 1)):is_nil()
    end
  end)

  it("wants text, not numbers", function()
    for _, name in ipairs { "nfc", "fold", "upper", "lower", "length", "utf16_length", "valid", "trim", "truncate" } do
      expect.raises(function() text[name](12, 1) end, "string expected")
      expect.raises(function() text[name](nil, 1) end, "string expected")
    end
  end)
end)

describe("crypto", function()
  it("gives the published digests", function()
    expect(crypto.sha256("abc")):equals("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    expect(crypto.hash("abc")):equals("ba7816bf8f01cfea414140de5dae2223")
    expect(crypto.hmac_sha256("Jefe", "what do ya want for nothing?"))
      :equals("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  end)

  it("base64 goes both ways", function()
    for _, s in ipairs { "", "f", "fo", "foo", "foob", "\0\xff\xfe", ("x"):rep(100000) } do
      expect(crypto.unbase64(crypto.base64(s))):equals(s)
    end
    expect(crypto.base64("foob")):equals("Zm9vYg==")
  end)

  it("refuses base64 that it would not have written", function()
    for _, s in ipairs { "Zg", "Zg=", "Zh==", "Zm9=", "Zm9v\n", "=", "====", "Zm-_" } do
      local value, err = crypto.unbase64(s)
      expect(value):is_nil()
      expect(err.text):equals("not base64")
    end
  end)

  it("random_hex has the length and does not repeat", function()
    local seen = {}
    for _ = 1, 100 do
      local s = crypto.random_hex(16)
      expect(s):matches("^%x+$")
      expect(#s):equals(32)
      expect(seen[s]):is_nil()
      seen[s] = true
    end
    expect(#crypto.random_hex(1024)):equals(2048)
    expect.raises(function() crypto.random_hex(0) end, "1 to 1024")
    expect.raises(function() crypto.random_hex(1025) end, "1 to 1024")
  end)

  it("equal compares whole values", function()
    expect(crypto.equal("abc", "abc")):is_true()
    expect(crypto.equal("abc", "abd")):is_false()
    expect(crypto.equal("abc", "ab")):is_false()
    expect(crypto.equal("", "")):is_true()
  end)
end)
