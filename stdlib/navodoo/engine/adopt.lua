--- First sight of a record: is it in the target already, under another spelling?
--
-- A record without a link is compared with unlinked and linked records of the
-- target that share a strong value with it (VAT number, e-mail). A sure match is
-- adopted, a doubtful one waits for a person; nothing is created beside it. The
-- confidence is printed: 0.6 for the same VAT number, 0.3 for the same e-mail, 0.7 for the
-- same bar code, 0.5 for the same reference of a product, up to 0.4 for the name, compared
-- folded and without legal forms. Where no strong value tells, a name that is nearly the same
-- is a doubt at least, and the same phone number (0.3) or post code (0.1) beside it count; two
-- VAT numbers that differ are two firms, whatever they are called.
-- Pure functions; the search is the caller's.

local text = require "navodoo.text"

local adopt = {}

--- Sure from here on; below `DOUBT` the two are strangers.
adopt.SURE, adopt.DOUBT = 0.7, 0.5

--- Two names that are so alike may be one firm, without any strong value.
adopt.LIKE = 0.9

--- Fields of the target that speak for a likeness, where it has them.
adopt.HINTS = { "phone", "zip" }

local LEGAL_FORMS <const> = {}
for form in ([[gmbh ggmbh gesmbh mbh ag kg kgaa ohg ug se co cie sarl sas sa sprl bv bvba nv srl spa sl slu lda
  ltd limited llc llp plc inc corp corporation company ab as asa aps oy oyj kft zrt bt nyrt doo dd sro
  sp zoo spol z o o s r l a b v n d i e k ev eg]]):gmatch("%S+") do
  LEGAL_FORMS[form] = true
end

--- Letters that are also written as two, and signs that a text processor makes of plain ones.
local SPELLED <const> = { { "ae", "ä", "æ" }, { "oe", "ö", "ø" }, { "ue", "ü" }, { "aa", "å" } }
local SIGNS <const> = { { "'", "’", "‘", "´", "`" }, { '"', "“", "”", "„" }, { "-", "–", "—" } }

local function plain(name)
  local out = text.lower(name) or name
  for _, list in ipairs { SPELLED, SIGNS } do
    for _, forms in ipairs(list) do
      for i = 2, #forms do out = out:gsub(forms[i], forms[1]) end
    end
  end
  return out
end

