--- Firms to play with: the company number `i` of a seed, the same on every machine and in any order.
--
-- Both sandboxes draw from here, so a customer of the NAV side can be met again in Odoo, spelled
-- another way (`respell`). Names, towns and post codes are those of each country, VAT numbers carry
-- the check digits that the country's public rule asks for, mail domains end in `.example`.
-- Two numbers of one seed never give the same firm name or the same mail domain.

local places = require "sandbox.nav.places"

local people = {}

---@class sandbox.Company
---@field name string       as printed on paper, legal form included, at most 50 characters
---@field legal_form string
---@field street string
---@field street2 string     "" when there is none
---@field city string
---@field zip string
---@field country string     ISO 3166 code ("XK" for Kosovo)
---@field phone string
---@field email string
---@field website string
---@field vat string         with country prefix, "" where the country is left without
---@field language string    such as "de_DE"
---@field currency string    ISO 4217
---@field contact string     a person

local GOLDEN <const> = 0x9E3779B97F4A7C15

local function mix(x)
  x = (x ~ (x >> 30)) * 0xBF58476D1CE4E5B9
  x = (x ~ (x >> 27)) * 0x94D049BB133111EB
  return x ~ (x >> 31)
end

--- A small random source: `draw(n)` gives 0 .. n-1. Same seed and stream, same numbers.
---@param seed integer
---@param stream integer
---@return fun(n: integer): integer
function people.random(seed, stream)
  local state = mix(seed * GOLDEN + mix(stream + GOLDEN))
  return function(n)
    state = state + GOLDEN
    return (mix(state) >> 1) % n
  end
end

local function pick(draw, list)
  return list[draw(#list) + 1]
end

local function number(draw, digits)
  local out = { tostring(1 + draw(9)) }
  for n = 2, digits do out[n] = tostring(draw(10)) end
  return table.concat(out)
end

-- VAT numbers ------------------------------------------------------------------------------------

local function weighted(digits, weights)
  local sum = 0
  for n = 1, #weights do sum = sum + weights[n] * (digits:byte(n) - 48) end
  return sum
end

-- Luhn: the digit that follows `digits`; the last of them counts double.
local function luhn(digits)
  local sum = 0
  for n = 1, #digits do
    local d = digits:byte(n) - 48
    if (#digits - n) % 2 == 0 then d = d * 2 end
    sum = sum + d // 10 + d % 10
  end
  return (10 - sum % 10) % 10
end

-- ISO 7064 MOD 11,10.
local function mod_11_10(digits)
  local p = 10
  for n = 1, #digits do
    local s = (digits:byte(n) - 48 + p) % 10
    if s == 0 then s = 10 end
    p = (2 * s) % 11
  end
  return (11 - p) % 10
end

-- Draws a body until `check` accepts it: some rules have no digit for one body in eleven.
local function until_valid(draw, length, check)
  while true do
    local body = number(draw, length)
    local digit = check(body)
    if digit and digit < 10 then return body .. digit end
  end
end

local VAT <const> = {
  DE = function(draw)
    local body = number(draw, 8)
    return "DE" .. body .. mod_11_10(body)
  end,
  AT = function(draw)
    local body = number(draw, 7)
    local sum = 4
    for n = 1, 7 do
      local d = (body:byte(n) - 48) * (n % 2 == 0 and 2 or 1)
      sum = sum + d // 10 + d % 10
    end
    return "ATU" .. body .. (10 - sum % 10) % 10
  end,
  FR = function(draw)
    local body = number(draw, 8)
    local siren = body .. luhn(body)
    return ("FR%02d%s"):format((12 + 3 * (tonumber(siren) % 97)) % 97, siren)
  end,
  NL = function(draw)
    return "NL" .. until_valid(draw, 8, function(b)
      return weighted(b, { 9, 8, 7, 6, 5, 4, 3, 2 }) % 11
    end) .. "B01"
  end,
  PL = function(draw)
    return "PL" .. until_valid(draw, 9, function(b)
      return weighted(b, { 6, 5, 7, 2, 3, 4, 5, 6, 7 }) % 11
    end)
  end,
  IT = function(draw)
    local body = ("%s%03d"):format(number(draw, 7), 1 + draw(100))
    return "IT" .. body .. luhn(body)
  end,
  ES = function(draw)
    local body = ("%02d%s"):format(1 + draw(50), number(draw, 5))
    return "ES" .. pick(draw, { "A", "B" }) .. body .. luhn(body)
  end,
  GB = function(draw)
    local body = number(draw, 7)
    return ("GB%s%02d"):format(body, 97 - weighted(body, { 8, 7, 6, 5, 4, 3, 2 }) % 97)
  end,
  DK = function(draw)
    return "DK" .. until_valid(draw, 7, function(b)
      return (11 - weighted(b, { 2, 7, 6, 5, 4, 3, 2 }) % 11) % 11
    end)
  end,
  SE = function(draw)
    local body = ("55%d%s"):format(2 + draw(8), number(draw, 6))
    return "SE" .. body .. luhn(body) .. "01"
  end,
  HU = function(draw)
    local body = number(draw, 7)
    return "HU" .. body .. (10 - weighted(body, { 9, 7, 3, 1, 9, 7, 3 }) % 10) % 10
  end,
  CZ = function(draw)
    local body = tostring(1 + draw(8)) .. number(draw, 6)
    local check = (11 - weighted(body, { 8, 7, 6, 5, 4, 3, 2 }) % 11) % 11
    return "CZ" .. body .. (check == 0 and 1 or check % 10)
  end,
  BE = function(draw)
    local body = "0" .. number(draw, 7)
    return ("BE%s%02d"):format(body, 97 - tonumber(body) % 97)
  end,
  FI = function(draw)
    return "FI" .. until_valid(draw, 7, function(b)
      return (11 - weighted(b, { 7, 9, 10, 5, 8, 4, 2 }) % 11) % 11
    end)
  end,
  GR = function(draw)
    local body = number(draw, 8)
    return "EL" .. body .. weighted(body, { 256, 128, 64, 32, 16, 8, 4, 2 }) % 11 % 10
  end,
  CH = function(draw)
    local digits = until_valid(draw, 8, function(b)
      return (11 - weighted(b, { 5, 4, 3, 2, 7, 6, 5, 4 }) % 11) % 11
    end)
    return "CHE-" .. digits:gsub("(%d%d%d)(%d%d%d)(%d%d%d)", "%1.%2.%3") .. "MWST"
  end,
}

-- Names ------------------------------------------------------------------------------------------

local LATIN <const> = {
  ["ä"] = "ae", ["ö"] = "oe", ["ü"] = "ue", ["ß"] = "ss", ["Ä"] = "Ae", ["Ö"] = "Oe",
  ["Ü"] = "Ue", ["é"] = "e", ["è"] = "e", ["ê"] = "e", ["ë"] = "e", ["É"] = "E", ["à"] = "a",
  ["â"] = "a", ["á"] = "a", ["ã"] = "a", ["ç"] = "c", ["î"] = "i", ["ï"] = "i", ["í"] = "i",
  ["ì"] = "i", ["Í"] = "I", ["ô"] = "o", ["ó"] = "o", ["ò"] = "o", ["Ó"] = "O", ["ő"] = "o",
  ["ú"] = "u", ["û"] = "u", ["ù"] = "u", ["ű"] = "u", ["ů"] = "u", ["ñ"] = "n", ["å"] = "aa",
  ["Å"] = "Aa", ["æ"] = "ae", ["Æ"] = "Ae", ["ø"] = "oe", ["Ø"] = "Oe", ["ł"] = "l",
  ["Ł"] = "L", ["ą"] = "a", ["ę"] = "e", ["ś"] = "s", ["Ś"] = "S", ["ć"] = "c", ["ń"] = "n",
  ["ż"] = "z", ["Ż"] = "Z", ["ź"] = "z", ["č"] = "c", ["Č"] = "C", ["ř"] = "r", ["Ř"] = "R",
  ["š"] = "s", ["Š"] = "S", ["ž"] = "z", ["Ž"] = "Z", ["ý"] = "y", ["ě"] = "e", ["Á"] = "A",
  ["ľ"] = "l", ["·"] = "-", ["’"] = "'",
}

local function latin(text)
  return (text:gsub("[\xC2-\xF4][\x80-\xBF]*", LATIN))
end

local function slug(text)
  return (latin(text):lower():gsub("[^%w]+", "-"):gsub("^%-+", ""):gsub("%-+$", ""))
end

-- At most n characters of the basic plane, never ending in a blank: what a clerk sees who types on
-- until the field is full.
local function cut(text, n)
  local stop = utf8.offset(text, n + 1)
  if not stop or stop > #text then return text end
  return (text:sub(1, stop - 1):gsub("%s+$", ""))
end

local function native(word) return type(word) == "table" and word[1] or word end
local function roman(word) return type(word) == "table" and word[2] or latin(word) end

-- The words of number i: family and trade, then (more names than pairs) a partner, then a town,
-- then a number. An odd prime as step walks through all pairs before any comes twice.
---@return { family: any, trade: any, partner: any, town: table?, lap: integer }
local function words(c, seed, i)
  local families, trades = c.families, c.trades
  local pairs_n = #families * #trades
  local slot = (i * 7919 + (mix(seed) >> 1) % pairs_n) % pairs_n
  local round = i // pairs_n
  local at = slot % #families
  local partner_n, rest = round % #families, round // #families
  local town_n, lap = rest % (#c.towns + 1), rest // (#c.towns + 1)
  return {
    family = families[at + 1], trade = trades[slot // #families + 1],
    partner = partner_n > 0 and families[(at + partner_n) % #families + 1] or nil,
    town = town_n > 0 and c.towns[town_n] or nil, lap = lap,
  }
end

local function firm_name(draw, c, w, legal, town)
  local core = native(w.family) .. " " .. native(w.trade)
  if w.partner then
    core = native(w.family) .. " & " .. native(w.partner) .. " " .. native(w.trade)
  elseif draw(10) < 2 then
    core = native(w.trade) .. " " .. native(w.family)
  end
  local tag = (w.town and " " .. w.town.name or "") .. (w.lap > 0 and " " .. w.lap + 1 or "")
  if tag == "" and draw(100) < 4 then core = c.long_name(core, town.name) end
  local name = c.legal_first and (legal .. " " .. core .. tag) or (core .. tag .. " " .. legal)
  if utf8.len(name) <= 50 or tag == "" then return cut(name, 50) end
  return cut(core, 50 - utf8.len(tag)) .. tag
end

local function domain_of(w)
  local text = roman(w.family) .. "-" .. roman(w.trade)
  if w.partner then text = roman(w.family) .. "-" .. roman(w.partner) .. "-" .. roman(w.trade) end
  if w.town then text = text .. "-" .. (w.town.latin or w.town.name) end
  return slug(text) .. (w.lap > 0 and w.lap + 1 or "") .. ".example"
end

local function email_of(draw, c, domain, first, last)
  local kind = draw(10)
  local box = c.mailboxes[kind % #c.mailboxes + 1]
  if kind < 7 or c.script then return box .. "@" .. domain end
  local who = kind == 7 and slug(first):sub(1, 1) or slug(first)
  local address = who .. "." .. slug(last) .. "@" .. domain
  return #address <= 80 and address or box .. "@" .. domain
end

local function street_of(draw, c)
  local line = c.street(native(pick(draw, c.streets)), tostring(1 + draw(180)))
  local second = draw(100) < 18 and pick(draw, c.second_lines) or ""
  return line, second
end

--- The firm number `i` (1, 2, ...) of `seed`.
---@param seed integer
---@param i integer
---@param country string?  ISO code to force; by default drawn by weight
---@return sandbox.Company
function people.company(seed, i, country)
  local draw = people.random(seed, i)
  local roll = draw(places.total_weight)
  local c = country and places.by_code[country] or places.at(roll)
  local w = words(c, seed, i)
  local legal = pick(draw, c.legal_forms)
  local town = pick(draw, c.towns)
  if w.town then town = w.town end
  local name = firm_name(draw, c, w, legal, town)
  local domain = domain_of(w)
  local first, last = pick(draw, c.first_names), native(pick(draw, c.families))
  local street, street2 = street_of(draw, c)
  return {
    name = name, legal_form = legal,
    street = cut(street, 50), street2 = street2,
    city = town.name, zip = pick(draw, town.zips), country = c.code,
    phone = ("+%s %s %s"):format(c.dial, town.area, number(draw, c.phone_digits)),
    email = email_of(draw, c, domain, first, last), website = "https://www." .. domain,
    vat = VAT[c.code] and VAT[c.code](draw) or "",
    language = c.language, currency = c.currency, contact = first .. " " .. last,
  }
end

-- Another spelling -------------------------------------------------------------------------------

local LEGAL <const> = {
  ["GmbH"] = "G.m.b.H.", ["GmbH & Co. KG"] = "GmbH & Co KG", ["AG"] = "A.G.", ["KG"] = "K.G.",
  ["e. K."] = "e.K.", ["GesmbH"] = "Ges.m.b.H.", ["OG"] = "O.G.", ["Sàrl"] = "S.à.r.l.",
  ["SAS"] = "S.A.S.", ["SARL"] = "S.A.R.L.", ["SA"] = "S.A.", ["B.V."] = "BV", ["N.V."] = "NV",
  ["Sp. z o.o."] = "Spółka z o.o.", ["S.A."] = "SA", ["S.r.l."] = "SRL", ["S.p.A."] = "SpA",
  ["S.L."] = "SL", ["Ltd."] = "Limited", ["plc"] = "PLC", ["ApS"] = "Aps.", ["A/S"] = "AS",
  ["AB"] = "Aktiebolag", ["Kft."] = "KFT", ["Zrt."] = "ZRt", ["s.r.o."] = "spol. s r.o.",
  ["a.s."] = "akc. spol.", ["Inc."] = "Inc", ["LLC"] = "L.L.C.", ["Oy"] = "OY", ["NV"] = "N.V.",
  ["BV"] = "B.V.", ["AS"] = "A/S", ["EOOD"] = "ЕООД", ["株式会社"] = "K.K.", ["Α.Ε."] = "A.E.",
  ["ЕООД"] = "EOOD", ["ООД"] = "OOD", ["ТОВ"] = "LLC", ["SH.P.K."] = "Sh.p.k.",
}

local STREET <const> = {
  { "straße", "str." }, { "Straße", "Str." }, { "Street", "St." }, { "Road", "Rd." },
  { "Avenue", "Av." }, { "Rue ", "R. " }, { "ulica ", "ul. " }, { "Calle ", "C/ " },
  { "gatan", "g." }, { "vej", "v." }, { "straat", "str." }, { "utca", "u." },
}

local function replace_plain(text, from, to)
  local at, stop = text:find(from, 1, true)
  if not at then return text end
  return text:sub(1, at - 1) .. to .. text:sub(stop + 1)
end

--- The same firm as another clerk typed it: no umlauts, dots in the legal form, the street cut
--- short, the phone without blanks. VAT number, country, town and mail address stay recognisable.
---@param company sandbox.Company
---@return sandbox.Company
function people.respell(company)
  local other = {}
  for key, value in pairs(company) do other[key] = value end
  local legal = LEGAL[company.legal_form] or company.legal_form
  local core, before = company.name, false
  local short = company.legal_form
  if core:sub(-#short - 1) == " " .. short then
    core = core:sub(1, -#short - 2)
  elseif core:sub(1, #short + 1) == short .. " " then
    core, before = core:sub(#short + 2), true
  else
    legal = ""
  end
  local name = latin(core)
  if legal ~= "" then name = before and (legal .. " " .. name) or (name .. " " .. legal) end
  name = cut(name, 50)
  if name == company.name then name = cut(replace_plain(name, " & ", " und "), 50) end
  if name == company.name then name = company.name:upper() end
  if name == company.name then name = company.name:gsub(" ", "  ", 1) end
  other.name, other.legal_form = name, LEGAL[short] or short
  other.city = latin(company.city)
  local street = company.street
  for _, pair in ipairs(STREET) do street = replace_plain(street, pair[1], pair[2]) end
  other.street = cut(latin(street), 50)
  other.street2 = ""
  other.phone = company.phone:gsub("^%+", "00"):gsub(" ", "")
  other.email = company.email:gsub("^%a", string.upper)
  other.contact = latin(company.contact)
  return other
end

--- Every (country, zip, city) that a firm may live in, in a fixed order: NAV's table Post Code.
---@return { zip: string, city: string, country: string }[]
function people.post_codes()
  local list = {}
  for _, c in ipairs(places) do
    for _, town in ipairs(c.towns) do
      for _, zip in ipairs(town.zips) do
        list[#list + 1] = { zip = zip, city = town.name, country = c.code }
      end
    end
  end
  return list
end

return people