--- Words of a name: folded, umlauts spelled out, legal forms and signs left out.
---@param name string
---@return string[]
function adopt.words(name)
  local folded = text.fold(plain(name)) or ""
  folded = folded:gsub("&", " und "):gsub("(%a)%.", "%1")
  local words = {}
  for word in folded:gmatch("[^%s%p]+") do
    if not LEGAL_FORMS[word] and word ~= "und" and word ~= "and" then words[#words + 1] = word end
  end
  return words
end

local function bigrams(name)
  local out, joined = {}, table.concat(adopt.words(name), " ")
  for i = 1, #joined - 1 do
    local pair = joined:sub(i, i + 1)
    out[pair] = (out[pair] or 0) + 1
  end
  return out, math.max(#joined - 1, 0)
end

local function numbers(name)
  local list = {}
  for digits in name:gmatch "%d+" do list[#list + 1] = digits end
  return table.concat(list, " ")
end

--- How alike two names are, 0 to 1 (Dice coefficient over pairs of letters). A number in
-- them tells branches and streets apart: with different ones they are not alike.
---@param a string
---@param b string
---@return number
function adopt.similarity(a, b)
  if numbers(a) ~= numbers(b) then return 0 end
  local pairs_a, count_a = bigrams(a)
  local pairs_b, count_b = bigrams(b)
  if count_a + count_b == 0 then return a == b and 1 or 0 end
  local common = 0
  for pair, n in pairs(pairs_a) do common = common + math.min(n, pairs_b[pair] or 0) end
  return 2 * common / (count_a + count_b)
end

--- A strong value as it is compared: without the signs that people add or leave out.
---@param v any
---@return string|nil
function adopt.fold_value(v)
  if type(v) ~= "string" or v == "" then return nil end
  return text.bare(v)
end

local fold_value <const> = adopt.fold_value

local WEIGHT <const> = { vat = 0.6, email = 0.3, barcode = 0.7, default_code = 0.5 }

--- Values that a candidate must share one of, for the search and for keeping two
-- new records with the same value apart.
---@param rules table[]  { nav=, odoo= } of the flow's `link.adopt`
---@param values table   mapped values
---@return table[]  { field=, nav=, value=, name= "field=FOLDED" }
function adopt.strong_values(rules, values)
  local out = {}
  for _, rule in ipairs(rules) do
    local folded = fold_value(values[rule.odoo])
    if folded then
      out[#out + 1] = { field = rule.odoo, nav = rule.nav, value = values[rule.odoo],
                        name = rule.odoo .. "=" .. folded }
    end
  end
  return out
end

--- Adds the ways in which a strong value is usually written, for a search by equality: as it
-- is, without blanks, without signs, a VAT number apart from its country, an address in
-- small letters and as a form begins it.
---@param list string[]
---@param value string
---@param folded string  of `fold_value`
function adopt.add_spellings(list, value, folded)
  local n = #list + 1
  list[n] = value
  local second, third = folded, nil
  if value:find("@", 1, true) then
    second = text.lower(value) or value
    third = second:sub(1, 1):upper() .. second:sub(2)
  elseif value:find(" ", 1, true) then
    third = value:gsub(" ", "")
  end
  if second ~= value then n = n + 1 list[n] = second end
  if third and third ~= value and third ~= second then n = n + 1 list[n] = third end
  if second:find "^%u%uU?%d" and text.is(second, "ud") then
    list[n + 1] = second:sub(1, 2) .. " " .. second:sub(3)
  end
end

--- The ways in which a strong value is usually written, as a list.
---@param value string
---@return string[]
function adopt.spellings(value)
  local list = {}
  adopt.add_spellings(list, value, fold_value(value))
  return list
end

--- How a name begins, in the ways it may be written: its first four characters as they
-- are, spelled plainly, and with the marks and signs of a careful typist.
---@param name any
---@return string[]
function adopt.beginnings(name)
  if type(name) ~= "string" then return {} end
  local list, seen = {}, {}
  local function add(lower)
    local first = lower:match("^" .. utf8.charpattern)
    if not first or not first:find "%S" then return end
    local beginning = text.truncate((text.upper(first) or first) .. lower:sub(#first + 1), 4)
    if not seen[beginning] then seen[beginning], list[#list + 1] = true, beginning end
  end
  local simple = plain(text.trim(name))
  add(simple)
  for i = 2, 3 do
    local marked = simple
    for _, forms in ipairs(SPELLED) do marked = marked:gsub(forms[1], forms[math.min(i, #forms)]) end
    add(marked)
    add((marked:gsub("'", "’")))
  end
  return list
end

--- Do two texts differ in their spelling only? Names without legal forms and marks, numbers
-- by their digits.
---@param a any
---@param b any
---@return boolean
function adopt.alike(a, b)
  if type(a) ~= "string" or type(b) ~= "string" then return false end
  if not a:find "%a" and not b:find "%a" then
    local x, y = a:gsub("%D", ""):gsub("^00", ""), b:gsub("%D", ""):gsub("^00", "")
    return x ~= "" and x == y
  end
  return table.concat(adopt.words(a), " ") == table.concat(adopt.words(b), " ")
end

--- How sure it is that `candidate` is the same record.
---@param rules table[]
---@param values table
---@param candidate table
---@return number confidence 0..1
function adopt.confidence(rules, values, candidate)
  local sum, differs = 0, false
  for _, rule in ipairs(rules) do
    local mine, theirs = fold_value(values[rule.odoo]), fold_value(candidate[rule.odoo])
    if mine and mine == theirs then sum = sum + (WEIGHT[rule.odoo] or 0.3)
    elseif mine and theirs and rule.odoo == "vat" then differs = true end
  end
  local named = type(candidate.name) == "string" and type(values.name) == "string"
  local like = named and adopt.similarity(values.name, candidate.name) or 0
  if sum > 0 then
    sum = math.min(sum + 0.4 * like, 1)
    return differs and math.min(sum, adopt.SURE - 0.01) or sum
  end
  if like < adopt.LIKE or differs then return 0 end
  if adopt.alike(values.phone, candidate.phone) then sum = sum + 0.3 end
  if type(values.zip) == "string" and values.zip ~= "" and values.zip == candidate.zip then sum = sum + 0.1 end
  return math.max(sum + 0.4 * like, adopt.DOUBT)
end

--- Decides on one new record.
---@param rules table[]
---@param values table
---@param candidates table[]  records of the target with id, name and the strong fields;
--   `linked` = the NAV record they belong to already, or nil
---@return "create"|"adopt"|"review" verdict
---@return table|nil best      the candidate that decided
---@return number confidence
function adopt.decide(rules, values, candidates)
  local best, top, rivals = nil, 0, 0
  for _, c in ipairs(candidates) do
    local sure = adopt.confidence(rules, values, c)
    if sure >= adopt.SURE then rivals = rivals + 1 end
    if sure > top then best, top = c, sure end
  end
  if top < adopt.DOUBT then return "create", nil, top end
  if top >= adopt.SURE and rivals == 1 and not best.linked then return "adopt", best, top end
  return "review", best, top
end

return adopt
